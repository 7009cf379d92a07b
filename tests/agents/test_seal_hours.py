"""Hours of the day under way: sealed as they pass, seen once at any moment, and replaced by the seal of their day."""

from typing import Any

import pytest

from agents.seal import READER_MS
from agents.seal_tables import TABLES, Seal
from agents.simulation.run import unseal_hours
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.profile import DAY_MS, HOUR_MS, MINUTE_MS, STANDARD
from tests.agents.sealing_world import NOW_MS, START_S, World, hashes, reading

pytestmark = pytest.mark.integration

HOUR, DAY = HOUR_MS // 1000, DAY_MS // 1000
TOTALS = " UNION ALL ".join(
    f"SELECT '{view}' AS view, count(), sum(n), sum(attempted_ms), max(devices) FROM {{database}}.{view}"
    for view in ("telemetry", "telemetry_15m", "telemetry_1d")
)


@pytest.fixture
def world(store: Warehouse) -> World:
    return World(store, profile=STANDARD)


def minute(world: World, at_s: int, **changes: Any) -> dict[str, Any]:
    return world.tile(at_s, window_s=60, **changes)


def fill(world: World, begin_s: int, end_s: int) -> None:
    """Write windows of two tiles, one of them late, every ten minutes."""
    world.write(
        *(
            minute(world, at_s, tile=tile, hi=100 + at_s + tile, late=tile, n=10 + at_s % 7, devices=hashes(tile, 6))
            for at_s in range(begin_s, end_s, 600)
            for tile in (0, 1)
        )
    )


def lengths(world: World) -> list[tuple[int, int]]:
    """Return length and start of what is sealed."""
    rows = world.store.ask("SELECT DISTINCT period_s, toUnixTimestamp(period_start) FROM seals ORDER BY ALL")
    return [(int(length_s), int(start_s) - START_S) for length_s, start_s in rows]


def test_hours_are_sealed_as_they_pass_and_nobody_sees_a_difference(world: World) -> None:
    fill(world, 0, 3 * HOUR + 1800)
    world.reach(3 * HOUR + 1200)
    before = world.everything()
    assert len(before["telemetry"]) == 20
    assert len(before["telemetry_15m"]) == 13
    sealer = world.sealer()
    assert sealer.run(NOW_MS).sealed == 3
    assert lengths(world) == [(HOUR, 0), (HOUR, HOUR), (HOUR, 2 * HOUR)]
    assert world.everything() == before
    world.store.command(f"ALTER TABLE tiles DELETE WHERE window_start < {START_S + 3 * HOUR} SETTINGS mutations_sync=1")
    assert world.everything() == before
    assert sealer.run(NOW_MS + 1_000).sealed == 0


def test_the_seal_of_the_day_takes_their_place(world: World) -> None:
    fill(world, 20 * HOUR, DAY + HOUR + 600)
    world.reach(DAY - 1)
    sealer = world.sealer()
    assert sealer.run(NOW_MS).sealed == 3
    world.reach(DAY + HOUR, tile=1)
    before = world.everything()
    assert len(before["telemetry_1d"]) == 1
    assert sealer.run(NOW_MS + 1_000).sealed == 2
    assert (DAY, 0) in lengths(world)
    assert (HOUR, DAY) in lengths(world)
    assert world.everything() == before
    assert sealer.run(NOW_MS + 1_000 + READER_MS).dropped == 3 * len(TABLES)
    assert lengths(world) == [(HOUR, DAY), (DAY, 0)]
    assert {seal.start_s - START_S for _, seal in world.tables.placed()} == {0, DAY}
    assert world.everything() == before


def test_a_day_of_one_hour_keeps_its_rows_when_its_hours_go(world: World) -> None:
    fill(world, 0, HOUR)
    world.reach(2 * HOUR)
    sealer = world.sealer()
    sealer.run(NOW_MS)
    [hour] = {seal for _, seal in world.tables.placed()}
    world.reach(DAY, tile=1)
    before = world.everything()
    assert sealer.run(NOW_MS + 1_000).sealed == 1
    assert sealer.run(NOW_MS + 1_000 + READER_MS).dropped == 0
    assert {seal for _, seal in world.tables.placed()} == {hour}, "the same tiles, so the same seal"
    assert world.everything() == before


