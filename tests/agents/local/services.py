"""Embedded services as real processes, for tests of any area."""

import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents.local.broker import broker_command, is_broker_ready
from agents.local.clickhouse.users import Users, standard_users, write_users
from agents.local.ports import free_port

READY_WITHIN_S = 60.0


@dataclass
class ClickHouse:
    """A running embedded ClickHouse.

    Attributes:
        password: Of the writer `user`; the read-only user `default` has none.
        data_dir: Folder of the engine, removed with the session's temporary folders.
    """

    host: str
    port: int
    password: str
    data_dir: Path
    user: str = "xpulse"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, nothing flushed."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)


def wait_until(is_done: Callable[[], bool], what: str, *, within_s: float = READY_WITHIN_S) -> None:
    """Poll until `is_done()`; fail naming `what` after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not is_done():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} not within {within_s:g} s")
        time.sleep(0.02)


def answers_ping(host: str, port: int) -> bool:
    """Say whether ClickHouse's HTTP interface answers /ping."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/ping", timeout=1) as reply:
            return bool(reply.read() == b"Ok.\n")
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running_clickhouse(
    folder: Path, *, password: str | None = None, users: Users | None = None
) -> Iterator[ClickHouse]:
    """Run an embedded ClickHouse on `folder`; stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    server = ClickHouse("127.0.0.1", free_port(), password or secrets.token_urlsafe(24), folder / "clickhouse")
    write_users(folder / "users.json", users or standard_users(server.password))
    command = [sys.executable, "-m", "agents.local.clickhouse", "--port", str(server.port)]
    command += ["--data", str(server.data_dir), "--users", str(folder / "users.json")]
    with running(command, folder / "clickhouse.log") as process:
        server.process = process
        wait_until(lambda: _is_up(process, folder) and answers_ping(server.host, server.port), "embedded ClickHouse")
        yield server


@contextmanager
def running_broker(folder: Path) -> Iterator[str]:
    """Run an embedded broker; give its bootstrap address; stop it at the end."""
    port = free_port()
    with running(broker_command(port), folder / "broker.log"):
        wait_until(lambda: is_broker_ready(f"127.0.0.1:{port}"), "embedded broker")
        yield f"127.0.0.1:{port}"


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` with its output in `log`; at the end SIGTERM, and SIGKILL after 20 s."""
    with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _is_up(process: subprocess.Popen[bytes], folder: Path) -> bool:
    if process.poll() is not None:
        pytest.fail(f"embedded ClickHouse ended: {(folder / 'clickhouse.log').read_text()[-2000:]}")
    return True
