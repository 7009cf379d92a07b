"""Ends of life: every table has one line about it, the page shows it, and the expirer takes out what is due only."""

from pathlib import Path
from typing import Any

import pytest

from agents.expire import Expirer
from agents.records import COLUMNS, PROGRESS_COLUMNS
from agents.release_tables import hidden_id
from agents.warehouse.client import Warehouse
from agents.warehouse.lifetimes import BUNDLED_MS, LEDGER_MS, LIFETIMES, RAW_MS, as_table, keep_ms
from streams.profile import DAY_MS, PROFILES
from streams.release_rules import MAX_DEADLINE_MS
from tests.agents.test_release import INCARNATION, RULE, T0, Lane, answer, releaser, summary

FAR_MS = T0 + 10_000 * DAY_MS
PAGE = Path(__file__).parents[2] / "docs" / "retention.md"


@pytest.mark.integration
def test_every_table_has_a_lifetime(store: Warehouse) -> None:
    tables = store.ask("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'")
    assert {name for (name,) in tables} == set(LIFETIMES)
    for one in LIFETIMES.values():
        if one.since:
            known = "SELECT type FROM system.columns WHERE database = currentDatabase() AND table = {t:String}"
            types = dict(store.ask(known.replace("type FROM", "name, type FROM"), {"t": one.table}))
            assert "DateTime64" in types[one.since], one.table


def test_the_page_shows_them() -> None:
    assert as_table() in PAGE.read_text()


def test_lives_fit_together() -> None:
    longest_ms = max(level.wait_ms for profile in PROFILES.values() for level in profile.bundle_levels)
    assert longest_ms < BUNDLED_MS
    assert max(level.wait_ms for profile in PROFILES.values() for level in profile.levels) < RAW_MS < LEDGER_MS
    assert max(profile.deadline_ms for profile in PROFILES.values()) <= MAX_DEADLINE_MS < RAW_MS
    assert keep_ms("erasures") > LEDGER_MS  # as long as anything can come back that was erased


def count(store: Warehouse, table: str) -> int:
    return int(store.ask(f"SELECT count() FROM {table} FINAL")[0][0])


@pytest.fixture
def lane(store: Warehouse) -> Lane:
    return Lane(store)


def reach(store: Warehouse, at_ms: int) -> None:
    store.insert_rows("records_progress", PROGRESS_COLUMNS, [(INCARNATION, 0, 1, at_ms, 0, 0, at_ms)])


@pytest.mark.integration
def test_a_released_answer_goes_and_never_comes_into_a_second_block(store: Warehouse, lane: Lane) -> None:
    events: list[Any] = [(T0, answer(n)) for n in range(5)]
    lane.store([*events, (T0, answer(9, country="XX"))])
    lane.reach(T0 + RULE.epoch_ms + 3_000)
    agent = releaser(store)
    agent.step()
    published = summary(store)
    assert len(published) == 1
    expirer = Expirer(store)
    assert expirer.run(FAR_MS) == {}

    reach(store, T0 + RAW_MS + DAY_MS)
    assert expirer.run(FAR_MS) == {"feedback": 6, "release_details": 1}
    assert (count(store, "feedback"), count(store, "release_members")) == (0, 5)
    reach(store, T0 + LEDGER_MS + DAY_MS)
    assert expirer.run(FAR_MS) == {"release_members": 5}
    assert expirer.run(FAR_MS) == {}
    rows = store.ask("SELECT answer, block FROM release_members FINAL ORDER BY ALL")
    assert rows == sorted((hidden_id("t", f"t-r{n}"), "") for n in range(5))

    late_ms = T0 + LEDGER_MS + DAY_MS
    lane.store([(late_ms, answer(n, revision=1)) for n in range(5)])
    reach(store, late_ms + 10 * RULE.epoch_ms)
    releaser(store).step()
    assert summary(store) == published


@pytest.mark.integration
def test_a_member_stays_while_its_answer_does(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(5)])
    lane.reach(T0 + RULE.epoch_ms + 3_000)
    releaser(store).step()
    lane.store([(T0 + LEDGER_MS, answer(0, revision=1))])
    reach(store, T0 + LEDGER_MS + DAY_MS)
    assert Expirer(store).run(FAR_MS) == {"feedback": 5, "release_details": 1, "release_members": 4}
    assert ("t-r0",) in store.ask("SELECT answer FROM release_members")


@pytest.mark.integration
def test_details_stay_until_they_are_bundled(store: Warehouse) -> None:
    def details(block: str, age_ms: int) -> None:
        epoch_ms = T0 - age_ms
        store.insert_rows("release_details", ("tenant", "epoch", "run", "block"), [("t", epoch_ms, "r", block)])

    details("young", DAY_MS)
    details("waits", BUNDLED_MS + DAY_MS)
    details("bundled", BUNDLED_MS + DAY_MS)
    details("withdrawn", BUNDLED_MS + DAY_MS)
    details("stray", BUNDLED_MS + DAY_MS)
    details("old", RAW_MS + DAY_MS)
    store.insert_rows(
        "release_bundled",
        ("tenant", "block", "epoch", "run", "bundle"),
        [("t", "bundled", T0, "q", "b"), ("t", "stray", T0, "not marked", "c")],
    )
    store.insert_rows(
        "release_bundle_marks", ("tenant", "epoch", "run", "bundles", "blocks", "rule"), [("t", T0, "q", 1, 1, "")]
    )
    store.insert_rows("release_withdrawn", ("tenant", "block", "epoch", "reason"), [("t", "withdrawn", T0, "")])
    reach(store, T0)
    assert Expirer(store).run(FAR_MS) == {"release_details": 3}
    left = {row[0] for row in store.ask("SELECT block FROM release_details")}
    assert left == {"young", "waits", "stray"}


@pytest.mark.integration
def test_plain_tables_lose_what_is_past_its_life(store: Warehouse) -> None:
    young_ms, old_ms = T0 - DAY_MS, T0 - 401 * DAY_MS
    for table, key in (("tickets", "ticket_id"), ("invitations", "invitation_id"), ("erasures", "erasure_id")):
        assert key in COLUMNS[table]
        store.insert_rows(table, ("tenant", key, "log_time"), [("t", "young", young_ms), ("t", "old", old_ms)])
    times = [("t", name, old_ms) for name in ("young", "old")]  # both were sent long ago, one was corrected since
    store.insert_rows("invitation_times", ("tenant", "invitation_id", "log_time"), times)
    store.insert_rows("quarantine", ("topic", "offset", "recorded_at"), [("x", 1, young_ms), ("x", 2, old_ms)])
    reach(store, T0)
    assert Expirer(store).run(old_ms) == {}  # a log that is ahead of the clock ends nothing
    gone = {"tickets": 1, "invitations": 1, "erasures": 1, "quarantine": 1, "invitation_times": 1}
    assert Expirer(store).run(FAR_MS) == gone
    assert store.ask("SELECT invitation_id FROM invitation_times") == [("young",)]
