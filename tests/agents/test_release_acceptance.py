"""The acceptance tests of the release rule on the published views themselves: nobody can read more from them than sums.

`tests/attack` holds them on the rule; here every view is read as it is, with ClickHouse between.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from agents.bundle import Bundler
from agents.bundle_tables import BundleTables
from agents.cohort import Cohorts
from agents.cohort_tables import CohortTables
from agents.judge_store import JudgeStore
from agents.metrics import MEANINGS
from agents.release import Releaser
from agents.release_tables import ReleaseTables
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of, write_profile
from streams.events import Feedback, Invitation
from streams.profile import STANDARD
from streams.release_rules import Rules
from tests.agents.test_cohort import Post, erase
from tests.agents.test_release import EPOCH_MS, RULE, SECRET, T0, Lane, answer, marks, published, releaser, summary
from tests.attack.inviting import COHORT_RULE, Invitations, cohort_rows, counted, make_invitations
from tests.attack.publishing import BUNDLE_RULE
from tests.attack.publishing import RULE as STANDARD_RULE
from tests.attack.traffic import DAY_MS, START_MS, TENANT, Traffic, make_traffic

pytestmark = pytest.mark.integration

TRAFFIC = make_traffic(per_day=50, days=2, seed=8)
INVITED = make_invitations(TRAFFIC, seed=8)
END_MS = START_MS + 9 * DAY_MS
COARSE = replace(STANDARD_RULE, epoch_ms=DAY_MS)  # each epoch that publishes is written by itself, and few do as well
COARSE_BUNDLES = replace(BUNDLE_RULE, grid=replace(BUNDLE_RULE.grid, epoch_ms=DAY_MS))
PERIOD = "from = '2026-03-01', to = '2026-03-20'"
WITH_PARAMETERS = (
    f"happiness_over({PERIOD}, slice = map())",
    f"happiness_over({PERIOD}, slice = map('country', 'c00'))",
    f"happiness_by({PERIOD}, by = ['country', 'service'])",
    f"lost_time_over({PERIOD}, slice = map())",
    f"lost_time_by({PERIOD}, by = ['service'])",
)
CLOCKED = ("data_quality",)
"""Views that tell ages, and so differ from one look to the next."""


@pytest.fixture
def lane(store: Warehouse) -> Lane:
    return Lane(store)


def events(traffic: Traffic) -> list[tuple[int, Feedback]]:
    found = []
    for one, score, lost in zip(traffic.answers(), traffic.score.tolist(), traffic.lost.tolist(), strict=True):
        known = answer(0, tenant=TENANT, person=one.person, score=score, lost_minutes=None if lost < 0 else lost)
        country, _, _, service, channel, _, _ = one.labels
        event = msgspec.structs.replace(
            known, country=country, service=service, channel=channel, response_id=one.answer, event_id=one.answer
        )
        found.append((one.log_ms, event))
    return found


def letters(invitations: Invitations) -> list[tuple[int, Invitation]]:
    found = []
    rows = zip(invitations.asked(), invitations.after_ms.tolist(), strict=True)
    for one, after_ms in rows:
        known: dict[str, Any] = {"tenant": TENANT, "source": "s", "event_time_ms": one.log_ms, "person": one.person}
        sent = Invitation(**known, event_id=one.invitation, invitation_id=one.invitation, revision=0, outcome="pending")
        found.append((one.log_ms, sent))
        if after_ms >= 0:
            found.append((one.log_ms + after_ms, msgspec.structs.replace(sent, revision=1, outcome="answered")))
    return found


def shown(
    store: Warehouse, traffic: Traffic, until_ms: int = END_MS, invited: Invitations = INVITED
) -> dict[str, list[Any]]:
    """Release some answers into an empty warehouse and read all that anybody can."""
    for (table,) in store.ask("SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"):
        if table != "migrations":
            store.command(f"TRUNCATE TABLE {table}")
    with store.lend() as client:
        write_profile(client, store.address.database, STANDARD, now_ms=START_MS)
    lane = Post(store)
    lane.store([(at_ms, one) for at_ms, one in events(traffic) if at_ms <= until_ms])
    lane.send([(at_ms, one) for at_ms, one in letters(invited) if at_ms <= until_ms])
    lane.reach(until_ms + 1)
    bundler = Bundler(BundleTables(store), COARSE_BUNDLES, SECRET)
    rates = Cohorts(CohortTables(store), replace(COHORT_RULE, epoch_ms=DAY_MS))
    Releaser(ReleaseTables(store), COARSE, SECRET, bundler, rates).step()
    return read(store)


def read(store: Warehouse) -> dict[str, list[Any]]:
    public = public_of(store.address.database)
    known = "SELECT name FROM system.tables WHERE database = {d:String} AND create_table_query NOT LIKE {p:String}"
    plain = [name for (name,) in store.ask(known, {"d": public, "p": "%{%:%}%"}) if name not in CLOCKED]
    views = [*plain, *WITH_PARAMETERS]
    return {view: store.ask(f"SELECT * FROM {public}.{view} ORDER BY ALL") for view in views}


def members(store: Warehouse) -> list[list[int]]:
    rows = store.ask("SELECT groupArray(answer) FROM release_members FINAL GROUP BY block ORDER BY block")
    return [[int(name[1:]) for name in names] for (names,) in rows]


def swapped(traffic: Traffic, sets: Sequence[Sequence[int]]) -> Traffic:
    random = np.random.default_rng(4)
    order = np.arange(len(traffic))
    for some in sets:
        order[list(some)] = random.permutation(some)
    return traffic.with_values_of(order)


def other_outcomes(sets: Sequence[Sequence[int]]) -> Invitations:
    order = np.arange(len(INVITED))
    for some in sets:
        order[list(some)] = list(some)[::-1]
    return INVITED.with_outcomes_of(order)


def test_1_and_2_what_can_be_read_is_sums_of_released_blocks_and_nothing_else(store: Warehouse) -> None:
    traffic = replace(TRAFFIC, lost=np.abs(TRAFFIC.lost))  # everybody tells lost minutes: who does is presence
    before = shown(store, traffic)
    blocks = members(store)
    assert len(blocks) > 10
    for view in ("feedback_released", "happiness", "feedback_details", "response_rates", *WITH_PARAMETERS):
        assert before[view], view
    cohorts = [list(row.members) for row in cohort_rows(counted(INVITED))]
    assert shown(store, swapped(traffic, blocks), invited=other_outcomes(cohorts)) == before
    beyond = shown(
        store,
        swapped(traffic, [[one for block in blocks[:4] for one in block]]),
        invited=INVITED.with_outcomes_of(np.argsort(INVITED.after_ms, kind="stable")),
    )
    assert [view for view in ("happiness", "response_rates") if beyond[view] == before[view]] == []

    early_ms = START_MS + 2 * DAY_MS
    early = shown(store, traffic, early_ms)
    waiting = sorted(set(np.flatnonzero(traffic.log_ms <= early_ms).tolist()) - {n for b in members(store) for n in b})
    assert len(waiting) > 10
    score = traffic.score.copy()
    score[waiting] = 10 - score[waiting]
    all_answer = replace(INVITED, after_ms=np.full(len(INVITED), 1_000))
    assert shown(store, replace(traffic, score=score), early_ms, all_answer) == early


def test_5_sums_of_the_view_are_those_of_the_marks(store: Warehouse) -> None:
    view = shown(store, TRAFFIC)["feedback_released"]
    [(blocks, answers)] = store.ask("SELECT sum(blocks), sum(answers) FROM release_marks")
    [(known,)] = store.ask("SELECT uniqExact(answer) FROM release_members")
    assert (len(view), sum(row[-4] for row in view)) == (blocks, answers)
    assert known == answers


def test_8_metrics_name_no_slice_and_no_tenant() -> None:
    dimensions = {"tenant", "country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint"}
    assert not {label for meaning in MEANINGS.values() for label in meaning.labels} & {*dimensions, "person", "block"}


def test_2_that_somebody_waits_cannot_be_seen_in_freshness_or_verdicts(store: Warehouse, lane: Lane) -> None:
    freshness = f"SELECT as_of FROM {public_of(store.address.database)}.data_quality WHERE lane = 'feedback'"
    lane.store([(T0, answer(n)) for n in range(5)])
    lane.reach(T0 + EPOCH_MS + 1)
    releaser(store).step()
    lane.reach(T0 + 50 * EPOCH_MS)
    releaser(store).step()
    before, judged = store.ask(freshness), JudgeStore(store).epochs({"t": 0})
    assert len(before) == 1
    assert len(judged["t"]) > 1
    lane.store([(T0 + 100 * EPOCH_MS, answer(9))])
    lane.reach(T0 + 102 * EPOCH_MS + 1)
    releaser(store).step()
    assert store.ask(freshness) == before
    assert JudgeStore(store).epochs({"t": 0}) == judged  # or the verdicts would tell it


@pytest.mark.parametrize("is_late", [False, True], ids=["epoch by epoch", "all at once"])
def test_7_waiting_answers_of_the_erased_are_gone_from_the_epoch_on(
    store: Warehouse, lane: Lane, *, is_late: bool
) -> None:
    lane.store([(T0, answer(n)) for n in range(4)])  # four wait, and one of them is erased before the fifth comes
    lane.store([(T0 + EPOCH_MS, answer(n, country="SE")) for n in range(10, 15)])
    erase(store, "p0", T0 + EPOCH_MS + 1)
    lane.store([(T0 + 2 * EPOCH_MS, answer(4)), (T0 + 3 * EPOCH_MS, answer(5))])
    for epoch in range(1, 14) if not is_late else [13]:
        lane.reach(T0 + epoch * EPOCH_MS + 1)
        releaser(store).step()
    assert summary(store) == [("t", "SE", "mail", 5, 0, 0, 5), ("t", "NO", "mail", 5, 0, 0, 5)]
    assert {row[0] for row in store.ask("SELECT answer FROM release_members")} == {
        *(f"t-r{n}" for n in range(1, 6)), *(f"t-r{n}" for n in range(10, 15))
    }  # fmt: skip
    assert T0 + 2 * EPOCH_MS in marks(store)


def test_an_erasure_of_somebody_unknown_only_leaves_its_mark(store: Warehouse, lane: Lane) -> None:
    erase(store, "nobody", T0 + 1)
    lane.reach(T0 + EPOCH_MS + 1)
    assert releaser(store).step() == 1
    assert marks(store) == [T0 + EPOCH_MS]
    assert published(store) == []


def test_tenants_have_rules_of_their_own(store: Warehouse, lane: Lane) -> None:
    own = {"few": replace(RULE, k=3), "slow": replace(RULE, epoch_ms=4 * EPOCH_MS)}
    agent = Releaser(ReleaseTables(store), Rules(usual=RULE, own=own), SECRET)
    begin_ms = -(-T0 // (4 * EPOCH_MS)) * 4 * EPOCH_MS
    for tenant in ("few", "slow", "t"):
        lane.store([(begin_ms, answer(n, tenant=tenant)) for n in range(3 if tenant == "few" else 5)])
    for epoch in range(1, 5):
        lane.reach(begin_ms + epoch * EPOCH_MS + 1)
        agent.step()
    assert [row[:4] for row in summary(store)] == [
        ("few", "NO", "mail", 3), ("slow", "NO", "mail", 5), ("t", "NO", "mail", 5)
    ]  # fmt: skip
    assert [row[1] - begin_ms for row in published(store)] == [EPOCH_MS, 4 * EPOCH_MS, EPOCH_MS]
    texts = dict(store.ask("SELECT tenant, any(rule) FROM release_marks GROUP BY tenant"))
    assert ['"k":3' in texts["few"], '"k":5' in texts["t"], texts["slow"] != texts["t"]] == [True] * 3
