"""The job that every contestant does, and how each of them is measured. Standard library only.

The job: group by `KEY` and 60-second windows of the event time; per group n, sum, min, max (and so the mean).
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

KEY = ("tenant", "metric", "country", "service", "application")
WINDOW_MS = 60_000
BATCH = 5_000
"""Records that a plain consumer takes at a time, for all who take batches."""

Group = tuple[str, int]
"""The values of `KEY` joined by "|", and the window's start in ms."""
Sums = tuple[int, int, int, int]
"""n, sum, min, max; values in thousandths."""
Totals = Mapping[Group, Sums]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a contestant is told.

    Attributes:
        events: How many records the topic holds; all are to be read.
        out: Folder of its own; `Result` is written there.
        options: Further settings of a single contestant.
    """

    brokers: str
    topic: str
    partitions: int
    events: int
    out: str
    options: Mapping[str, str]

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def read_job() -> Job:
    """Return the job of this process: its only argument, which is taken away from those who parse arguments, too."""
    return Job(**json.loads(sys.argv.pop(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a contestant says of itself.

    Attributes:
        events: Records that it took in.
        cpu_s: User and system time of the process between the first record and the last result.
        rss_mb: The process's largest resident set.
        notes: Further figures of a single contestant.
    """

    events: int
    cpu_s: float
    wall_s: float
    rss_mb: float
    notes: Mapping[str, float]


RESULT, TOTALS, ROWS = "result.json", "totals.json", "tiles.native"
MAX_KEYS = "max_keys"
"""An option of a job that is no setting of the worker: so many keys in a tile instead of the profile's."""


class Meter:
    """Measures one process from its first record to its end; what comes before (imports, joining) does not count."""

    def __init__(self, job: Job) -> None:
        self._out = Path(job.out)
        self._begin: tuple[float, float] | None = None
        self._end: tuple[float, float] | None = None
        self._rss_mb = 0.0

    def first(self) -> None:
        """Note that the first record is here; only the first call counts."""
        if self._begin is None:
            self._begin = _now()

    def last(self) -> None:
        """Note that all results are there."""
        self._end = _now()
        self._rss_mb = _peak_rss_mb()

    def report(self, events: int, totals: Totals | None = None, **notes: float) -> None:
        """Write what was measured, and the totals for the check; None = they are somewhere else."""
        if self._begin is None or self._end is None:
            raise RuntimeError("measured nothing: no record came, or no end was reached")
        cpu_s, wall_s = (end - begin for begin, end in zip(self._begin, self._end, strict=True))
        result = Result(events=events, cpu_s=cpu_s, wall_s=wall_s, rss_mb=self._rss_mb, notes=notes)
        if totals is not None:
            (self._out / TOTALS).write_text(json.dumps([[*group, *sums] for group, sums in totals.items()]))
        (self._out / RESULT).write_text(json.dumps(asdict(result)))


def _now() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, time.perf_counter()


def _peak_rss_mb() -> float:
    """From /proc where there is one: getrusage's figure may be that of the process that started this one."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def read_result(folder: Path) -> Result:
    return Result(**json.loads((folder / RESULT).read_text()))


def read_totals(folder: Path) -> dict[Group, Sums]:
    rows = json.loads((folder / TOTALS).read_text())
    return {(key, window): (n, total, low, high) for key, window, n, total, low, high in rows}


def milli(value: float) -> int:
    """Return thousandths; values are made with three decimals, so this takes away the noise of a float sum."""
    return round(value * 1000)


Plain = dict[tuple[str, str, str, str, str, int], list[float]]
"""Values of `KEY` and the window's start -> [n, sum, min, max]."""


def plain_totals(groups: Plain) -> dict[Group, Sums]:
    """Return what a plain dictionary holds in the form that is checked."""
    return {
        ("|".join(names), window): (int(n), milli(total), milli(low), milli(high))
        for (*names, window), (n, total, low, high) in groups.items()
    }