def test_a_late_row_seals_its_hour_again_and_that_alone(world: World) -> None:
    fill(world, 0, 2 * HOUR)
    world.reach(2 * HOUR)
    sealer = world.sealer()
    assert sealer.run(NOW_MS).sealed == 2
    world.write(minute(world, 0, tile=9, n=1_000))
    assert sealer.run(NOW_MS + 30_000).sealed == 0
    assert 1_000 not in {n // 1_000 * 1_000 for (n,) in world.seen("n")}
    assert sealer.run(NOW_MS + 10 * MINUTE_MS).sealed == 1
    assert max(n for (n,) in world.seen("n")) > 1_000
    assert len(world.tables.placed()) == 3 * len(TABLES)
    sealer.sweep(NOW_MS + 10 * MINUTE_MS + READER_MS)
    assert len(world.tables.placed()) == 2 * len(TABLES)


def test_another_tenant_of_the_day_is_seen_at_once_when_its_hours_are_unsealed(world: World) -> None:
    fill(world, 0, 2 * HOUR)
    world.reach(2 * HOUR)
    sealer = world.sealer()
    sealer.run(NOW_MS)
    world.write(minute(world, 0, tenant="u", tile=9))
    assert {tenant for (tenant,) in world.seen("tenant")} == {"t"}
    unseal_hours(world.tables)
    before = world.everything()
    assert {tenant for (tenant,) in world.seen("tenant")} == {"t", "u"}
    assert world.sealer().run(NOW_MS + 1).sealed == 2
    assert world.everything() == before
    sealer.sweep(NOW_MS + 1 + READER_MS)
    assert len(world.tables.placed()) == 2 * len(TABLES)


def test_hours_of_a_day_that_is_sealed_are_left_alone(world: World) -> None:
    fill(world, 0, DAY)
    world.reach(DAY)
    sealer = world.sealer()
    assert sealer.run(NOW_MS).sealed == 1
    assert lengths(world) == [(DAY, 0)]
    world.write(minute(world, 0, tile=9, n=1_000))
    assert sealer.run(NOW_MS + DAY_MS).sealed == 1
    assert lengths(world) == [(DAY, 0)]


@pytest.mark.parametrize("step", ["build", "place", "commit"])
def test_an_hour_whose_sealing_was_ended_anywhere_is_done_again(world: World, step: str) -> None:
    fill(world, 0, HOUR)
    world.reach(HOUR)
    before, hours = world.everything(), world.cut().hours
    assert hours is not None
    [seal] = world.tables.fingerprints(hours, 20260529)
    world.tables.build(hours, seal, "ended")
    if step != "build":
        world.tables.place(seal, "ended")
    if step == "commit":
        world.tables.commit(hours, seal, NOW_MS)
    assert world.everything() == before
    assert world.sealer().run(NOW_MS + 1).sealed == (step != "commit")
    assert world.everything() == before
    assert [placed for _, placed in world.tables.placed()] == [Seal(START_S, STANDARD.generation, seal.version)] * 3
    world.tables.discard("ended")


def test_readers_see_every_hour_once_at_any_moment(world: World) -> None:
    fill(world, 0, 4 * HOUR)
    total = f"SELECT * FROM ({TOTALS.format(database=public_of(world.store.address.database))}) ORDER BY view"
    sealer = world.sealer()
    world.reach(3 * HOUR)
    truth = tuple(world.store.ask(total))
    with reading(world.store.address, total) as seen:
        assert sealer.run(NOW_MS).sealed == 3
    assert seen == {truth}
    world.reach(DAY, tile=1)
    truth = tuple(world.store.ask(total))
    with reading(world.store.address, total) as seen:
        assert sealer.run(NOW_MS + 1_000).sealed == 1
        assert sealer.run(NOW_MS + 1_000 + READER_MS).dropped == 3 * len(TABLES)
    assert seen == {truth}
