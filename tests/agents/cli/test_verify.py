"""Comparing what is published with the hashes of its marks: as it was, with a row lost, and with one added."""

import pytest

from agents.cli.verify import BLOCKS, BUNDLES, compare
from agents.warehouse.client import Warehouse
from streams.blocks import block_key
from streams.bundles import bundle_key
from tests.agents.test_bundle import releaser
from tests.agents.test_release import EPOCH_MS, SECRET, T0, Lane, answer

pytestmark = pytest.mark.integration


def test_what_was_changed_afterwards_is_found(store: Warehouse) -> None:
    lane = Lane(store)
    lane.store([(T0, answer(n, lost_minutes=3)) for n in range(25)])
    lane.store([(T0 + 9 * EPOCH_MS, answer(n, country="SE")) for n in range(30, 36)])
    lane.reach(T0 + 10 * EPOCH_MS + 1)
    releaser(store).step()
    blocks, bundles = block_key(SECRET), bundle_key(SECRET)
    assert compare(store, BLOCKS, blocks) == (2, [])
    assert compare(store, BUNDLES, bundles) == (1, [])
    assert len(compare(store, BLOCKS, bundles)[1]) == 2  # another key is another installation
    store.command("INSERT INTO release_blocks SELECT * FROM release_blocks")  # a write that came twice is no difference
    assert compare(store, BLOCKS, blocks) == (2, [])
    store.command("ALTER TABLE release_blocks UPDATE country = 'XX' WHERE country = 'SE' SETTINGS mutations_sync = 2")
    assert compare(store, BLOCKS, blocks) == (2, [("t", T0 + 10 * EPOCH_MS)])
    store.command("ALTER TABLE release_blocks DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert len(compare(store, BLOCKS, blocks)[1]) == 2
