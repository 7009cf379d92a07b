"""Response rates on the embedded ClickHouse: what is published, whatever dies, comes twice, late or is erased."""

import contextlib
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agents.cohort import Cohorts
from agents.cohort_tables import CohortTables
from agents.records import COLUMNS
from agents.release import Releaser, Superseded
from agents.release_tables import ReleaseTables
from agents.warehouse.client import Address, Warehouse, WarehouseError
from streams.blocks import rule_of
from streams.cohorts import CohortRule, cohort_rule_of
from streams.erasures import subject_of
from streams.events import Erasure, Invitation
from streams.judging.watermelon import Kept, wilson
from streams.profile import DEMO
from streams.records import TABLES, TIMES, TIMES_COLUMNS, times_row, to_row
from tests.agents.test_release import SECRET, Lane, Mortal

pytestmark = pytest.mark.integration

RULE = cohort_rule_of(DEMO, rule_of(DEMO))
DAY_MS = RULE.cohort_ms
T0 = 1_780_000_000_000 // DAY_MS * DAY_MS
DUE_MS = RULE.epoch_of(T0 + DAY_MS)
END_MS = T0 + 20 * DAY_MS

Events = Sequence[tuple[int, Invitation]]


def invitation(number: int, outcome: str = "pending", **changes: Any) -> Invitation:
    known: dict[str, Any] = {"tenant": "t", "person": f"p{number}", "revision": 0 if outcome == "pending" else 1}
    return Invitation(
        event_id=f"e{number}{outcome}", source="s", event_time_ms=T0, invitation_id=f"i{number}", outcome=outcome,  # type: ignore[arg-type]
        **{**known, **changes},
    )  # fmt: skip


class Post(Lane):
    """Writes what the records agent would have stored, of invitations."""

    def send(self, events: Events) -> None:
        rows = []
        for stamp_ms, event in events:
            self._offset += 1
            rows.append(to_row(event, stamp_ms=stamp_ms, offset=self._offset))
        self._warehouse.insert_rows("invitations", COLUMNS["invitations"], rows)
        times = [found for row in rows if (found := times_row(row)) is not None]
        self._warehouse.insert_rows(TIMES, TIMES_COLUMNS, times)


@pytest.fixture
def lane(store: Warehouse) -> Post:
    return Post(store)


def releaser(store: Warehouse, rule: CohortRule = RULE, tables: type[CohortTables] = CohortTables) -> Releaser:
    return Releaser(ReleaseTables(store), rule_of(DEMO), SECRET, Cohorts(tables(store), rule))


def published(store: Warehouse) -> list[tuple[Any, ...]]:
    """What the view has: tenant, start, end and epoch from `T0` on, invited, answered."""
    times = ", ".join(f"toUnixTimestamp64Milli({name}) - {T0}" for name in ("cohort_start", "cohort_end", "epoch"))
    sql = f"SELECT tenant, {times}, invited, answered FROM {store.address.database}_pub.response_rates ORDER BY ALL"
    return store.ask(sql)


def asked(number: int, at_ms: int, answered_ms: int = 0, **changes: Any) -> list[tuple[int, Invitation]]:
    found = [(at_ms, invitation(number, **changes))]
    return [*found, (answered_ms, invitation(number, "answered", **changes))] if answered_ms else found


def crowd(people: int, answered: int, at_ms: int = T0, first: int = 0) -> list[tuple[int, Invitation]]:
    return [
        event
        for n in range(first, first + people)
        for event in asked(n, at_ms + n % 50, at_ms + 5_000 if n < first + answered else 0)
    ]


def traffic(seed: int) -> list[tuple[int, Invitation]]:
    """Two minutes of invitations of two tenants: answered in time, late, dismissed or left."""
    chance = random.Random(seed)
    found: list[tuple[int, Invitation]] = []
    for number in range(220):
        at_ms = T0 + chance.randrange(120_000)
        who = {"tenant": chance.choice(["t", "t", "u"]), "person": f"p{chance.randrange(150)}"}
        end_ms = at_ms + 1 + chance.randrange(2 * RULE.deadline_ms)
        found.append((at_ms, invitation(number, chance.choice(["pending", "shown"]), revision=0, **who)))
        found.append((end_ms, invitation(number, chance.choice(["shown", "answered", "expired"]), revision=1, **who)))
        if chance.random() < 0.2:
            found.append((end_ms + 9_000, invitation(number, "answered", revision=2, **who)))
    return sorted(found, key=lambda pair: pair[0])


