"""The gateway's process: settings in, HTTP served until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import uvicorn

from agents.declared import read_catalogue
from agents.gateway.app import build_app
from agents.gateway.identity import read_key
from agents.gateway.service import Setup
from agents.logs import configure_logging
from agents.metrics import serve_metrics
from agents.settings import Settings
from streams.errors import ConfigError

log = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 1_000
_LEAVE_WITHIN_S: Final = 10


def run(settings: Settings) -> int:
    """Serve until told to stop.

    Returns:
        The process's exit status: 0 after an orderly stop, 1 if the gateway could not go on.

    Raises:
        ConfigError: A setting, the key file, the metric catalogue or a directory must be corrected.
    """
    configure_logging(level=settings.log_level, style=settings.log_format)
    fatal: list[bool] = []

    def stop() -> None:
        fatal.append(True)
        server.should_exit = True

    setup = Setup(
        brokers=settings.brokers,
        master_key=read_key(settings.key_path()),
        directory_dir=_directory_dir(settings),
        catalogue=read_catalogue(settings),
        on_fatal=stop,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(setup),
            host=settings.gateway_host,
            port=settings.gateway_port,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=_LEAVE_WITHIN_S,
        )
    )
    if settings.metrics_port:  # beside its own /metrics: where every process has them
        serve_metrics(settings.metrics_port, settings.metrics_host)
    log.info("gateway_starting host=%s port=%s", settings.gateway_host, settings.gateway_port)
    server.run()
    return 0 if server.started and not fatal else 1


def _directory_dir(settings: Settings) -> Path:
    if not settings.directory_dir:
        raise ConfigError("XPULSE_DIRECTORY_DIR is not set: the folder of the loaded directories")
    return Path(settings.directory_dir)
