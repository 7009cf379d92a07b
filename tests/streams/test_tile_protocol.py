"""The tile protocol over random histories, and broken protocols that the same histories must catch."""

from __future__ import annotations

import pytest

from streams.fold import PartitionFold
from streams.tiles import Rules
from tests.streams.tile_world import World

HISTORIES = 100


@pytest.mark.parametrize("block", range(2))
def test_every_history_ends_exact(block: int) -> None:
    wrong = [seed for seed in range(block * HISTORIES, (block + 1) * HISTORIES) if not World(seed).run()]
    assert wrong == []


class CommitsInsideATile(PartitionFold):
    def __init__(self, rules: Rules, keys: object, start: int | None) -> None:
        boundary = None if start is None else start // rules.tile_size * rules.tile_size
        super().__init__(rules, keys, boundary)  # type: ignore[arg-type]
        self.expected = start or 0
        self._emit_from = 0

    def commit_offset(self) -> int | None:
        acked = [tile.acked_hi for tile in self._open.values() if tile.acked_hi > 0]
        return max(acked, default=None)  # type: ignore[type-var]


class CommitsBeforeTheAcknowledgement(PartitionFold):
    def commit_offset(self) -> int | None:
        boundary = (self.expected // self.rules.tile_size - self.rules.horizon) * self.rules.tile_size
        return boundary if boundary > 0 else None


class CommitsWithoutTheHorizon(PartitionFold):
    def commit_offset(self) -> int | None:
        offset = self._done_below * self.rules.tile_size
        return offset if self._done_below >= self._emit_from and offset > 0 else None


class WritesRowsWhileItLearnsIds(PartitionFold):
    def __init__(self, rules: Rules, keys: object, start: int | None) -> None:
        super().__init__(rules, keys, start)  # type: ignore[arg-type]
        self._emit_from = self._done_below


class TilesFromWhereItStarted(PartitionFold):
    """Chunks are not aligned: a tile is counted from the offset at which this worker began."""

    def push(self, first: int, values: object, stamps: object) -> int:
        self._shift = getattr(self, "_shift", self.expected)
        return super().push(first, values, stamps)  # type: ignore[arg-type]

    def _tile(self, number: int, first: int) -> object:  # type: ignore[override]
        return super()._tile(number + self._shift % 3, first)


class ForgetsWhatWasStoredBefore(PartitionFold):
    """Plain deltas: each flush carries what is new, not the whole."""

    def acknowledge(self, stored: object) -> None:  # type: ignore[override]
        super().acknowledge(stored)  # type: ignore[arg-type]
        for tile in self._open.values():
            tile.parts, tile.rows, tile.acked_rows = [], 0, 0


@pytest.mark.parametrize(
    "mutant",
    [
        CommitsInsideATile,
        CommitsBeforeTheAcknowledgement,
        CommitsWithoutTheHorizon,
        WritesRowsWhileItLearnsIds,
        TilesFromWhereItStarted,
        ForgetsWhatWasStoredBefore,
    ],
)
def test_a_broken_protocol_is_caught(mutant: type[PartitionFold]) -> None:
    def is_wrong(seed: int) -> bool:
        try:
            return not World(seed, mutant).run()
        except (ValueError, KeyError, IndexError, AssertionError):
            return True

    assert any(is_wrong(seed) for seed in range(HISTORIES))