def expected(events: Events) -> list[tuple[Any, ...]]:
    """What is to be published, worked out without tables, agent or rule."""
    rows: list[tuple[Any, ...]] = []
    for tenant in ("t", "u"):
        mine = [(at_ms, one) for at_ms, one in events if one.tenant == tenant]
        first: dict[str, tuple[int, str]] = {}
        for at_ms, one in mine:
            if one.outcome != "answered":
                first.setdefault(one.invitation_id, (at_ms, one.person))
        start = min(at_ms for at_ms, _ in first.values()) // DAY_MS * DAY_MS
        for end in range(start + DAY_MS, END_MS - 2 * RULE.deadline_ms, DAY_MS):
            people: dict[str, tuple[int, str]] = {}
            for name, (at_ms, person) in sorted(first.items(), key=lambda item: (item[1][0], item[0])):
                if start <= at_ms < end:
                    people.setdefault(person, (at_ms, name))
            if len(people) >= RULE.people:
                limits = {name: at_ms + RULE.deadline_ms for at_ms, name in people.values()}
                came = {one.invitation_id for at_ms, one in mine if one.outcome == "answered"
                        and at_ms <= limits.get(one.invitation_id, 0)}  # fmt: skip
                epoch = RULE.epoch_of(end)
                rows.append((tenant, start - T0, end - T0, epoch - T0, len(people), len(came)))
                start = end
    return rows


def test_looking_all_the_time_and_catching_up_publish_what_is_expected(store: Warehouse, lane: Post) -> None:
    events = traffic(1)
    wanted = expected(events)
    assert len(wanted) > 6
    assert min(row[4] for row in wanted) >= RULE.people
    assert any(row[2] - row[1] > DAY_MS for row in wanted)  # some had to wait for people
    assert 0 < sum(row[5] for row in wanted) < sum(row[4] for row in wanted)
    agent, sent = releaser(store), 0
    for at_ms in range(T0, END_MS, 2 * DAY_MS):
        due = [pair for pair in events[sent:] if pair[0] <= at_ms]
        sent += len(due)
        lane.send(due)
        lane.reach(at_ms + 1)
        agent.step()
        assert published(store) == [row for row in wanted if row[3] <= at_ms - T0]
    store.command("TRUNCATE TABLE release_cohorts")
    releaser(store).step()
    assert published(store) == wanted


@pytest.mark.parametrize("has_written", [False, True], ids=["before", "after"])
def test_death_at_each_write_changes_nothing_published(
    store: Warehouse, lane: Post, migrated: Address, has_written: bool
) -> None:
    lane.send(traffic(2))
    lane.reach(END_MS)
    wanted, deaths = expected(traffic(2)), 0
    while dies(Mortal(migrated, dies_at=1 + deaths % 2, has_written=has_written)):
        deaths += 1
        assert published(store) == wanted[: len(published(store))]
    assert deaths >= len(wanted) // 2
    assert published(store) == wanted


def dies(mortal: Mortal) -> bool:
    """Let an agent work until it dies or has nothing left to do."""
    with contextlib.closing(mortal), contextlib.suppress(WarehouseError):
        releaser(mortal).step()
        return False
    return True


