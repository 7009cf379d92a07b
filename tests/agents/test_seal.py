"""Sealing: readers see every period once at any moment, whatever is sealed, sealed again, ended half-way or dropped."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat

import pytest

from agents.seal import READER_MS, Retention
from agents.seal_tables import TABLES, Cut, Seal
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.profile import DAY_MS, DEMO, MINUTE_MS
from tests.agents.sealing_world import NEXT_LOG, NOW_MS, PERIOD_S, START_S, World, hashes, reading

pytestmark = pytest.mark.integration


@pytest.fixture
def world(store: Warehouse) -> World:
    return World(store)


def fill(world: World, periods: int = 3) -> None:
    """Windows of two tiles and two countries, late rows, and a country with too few devices."""
    world.write(
        *(
            world.tile(at_s, country=country, tile=tile, hi=100 + tile, late=tile, n=10 + at_s, devices=hashes(tile, 6))
            for at_s in range(0, periods * PERIOD_S, 20)
            for country in ("NO", "SE")
            for tile in (0, 1)
        ),
        *(world.tile(at_s, country="DK", devices=hashes(at_s, 2)) for at_s in range(0, periods * PERIOD_S, 20)),
    )


def test_what_readers_see_is_the_same_before_and_after(world: World) -> None:
    fill(world)
    world.reach(DAY_MS // 1000 + 60)
    before = world.everything()
    assert len(before["telemetry"]) == 18
    assert len(before["telemetry_1d"]) == 3
    done = world.sealer().run(NOW_MS)
    assert (done.sealed, done.waiting) == (3, 0)
    assert world.everything() == before
    world.store.command("TRUNCATE TABLE tiles")
    assert world.everything() == before


def test_bigger_windows_are_merged_from_the_smaller_and_may_show_who_was_too_few(world: World) -> None:
    fill(world, periods=16)
    world.reach(899)
    assert world.seen("window_start", "telemetry_15m") == []
    world.reach(900)
    world.sealer().run(NOW_MS)
    minutes = "country, n, late_n, value_min, value_max, value_sum, good_ms, devices, window_s"
    windows = range(0, 900, 20)
    n = sum(10 + at_s for at_s in windows)
    both = (2 * n, n, -1.5, 4.25, 2 * 20.0 * len(windows), 60 * len(windows), 5, 900)
    few = (10 * len(windows), 0, -1.5, 4.25, 20.0 * len(windows), 30 * len(windows), 90, 900)
    assert world.seen(minutes, "telemetry_15m") == [("DK", *few), ("NO", *both), ("SE", *both)]
    assert "DK" not in {country for (country,) in world.seen("country")}
    assert world.seen("country", "telemetry_1d") == []


def test_the_states_are_merged_whole(world: World) -> None:
    many = [hashes(300 * part, 256) for part in range(3)]
    world.write(
        *(
            world.tile(20 * part, hist_bucket=[1, part + 2], hist_count=[4, 6], devices=devices)
            for part, devices in enumerate(many)
        )
    )
    world.reach(PERIOD_S)
    world.sealer().run(NOW_MS)
    found = world.store.ask("SELECT n, sum, sum_squares, hist_bucket, hist_count, devices FROM sealed_1d")
    smallest = sorted({h for part in many for h in part})[:256]
    assert found == [(30, 60_000, 150_000, [1, 2, 3, 4], [12, 6, 6, 6], smallest)]


def test_an_open_period_stays_hot_until_every_partition_has_passed_it(world: World) -> None:
    world.write(world.tile(0), world.tile(PERIOD_S), world.tile(PERIOD_S + 5))
    world.reach(2 * PERIOD_S, partitions=2)
    assert world.sealer().run(NOW_MS).sealed == 0
    world.reach(PERIOD_S + 6, partitions=2, partition=1)
    sealer = world.sealer()
    assert sealer.run(NOW_MS).sealed == 1
    assert world.seals() == [(0, DEMO.generation, 100)]
    assert len(world.seen("*")) == 2
    world.reach(2 * PERIOD_S, partitions=2, partition=1)
    assert sealer.run(NOW_MS).sealed == 1


def test_a_round_without_news_reads_no_tiles(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world)
    world.reach(3 * PERIOD_S)
    sealer = world.sealer()
    assert sealer.run(NOW_MS).sealed == 3
    asked: list[int] = []
    look = world.tables.fingerprints

    def note(cut: Cut, day: int) -> list[Seal]:
        asked.append(day)
        return look(cut, day)

    monkeypatch.setattr(world.tables, "fingerprints", note)
    assert sealer.run(NOW_MS + 1_000).sealed == 0
    assert asked == []
    world.write(world.tile(0, tile=7))
    assert sealer.run(NOW_MS + MINUTE_MS).sealed == 1
    assert asked


def test_a_seal_is_as_old_as_its_commit_and_not_as_its_round(world: World) -> None:
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    world.sealer().run(NOW_MS)
    world.write(world.tile(0, late=1, tile=3, hi=7, n=2))
    began_ms, took_s = NOW_MS + DEMO.period_ms, 25.0
    assert world.sealer(seconds=chain([5.0, 5.0], repeat(5.0 + took_s))).run(began_ms).sealed == 1
    committed_ms = began_ms + int(took_s * 1000)
    assert world.store.ask("SELECT toUnixTimestamp64Milli(max(sealed_at)) FROM seals") == [(committed_ms,)]
    assert world.sealer().run(committed_ms + READER_MS - 1).dropped == 0
    assert world.sealer().run(committed_ms + READER_MS).dropped == len(TABLES)


def test_late_rows_seal_a_period_again_but_not_at_every_drop(world: World) -> None:
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    sealer = world.sealer()
    sealer.run(NOW_MS)
    world.write(world.tile(0, late=1, tile=3, hi=7, n=2))
    done = sealer.run(NOW_MS + 1_000)
    assert (done.sealed, done.waiting) == (0, 1)
    assert world.seen("n, late_n") == [(10, 0)]
    done = sealer.run(NOW_MS + DEMO.period_ms)
    assert (done.sealed, done.waiting) == (1, 0)
    assert world.seen("n, late_n") == [(12, 2)]
    world.write(world.tile(0, late=1, tile=3, hi=7, n=2))
    assert sealer.run(NOW_MS + 2 * DEMO.period_ms).sealed == 0


def ended_after(world: World, step: str) -> None:
    """Do what a round does up to a step, as if it had been killed there."""
    cut, stage = world.cut(), "ended"
    [seal] = world.tables.fingerprints(cut, 20260529)
    steps: dict[str, Callable[[], None]] = {
        "build": lambda: world.tables.build(cut, seal, stage),
        "place": lambda: world.tables.place(seal, stage),
        "commit": lambda: world.tables.commit(cut, seal, NOW_MS),
    }
    for name, do in steps.items():
        do()
        if name == step:
            return


@pytest.mark.parametrize("step", ["build", "place", "commit"])
def test_a_round_that_was_ended_anywhere_is_done_again(world: World, step: str) -> None:
    world.write(world.tile(0), world.tile(20))
    world.reach(PERIOD_S)
    before = world.everything()
    ended_after(world, step)
    assert world.everything() == before
    world.sealer().run(NOW_MS + 1)
    assert world.everything() == before
    assert [seal for _, seal in world.tables.placed()] == [Seal(START_S, DEMO.generation, 200)] * 3
    left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'sealing_%'"
    assert world.store.ask(left) == [(3,)]
    world.tables.discard_abandoned(4_000_000_000_000)
    assert world.store.ask(left) == [(0,)]


def test_a_sealer_that_was_held_up_cannot_win_with_less(world: World) -> None:
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    cut = world.cut()
    [old] = world.tables.fingerprints(cut, 20260529)
    world.tables.build(cut, old, "slow")
    world.write(world.tile(0, tile=1, n=5))
    world.sealer().run(NOW_MS)
    world.tables.place(old, "slow")
    world.tables.commit(cut, old, NOW_MS + 5_000)
    assert world.seen("n") == [(15,)]
    world.sealer().run(NOW_MS + 2 * READER_MS)
    assert {seal.version for _, seal in world.tables.placed()} == {200}
    assert world.seen("n") == [(15,)]
    world.tables.discard("slow")


def test_replaced_rows_stay_for_those_who_still_read_them(world: World) -> None:
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    sealer = world.sealer()
    sealer.run(NOW_MS)
    world.write(world.tile(0, tile=1))
    again_ms = NOW_MS + DEMO.period_ms
    assert sealer.run(again_ms).sealed == 1
    assert sealer.sweep(again_ms + READER_MS - 1) == 0
    assert len(world.tables.placed()) == 6
    assert sealer.sweep(again_ms + READER_MS) == 3
    assert {seal.version for _, seal in world.tables.placed()} == {200}


def test_readers_see_every_period_once_at_any_moment(world: World) -> None:
    fill(world, periods=4)
    world.reach(4 * PERIOD_S)
    database = public_of(world.store.address.database)
    total = f"SELECT count(), sum(n), sum(attempted_ms) FROM {database}.telemetry"
    truth = tuple(world.store.ask(total))
    with reading(world.store.address, total) as seen:
        sealer = world.sealer()
        assert sealer.run(NOW_MS).sealed == 4
    assert seen == {truth}
    truths = {truth}
    with reading(world.store.address, total) as seen:
        for turn in range(1, 4):
            # The same figures under a larger `hi`: a new seal of the same truth, and one window that grows by one.
            world.write(world.tile(0, country="NO", n=10 + turn, hi=1_000 * turn, devices=hashes(0, 6)))
            assert sealer.run(NOW_MS + turn * DEMO.period_ms).sealed == 1
            truths.add(tuple(world.store.ask(total)))
    assert len(truths) == 4
    assert seen <= truths


def test_lives_end_at_midnight_and_only_for_what_is_sealed(world: World) -> None:
    fill(world, periods=2)
    world.reach(2 * PERIOD_S)
    sealer = world.sealer(Retention(base_ms=2 * DAY_MS, quarter_ms=5 * DAY_MS, tiles_ms=3 * DAY_MS))
    days = DAY_MS // 1000
    world.reach(3 * days - 1)
    before = world.everything()
    assert sealer.expire(NOW_MS + 90 * DAY_MS) == 0  # nothing is sealed, and the log's clock counts
    sealer.run(NOW_MS + 90 * DAY_MS)
    assert world.everything() == before
    world.reach(3 * days)
    assert sealer.expire(NOW_MS + 90 * DAY_MS) == 2
    assert world.seen("n") == []
    assert world.seen("*", "telemetry_15m") == before["telemetry_15m"]
    world.reach(4 * days)
    assert sealer.expire(NOW_MS + 90 * DAY_MS) == 1
    assert world.store.ask("SELECT count() FROM tiles") == [(0,)]
    assert world.seen("*", "telemetry_15m") == before["telemetry_15m"]
    world.reach(6 * days)
    sealer.run(NOW_MS + 90 * DAY_MS)
    assert world.seen("n", "telemetry_15m") == []
    assert world.seen("*", "telemetry_1d") == before["telemetry_1d"]


def test_tiles_stay_while_their_period_is_not_sealed_and_a_sealed_one_is_never_built_from_the_rest(
    world: World,
) -> None:
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    sealer = world.sealer()
    world.reach(17 * DAY_MS // 1000)
    far_ms = NOW_MS + 90 * DAY_MS
    assert sealer.expire(far_ms) == 0
    coming = world.profile.generation + 1
    world.write(world.tile(0, generation=coming))
    sealer.run(far_ms)
    assert world.store.ask("SELECT count() FROM tiles") == [(2,)]
    world.store.command(f"ALTER TABLE tiles DELETE WHERE generation = {coming} SETTINGS mutations_sync = 1")
    sealer.run(far_ms)
    assert world.store.ask("SELECT count() FROM tiles") == [(0,)]
    world.write(world.tile(0, tile=9, hi=10**9, n=1))
    sealer.run(far_ms + DAY_MS)
    assert world.seen("n", "telemetry_1d") == [(10,)]


def test_another_generation_takes_over_the_periods_that_it_holds_whole(world: World) -> None:
    world.write(world.tile(0), world.tile(PERIOD_S), world.tile(2 * PERIOD_S))
    world.reach(3 * PERIOD_S)
    world.sealer().run(NOW_MS)
    world.use(replace(DEMO, generation=DEMO.generation + 1))
    assert world.seen("n") == [(10,), (10,), (10,)]  # nothing of it is closed yet
    world.write(world.tile(PERIOD_S, n=4), world.tile(2 * PERIOD_S, n=5))
    # Its log begins in the middle of the second period.
    world.reach(PERIOD_S + 30, first=50, arrival=(START_S + PERIOD_S + 30) * 1000)
    world.reach(3 * PERIOD_S, tile=1, first=90)
    world.sealer().run(NOW_MS + MINUTE_MS)
    assert world.seen("n") == [(10,), (10,), (5,)]
    world.sealer().run(NOW_MS + 5 * MINUTE_MS)
    assert world.seen("n") == [(10,), (10,), (5,)]


def test_a_generation_that_read_the_whole_log_takes_over_everything(world: World) -> None:
    world.write(world.tile(0), world.tile(PERIOD_S))
    world.reach(2 * PERIOD_S)
    world.sealer().run(NOW_MS)
    world.use(replace(DEMO, generation=DEMO.generation + 1))
    world.write(world.tile(0, n=4), world.tile(PERIOD_S, n=5))
    world.reach(2 * PERIOD_S)
    world.reach(2 * PERIOD_S, incarnation=NEXT_LOG, first=70)
    world.sealer().run(NOW_MS + MINUTE_MS)
    assert world.seen("n") == [(4,), (5,)]
    assert len(world.tables.placed()) == 2 * 2 * len(TABLES)
