"""The processes of a run: workers as a user starts them, and the embedded ClickHouse."""

from __future__ import annotations

import os
import re
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from agents.local.paths import DataFolder
from agents.local.process import PartProcess
from agents.settings import Settings
from agents.warehouse.client import WarehouseError, connect
from agents.warehouse.migrate import apply, write_profile
from tests.chaos.gate import HOST, Gate

Role = Literal["telemetry", "control"]
KILLED = -int(signal.SIGKILL)
_STARTED = re.compile(r"partition_started (?:topic=\w+ )?partition=(\d+)")


@dataclass(eq=False)
class Worker:
    """One worker process and its gate.

    Attributes:
        is_ours: A fault ended it, or is about to: its end is no surprise.
        is_stopped: It got a SIGSTOP and no SIGCONT yet.
    """

    name: str
    role: Role
    gate: Gate
    log: Path
    process: PartProcess = field(repr=False)
    is_ours: bool = False
    is_stopped: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether the process exists, stopped or not."""
        return self.process.exit_code() is None

    @property
    def is_working(self) -> bool:
        """Whether it can do anything and no fault has its eye on it."""
        return self.is_alive and not self.is_stopped and not self.is_ours

    def starts(self) -> list[int]:
        """Partitions in the order in which it started to read them; again after each rebalance."""
        return [int(found) for found in _STARTED.findall(self.log.read_text(errors="replace"))]

    def failures(self) -> int:
        """How many flushes failed."""
        return self.log.read_text(errors="replace").count("flush_failed")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.signal_group(number)

    def kill(self) -> int:
        """End it by SIGKILL; return how it ended."""
        self.is_ours = True
        return self.process.end(within_s=20)


class Entry:
    """How workers are started: the product's own command, or a mutant of it."""

    def __init__(self, settings: Settings, folder: DataFolder, mutant: str | None) -> None:
        self._settings = settings
        self._folder = folder
        self._mutant = mutant

    def start(self, name: str, role: Role, gate: Gate) -> Worker:
        """Start a worker; call it in the thread with which it may end."""
        settings = replace(self._settings, clickhouse_port=gate.port, data_dir=str(self._folder.run / name))
        module = ["agents.cli"] if self._mutant is None else ["tests.chaos.mutant_worker", self._mutant]
        log = self._folder.logs / f"{name}.log"
        command = [sys.executable, "-m", *module, "worker", role]
        return Worker(
            name, role, gate, log, PartProcess(command, {**clean_environment(), **settings.environment()}, log)
        )


def clean_environment() -> dict[str, str]:
    """Return the variables of this process without those that set xpulse."""
    return {name: value for name, value in os.environ.items() if not name.startswith("XPULSE_")}


class ClickHouseServer:
    """The embedded ClickHouse on a data folder, to be killed and started again on the same port."""

    def __init__(self, settings: Settings, folder: DataFolder) -> None:
        self._settings = settings
        self._folder = folder
        self._process: PartProcess | None = None
        self.port = settings.clickhouse_port

    def start(self) -> None:
        """Start the process; it answers some time later."""
        command = [sys.executable, "-m", "agents.local.clickhouse", "--port", str(self.port)]
        command += ["--data", str(self._folder.clickhouse), "--users", str(self._folder.users_file)]
        self._process = PartProcess(command, clean_environment(), self._folder.logs / "clickhouse.log")

    @property
    def is_alive(self) -> bool:
        """Whether the process exists."""
        return self._process is not None and self._process.exit_code() is None

    def kill(self) -> int | None:
        """End it by SIGKILL; return how it ended, None if there was none."""
        process, self._process = self._process, None
        return None if process is None else process.end(within_s=20)

    def last_lines(self) -> str:
        """Return what it wrote last."""
        return "" if self._process is None else self._process.last_lines()

    def migrate(self, now_ms: int) -> bool:
        """Bring the tables up to date; False if it does not answer yet."""
        s = self._settings
        try:
            client = connect(HOST, self.port, s.clickhouse_user, s.clickhouse_password(), "system")
        except WarehouseError:
            return False
        for _ in apply(client, s.clickhouse_database):
            pass
        write_profile(client, s.clickhouse_database, s.time_profile(), now_ms=now_ms)
        client.close()
        return True
