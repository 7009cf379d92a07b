"""What published windows of a simulated month come to, added up without the warehouse."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from streams.catalogue import DIMENSIONS
from streams.simulate.month_keys import KeyGroup
from streams.simulate.month_windows import Windows, device_bits

_SERVICE = DIMENSIONS.index("service")


class Total(NamedTuple):
    """Where figures are added up: length of the windows and start of the day in seconds, metric and service."""

    window_s: int
    day_s: int
    metric: str
    service: str


class Sums(NamedTuple):
    """What published windows come to; milli-units and milliseconds."""

    rows: int
    n: int
    total: int
    good_ms: int
    attempted_ms: int


@dataclass(slots=True)
class Loaded:
    """What was loaded.

    Attributes:
        totals: Of what has to be published.
        windows: Rows of base windows of each day, whether they were kept or not.
        readings: Start of the day -> readings by partition.
        rows: Rows by table.
    """

    totals: dict[Total, Sums] = field(default_factory=dict)
    windows: Counter[int] = field(default_factory=Counter)
    readings: dict[int, list[int]] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)

    def add(self, other: Loaded) -> None:
        """Add what was loaded elsewhere; of other days."""
        self.totals |= other.totals
        self.windows.update(other.windows)
        self.readings |= other.readings
        self.rows.update(other.rows)


def add_shown(totals: dict[Total, Sums], group: KeyGroup, windows: Windows, day_s: int, k: int) -> None:
    """Add up what everybody may see of some windows: value by value, not window by window as their rows are made."""
    shared = np.array([is_shared for _, is_shared in group.keys])
    is_shown = shared | (device_bits(windows.masks).sum(axis=-1) >= k)
    readings = np.where(is_shown[..., None], windows.counts, 0).sum(axis=0, dtype=np.int64)
    n, rows = readings.sum(axis=1), is_shown.sum(axis=0)
    total, good = (readings * group.values).sum(axis=1), (readings * group.good).sum(axis=1) * group.covers_ms
    for i, (dims, _) in enumerate(group.keys):
        place = Total(windows.window_s, day_s, group.metric, dims[_SERVICE])
        mine = (rows[i], n[i], total[i], good[i], n[i] * group.covers_ms)
        known = totals.get(place, Sums(0, 0, 0, 0, 0))
        totals[place] = Sums(*(a + int(b) for a, b in zip(known, mine, strict=True)))
