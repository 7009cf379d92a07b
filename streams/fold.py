"""The pure fold of one partition of telemetry: exactly-once windows by tiles.

A fold starts at a tile boundary with nothing in memory. Repeated event ids are dropped within the current and the
`horizon` tiles before it; therefore commits lag behind by `horizon` tiles, and after a restart the first `horizon`
tiles only teach the fold their ids and arrival times: their rows stand in the warehouse already.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.aggregates import Ints, Readings
from streams.columns import Reader
from streams.errors import InvariantError
from streams.keys import UNKNOWN_METRIC, Keys
from streams.segments import Segment, believable, column
from streams.tiles import Rules, Tile, TileRows


class PartitionFold:
    """Folds one partition from a tile boundary; see the module's text for the protocol.

    Args:
        rules: The same for all workers of a generation.
        keys: Shared by the partitions of a worker.
        start: The committed offset to start from; None if nothing was ever committed.
    """

    def __init__(self, rules: Rules, keys: Keys, start: int | None) -> None:
        if start is not None and start % rules.tile_size:
            raise InvariantError(f"committed offset {start} is not a multiple of the tile size {rules.tile_size}")
        self.rules = rules
        self.expected = start or 0
        self._keys = keys
        self._reader = Reader(keys)
        self._emit_from = 0 if start is None else start // rules.tile_size + rules.horizon
        self._committed = start
        self._done_below = self.expected // rules.tile_size
        self._open: dict[int, Tile] = {}
        self._ids: dict[int, set[str]] = {}
        self._arrivals: dict[int, int] = {}

    @property
    def pending(self) -> int:
        """Records folded but not acknowledged; large rejects weigh as several records."""
        return sum(tile.pending for tile in self._open.values())

    def push(self, first: int, values: Sequence[bytes | None], stamps: Sequence[int]) -> int:
        """Fold consecutive records; those seen before are skipped.

        Args:
            first: Offset of the first record.
            values: Raw values.
            stamps: Record timestamps, ms; as long as `values`.

        Returns:
            How many records were new.

        Raises:
            InvariantError: The log has a gap: records between the last one and `first` are missing.
        """
        skip = self.expected - first
        if skip < 0:
            raise InvariantError(f"the log has a gap: expected offset {self.expected}, got {first}")
        end = first + len(values)
        while self.expected < end:
            begin = self.expected
            stop = min(end, (begin // self.rules.tile_size + 1) * self.rules.tile_size)
            self._fold(begin, values[begin - first : stop - first], stamps[begin - first : stop - first])
            self.expected = stop
        return max(0, len(values) - max(skip, 0))

    def _fold(self, first: int, values: Sequence[bytes | None], stamps: Sequence[int]) -> None:
        number, at = first // self.rules.tile_size, column(stamps)
        arrival = self._arrive(number, at)
        tile = self._tile(number, first)
        tile.hi, tile.arrival_ms = first + len(values), int(arrival[-1])
        segment, undecoded, ticks = self._reader.read(first, values, at, arrival)
        segment, unbelieved = believable(segment)
        known = segment.codes != UNKNOWN_METRIC
        tile.ticks += ticks
        tile.reject(undecoded + unbelieved + segment.rejects(~known, "$.metric: not in the metric catalogue"))
        self._count_once(tile, segment.select(known))

    def _count_once(self, tile: Tile, segment: Segment) -> None:
        fresh = self._fresh(tile, segment)
        if tile.number >= self._emit_from and fresh.any():
            self._accept(tile, segment.select(fresh))

    def _tile(self, number: int, first: int) -> Tile:
        if number < self._emit_from:
            return Tile(number, first, first)
        return self._open.setdefault(number, Tile(number, first, first))

    def _arrive(self, number: int, stamps: Ints) -> Ints:
        """Running maximum of the record timestamps over the horizon, at each record."""
        for old in [n for n in self._arrivals if n < number - self.rules.horizon]:
            del self._arrivals[old]
        before = max(self._arrivals.values(), default=0)
        self._arrivals[number] = max(self._arrivals.get(number, 0), int(stamps.max()), 0)
        return np.maximum(np.maximum.accumulate(stamps), before)

    def _fresh(self, tile: Tile, segment: Segment) -> NDArray[np.bool_]:
        """Which events were not seen in this or the `horizon` tiles before; all are remembered."""
        number = tile.number
        here: set[str] = self._ids.setdefault(number, set())
        for old in [n for n in self._ids if n < number - self.rules.horizon]:
            del self._ids[old]
        ids = segment.ids
        seen = {
            event_id
            for known in self._ids.values()
            if not known.isdisjoint(ids)
            for event_id in known.intersection(ids)
        }
        before = len(here)
        here.update(ids)
        if not seen and len(here) - before == len(ids):
            return np.ones(len(ids), np.bool_)
        fresh = _first_occurrences(ids, seen)
        tile.duplicates += len(ids) - int(fresh.sum())
        return fresh

    def _accept(self, tile: Tile, segment: Segment) -> None:
        readings = self._readings(segment, self._within_limit(tile, segment.codes))
        tile.parts.append(readings)
        tile.rows += len(readings)
        tile.late += int(readings.late.sum())

    def _within_limit(self, tile: Tile, codes: Ints) -> Ints:
        """Replace codes beyond the tile's limit by `__other__`, in order of appearance."""
        new = set(codes.tolist()) - tile.codes
        if len(tile.codes) + len(new) <= self.rules.max_keys:
            tile.codes |= new
            return codes
        admitted = [self._admit(tile, code) for code in codes.tolist()]
        return np.array(admitted, np.int64)

    def _admit(self, tile: Tile, code: int) -> int:
        if code in tile.codes:
            return code
        if len(tile.codes) < self.rules.max_keys:
            tile.codes.add(code)
            return code
        tile.overflow += 1
        return self._keys.overflow(code)

    def _readings(self, segment: Segment, codes: Ints) -> Readings:
        window_ms = self.rules.window_ms
        window = segment.times // window_ms
        late = segment.arrival > (window + 1) * window_ms + self.rules.grace_ms
        value = np.rint(segment.values * 1000).astype(np.int64)
        sense, limit, default = self._keys.rules(codes).T
        attempted = np.where(sense == 0, 0, np.where(segment.covers > 0, segment.covers, default))
        good = np.where(sense * value <= sense * limit, attempted, 0)
        return Readings(codes, window, late.astype(np.int64), value, segment.devices, good, attempted)

    def live_codes(self) -> set[int]:
        """Return the numbers of all keys that open tiles refer to."""
        return {code for tile in self._open.values() for code in tile.live_codes()}

    def renumber(self, numbers: Ints) -> None:
        """Take over new numbers of keys: old number -> new number (`streams.keys.Keys.compact`)."""
        for tile in self._open.values():
            tile.renumber(numbers)

    def changes(self) -> list[TileRows]:
        """Return what is not acknowledged yet of every open tile; pure: calling it again gives the same answer."""
        return [tile.changes(self.rules.tile_size) for tile in self._open.values() if tile.hi > tile.acked_hi]

    def acknowledge(self, stored: Sequence[TileRows]) -> None:
        """Note that the warehouse acknowledged `stored`; complete tiles are forgotten."""
        for rows in stored:
            rows.tile.acknowledge(rows)
        while self._is_done(self._done_below):
            self._open.pop(self._done_below, None)
            self._done_below += 1

    def _is_done(self, number: int) -> bool:
        end = (number + 1) * self.rules.tile_size
        tile = self._open.get(number)
        if tile is None:
            return number < self._emit_from and self.expected >= end
        return tile.acked_hi == end

    def commit_offset(self) -> int | None:
        """Return the only offset that may be committed now; None if there is nothing new to commit.

        A tile boundary, `horizon` tiles below the oldest tile that is not complete and acknowledged, so that the next
        owner learns the ids that it needs.
        """
        if self._done_below < self._emit_from:
            return None
        offset = (self._done_below - self.rules.horizon) * self.rules.tile_size
        return offset if offset > (self._committed or 0) else None

    def committed(self, offset: int) -> None:
        """Note that the broker took the commit."""
        self._committed = offset


def _first_occurrences(ids: Sequence[str], seen: set[str]) -> NDArray[np.bool_]:
    fresh = np.ones(len(ids), np.bool_)
    for i, event_id in enumerate(ids):
        fresh[i] = event_id not in seen
        seen.add(event_id)
    return fresh
