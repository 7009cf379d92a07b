"""Ways to group one tile of readings: per event in plain Python, numpy (as the fold does), polars, pyarrow.

All do the same: n, sum, sum of squares, min, max, good and attempted time, histogram and different devices per group.
Their results are compared column by column.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import environments
from benchmarks.contestants.confluent_loop_sink import bucket_of
from benchmarks.grouping import READINGS, Answer, as_answer, cpu_us_per_reading, differing, tile
from benchmarks.services import BenchmarkError
from streams.aggregates import MAX_DEVICES, Readings, aggregate

GROUPS = (500, 4_000)
RUNS = 30
PEERS = ("polars", "pyarrow")
WITHIN_S = 300.0

Costs = Mapping[str, Mapping[str, float]]
"""Way -> number of groups -> microseconds of processor time per reading."""


def costs(folder: Path, runs: int = RUNS) -> Costs:
    """Measure all ways.

    Raises:
        BenchmarkError: One gave another result than the fold's own, or the peers do not run here.
    """
    measured: dict[str, dict[str, float]] = {}
    for groups in GROUPS:
        for way, cost in {**_ours(groups, runs), **_peers(folder / str(groups), groups, runs)}.items():
            measured.setdefault(way, {})[str(groups)] = round(cost, 3)
            print(f"  {way:10} {groups:6,} groups {cost:8.3f} µs per reading", file=sys.stderr, flush=True)
    return measured


def _ours(groups: int, runs: int) -> dict[str, float]:
    readings = tile(groups)
    rows = _as_events(readings)
    check("plain Python", as_columns(per_event(rows)), as_answer(aggregate(readings)))
    ways: Mapping[str, Callable[[], object]] = {
        "plain Python": lambda: per_event(rows),
        "numpy": lambda: aggregate(readings),
    }
    return {name: cpu_us_per_reading(way, readings=READINGS, runs=runs) for name, way in ways.items()}


def _peers(folder: Path, groups: int, runs: int) -> dict[str, float]:
    folder.mkdir(parents=True)
    python = environments.python_of("columns")
    command = [python, "-m", "benchmarks.peers.columns", str(folder), str(groups), str(runs)]
    ended = subprocess.run(
        command, cwd=environments.ROOT, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    if ended.returncode:
        raise BenchmarkError(f"polars and pyarrow ended with status {ended.returncode}:\n{ended.stderr[-2000:]}")
    for name in PEERS:
        with np.load(folder / f"{name}.npz") as found:
            check(name, found, as_answer(aggregate(tile(groups))))
    figures: dict[str, float] = json.loads((folder / "figures.json").read_text())
    return figures


def check(way: str, found: Answer, expected: Answer) -> None:
    """Compare a way's result with the fold's own.

    Raises:
        BenchmarkError: A column differs.
    """
    if wrong := differing(found, expected):
        raise BenchmarkError(f"{way}: other values in {', '.join(wrong)}")


Event = tuple[int, int, int, int, int]
"""Key, value, device, good, attempted."""
Row = tuple[int, list[int], list[tuple[int, int]], list[int]]
"""Key, sums, histogram, devices."""


def _as_events(r: Readings) -> list[Event]:
    columns = (r.code, r.value, r.device, r.good, r.attempted)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def per_event(events: list[Event]) -> list[Row]:
    """Group in a dictionary of lists, one event after the other."""
    groups: dict[int, tuple[list[int], dict[int, int], set[int]]] = {}
    for key, value, device, good, attempted in events:
        group = groups.get(key)
        if group is None:
            group = groups[key] = ([0, 0, 0, value, value, 0, 0], {}, set())
        sums, histogram, devices = group
        sums[0] += 1
        sums[1] += value
        sums[2] += value * value
        if value < sums[3]:
            sums[3] = value
        elif value > sums[4]:
            sums[4] = value
        sums[5] += good
        sums[6] += attempted
        at = bucket_of(value)
        histogram[at] = histogram.get(at, 0) + 1
        devices.add(device)
    return [
        (key, sums, sorted(histogram.items()), sorted(devices)[:MAX_DEVICES])
        for key, (sums, histogram, devices) in sorted(groups.items())
    ]


def as_columns(rows: list[Row]) -> Answer:
    """Return rows of plain Python as the columns that are compared."""
    names = ("n", "total", "squares", "minimum", "maximum", "good", "attempted")
    columns = {name: [sums[i] for _, sums, _, _ in rows] for i, name in enumerate(names)}
    columns |= {"code": [key for key, *_ in rows]}
    columns |= {"bucket": [at for _, _, histogram, _ in rows for at, _ in histogram]}
    columns |= {"bucket_count": [count for _, _, histogram, _ in rows for _, count in histogram]}
    columns |= {"bucket_length": [len(histogram) for _, _, histogram, _ in rows]}
    columns |= {"device": [device for *_, devices in rows for device in devices]}
    columns |= {"device_length": [len(devices) for *_, devices in rows]}
    return {name: np.array(column, np.int64) for name, column in columns.items()}


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """Yield a Markdown table of the ways."""
    yield f"| one tile of {READINGS:,} readings | {' | '.join(f'{groups:,} groups' for groups in GROUPS)} |"
    yield "|---|---|---|"
    for way, cost in measured.items():
        yield f"| {way} | {' | '.join(f'{cost[str(groups)]:.3f}' for groups in GROUPS)} |"
