"""The preview's process: serves until SIGTERM or Ctrl-C, on the loopback address only."""

import logging
from pathlib import Path
from typing import Final

import uvicorn

from agents.screens.preview.answers import Answers
from agents.screens.preview.app import build_app
from agents.screens.preview.shelf import FOLDER, read_shelf
from agents.warehouse.client import Address

log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
MAX_CONNECTIONS: Final = 64
_LEAVE_WITHIN_S: Final = 1
"""Streams never end by themselves."""


def run(address: Address, *, port: int, folder: Path = FOLDER) -> int:
    """Serve until told to stop.

    Args:
        address: A ClickHouse and a user who reads the published views.
        port: TCP port on the loopback address.
        folder: The dashboards' files.

    Returns:
        The process's exit status: 0 after an orderly stop, 1 if it could not listen.

    Raises:
        ConfigError: A dashboard cannot be read.
    """
    app = build_app(read_shelf(folder), Answers(address), port=port)
    config = uvicorn.Config(
        app,
        host=HOST,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=_LEAVE_WITHIN_S,
    )
    server = uvicorn.Server(config)
    log.info("preview_starting host=%s port=%s", HOST, port)
    server.run()
    return 0 if server.started else 1
