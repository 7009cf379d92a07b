"""How tile size, flush interval and number of active keys decide rows and processor time, with the pure fold alone.

Time is simulated, so nothing waits: partitions are folded at a steady rate and flushed whenever the interval is over.
Only the fold's own calls are timed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from typing import Any, TypeVar

from benchmarks.contestants.worker import CATALOGUE
from benchmarks.events import Shape
from benchmarks.pacer import Template, templates
from streams.aggregates import aggregate, concatenate
from streams.catalogue import parse_catalogue
from streams.fold import PartitionFold
from streams.keys import Keys
from streams.profile import MINUTE_MS, STANDARD
from streams.tiles import MAX_TILE_SIZE, Rules, TileRows

PARTITIONS = 4
RATE = 10_000
"""Events a second over all partitions."""
STEP_MS = 200
"""A partition's records of so long come as one chunk."""
SHAPES = {
    1_000: Shape(countries=5, applications=25, metrics=8),
    5_000: Shape(countries=25, applications=25, metrics=8),
    50_000: Shape(countries=125, applications=50, metrics=8),
}
"""Keys -> where they come from; those that are drawn rarely are not seen in every minute."""
TILE_SIZES = (4_096, 16_384, 65_536)
FLUSH_MS = (1_000, 5_000)
HORIZONS = (1, 2, 4)
START_MS = 29_000_000 * MINUTE_MS + MINUTE_MS // 2
"""Amid a minute, so that about as many tiles as elsewhere hold the end of a window."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is varied.

    Attributes:
        events: Over all partitions; whole tiles of every size, so that sizes can be compared.
    """

    keys: int
    tile_size: int
    flush_ms: int
    events: int = 2 * PARTITIONS * MAX_TILE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One setting.

    Attributes:
        active: Keys that were seen in the run, which is a minute or so.
        sent: Rows sent per event.
        kept: Rows per event once the table has merged the versions of a row.
        cpu_us: Microseconds of the fold per event: taking in, and working out what a flush sends.
    """

    keys: int
    tile_size: int
    flush_ms: int
    active: int
    sent: float
    kept: float
    cpu_us: float


@dataclass(slots=True)
class _Run:
    """The partitions of one worker, and what they cost and sent so far."""

    folds: Sequence[PartitionFold]
    cpu_ns: int = 0
    sent: int = 0
    kept: int = 0

    def timed(self, call: Callable[[], T]) -> T:
        begin = time.process_time_ns()
        result = call()
        self.cpu_ns += time.process_time_ns() - begin
        return result

    def flush(self) -> None:
        for fold in self.folds:
            changes = self.timed(fold.changes)
            self._count(changes)
            self.timed(partial(fold.acknowledge, changes))

    def _count(self, changes: Sequence[TileRows]) -> None:
        for rows in changes:
            self.sent += len(rows.groups) if rows.groups is not None else 0
            if rows.audit.is_closed:
                self.kept += len(aggregate(concatenate(rows.tile.parts)))


def points(sizes: Sequence[int] = TILE_SIZES) -> Iterator[Point]:
    """Measure all settings, one after the other."""
    for keys, shape in SHAPES.items():
        prepared = templates(shape, max(50_000, 4 * keys))
        for tile_size, flush_ms in product(sizes, FLUSH_MS):
            point = measure(Setting(keys=keys, tile_size=tile_size, flush_ms=flush_ms), prepared)
            print(f"  {_cells(asdict(point))}", file=sys.stderr, flush=True)
            yield point


def measure(setting: Setting, prepared: Sequence[Template]) -> Point:
    """Fold events at the steady rate."""
    keys = Keys(parse_catalogue(CATALOGUE.read_text(), source=str(CATALOGUE)))
    run = _Run([PartitionFold(_rules(setting.tile_size), keys, None) for _ in range(PARTITIONS)])
    chunk = RATE * STEP_MS // 1000 // PARTITIONS
    for first in range(0, setting.events // PARTITIONS, chunk):
        size = min(chunk, setting.events // PARTITIONS - first)
        for partition, fold in enumerate(run.folds):
            values, stamps = _records(prepared, partition, first, size)
            run.timed(partial(fold.push, first, values, stamps))
        if (first // chunk + 1) * STEP_MS % setting.flush_ms == 0:
            run.flush()
    run.flush()
    return Point(
        keys=setting.keys,
        tile_size=setting.tile_size,
        flush_ms=setting.flush_ms,
        active=len(keys.keys),
        sent=run.sent / setting.events,
        kept=run.kept / setting.events,
        cpu_us=run.cpu_ns / 1000 / setting.events,
    )


def _rules(tile_size: int) -> Rules:
    """Without a limit of keys: with it, 50,000 of them would be folded as few."""
    return Rules(
        tile_size=tile_size,
        horizon=STANDARD.horizon,
        window_ms=STANDARD.window_ms,
        grace_ms=STANDARD.grace_ms,
        max_keys=1_000_000,
    )


def _records(prepared: Sequence[Template], partition: int, first: int, size: int) -> tuple[list[bytes], list[int]]:
    values, stamps = [], []
    for number in range(first * PARTITIONS + partition, (first + size) * PARTITIONS, PARTITIONS):
        at_ms = START_MS + number * 1000 // RATE
        values.append(prepared[number % len(prepared)][1] % (number, at_ms))
        stamps.append(at_ms)
    return values, stamps


def lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield Markdown tables: what settings cost, and what they mean for repeats and restarts."""
    yield "| keys | C | flush | rows sent per event | rows kept per event | CPU µs per event |"
    yield "|---|---|---|---|---|---|"
    yield from map(_cells, found)
    yield ""
    yield "| C | D | records to read again per partition | repeats found within |"
    yield "|---|---|---|---|"
    for tile_size, horizon in product(TILE_SIZES, HORIZONS):
        records = tile_size * horizon
        yield f"| {tile_size:,} | {horizon} | {records:,} | {records * PARTITIONS / RATE:.1f} s |"


def _cells(p: Mapping[str, Any]) -> str:
    where = f"| {p['active']:,} | {p['tile_size']:,} | {p['flush_ms'] // 1000} s "
    return f"{where}| {p['sent']:.3f} | {p['kept']:.3f} | {p['cpu_us']:.2f} |"


def as_json(measured: Sequence[Point]) -> list[dict[str, float]]:
    """Return the points as they are written."""
    return [{name: round(value, 3) for name, value in asdict(point).items()} for point in measured]