def test_what_comes_after_the_deadline_is_corrected_or_erased_changes_nothing(store: Warehouse, lane: Post) -> None:
    lane.send(crowd(RULE.people, 7))
    lane.reach(DUE_MS)
    agent = releaser(store)
    agent.step()
    assert published(store) == []
    lane.reach(DUE_MS + 1)
    agent.step()
    before = [("t", 0, DAY_MS, DUE_MS - T0, RULE.people, 7)]
    assert published(store) == before
    lane.send([(DUE_MS + 5, invitation(9, "answered", revision=1)), (DUE_MS + 5, invitation(0, "expired", revision=2))])
    lane.send(asked(99, T0 + 10))  # arrived long after its timestamp
    erase(store, "p3", DUE_MS + 6)
    store.command("ALTER TABLE invitation_times DELETE WHERE person = 'p3' SETTINGS mutations_sync = 2")
    lane.send(crowd(RULE.people, 20, T0 + 2 * DAY_MS, first=200))
    lane.reach(END_MS)
    for one in (agent, releaser(store)):
        one.step()
        after = ("t", DAY_MS, 3 * DAY_MS, RULE.epoch_of(T0 + 3 * DAY_MS) - T0, RULE.people, 20)
        assert published(store) == [*before, after]


def erase(store: Warehouse, person: str, at_ms: int) -> None:
    one = Erasure(
        event_id="x", tenant="t", source="s", event_time_ms=at_ms, revision=0,
        erasure_id=f"x-{person}", subject=subject_of("t", person),
    )  # fmt: skip
    store.insert_rows("erasures", TABLES[Erasure].columns, [to_row(one, stamp_ms=at_ms, offset=0)])


def test_who_is_erased_before_does_not_count_and_the_cohort_waits_for_somebody_else(
    store: Warehouse, lane: Post
) -> None:
    lane.send(crowd(RULE.people, RULE.people))
    erase(store, "p3", T0 + 9_000)
    lane.reach(DUE_MS + 1)
    agent = releaser(store)
    agent.step()
    assert published(store) == []
    lane.send(asked(500, T0 + DAY_MS))
    lane.reach(END_MS)
    agent.step()
    [row] = published(store)
    assert row[1:3] == (0, 2 * DAY_MS)
    assert row[4:] == (RULE.people, RULE.people - 1)


def test_an_invitation_of_which_only_the_outcome_is_told_is_in_no_cohort(store: Warehouse, lane: Post) -> None:
    """Who answers would be in it, who does not would not."""
    lane.send([(T0 + n, invitation(n, "answered")) for n in range(100, 120)])
    lane.send(crowd(RULE.people, 1))
    lane.send([(T0 + 300, invitation(300, "answered")), (T0 + 400, invitation(300))])  # overtook its own sending
    lane.reach(END_MS)
    releaser(store).step()
    [row] = published(store)
    assert row[4:] == (RULE.people + 1, 2)


class Overtaken(CohortTables):
    """Another agent publishes the same cohort, with one invitation less, while this one is about to."""

    def publish(self, tenant: str, cohort: Any, answered: int, rule: str) -> None:
        super().publish(tenant, replace(cohort, members=cohort.members[1:]), answered, rule)
        super().publish(tenant, cohort, answered, rule)


def test_whoever_is_overtaken_goes_on_from_there(store: Warehouse, lane: Post) -> None:
    lane.send([*crowd(RULE.people + 1, 3), *crowd(RULE.people, 4, T0 + DAY_MS, first=100)])
    lane.reach(END_MS)
    with pytest.raises(Superseded):
        releaser(store, tables=Overtaken).step()
    assert [row[4:] for row in published(store)] == [(RULE.people, 3)]
    releaser(store).step()
    assert [row[4:] for row in published(store)] == [(RULE.people, 3), (RULE.people, 4)]


def test_a_second_write_of_everything_changes_nothing_and_the_rate_has_its_interval(
    store: Warehouse, lane: Post
) -> None:
    lane.send(crowd(40, 9))
    lane.send(crowd(40, 9))
    lane.reach(END_MS)
    releaser(store).step()
    store.command("INSERT INTO release_cohorts SELECT * EXCEPT marked_at, now64(6) AS marked_at FROM release_cohorts")
    [found] = store.ask(
        f"SELECT invited, answered, rate, lower, upper FROM {store.address.database}_pub.response_rates"
    )
    shares = wilson(Kept(made=9, tickets=40))
    assert shares is not None
    assert found == (40, 9, 9 / 40, pytest.approx(shares.lower), pytest.approx(shares.upper))
