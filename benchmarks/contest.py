"""Running a contestant: a process of its own, its totals checked against the truth, its figures taken over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import native_totals
from benchmarks.job import ROWS, TOTALS, Group, Job, Result, Sums, read_result, read_totals
from benchmarks.services import BenchmarkError
from benchmarks.topic import Filled

ROOT = Path(__file__).resolve().parent.parent
WITHIN_S = 240.0
SLOWEST_FAST = 10_000
"""Events a second that whoever reads a long log manages on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Who takes part.

    Attributes:
        module: Run with `python -m`.
        python: Interpreter of its environment.
        has_totals: It has results to check; only `discard` has none.
        in_file: Its results are rows of tiles in a file.
    """

    name: str
    module: str
    python: str = sys.executable
    has_totals: bool = True
    in_file: bool = False


def run(contestant: Contestant, topic: Filled, folder: Path, options: Mapping[str, str] | None = None) -> Result:
    """Run a contestant over a topic.

    Raises:
        BenchmarkError: It failed, did not end, did not read everything, or its totals are wrong.
    """
    folder.mkdir(parents=True)
    job = Job(
        brokers=topic.brokers,
        topic=topic.topic,
        partitions=topic.partitions,
        events=topic.events,
        out=str(folder),
        options=options or {},
    )
    _execute(contestant.name, [contestant.python, "-m", contestant.module, job.to_json()], folder, topic.events)
    result = read_result(folder)
    if result.events != topic.events:
        raise BenchmarkError(f"{contestant.name} read {result.events} events of {topic.events}")
    if contestant.in_file:
        _execute(contestant.name, [sys.executable, "-m", native_totals.__name__, str(folder)], folder, topic.events)
        (folder / ROWS).unlink()
    if contestant.has_totals:
        check(contestant.name, read_totals(folder), topic.truth)
        (folder / TOTALS).unlink()
    return result


def _execute(name: str, command: list[str], folder: Path, events: int) -> None:
    log, within_s = folder / "log.txt", max(WITHIN_S, events / SLOWEST_FAST)
    env = {key: value for key, value in os.environ.items() if not key.startswith("XPULSE_")} | {"TZ": "UTC"}
    with log.open("ab") as out:
        try:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=ROOT,
                timeout=within_s,
                env=env,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"{name} did not end within {within_s:g} s: {log}") from error
    if ended.returncode:
        raise BenchmarkError(f"{name} ended with status {ended.returncode}:\n{log.read_text(errors='replace')[-2000:]}")


def check(name: str, found: Mapping[Group, Sums], truth: Mapping[Group, Sums]) -> None:
    """Compare totals with the truth.

    Raises:
        BenchmarkError: Any group differs.
    """
    wrong = [group for group in found.keys() | truth.keys() if found.get(group) != truth.get(group)]
    if wrong:
        group = min(wrong)
        raise BenchmarkError(
            f"{name}: {len(wrong)} of {len(truth)} groups are wrong, such as {group}: "
            f"{found.get(group)} instead of {truth.get(group)}"
        )
