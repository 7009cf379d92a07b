"""Exactly-once windows by tiles: the pure fold of one partition.

A tile is the offsets [number * C, (number + 1) * C) of a partition. Its aggregate up to an offset `hi` is a function of the
log alone, and a row carries it whole, with `hi` as version. So a row written again, late, or by a worker that lost the
partition cannot change an answer: the larger `hi` contains the smaller.

A fold starts at a tile boundary with nothing in memory. Repeated event ids are dropped within the current and the `horizon`
tiles before it; therefore commits lag behind by `horizon` tiles, and after a restart the first `horizon` tiles only teach the
fold their ids and arrival times: their rows stand in the warehouse already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.aggregates import Groups, Ints, Readings, aggregate, concatenate, device_hash
from streams.codecs import Invalid, decode
from streams.errors import InvariantError
from streams.events import Event, Telemetry, Tick
from streams.keys import UNKNOWN_METRIC, Keys, raw_key

MAX_TILE_SIZE = 65_536
MAX_AHEAD_MS = 5 * 60_000
"""An event further ahead of its record's timestamp is not believed."""
MAX_BEHIND_MS = 14 * 86_400_000
"""An event older than this at its record's timestamp is not believed."""
MAX_REMEMBERED_DEVICES = 500_000

_decode_json = msgspec.json.Decoder(Telemetry | Tick).decode

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides a fold's meaning beside the log.

    Attributes:
        tile_size: C; 1 to 65,536 offsets.
        horizon: D; >= 1 tiles.
        window_ms: Base window; milliseconds.
        grace_ms: How long after its end a window accepts events.
        max_keys: Distinct keys per tile; the rest is folded as `__other__`.
    """

    tile_size: int
    horizon: int
    window_ms: int
    grace_ms: int
    max_keys: int

    def __post_init__(self) -> None:
        if not 1 <= self.tile_size <= MAX_TILE_SIZE or self.horizon < 1 or self.window_ms < 1:
            raise InvariantError(f"rules of the fold are out of range: {self}")


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is kept for people to look at: never folded, never lost."""

    offset: int
    stamp_ms: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Audit:
    """What became of a tile's records up to `hi`.

    `n_in = n_valid + n_invalid + n_duplicate + n_tick`; late and overflowing readings are valid ones.

    Attributes:
        first: The tile's first offset.
        arrival_ms: Running maximum of the record timestamps over the horizon.
        is_closed: The tile is complete.
    """

    tile: int
    first: int
    hi: int
    n_in: int
    n_valid: int
    n_invalid: int
    n_duplicate: int
    n_late: int
    n_tick: int
    n_overflow: int
    arrival_ms: int
    is_closed: bool


@dataclass(frozen=True, slots=True)
class TileRows:
    """What has to be stored of one tile now: absolute aggregates of changed groups, new rejects, the audit row."""

    tile: Tile
    audit: Audit
    groups: Groups | None
    rejects: Sequence[Reject]
    rows: int
    reject_count: int


@dataclass(slots=True, eq=False)
class Tile:
    """A tile under way; nothing in it is forgotten before it is complete and acknowledged."""

    number: int
    first: int
    hi: int
    parts: list[Readings] = field(default_factory=list)
    rows: int = 0
    rejects: list[Reject] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)
    duplicates: int = 0
    late: int = 0
    ticks: int = 0
    overflow: int = 0
    arrival_ms: int = 0
    acked_hi: int = -1
    acked_rows: int = 0
    acked_rejects: int = 0

    def changes(self, size: int) -> TileRows:
        """Return what is not acknowledged yet; calling it again gives the same answer."""
        groups = None
        if self.rows > self.acked_rows:
            self.parts = [concatenate(self.parts)]
            groups = aggregate(self.parts[0], changed_from=self.acked_rows)
        return TileRows(self, self._audit(size), groups, self.rejects[self.acked_rejects :], self.rows, len(self.rejects))

    def _audit(self, size: int) -> Audit:
        return Audit(
            tile=self.number, first=self.first, hi=self.hi, n_in=self.hi - self.first, n_valid=self.rows,
            n_invalid=len(self.rejects), n_duplicate=self.duplicates, n_late=self.late, n_tick=self.ticks,
            n_overflow=self.overflow, arrival_ms=self.arrival_ms, is_closed=self.hi == (self.number + 1) * size,
        )  # fmt: skip

    def acknowledge(self, stored: TileRows) -> None:
        """Note that everything in `stored` is in the warehouse."""
        self.acked_hi = max(self.acked_hi, stored.audit.hi)
        self.acked_rows = max(self.acked_rows, stored.rows)
        self.acked_rejects = max(self.acked_rejects, stored.reject_count)


