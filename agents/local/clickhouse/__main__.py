"""`python -m agents.local.clickhouse --port N --data DIR --users FILE`: serve until SIGTERM or SIGINT."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

from aiohttp import web

from agents.local.clickhouse.engine import Engine
from agents.local.clickhouse.errors import StatementError
from agents.local.clickhouse.server import Front
from agents.local.clickhouse.users import load_users
from streams.errors import ConfigError

_SHUTDOWN_S = 5.0  # for replies on their way; statements that read are stopped at once


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m agents.local.clickhouse", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="data folder; belongs to one process at a time")
    parser.add_argument("--users", type=Path, required=True, help="users file (mode 0600)")
    return parser.parse_args()


async def _serve(front: Front, host: str, port: int) -> None:
    # A handler is cancelled when its client goes away, so that its statement can be stopped. No access log: URLs may
    # carry passwords.
    runner = web.AppRunner(
        front.application(),
        handler_cancellation=True,
        auto_decompress=False,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_S,
    )
    await runner.setup()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await web.TCPSite(runner, host, port).start()
        _say(sys.stdout, f"embedded ClickHouse answers on http://{host}:{port}")
        await stopped.wait()
    finally:
        await runner.cleanup()


def _say(where: TextIO, text: str) -> None:
    where.write(text + "\n")
    where.flush()


def main() -> int:
    """Serve; return the exit code: 0 after a signal, 2 for what a person must correct."""
    os.environ["TZ"] = "UTC"
    arguments = _arguments()
    try:
        users = load_users(arguments.users)
        engine = Engine(arguments.data, {user.database for user in users.values() if not user.may_write})
    except ConfigError as error:
        _say(sys.stderr, str(error))
        return 2
    except StatementError as error:
        _say(sys.stderr, f"{arguments.data}: cannot be opened; in use by another process? {error}")
        return 2
    front = Front(engine, users)
    try:
        asyncio.run(_serve(front, arguments.host, arguments.port))
    except OSError as error:
        _say(sys.stderr, f"cannot listen on {arguments.host}:{arguments.port}: {error.strerror}")
        return 2
    finally:
        engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
