"""Runs `xpulse demo` as a user would, as a process, and knows its parts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.agents.local.services import wait_until

PATTERNS = {
    "broker": "--listener-url",
    "clickhouse": "agents.local.clickhouse",
    "telemetry": "worker telemetry",
    "gateway": "agents.cli gateway",
}


@dataclass
class RunningDemo:
    """A demo under way on a data folder of its own."""

    process: subprocess.Popen[str]
    folder: Path
    report_file: Path

    def addresses(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads((self.folder / "run" / "addresses.json").read_text())
        return known

    def await_start(self) -> dict[str, Any]:
        def is_up() -> bool:
            assert self.process.poll() is None, self.process.communicate()[0]
            return (self.folder / "run" / "addresses.json").is_file()

        wait_until(is_up, "the demo's start", within_s=90)
        return self.addresses()

    def children(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def kill(self, part: str) -> None:
        """SIGKILL the process that really is the part."""
        victims = self._processes(part)
        assert victims, part
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
        # Only a part that came back was killed under way, and not when everything was ending anyway.
        wait_until(lambda: bool(set(self._processes(part)) - set(victims)), f"another {part}", within_s=60)

    def _processes(self, part: str) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for process in self.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if PATTERNS[part] in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def sql(self, statement: str, *, user: str = "default") -> list[dict[str, Any]]:
        """Ask with the command, as an analyst at a terminal does; no rows while ClickHouse does not answer."""
        command = [sys.executable, "-m", "agents.cli", "sql", "--data", str(self.folder), "--format", "json"]
        done = subprocess.run([*command, "--user", user, statement], capture_output=True, text=True, check=False)
        rows: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
        return rows

    def finish(self, within_s: float) -> tuple[int, dict[str, Any], str]:
        """Wait for the end; return status, report and what was printed."""
        output, _ = self.process.communicate(timeout=within_s)
        report = json.loads(self.report_file.read_text()) if self.report_file.is_file() else {}
        return self.process.returncode, report, output


@contextmanager
def running_demo(folder: Path, *arguments: str) -> Iterator[RunningDemo]:
    report = folder.with_suffix(".json")
    command = [sys.executable, "-m", "agents.cli", "demo", "--data", str(folder), "--report", str(report)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XPULSE_")}
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        yield RunningDemo(process, folder, report)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()  # closes its pipe
