"""Tiles: what stands in the warehouse of telemetry, and how far it reaches.

A tile is the offsets [number * C, (number + 1) * C) of a partition. Its aggregate up to an offset `hi` is a function of
the log alone, and a row carries it whole, with `hi` as version. So a row written again, late, or by a worker that lost
the partition cannot change an answer: the larger `hi` contains the smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from streams.aggregates import Groups, Ints, Readings, aggregate, concatenate
from streams.errors import InvariantError
from streams.segments import Reject

MAX_TILE_SIZE = 65_536
REJECT_WEIGHT_BYTES = 512
"""About what a record costs in memory until it is stored."""


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
    """A tile under way. Readings are kept until it is complete and stored, rejects until they are stored."""

    number: int
    first: int
    hi: int
    parts: list[Readings] = field(default_factory=list)
    rows: int = 0
    rejects: list[Reject] = field(default_factory=list)
    reject_bytes: int = 0
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
        rejected = self.acked_rejects + len(self.rejects)
        return TileRows(self, self._audit(size), groups, tuple(self.rejects), self.rows, rejected)

    @property
    def pending(self) -> int:
        """Records not acknowledged yet; rejects count once more for each `REJECT_WEIGHT_BYTES`."""
        return self.hi - max(self.acked_hi, self.first) + self.reject_bytes // REJECT_WEIGHT_BYTES

    def reject(self, rejects: Sequence[Reject]) -> None:
        """Keep records that are none of ours until they are stored."""
        self.rejects += rejects
        self.reject_bytes += sum(len(reject.raw) for reject in rejects)

    def live_codes(self) -> set[int]:
        """Return the numbers of all keys in this tile."""
        return self.codes.union(*(np.unique(part.code).tolist() for part in self.parts))

    def renumber(self, numbers: Ints) -> None:
        """Take over new numbers of keys: old number -> new number."""
        self.parts = [replace(part, code=numbers[part.code]) for part in self.parts]
        self.codes = {int(numbers[code]) for code in self.codes}

    def _audit(self, size: int) -> Audit:
        return Audit(
            tile=self.number,
            first=self.first,
            hi=self.hi,
            n_in=self.hi - self.first,
            n_valid=self.rows,
            n_invalid=self.acked_rejects + len(self.rejects),
            n_duplicate=self.duplicates,
            n_late=self.late,
            n_tick=self.ticks,
            n_overflow=self.overflow,
            arrival_ms=self.arrival_ms,
            is_closed=self.hi == (self.number + 1) * size,
        )

    def acknowledge(self, stored: TileRows) -> None:
        """Note that everything in `stored` is in the warehouse."""
        self.acked_hi = max(self.acked_hi, stored.audit.hi)
        self.acked_rows = max(self.acked_rows, stored.rows)
        stored_now = max(0, stored.reject_count - self.acked_rejects)
        self.reject_bytes -= sum(len(reject.raw) for reject in self.rejects[:stored_now])
        del self.rejects[:stored_now]
        self.acked_rejects += stored_now
