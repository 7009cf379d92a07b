"""Embedded services and other processes for the time of a measurement; whatever ends it, they are gone afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.local.broker import broker_command, is_broker_ready
from agents.local.paths import DataFolder
from agents.local.ports import free_port
from agents.warehouse.client import Address

HOST = "127.0.0.1"
READY_WITHIN_S = 60.0
END_WITHIN_S = 20.0


class BenchmarkError(Exception):
    """A measurement that is not one: a process failed, or its totals are wrong."""


@contextmanager
def running(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command with its output in `log`; at the end SIGTERM, then SIGKILL."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(is_done: Callable[[], bool], what: str, *, within_s: float = READY_WITHIN_S) -> None:
    """Poll until `is_done()`.

    Raises:
        BenchmarkError: Not within `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while not is_done():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what}: not within {within_s:g} s")
        time.sleep(0.02)


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """Run an embedded broker and give its address."""
    port = free_port()
    with running(broker_command(port), folder / "broker.log", {"RUST_LOG": "warn"}):
        wait_until(lambda: is_broker_ready(f"{HOST}:{port}"), "embedded broker")
        yield f"{HOST}:{port}"


@dataclass(frozen=True, slots=True)
class ClickHouse:
    """A running embedded ClickHouse, its process, and where its writer's password is."""

    port: int
    folder: DataFolder
    pid: int

    def address(self, database: str) -> Address:
        """Return the writer's address."""
        password = self.folder.writer_password_file.read_text().strip()
        return Address(host=HOST, port=self.port, user="xpulse", password=password, database=database)


@contextmanager
def clickhouse(folder: Path) -> Iterator[ClickHouse]:
    """Run an embedded ClickHouse with its data below `folder`."""
    data = DataFolder(folder / "clickhouse-data")
    data.prepare()
    port = free_port()
    command = [sys.executable, "-m", "agents.local.clickhouse", "--port", str(port)]
    command += ["--data", str(data.clickhouse), "--users", str(data.users_file)]
    with running(command, folder / "clickhouse.log") as process:
        wait_until(lambda: _answers(f"http://{HOST}:{port}/ping"), "embedded ClickHouse")
        yield ClickHouse(port, data, process.pid)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0):  # noqa: S310 - our own loopback address
            return True
    except (urllib.error.URLError, OSError):
        return False
