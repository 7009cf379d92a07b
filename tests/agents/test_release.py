"""The release on the embedded ClickHouse: what is published, whatever dies, comes twice or comes late."""

import contextlib
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agents.records import COLUMNS, PROGRESS_COLUMNS
from agents.release import Releaser, Superseded
from agents.release_tables import ReleaseTables
from agents.warehouse.client import Address, Warehouse, WarehouseError
from streams.blocks import Answer, block_key, release, rule_of
from streams.events import Feedback
from streams.profile import DEMO
from streams.records import to_row

pytestmark = pytest.mark.integration

SECRET = b"a secret of the installation"
RULE = rule_of(DEMO)
EPOCH_MS = RULE.epoch_ms
T0 = 1_780_000_000_000 // EPOCH_MS * EPOCH_MS
INCARNATION = "00112233-4455-6677-8899-aabbccddeeff"


def answer(number: int, *, tenant: str = "t", person: str = "", **changes: Any) -> Feedback:
    known: dict[str, Any] = {
        "revision": 0,
        "state": "final",
        "score": 9,
        "country": "NO",
        "service": "mail",
        "channel": "chat",
    }
    return Feedback(
        event_id=f"e{number}", tenant=tenant, source="s", event_time_ms=T0, response_id=f"{tenant}-r{number}",
        person=person or f"p{number}", **{**known, **changes},
    )  # fmt: skip


