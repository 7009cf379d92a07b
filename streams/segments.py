"""A run of records of one tile on its way through the fold: decoded, and stripped of what cannot be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.aggregates import Ints
from streams.codecs import Invalid, decode_telemetry
from streams.events import Telemetry

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
        times: When the events happened; ms.
    """

    offsets: Sequence[int]
    stamps: Ints
    arrival: Ints
    raw: Sequence[bytes | None]
    events: Sequence[Telemetry]
    times: Ints

    def __len__(self) -> int:
        return len(self.events)

    def select(self, keep: NDArray[np.bool_]) -> Segment:
        """Return the readings marked in `keep`."""
        if keep.all():
            return self
        index = np.flatnonzero(keep)
        rows = index.tolist()
        return Segment(
            _pick(self.offsets, rows),
            self.stamps[index],
            self.arrival[index],
            _pick(self.raw, rows),
            _pick(self.events, rows),
            self.times[index],
        )

    def rejects(self, bad: NDArray[np.bool_], reason: str) -> list[Reject]:
        """Return the readings marked in `bad` as rejects for one reason."""
        rows = np.flatnonzero(bad).tolist()
        return [Reject(self.offsets[i], int(self.stamps[i]), reason, self.raw[i] or b"") for i in rows]


def decode_segment(
    first: int, values: Sequence[bytes | None], stamps: Ints, arrival: Ints
) -> tuple[Segment, list[Reject], int]:
    """Decode consecutive records.

    Args:
        first: Offset of the first record.
        values: Raw values.
        stamps: Record timestamps, ms; as long as `values`.
        arrival: The partition's arrival at each record, ms.

    Returns:
        The readings, the records that are none, and the number of ticks.
    """
    events = decode_telemetry(values)
    offsets = range(first, first + len(values))
    if set(map(type, events)) <= {Telemetry}:
        return _segment(offsets, stamps, arrival, values, events), [], 0  # type: ignore[arg-type]  # just checked
    rejects = [
        Reject(offset, int(stamp), event.reason, raw or b"")
        for offset, stamp, raw, event in zip(offsets, stamps, values, events, strict=True)
        if isinstance(event, Invalid)
    ]
    rows = [i for i, event in enumerate(events) if isinstance(event, Telemetry)]
    readings = [event for event in events if isinstance(event, Telemetry)]
    segment = _segment(_pick(offsets, rows), stamps[rows], arrival[rows], _pick(values, rows), readings)
    return segment, rejects, len(events) - len(rows) - len(rejects)


def _segment(
    offsets: Sequence[int], stamps: Ints, arrival: Ints, raw: Sequence[bytes | None], events: Sequence[Telemetry]
) -> Segment:
    return Segment(offsets, stamps, arrival, raw, events, column([event.event_time_ms for event in events]))


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


def _pick(items: Sequence[T], rows: Sequence[int]) -> list[T]:
    return [items[row] for row in rows]
