"""Telemetry workers as they are run in an installation, watched from outside: their metrics, their processor time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from agents.local.ports import free_port
from agents.settings import PREFIX
from benchmarks.contestants.worker import CATALOGUE
from benchmarks.services import HOST, running, wait_until
from benchmarks.sink import Database


@dataclass(frozen=True, slots=True)
class Worker:
    """A running worker."""

    url: str
    process: psutil.Process

    def page(self) -> str:
        """Return its metrics; empty while nobody answers."""
        try:
            return httpx.get(self.url, timeout=5.0).text
        except httpx.TransportError:
            return ""

    def cpu_s(self) -> float:
        """Return its user and system time so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def rss_mb(self) -> float:
        """Return its resident set."""
        return float(self.process.memory_info().rss) / (1 << 20)


@contextmanager
def worker(folder: Path, address: str, own: Database) -> Iterator[Worker]:
    """Run a worker of the common group with its data below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = own.options() | {
        "brokers": address,
        "catalogue_file": str(CATALOGUE),
        "data_dir": str(folder),
        "metrics_port": str(port),
    }
    env = {f"{PREFIX}{name.upper()}": value for name, value in settings.items()} | {"TZ": "UTC"}
    with running([sys.executable, "-m", "agents.cli", "worker", "telemetry"], folder / "worker.log", env) as process:
        made = Worker(f"http://{HOST}:{port}/metrics", psutil.Process(process.pid))
        wait_until(lambda: made.page() != "", "worker")
        yield made
