"""Withdrawing: the whole block goes, with its bundle, once and for ever."""

import pytest

from agents.cli.withdraw import withdraw
from agents.warehouse.client import Warehouse
from streams.errors import ConfigError
from tests.agents.test_bundle import published as bundles
from tests.agents.test_bundle import releaser as bundling
from tests.agents.test_release import EPOCH_MS, T0, Lane, answer, published, releaser

pytestmark = pytest.mark.integration


def test_the_whole_block_goes_and_its_answers_never_come_back(store: Warehouse) -> None:
    lane = Lane(store)
    lane.store([(T0, answer(n)) for n in range(5)])
    lane.store([(T0, answer(n, country="SE")) for n in range(10, 15)])
    lane.reach(T0 + EPOCH_MS + 1)
    releaser(store).step()
    before = published(store)
    assert len(before) == 2
    assert withdraw(store, "t", "t-r3", "a scanner", is_dry=True).endswith("5 answers; would be withdrawn")
    assert published(store) == before
    assert withdraw(store, "t", "t-r3", "a scanner").endswith("5 answers; withdrawn")
    assert [row for row in before if row in published(store)] == published(store)
    assert len(published(store)) == 1
    assert withdraw(store, "t", "t-r4", "again").endswith("withdrawn before")
    lane.store([(T0 + EPOCH_MS, answer(3, revision=1))])
    lane.reach(T0 + 50 * EPOCH_MS)
    releaser(store).step()
    assert len(published(store)) == 1


def test_its_bundle_goes_along(store: Warehouse) -> None:
    lane = Lane(store)
    lane.store([(T0, answer(n, lost_minutes=3)) for n in range(25)])
    lane.reach(T0 + EPOCH_MS + 1)
    bundling(store).step()
    assert len(bundles(store)) == 1
    assert "and the bundle it is in; withdrawn" in withdraw(store, "t", "t-r0", "a scanner")
    assert bundles(store) == []


def test_what_is_not_released_cannot_be_withdrawn(store: Warehouse) -> None:
    Lane(store).store([(T0, answer(1))])
    with pytest.raises(
        ConfigError, match="answer t-r1 is in no released block of tenant t; one that waits is retracted"
    ):
        withdraw(store, "t", "t-r1", "a scanner")
    with pytest.raises(ConfigError, match="--reason: allowed: 1 to 500 characters"):
        withdraw(store, "t", "t-r1", " ")
