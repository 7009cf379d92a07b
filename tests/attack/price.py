"""What the rule costs: how long answers wait, how many keep their labels, how far shown scores are from true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.attack.figures import Published
from tests.attack.traffic import DAY_MS, START_MS, Traffic

Floats = NDArray[np.float64]

NAMES = ("country", "service", "channel")
WEEK_DAYS = 7
LEAST_TRUE_N = 30
"""Slices with fewer answers in a week have no score worth comparing."""
MIXED = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Figures of one tenant.

    Attributes:
        released: Share of the answers that are in a block.
        wait_hours: Median and 95th percentile of the time from the log to the end of the epoch; hours.
        coverage: Dimension -> share of the released answers whose block names it.
        rmse: Total and dimensions -> root mean square error of seven-day scores, looked at once a day, in points.
    """

    released: float
    wait_hours: dict[str, float]
    coverage: dict[str, float]
    rmse: dict[str, float]


def price_of(traffic: Traffic, rows: Sequence[Published]) -> Price:
    """Return what the released blocks cost."""
    ends = np.zeros(len(traffic), dtype=np.int64)
    labels = np.full((len(traffic), len(NAMES)), -1)
    for row in rows:
        members = list(row.members)
        ends[members] = row.epoch_ms
        labels[members] = [-1 if label == MIXED else int(label[1:]) for label in row.labels]
    done = ends > 0
    wait = (ends - traffic.log_ms)[done] / 3_600_000
    return Price(
        released=float(done.mean()),
        wait_hours={"median": float(np.median(wait)), "p95": float(np.percentile(wait, 95))} if done.any() else {},
        coverage={name: float((labels[done, place] >= 0).mean()) for place, name in enumerate(NAMES)},
        rmse=_errors(traffic, ends, labels),
    )


def _errors(traffic: Traffic, ends: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, float]:
    value: Floats = (traffic.category - 1).astype(np.float64) * 100
    last = int((traffic.log_ms[-1] - START_MS) // DAY_MS)
    found: dict[str, list[float]] = {"total": [], **{name: [] for name in NAMES}}
    for day in range(WEEK_DAYS, last + 1):
        begin_ms, end_ms = START_MS + (day - WEEK_DAYS) * DAY_MS, START_MS + day * DAY_MS
        true = (traffic.log_ms > begin_ms) & (traffic.log_ms <= end_ms)
        shown = (ends > begin_ms) & (ends <= end_ms)
        found["total"] += _error(value, true, shown)
        for place, name in enumerate(NAMES):
            for number in range(int(traffic.dims[:, place].max()) + 1):
                slice_true = true & (traffic.dims[:, place] == number)
                found[name] += _error(value, slice_true, shown & (labels[:, place] == number))
    return {name: float(np.sqrt(np.mean(np.square(errors)))) for name, errors in found.items() if errors}


def _error(value: Floats, true: NDArray[np.bool_], shown: NDArray[np.bool_]) -> list[float]:
    if true.sum() < LEAST_TRUE_N or not shown.any():
        return []
    return [float(value[shown].mean() - value[true].mean())]
