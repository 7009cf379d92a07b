"""The tile protocol over random histories, and broken protocols that the same histories must catch."""

from __future__ import annotations

import pytest

from streams.fold import PartitionFold
from tests.streams.broken_folds import BROKEN
from tests.streams.tile_world import History

HISTORIES = 60


@pytest.mark.parametrize("block", range(2))
def test_every_history_ends_exact(block: int) -> None:
    wrong = [seed for seed in range(block * HISTORIES, (block + 1) * HISTORIES) if not History(seed).run()]
    assert wrong == []


@pytest.mark.parametrize("broken", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_protocol_is_caught(broken: type[PartitionFold]) -> None:
    assert any(not History(seed, broken).run() for seed in range(HISTORIES))
