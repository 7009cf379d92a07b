"""The manifest: what readers count is what is committed, published once, and never by an older profile."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.seal import READER_MS, Retention
from agents.seal_tables import TABLES, SealTables
from agents.warehouse import manifest
from agents.warehouse.client import Warehouse, WarehouseError
from streams.profile import DAY_MS, DEMO, HOUR_MS, STANDARD
from tests.agents.sealing_world import NOW_MS, PERIOD_S, START_S, World

pytestmark = pytest.mark.integration

HOUR, DAY = HOUR_MS // 1000, DAY_MS // 1000
SEAL_COLUMNS = ("profile", "period_s", "period_start", "generation", "seal")


@pytest.fixture
def world(store: Warehouse) -> World:
    return World(store)


@pytest.fixture
def daily(store: Warehouse) -> World:
    return World(store, profile=STANDARD)


def publish(world: World) -> bool:
    with world.store.lend() as client:
        return manifest.publish(client, world.store.address.database)


def due(world: World, columns: str) -> tuple[Any, ...]:
    [row] = world.store.ask(f"SELECT {columns} FROM telemetry_manifest_due")
    return row


def commit(world: World, days: Sequence[int], hours: Sequence[int]) -> None:
    world.store.command("TRUNCATE TABLE seals")
    rows = [(DAY, START_S + DAY * day) for day in days] + [(HOUR, START_S + HOUR * hour) for hour in hours]
    profile = world.profile
    world.store.insert_rows("seals", SEAL_COLUMNS, [(profile.name, *row, profile.generation, 1) for row in rows])


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(0, 4)), st.sets(st.integers(0, 6 * 24 - 1), max_size=60))
def test_the_run_and_what_lies_before_it_are_what_is_sealed(daily: World, days: set[int], hours: set[int]) -> None:
    commit(daily, sorted(days), sorted(hours))
    hours = {hour for hour in hours if hour // 24 not in days}
    sealed = hours | {24 * day + n for day in days for n in range(24)}
    end = max(sealed) + 1 if sealed else 0
    begin = next((h + 1 for h in range(end - 1, -1, -1) if h not in sealed), 0)
    times = "toUnixTimestamp(run_from), toUnixTimestamp(run_until)"
    before_days = [20260529 + day if day < 3 else 20260601 + day - 3 for day in sorted(days) if 24 * day < begin]
    assert due(daily, f"{times}, arrayMap(x -> toUnixTimestamp(x), parts_before_run), days_before_run") == (
        *((START_S + HOUR * begin, START_S + HOUR * end) if sealed else (0, 0)),
        [START_S + HOUR * hour for hour in sorted(hours) if hour < begin],
        before_days,
    )
    assert due(daily, "length(seals), length(whole), length(parts)") == (
        len(days) + len(hours),
        len(days),
        len(hours),
    )


def test_gaps_between_what_is_sealed_are_read_from_tiles(daily: World) -> None:
    moments = (0, DAY + 5 * HOUR, 2 * DAY, 3 * DAY + HOUR, 3 * DAY + 2 * HOUR, 3 * DAY + 4 * HOUR)
    daily.write(*(daily.tile(at_s, window_s=60, n=10 + number) for number, at_s in enumerate(moments)))
    daily.reach(3 * DAY + 6 * HOUR)
    before = daily.everything()
    assert [n for (n,) in daily.seen("n")] == [10, 11, 12, 13, 14, 15]
    kept = Retention(base_ms=90 * DAY_MS)
    daily.sealer(kept).run(NOW_MS + 9 * DAY_MS)
    assert daily.everything() == before
    for gone in ([DAY], [3 * DAY + HOUR], [DAY, 3 * DAY + HOUR], [0, 3 * DAY + 2 * HOUR]):
        starts = ", ".join(str(START_S + at_s) for at_s in gone)
        daily.store.command(
            f"ALTER TABLE seals DELETE WHERE toUnixTimestamp(period_start) IN ({starts}) SETTINGS mutations_sync = 1"
        )
        assert publish(daily)
        assert daily.everything() == before
        assert daily.sealer(kept).run(NOW_MS + 10 * DAY_MS).sealed == len(gone)
        assert daily.everything() == before


def test_it_is_written_only_when_there_is_news(world: World) -> None:
    rows = "SELECT count() FROM telemetry_manifest"
    before = world.store.ask(rows)
    assert not publish(world)
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    world.sealer().run(NOW_MS)
    assert not publish(world)
    world.store.command("OPTIMIZE TABLE telemetry_manifest FINAL")
    assert world.store.ask(rows) == before
    assert world.store.ask("SELECT length(seals) FROM telemetry_manifest FINAL") == [(1,)]


def test_a_row_that_was_made_from_an_older_profile_never_counts(world: World) -> None:
    world.use(replace(DEMO, generation=DEMO.generation + 1))
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    assert world.seen("n") == [(10,)]
    # As if whoever made the row before had been held up until now.
    world.store.command(
        "INSERT INTO telemetry_manifest SELECT * REPLACE (scales_at - toIntervalSecond(1) AS scales_at, "
        "toUInt16(generation - 1) AS generation, written_at + toIntervalHour(1) AS written_at) FROM telemetry_manifest"
    )
    assert world.seen("n") == [(10,)]


def test_a_clock_that_was_set_back_hides_nothing(world: World) -> None:
    world.store.command(
        "INSERT INTO telemetry_manifest "
        "SELECT * REPLACE (written_at + toIntervalDay(1) AS written_at) FROM telemetry_manifest"
    )
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    world.sealer().run(NOW_MS)
    world.store.command("TRUNCATE TABLE tiles")
    assert world.seen("n") == [(10,)]


class _Interrupted(SealTables):
    """Dies between a commit and its publication."""

    def publish(self) -> bool:
        raise WarehouseError("gone", is_retryable=True)


def test_what_was_committed_and_not_published_is_published_first_and_nothing_is_dropped_under_a_reader(
    world: World,
) -> None:
    world.write(world.tile(0))
    world.reach(PERIOD_S)
    world.sealer().run(NOW_MS)
    world.write(world.tile(0, tile=1, n=5))
    cut = world.cut()
    [seal] = world.tables.fingerprints(cut, 20260529)
    world.tables.build(cut, seal, "again")
    world.tables.place(seal, "again")
    world.tables.discard("again")
    with pytest.raises(WarehouseError):
        _Interrupted(world.store).commit(cut, seal, NOW_MS)
    assert world.seen("n") == [(10,)]
    sealer = world.sealer()
    later_ms = NOW_MS + 9 * READER_MS
    assert sealer.run(later_ms).dropped == 0, "until now it has been read"
    assert world.seen("n") == [(15,)]
    assert sealer.run(later_ms + READER_MS - 1).dropped == 0
    assert sealer.run(later_ms + READER_MS).dropped == len(TABLES)
    assert world.seen("n") == [(15,)]
