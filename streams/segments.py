"""A run of readings of one tile on its way through the fold, in columns, stripped of what cannot be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.aggregates import Ints

MAX_AHEAD_MS = 5 * 60_000
"""An event further ahead of its record's timestamp is not believed."""
MAX_BEHIND_MS = 14 * 86_400_000
"""An event older than this at its record's timestamp is not believed."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is kept for people to look at: never folded, never lost."""

    offset: int
    stamp_ms: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """Readings in the order of their offsets; all parts are of the same length.

    Attributes:
        stamps: Record timestamps; ms.
        arrival: The partition's arrival at each record; ms.
        codes: Number of the group's key (`streams.keys`); `UNKNOWN_METRIC` where the catalogue lists no such metric.
        ids: Tenant and event id, joined: half the memory and time of a tuple.
        times: When the events happened; ms.
        values: In the unit of the metric.
        covers: Use time that each stands for, ms; 0 = the catalogue's default.
        devices: 48-bit hashes.
    """

    offsets: Sequence[int]
    stamps: Ints
    arrival: Ints
    raw: Sequence[bytes | None]
    codes: Ints
    ids: Sequence[str]
    times: Ints
    values: NDArray[np.float64]
    covers: Ints
    devices: Ints

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, keep: NDArray[np.bool_]) -> Segment:
        """Return the readings marked in `keep`."""
        if keep.all():
            return self
        index = np.flatnonzero(keep)
        rows = index.tolist()
        return Segment(
            pick(self.offsets, rows),
            self.stamps[index],
            self.arrival[index],
            pick(self.raw, rows),
            self.codes[index],
            pick(self.ids, rows),
            self.times[index],
            self.values[index],
            self.covers[index],
            self.devices[index],
        )

    def rejects(self, bad: NDArray[np.bool_], reason: str) -> list[Reject]:
        """Return the readings marked in `bad` as rejects for one reason."""
        rows = np.flatnonzero(bad).tolist()
        return [Reject(self.offsets[i], int(self.stamps[i]), reason, self.raw[i] or b"") for i in rows]


def believable(segment: Segment) -> tuple[Segment, list[Reject]]:
    """Part readings whose time is too far from their record's timestamp from the others."""
    age = segment.stamps - segment.times
    ahead, behind = age < -MAX_AHEAD_MS, age > MAX_BEHIND_MS
    rejects = segment.rejects(ahead, "$.event_time_ms: more than 5 minutes ahead of its arrival")
    rejects += segment.rejects(behind, "$.event_time_ms: more than 14 days before its arrival")
    return segment.select(~(ahead | behind)), rejects


def column(values: Sequence[int]) -> Ints:
    """Return numbers as a column."""
    return np.fromiter(values, np.int64, len(values))


def pick(items: Sequence[T], rows: Sequence[int]) -> list[T]:
    """Return the items in these rows."""
    return [items[row] for row in rows]
