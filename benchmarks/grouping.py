"""One tile of readings to be grouped, and how a way of grouping it is timed; for other environments too: numpy only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import numpy as np

from streams.aggregates import HASH_BITS, Groups, Ints, Readings

READINGS = 16_384
DEVICES = 5_000
WARM_UPS = 3
COMMON = (
    "n",
    "minimum",
    "maximum",
    "good",
    "attempted",
    "bucket",
    "bucket_count",
    "bucket_length",
    "device",
    "device_length",
)

Answer = Mapping[str, Ints]
"""The columns of `Groups` by name, in the order of the keys; sums as one word."""


def tile(groups: int, *, readings: int = READINGS, seed: int = 1) -> Readings:
    """Return seeded readings of exactly so many groups, of which none has more devices than a row keeps."""
    rng = np.random.default_rng(seed)
    code = np.append(np.arange(groups), rng.integers(groups, size=readings - groups))
    devices = rng.integers(1 << HASH_BITS, size=DEVICES)
    attempted = np.full(readings, 5_000)
    value = np.rint(rng.lognormal(12.5, 0.9, readings)).astype(np.int64) + 1
    return Readings(
        code=rng.permutation(code),
        window=np.full(readings, 29_000_000),
        late=np.zeros(readings, np.int64),
        value=value,
        device=rng.choice(devices, readings),
        good=np.where(value <= 2_000_000, attempted, 0),
        attempted=attempted,
    )


def as_answer(groups: Groups) -> Answer:
    """Return our own form as the one that is compared."""
    sums = {"total": groups.total[0].astype(np.int64), "squares": groups.squares[0].astype(np.int64)}
    return {"code": groups.code, **sums, **{name: getattr(groups, name) for name in COMMON}}


def differing(found: Answer, expected: Answer) -> list[str]:
    """Return the columns that are not equal."""
    return [name for name, column in expected.items() if not np.array_equal(found[name], column)]


def cpu_us_per_reading(group: Callable[[], object], *, readings: int, runs: int) -> float:
    """Return the median processor time of a call, all threads together, per reading; microseconds."""
    for _ in range(WARM_UPS):
        group()
    return median(_cpu_ns(group) for _ in range(runs)) / 1000 / readings


def _cpu_ns(call: Callable[[], object]) -> int:
    begin = time.process_time_ns()
    call()
    return time.process_time_ns() - begin
