"""Broken protocols: each is the fold of a partition with one rule of the design left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.aggregates import Ints
from streams.fold import PartitionFold
from streams.keys import Keys
from streams.tiles import Rules, Tile, TileRows
from tests.streams.tile_world import ReadsTheClock


class CommitsInsideATile(PartitionFold):
    """Commits whatever is acknowledged and goes on from there, in the middle of a tile."""

    def __init__(self, rules: Rules, keys: Keys, start: int | None) -> None:
        boundary = None if start is None else start // rules.tile_size * rules.tile_size
        super().__init__(rules, keys, boundary)
        self.expected = start or 0
        self._emit_from = 0

    def commit_offset(self) -> int | None:
        acked = [tile.acked_hi for tile in self._open.values() if tile.acked_hi > 0]
        return max(acked, default=None)


class CommitsBeforeTheAcknowledgement(PartitionFold):
    """Commits what is folded, stored or not."""

    def commit_offset(self) -> int | None:
        boundary = (self.expected // self.rules.tile_size - self.rules.horizon) * self.rules.tile_size
        return boundary if boundary > 0 else None


class CommitsWithoutTheHorizon(PartitionFold):
    """Commits the newest finished tile, although its successor needs the ids of the `horizon` tiles before."""

    def commit_offset(self) -> int | None:
        offset = self._done_below * self.rules.tile_size
        return offset if self._done_below >= self._emit_from and offset > 0 else None


class HasNoHorizonAcrossRestarts(CommitsWithoutTheHorizon):
    """Neither half of the duplicate horizon: commits do not lag, and a restart writes rows at once."""

    def __init__(self, rules: Rules, keys: Keys, start: int | None) -> None:
        super().__init__(rules, keys, start)
        self._emit_from = self._done_below


class WritesRowsWhileItLearnsIds(PartitionFold):
    """Restarts at the right place but does not know yet which ids came before."""

    def __init__(self, rules: Rules, keys: Keys, start: int | None) -> None:
        super().__init__(rules, keys, start)
        self._emit_from = self._done_below


class TilesFromWhereItStarted(PartitionFold):
    """Chunks are not aligned to offsets: a tile begins anew wherever a fetch began."""

    def _tile(self, number: int, first: int) -> Tile:
        tile = super()._tile(number, first)
        tile.first, tile.parts, tile.rows, tile.acked_rows = first, [], 0, 0
        return tile


class ForgetsWhatWasStoredBefore(PartitionFold):
    """Plain deltas: each flush carries what is new, not the whole."""

    def acknowledge(self, stored: Sequence[TileRows]) -> None:
        super().acknowledge(stored)
        for tile in self._open.values():
            tile.parts, tile.rows, tile.acked_rows = [], 0, 0


class AcknowledgesWhatCameMeanwhile(PartitionFold):
    """Takes an answer for everything folded by then, not for what was sent."""

    def acknowledge(self, stored: Sequence[TileRows]) -> None:
        super().acknowledge(stored)
        for rows in stored:
            rows.tile.acked_hi, rows.tile.acked_rows = rows.tile.hi, rows.tile.rows


class WallClockLateness(ReadsTheClock):
    """Late is what is late when the worker reads it, not what the log says."""

    def _arrive(self, number: int, stamps: Ints) -> Ints:
        return np.maximum(super()._arrive(number, stamps), self.now_ms)


BROKEN: tuple[type[PartitionFold], ...] = (
    CommitsInsideATile,
    CommitsBeforeTheAcknowledgement,
    CommitsWithoutTheHorizon,
    HasNoHorizonAcrossRestarts,
    WritesRowsWhileItLearnsIds,
    TilesFromWhereItStarted,
    ForgetsWhatWasStoredBefore,
    AcknowledgesWhatCameMeanwhile,
    WallClockLateness,
)
