"""What every long-running process of xpulse shares: settings in, logs on, metrics served, a Faust worker run."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import NoReturn

import faust

from agents.logs import configure_logging
from agents.metrics import serve_metrics
from agents.settings import Settings
from agents.warehouse.client import Address, Warehouse


def prepare(settings: Settings) -> None:
    """Configure logging and serve this process's metrics."""
    configure_logging(level=settings.log_level, style=settings.log_format)
    if settings.metrics_port:
        serve_metrics(settings.metrics_port, settings.metrics_host)


def warehouse(settings: Settings) -> Warehouse:
    """Return a connection to ClickHouse as the user that writes."""
    return Warehouse(
        Address(
            host=settings.clickhouse_host,
            port=settings.clickhouse_port,
            user=settings.clickhouse_user,
            password=settings.clickhouse_password(),
            database=settings.clickhouse_database,
        )
    )


def state_dir(settings: Settings) -> Path:
    """Return the folder for Faust's working files; nothing in it is needed after a restart."""
    return Path(settings.data_dir or tempfile.gettempdir()) / "faust"


def run(app: faust.App) -> NoReturn:
    """Run a Faust application until SIGTERM or Ctrl-C."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = faust.Worker(app, redirect_stdouts=False, override_logging=False, quiet=True, loop=loop)
    worker.execute_from_commandline()
    raise SystemExit(0)