class Lane:
    """Writes what the records agent would have stored."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._offset = 0

    def store(self, events: Sequence[tuple[int, Feedback]]) -> None:
        rows = []
        for stamp_ms, event in events:
            self._offset += 1
            rows.append(to_row(event, stamp_ms=stamp_ms, offset=self._offset))
        self._warehouse.insert_rows("feedback", COLUMNS["feedback"], rows)

    def reach(self, at_ms: int, *, partition: int = 0, partitions: int = 1) -> None:
        row = (INCARNATION, partition, partitions, self._offset, 0, 0, at_ms)
        self._warehouse.insert_rows("records_progress", PROGRESS_COLUMNS, [row])


class Mortal(Warehouse):
    """Dies at the n-th insert: before it or after it, as a process may."""

    def __init__(self, address: Address, *, dies_at: int, has_written: bool) -> None:
        super().__init__(address)
        self._left = dies_at
        self._has_written = has_written

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        self._left -= 1
        if self._left or self._has_written:
            super().insert_rows(table, columns, rows)
        if not self._left:
            raise WarehouseError("died", is_retryable=True)


@pytest.fixture
def lane(store: Warehouse) -> Lane:
    return Lane(store)


def releaser(store: Warehouse, rule: Any = RULE) -> Releaser:
    return Releaser(ReleaseTables(store), rule, SECRET)


def published(store: Warehouse) -> list[tuple[Any, ...]]:
    public = f"{store.address.database}_pub"
    return store.ask(
        f"SELECT * REPLACE toUnixTimestamp64Milli(epoch) AS epoch FROM {public}.feedback_released"
        " ORDER BY tenant, epoch, block"
    )


def marks(store: Warehouse, tenant: str = "t") -> list[int]:
    sql = "SELECT toUnixTimestamp64Milli(epoch) FROM release_marks WHERE tenant = {t:String} ORDER BY epoch"
    return [row[0] for row in store.ask(sql, {"t": tenant})]


def summary(store: Warehouse) -> list[tuple[Any, ...]]:
    """Labels and counts of what is published: tenant, country, service, n, detractors, neutrals, promoters."""
    public = f"{store.address.database}_pub"
    return store.ask(
        f"SELECT tenant, country, service, n, detractors, neutrals, promoters FROM {public}.feedback_released"
        " ORDER BY tenant, epoch, country, service"
    )


def test_nothing_is_released_before_all_partitions_are_stored_past_the_epoch(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(5)])
    agent = releaser(store)
    assert agent.step() == 0
    lane.reach(T0 + 60_000, partition=0, partitions=2)
    assert agent.step() == 0
    lane.reach(T0 + EPOCH_MS, partition=1, partitions=2)
    assert agent.step() == 0
    lane.reach(T0 + EPOCH_MS + 1, partition=1, partitions=2)
    assert agent.step() == 1
    assert summary(store) == [("t", "NO", "mail", 5, 0, 0, 5)]
    assert agent.step() == 0


def test_categories_and_labels(store: Warehouse, lane: Lane) -> None:
    scores = [0, 6, 7, 8, 9, 10, 3]
    lane.store([(T0, answer(n, score=score, site=f"s{n % 2}")) for n, score in enumerate(scores)])
    lane.reach(T0 + EPOCH_MS + 1)
    releaser(store).step()
    assert summary(store) == [("t", "NO", "mail", 7, 3, 2, 2)]
    assert store.ask("SELECT DISTINCT site, assignment_group, level FROM release_blocks") == [("*", "", 0)]


def test_only_final_scored_answers_on_the_scale_enter_after_the_hold(store: Warehouse, lane: Lane) -> None:
    good = [(T0, answer(n)) for n in range(5)]
    others = [
        answer(10, state="partial"),
        answer(11, state="retracted"),
        answer(12, score=None),
        answer(13, scale="1-5"),
    ]
    held = [(T0 + EPOCH_MS - RULE.hold_ms + 1, answer(20 + n)) for n in range(6)]
    lane.store([*good, *((T0, event) for event in others), *held])
    lane.reach(T0 + EPOCH_MS + 1)
    agent = releaser(store)
    agent.step()
    assert [row[3] for row in summary(store)] == [5]
    lane.reach(T0 + 2 * EPOCH_MS + 1)
    agent.step()
    assert [row[3] for row in summary(store)] == [5, 6]


def test_a_correction_before_release_replaces_and_afterwards_changes_nothing_public(
    store: Warehouse, lane: Lane
) -> None:
    lane.store([(T0, answer(n, score=10)) for n in range(5)])
    lane.store([(T0 + 1, answer(0, revision=1, score=0))])
    lane.reach(T0 + EPOCH_MS + 1)
    agent = releaser(store)
    agent.step()
    before = published(store)
    assert summary(store) == [("t", "NO", "mail", 5, 1, 0, 4)]
    lane.store([(T0 + EPOCH_MS + 5, answer(1, revision=1, score=0))])
    lane.store([(T0 + EPOCH_MS + 6, answer(2, revision=1, state="retracted"))])
    lane.reach(T0 + 20 * EPOCH_MS)
    agent.step()
    assert published(store) == before


def test_two_tenants_are_never_mixed(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n, tenant=tenant)) for tenant in ("t", "u") for n in range(4)])
    lane.reach(T0 + 40 * EPOCH_MS)
    releaser(store).step()
    assert published(store) == []
    assert marks(store, "t") == marks(store, "u") == []


def traffic(seed: int) -> list[tuple[int, Feedback]]:
    """A minute of answers of three tenants, some people answering twice."""
    chance = random.Random(seed)
    return [
        (
            T0 + chance.randrange(60_000),
            answer(
                number,
                tenant=chance.choice(["t", "u", "v"]),
                person=f"p{chance.randrange(60)}",
                score=chance.randrange(11),
                country=chance.choice(["NO", "SE", "DK"]),
                service=chance.choice(["mail", "vpn"]),
                channel=chance.choice(["chat", "phone"]),
            ),
        )
        for number in range(200)
    ]


END_MS = T0 + 60_000 + RULE.longest_wait_ms + 2 * EPOCH_MS
"""When everything in `traffic` has waited long enough."""


def folded(events: Sequence[tuple[int, Feedback]], tenant: str) -> list[tuple[Any, ...]]:
    """What one tenant publishes if every epoch is folded in turn, worked out without tables, schedule or agent."""
    mine = {event.response_id: (stamp_ms, event) for stamp_ms, event in events if event.tenant == tenant}
    waiting = [
        Answer(answer=name, log_ms=ms, person=e.person, labels=(e.country, "", "", e.service, e.channel, "", ""))
        for name, (ms, e) in mine.items()
    ]
    rows: list[tuple[Any, ...]] = []
    for end_ms in range(T0, END_MS, EPOCH_MS):
        due = [a for a in waiting if a.log_ms + RULE.hold_ms <= end_ms]
        blocks, _ = release(tenant, due, epoch_end_ms=end_ms, rule=RULE, key=block_key(SECRET))
        for block in blocks:
            waiting = [a for a in waiting if a not in block.members]
            scores = [mine[member.answer][1].score or 0 for member in block.members]
            categories = [sum(low <= score <= high for score in scores) for low, high in ((0, 6), (7, 8), (9, 10))]
            rows.append((tenant, end_ms, block.block, block.level, *block.labels, len(scores), *categories))
    return sorted(rows)


@pytest.fixture(scope="module")
def expected() -> list[tuple[Any, ...]]:
    return [row for tenant in ("t", "u", "v") for row in folded(traffic(1), tenant)]


def test_what_is_expected_has_blocks_of_every_level(expected: list[tuple[Any, ...]]) -> None:
    assert {row[3] for row in expected} == {0, 1, 2, 3}
    assert max(row[11] for row in expected) > RULE.k


def test_conservation(store: Warehouse, lane: Lane) -> None:
    lane.store(traffic(2))
    lane.reach(END_MS)
    releaser(store).step()
    members = store.ask("SELECT tenant, answer, block FROM release_members")
    assert len({(tenant, name) for tenant, name, _ in members}) == len(members)
    people = {event.response_id: (event.tenant, event.person) for _, event in traffic(2)}
    blocks: dict[str, list[tuple[str, str]]] = {}
    for tenant, name, block in members:
        assert people[name][0] == tenant
        blocks.setdefault(block, []).append(people[name])
    assert all(len(set(who)) == len(who) >= RULE.k for who in blocks.values())
    assert (
        sum(row[3] for row in summary(store))
        == len(members)
        == sum(row[0] for row in store.ask("SELECT answers FROM release_marks"))
    )
    assert {block: len(who) for block, who in blocks.items()} == {row[2]: row[11] for row in published(store)}


def test_looking_all_the_time_publishes_what_is_expected(
    store: Warehouse, lane: Lane, expected: list[tuple[Any, ...]]
) -> None:
    agent, log = releaser(store), sorted(traffic(1), key=lambda item: item[0])
    for end_ms in range(T0, END_MS, EPOCH_MS):
        lane.store([item for item in log if end_ms - EPOCH_MS < item[0] <= end_ms])
        lane.reach(end_ms + 1)
        agent.step()
    assert published(store) == expected


def test_catching_up_publishes_the_same(store: Warehouse, lane: Lane, expected: list[tuple[Any, ...]]) -> None:
    lane.store(traffic(1))
    lane.reach(END_MS)
    releaser(store).step()
    assert published(store) == expected


@pytest.mark.parametrize("has_written", [False, True], ids=["before", "after"])
def test_death_at_each_write_changes_nothing_published(
    store: Warehouse, lane: Lane, expected: list[tuple[Any, ...]], migrated: Address, has_written: bool
) -> None:
    lane.store(traffic(1))
    lane.reach(END_MS)
    deaths = 0
    while dies(Mortal(migrated, dies_at=deaths + 1, has_written=has_written)):
        deaths += 1
        assert [row for row in published(store) if row not in expected] == []
    assert deaths >= 6
    assert published(store) == expected


def dies(mortal: Mortal) -> bool:
    """Let an agent work until it dies or has nothing left to do."""
    with contextlib.closing(mortal), contextlib.suppress(WarehouseError):
        releaser(mortal).step()
        return False
    return True


def test_writes_that_come_twice_change_nothing_published(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(5)])
    lane.reach(T0 + EPOCH_MS + 1)
    releaser(store).step()
    before = published(store)
    for table in ("release_blocks", "release_members", "release_marks"):
        store.command(f"INSERT INTO {table} SELECT * FROM {table}")
    store.command("INSERT INTO release_marks SELECT * EXCEPT marked_at, now64(6) AS marked_at FROM release_marks")
    assert published(store) == before
    assert releaser(store).step() == 0


def test_a_stray_run_is_invisible_and_its_answers_go_on_waiting(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(5)])
    lane.reach(T0 + EPOCH_MS + 1)
    end_ms = T0 + EPOCH_MS
    labels = ("NO", "", "", "mail", "chat", "", "")
    store.insert_rows(
        "release_blocks",
        ("tenant", "epoch", "run", "block", "country", "site", "business_unit", "service", "channel",
         "assignment_group", "touchpoint", "n", "promoters"),
        [("t", end_ms, "stray", "b", *labels, 5, 5)],
    )  # fmt: skip
    store.insert_rows(
        "release_members", ("tenant", "answer", "epoch", "run", "block"), [("t", "t-r0", end_ms, "stray", "b")]
    )
    assert published(store) == []
    releaser(store).step()
    assert [row[3] for row in summary(store)] == [5]


class Overtaken(ReleaseTables):
    """Another agent marks the epoch while this one is writing its members."""

    def write_members(self, releases: Any) -> None:
        super().write_members(releases)
        for one in releases:
            self.write_marks([replace(one, run="other", blocks=(), told=())], "{}")


def test_whoever_is_overtaken_publishes_nothing_and_goes_on_from_there(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(5)])
    lane.reach(T0 + EPOCH_MS + 1)
    with pytest.raises(Superseded):
        Releaser(Overtaken(store), RULE, SECRET).step()
    assert published(store) == []
    lane.reach(T0 + 2 * EPOCH_MS + 1)
    assert releaser(store).step() == 1
    assert [row[3] for row in summary(store)] == [5]


def test_published_epochs_are_not_built_again_when_the_rule_changes(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(5)])
    lane.store([(T0 + EPOCH_MS, answer(10 + n)) for n in range(5)])
    lane.reach(T0 + EPOCH_MS + 1)
    releaser(store).step()
    before = published(store)
    lane.reach(T0 + 2 * EPOCH_MS + 1)
    releaser(store, replace(RULE, k=6)).step()
    assert published(store) == before
    lane.store([(T0 + EPOCH_MS, answer(15))])
    lane.reach(T0 + 3 * EPOCH_MS + 1)
    releaser(store, replace(RULE, k=6)).step()
    assert [row[3] for row in summary(store)] == [5, 6]


def test_idle_time_writes_no_marks(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(5)])
    agent = releaser(store)
    lane.reach(T0 + 10_000 * EPOCH_MS)
    agent.step()
    first = marks(store)
    assert first == list(range(T0 + EPOCH_MS, T0 + RULE.longest_wait_ms + EPOCH_MS + 1, EPOCH_MS))
    lane.reach(T0 + 20_000 * EPOCH_MS)
    assert agent.step() == 0
    assert releaser(store).step() == 0
    lane.store([(T0 + 20_000 * EPOCH_MS, answer(n)) for n in range(10, 15)])
    lane.reach(T0 + 20_001 * EPOCH_MS + 1)
    agent.step()
    assert [row[:4] for row in summary(store)] == [("t", "NO", "mail", 5)] * 2
    assert marks(store) == [*first, T0 + 20_001 * EPOCH_MS]


def test_that_fewer_than_k_people_wait_leaves_no_marks(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(4)])
    lane.store([(T0 + n, answer(10 + n, person="p0")) for n in range(4)])
    agent = releaser(store)
    for epoch in range(1, 20):
        lane.reach(T0 + epoch * EPOCH_MS + 1)
        agent.step()
    assert marks(store) == []


def test_an_answer_that_reached_the_log_late_joins_the_newest_epoch(store: Warehouse, lane: Lane) -> None:
    agent = releaser(store)
    lane.store([(T0, answer(n)) for n in range(4)])
    lane.reach(T0 + 100 * EPOCH_MS + 1)
    agent.step()
    lane.store([(T0 + 1, answer(4))])
    lane.reach(T0 + 101 * EPOCH_MS + 1)
    agent.step()
    assert [row[3] for row in summary(store)] == [5]
    assert marks(store)[-1] == T0 + 101 * EPOCH_MS


def test_withdrawn_blocks_disappear_and_their_answers_stay_out(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, answer(n)) for n in range(5)])
    lane.reach(T0 + EPOCH_MS + 1)
    releaser(store).step()
    [row] = published(store)
    store.insert_rows(
        "release_withdrawn", ("tenant", "block", "epoch", "reason"), [("t", row[2], T0 + EPOCH_MS, "test")]
    )
    assert published(store) == []
    lane.reach(T0 + 50 * EPOCH_MS)
    releaser(store).step()
    assert published(store) == []
