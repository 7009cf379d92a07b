"""How the cost of an event grows with keys, partitions, workers and the length of the log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks import sharing
from benchmarks.contest import run
from benchmarks.events import NARROW, WIDE, Shape
from benchmarks.job import MAX_KEYS, Result
from benchmarks.roster import ENTRIES
from benchmarks.rounds import field_of
from benchmarks.topic import filled_topic

Point = tuple[str, float, float]
"""What was varied, CPU seconds per million events, MB resident at most."""

FEW = Shape(countries=4, applications=10, metrics=5)
BY_KEYS = {"480 keys a minute": replace(FEW, countries=6, metrics=8), "4,800 keys a minute": WIDE}
PARTITIONS = (1, 4, 16)
WORKERS = (1, 2)
SHARED_EVENTS = 300_000
"""At most so many for workers that share: what they cost shows soon."""
LENGTHS = (1_000_000, 10_000_000)

_ENTRY = {entry.name: entry for entry in ENTRIES}


def points(folder: Path, events: int, *, with_long: bool) -> Iterator[Point]:
    """Measure one point after the other."""
    yield from _keys(folder, events)
    yield from _partitions(folder, events)
    yield from _workers(folder, min(events, SHARED_EVENTS))
    if with_long:
        yield from _lengths(folder)


def _keys(folder: Path, events: int) -> Iterator[Point]:
    shapes = {"1,000 groups": NARROW, **BY_KEYS, "48,000 keys a minute": replace(WIDE, countries=60, applications=100)}
    for name, shape in shapes.items():
        # Above 5,000 keys in a tile the rest is folded as `__other__`: bounded by design, so not the truth's groups.
        options = {} if shape.keys <= 5_000 else {MAX_KEYS: "1000000"}
        with filled_topic(folder / name, shape, events=events, of=events) as topic:
            yield _point(
                f"xpulse_fold, {name}", run(_ENTRY["xpulse_fold"].contestant, topic, folder / f"{name}-run", options)
            )


def _partitions(folder: Path, events: int) -> Iterator[Point]:
    for count in PARTITIONS:
        name = f"{count} partitions"
        with filled_topic(folder / name, WIDE, events=events, of=events, partitions=count) as topic:
            yield _point(f"xpulse_fold, {name}", run(_ENTRY["xpulse_fold"].contestant, topic, folder / f"{name}-run"))


def _workers(folder: Path, events: int) -> Iterator[Point]:
    for count in WORKERS:
        cost, rss_mb = sharing.cost(folder / f"{count} workers", count, events)
        yield _said((f"xpulse, {count} worker{'s' if count > 1 else ''} in one group", cost, rss_mb))


def _lengths(folder: Path) -> Iterator[Point]:
    for events in LENGTHS:
        with field_of(folder / f"{events} events", WIDE, events) as ground:
            yield _point(f"xpulse, {events:,} events", ground.run(_ENTRY["xpulse"]))


def _point(name: str, result: Result) -> Point:
    return _said((name, result.cpu_s / result.events * 1e6, result.rss_mb))


def _said(point: Point) -> Point:
    name, cost, rss_mb = point
    print(f"  {name:36} {cost:8.2f} CPU s per million events, {rss_mb:.0f} MB", file=sys.stderr, flush=True)
    return point
