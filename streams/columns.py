"""Raw records of telemetry to columns, block by block.

A block is decoded, its columns are taken, and its events are let go, all while they lie in the processor's near cache:
walking through 16,384 decoded events once per column costs a fifth more (benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from streams.aggregates import Ints, device_hash
from streams.codecs import Invalid, decode_telemetry
from streams.events import Telemetry, Tick
from streams.keys import SEPARATOR, Keys
from streams.segments import Reject, Segment, column, pick

BLOCK = 256
"""Records at a time; a decoded one takes about 1 kB. 64 to 512 cost the same."""
MAX_REMEMBERED_DEVICES = 500_000


@dataclass(slots=True)
class _Lists:
    """Columns under way; see `Segment`."""

    codes: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    covers: list[int] = field(default_factory=list)
    devices: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Others:
    """Records of a run that are no readings: their rows, rejects and the number of ticks."""

    rows: set[int] = field(default_factory=set)
    rejects: list[Reject] = field(default_factory=list)
    ticks: int = 0


class Reader:
    """Reads records of telemetry into columns.

    Args:
        keys: Numbers the groups.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._hashes = _Hashes()

    def read(
        self, first: int, values: Sequence[bytes | None], stamps: Ints, arrival: Ints
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
        lists, others = _Lists(), _Others()
        for begin in range(0, len(values), BLOCK):
            block = values[begin : begin + BLOCK]
            events = decode_telemetry(block)
            if not set(map(type, events)) <= {Telemetry}:
                _part(others, begin, first, block, stamps, events)
                events = [event for event in events if isinstance(event, Telemetry)]
            self._take(lists, events)  # type: ignore[arg-type]  # just checked
        segment = _segment(range(first, first + len(values)), stamps, arrival, values, lists, others.rows)
        return segment, others.rejects, others.ticks

    def _take(self, lists: _Lists, events: Sequence[Telemetry]) -> None:
        hashes = self._hashes
        lists.codes += self._keys.codes(events)
        lists.ids += [f"{event.tenant}{SEPARATOR}{event.event_id}" for event in events]
        lists.times += [event.event_time_ms for event in events]
        lists.values += [event.value for event in events]
        lists.covers += [event.covers_ms for event in events]
        lists.devices += [hashes[event.device] for event in events]


class _Hashes(dict[str, int]):
    """Device -> its hash, of as many devices as may be remembered."""

    def __missing__(self, device: str) -> int:
        if len(self) >= MAX_REMEMBERED_DEVICES:
            self.clear()
        self[device] = device_hash(device)
        return self[device]


def _part(
    others: _Others,
    begin: int,
    first: int,
    block: Sequence[bytes | None],
    stamps: Ints,
    events: Sequence[Telemetry | Tick | Invalid],
) -> None:
    for row, (raw, event) in enumerate(zip(block, events, strict=True), begin):
        if isinstance(event, Telemetry):
            continue
        others.rows.add(row)
        if isinstance(event, Invalid):
            others.rejects.append(Reject(first + row, int(stamps[row]), event.reason, raw or b""))
        else:
            others.ticks += 1


def _segment(
    offsets: Sequence[int],
    stamps: Ints,
    arrival: Ints,
    raw: Sequence[bytes | None],
    lists: _Lists,
    others: set[int],
) -> Segment:
    if others:
        rows = [row for row in range(len(offsets)) if row not in others]
        offsets, raw, stamps, arrival = pick(offsets, rows), pick(raw, rows), stamps[rows], arrival[rows]
    return Segment(
        offsets=offsets,
        stamps=stamps,
        arrival=arrival,
        raw=raw,
        codes=column(lists.codes),
        ids=lists.ids,
        times=column(lists.times),
        values=np.array(lists.values, np.float64),
        covers=column(lists.covers),
        devices=column(lists.devices),
    )