@dataclass(slots=True)
class _Segment:
    """Records of one tile on their way through the fold: parallel lists, shortened by each step."""

    offsets: Sequence[int]
    stamps: Ints
    arrival: Ints
    raw: Sequence[bytes | None]
    events: list[Telemetry]


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
        self._devices: dict[str, int] = {}
        self._emit_from = 0 if start is None else start // rules.tile_size + rules.horizon
        self._committed = start
        self._done_below = self.expected // rules.tile_size
        self._open: dict[int, Tile] = {}
        self._ids: dict[int, set[tuple[str, str]]] = {}
        self._arrivals: dict[int, int] = {}

    @property
    def pending(self) -> int:
        """Records folded but not acknowledged."""
        return sum(tile.hi - max(tile.acked_hi, tile.first) for tile in self._open.values())

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
        number = first // self.rules.tile_size
        arrival = self._arrive(number, stamps)
        tile = self._tile(number, first)
        tile.hi, tile.arrival_ms = first + len(values), int(arrival[-1])
        segment = _decode(tile, first, values, np.array(stamps, np.int64), arrival)
        segment = _believable(tile, segment)
        codes = self._codes(tile, segment)
        known = codes != UNKNOWN_METRIC
        _reject(tile, segment, ~known, "metric: not in the catalogue")
        segment, codes = _select(segment, known), codes[known]
        fresh = self._fresh(tile, segment)
        segment, codes = _select(segment, fresh), codes[fresh]
        if segment.events and number >= self._emit_from:
            self._accept(tile, segment, codes)

    def _tile(self, number: int, first: int) -> Tile:
        if number < self._emit_from:
            return Tile(number, first, first)
        return self._open.setdefault(number, Tile(number, first, first))

    def _arrive(self, number: int, stamps: Sequence[int]) -> Ints:
        """Running maximum of the record timestamps over the horizon, at each record."""
        for old in [n for n in self._arrivals if n < number - self.rules.horizon]:
            del self._arrivals[old]
        before = max(self._arrivals.values(), default=0)
        self._arrivals[number] = max(self._arrivals.get(number, 0), *stamps, 0)
        return np.maximum(np.maximum.accumulate(np.array(stamps, np.int64)), before)

    def _codes(self, tile: Tile, segment: _Segment) -> Ints:
        code = self._keys.code
        return np.array([code(raw_key(event)) for event in segment.events], np.int64)

    def _fresh(self, tile: Tile, segment: _Segment) -> NDArray[np.bool_]:
        """Which events were not seen in this or the `horizon` tiles before; all are remembered."""
        number = tile.number
        here = self._ids.setdefault(number, set())
        for old in [n for n in self._ids if n < number - self.rules.horizon]:
            del self._ids[old]
        ids = [(event.tenant, event.event_id) for event in segment.events]
        new = set(ids)
        seen = {event_id for known in self._ids.values() if not new.isdisjoint(known) for event_id in new & known}
        here |= new
        if not seen and len(new) == len(ids):
            return np.ones(len(ids), np.bool_)
        fresh = _first_occurrences(ids, seen)
        tile.duplicates += len(ids) - int(fresh.sum())
        return fresh

    def _accept(self, tile: Tile, segment: _Segment, codes: Ints) -> None:
        codes = self._within_limit(tile, codes)
        readings = self._readings(segment, codes)
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

    def _readings(self, segment: _Segment, codes: Ints) -> Readings:
        events, window_ms = segment.events, self.rules.window_ms
        window = _column([event.event_time_ms for event in events]) // window_ms
        late = segment.arrival > (window + 1) * window_ms + self.rules.grace_ms
        value = np.rint(np.array([event.value for event in events]) * 1000).astype(np.int64)
        covers = _column([event.covers_ms for event in events])
        sense, limit, default = self._keys.rules(codes).T
        attempted = np.where(sense == 0, 0, np.where(covers > 0, covers, default))
        good = np.where(sense * value <= sense * limit, attempted, 0)
        device = _column(self._device_hashes(events))
        return Readings(codes, window, late.astype(np.int64), value, device, good, attempted)

    def _device_hashes(self, events: Sequence[Telemetry]) -> list[int]:
        known = self._devices
        if len(known) > MAX_REMEMBERED_DEVICES:
            known.clear()
        names = [event.device for event in events]
        for name in set(names) - known.keys():
            known[name] = device_hash(name)
        return [known[name] for name in names]

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

        A tile boundary, `horizon` tiles below the oldest tile that is not complete and acknowledged, so that the next owner
        learns the ids that it needs.
        """
        if self._done_below < self._emit_from:
            return None
        offset = (self._done_below - self.rules.horizon) * self.rules.tile_size
        return offset if offset > (self._committed or 0) else None

    def committed(self, offset: int) -> None:
        """Note that the broker took the commit."""
        self._committed = offset


def _column(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)


def _decode(tile: Tile, first: int, values: Sequence[bytes | None], stamps: Ints, arrival: Ints) -> _Segment:
    """Decode a run of records; ticks are counted, what cannot be decoded is rejected."""
    events = _decode_all(values)
    segment = _Segment(range(first, first + len(values)), stamps, arrival, values, [])
    reasons = {i: event.reason for i, event in enumerate(events) if type(event) is Invalid}
    for i, reason in reasons.items():
        tile.rejects.append(_rejected(segment, i, reason))
    is_reading = np.array([type(event) is Telemetry for event in events], np.bool_)
    tile.ticks += len(events) - len(reasons) - int(is_reading.sum())
    readings = [event for event in events if type(event) is Telemetry]
    kept = _select(segment, is_reading)
    kept.events = readings
    return kept


def _decode_all(values: Sequence[bytes | None]) -> list[Telemetry | Tick | Invalid]:
    """Decode a whole run at once; where that fails, record by record."""
    try:
        return [_decode_json(value) for value in values]  # type: ignore[arg-type]  # a null value fails and is looked at below
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError, ValueError):
        return [_decode_one(value) for value in values]


def _decode_one(value: bytes | None) -> Telemetry | Tick | Invalid:
    if value is None:
        return Invalid("the record has no value")
    result = decode(value)
    if isinstance(result, Invalid):
        return result
    event: Event = result.event
    if isinstance(event, Telemetry | Tick):
        return event
    return Invalid(f"signal: {type(event).__name__.lower()} does not belong on this topic")


def _believable(tile: Tile, segment: _Segment) -> _Segment:
    """Reject events whose time is too far from their record's timestamp."""
    age = segment.stamps - _column([event.event_time_ms for event in segment.events])
    ahead, behind = age < -MAX_AHEAD_MS, age > MAX_BEHIND_MS
    _reject(tile, segment, ahead, "event_time_ms: more than 5 minutes ahead of its arrival")
    _reject(tile, segment, behind, "event_time_ms: more than 14 days before its arrival")
    return _select(segment, ~(ahead | behind))


def _reject(tile: Tile, segment: _Segment, bad: NDArray[np.bool_], reason: str) -> None:
    tile.rejects += [_rejected(segment, i, reason) for i in np.flatnonzero(bad).tolist()]


def _rejected(segment: _Segment, i: int, reason: str) -> Reject:
    return Reject(segment.offsets[i], int(segment.stamps[i]), reason, segment.raw[i] or b"")


def _select(segment: _Segment, keep: NDArray[np.bool_]) -> _Segment:
    if keep.all() and len(keep):
        return segment
    index = np.flatnonzero(keep)
    rows = index.tolist()
    return _Segment(
        _pick(segment.offsets, rows), segment.stamps[index], segment.arrival[index], _pick(segment.raw, rows),
        _pick(segment.events, rows) if segment.events else [],
    )  # fmt: skip


def _pick(items: Sequence[T], rows: Sequence[int]) -> list[T]:
    return [items[row] for row in rows]


def _first_occurrences(ids: Sequence[tuple[str, str]], seen: set[tuple[str, str]]) -> NDArray[np.bool_]:
    fresh = np.ones(len(ids), np.bool_)
    for i, event_id in enumerate(ids):
        fresh[i] = event_id not in seen
        seen.add(event_id)
    return fresh
