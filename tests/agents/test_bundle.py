"""Bundles on the embedded ClickHouse: what is published, whatever dies, comes twice or is corrected later."""

import contextlib
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agents.bundle import Bundler
from agents.bundle_tables import BundleTables
from agents.release import Releaser, Superseded
from agents.release_tables import ReleaseTables
from agents.warehouse.client import Address, Warehouse, WarehouseError
from streams.blocks import Answer, block_key, release, rule_of
from streams.bundles import Piece, bundle_key, bundle_rule_of, bundle_up
from streams.details import Details, details_of
from streams.events import Feedback
from streams.profile import DEMO
from tests.agents.test_release import SECRET, T0, Lane, Mortal, answer

pytestmark = pytest.mark.integration

RULE, BUNDLES = rule_of(DEMO), bundle_rule_of(DEMO)
EPOCH_MS = RULE.epoch_ms
END_MS = T0 + 60_000 + RULE.longest_wait_ms + BUNDLES.grid.longest_wait_ms + 4 * EPOCH_MS
"""When everything in `traffic` has waited long enough, as an answer and as a block."""

COLUMNS = (
    "tenant, toUnixTimestamp64Milli(epoch) AS at, bundle, level, country, service, n, scores, lost_n, [lost_sum], "
    "lost_bands, factors"
)


@pytest.fixture
def lane(store: Warehouse) -> Lane:
    return Lane(store)


def releaser(store: Warehouse, tables: type[BundleTables] = BundleTables) -> Releaser:
    return Releaser(ReleaseTables(store), RULE, SECRET, Bundler(tables(store), BUNDLES, SECRET))


def published(store: Warehouse) -> list[tuple[Any, ...]]:
    return store.ask(f"SELECT {COLUMNS} FROM {store.address.database}_pub.feedback_details ORDER BY tenant, at, bundle")


def asked(number: int, **changes: Any) -> Feedback:
    """An answer of which three in five tell lost minutes and one in four names factors."""
    chance = random.Random(number)
    lost = chance.choice([0, 5, 20, 90, 700]) if chance.random() < 0.6 else None
    factors = ["speed"] if number % 4 == 0 else []
    return answer(number, **{"score": chance.randrange(11), "lost_minutes": lost, "factors": factors, **changes})


def traffic(seed: int) -> list[tuple[int, Feedback]]:
    """A minute of answers of two tenants."""
    chance = random.Random(seed)
    return [
        (
            T0 + chance.randrange(60_000),
            asked(
                number,
                tenant=chance.choice(["t", "t", "u"]),
                person=f"p{chance.randrange(90)}",
                country=chance.choice(["NO", "NO", "SE"]),
                service=chance.choice(["mail", "mail", "vpn"]),
                channel=chance.choice(["chat"] * 5 + ["phone"]),
            ),
        )
        for number in range(260)
    ]


def folded(events: Sequence[tuple[int, Feedback]], tenant: str) -> list[tuple[Any, ...]]:
    """What one tenant publishes if every epoch is folded in turn, worked out without tables, schedule or agent."""
    mine = {event.response_id: (ms, event) for ms, event in events if event.tenant == tenant}
    waiting = [
        Answer(answer=name, log_ms=ms, person=e.person, labels=(e.country, "", "", e.service, e.channel, "", ""))
        for name, (ms, e) in mine.items()
    ]
    told: dict[str, Details] = {}
    pieces: list[Piece] = []
    rows: list[tuple[Any, ...]] = []
    for end_ms in range(T0, END_MS, EPOCH_MS):
        due = [a for a in waiting if a.log_ms + RULE.hold_ms <= end_ms]
        blocks, _ = release(tenant, due, epoch_end_ms=end_ms, rule=RULE, key=block_key(SECRET))
        for block in blocks:
            waiting = [a for a in waiting if a not in block.members]
            said = [mine[member.answer][1] for member in block.members]
            told[block.block] = sum(
                (details_of(e.score or 0, e.lost_minutes, e.factors) for e in said), start=Details()
            )
            people = frozenset(e.person for e in said)
            lost = frozenset(e.person for e in said if e.lost_minutes is not None)
            named = frozenset(e.person for e in said if e.factors)
            pieces.append(
                Piece(block=block.block, epoch_ms=end_ms, labels=block.labels, people=people,
                      givers={"lost": lost, "factors": named})
            )  # fmt: skip
        bundles, pieces = bundle_up(tenant, pieces, epoch_end_ms=end_ms, rule=BUNDLES, key=bundle_key(SECRET))
        for bundle in bundles:
            d = sum((told[piece.block] for piece in bundle.pieces), start=Details())
            d = d.without(lost="lost" in bundle.withheld, factors="factors" in bundle.withheld)
            rows.append((tenant, end_ms, bundle.bundle, bundle.level, bundle.labels[0], bundle.labels[3], d.n,
                         list(d.scores), d.lost_n, list(d.lost_sums), list(d.lost_bands), d.factors))  # fmt: skip
    return sorted(rows, key=lambda row: row[:3])


@pytest.fixture(scope="module")
def expected() -> list[tuple[Any, ...]]:
    return [row for tenant in ("t", "u") for row in folded(traffic(1), tenant)]


def test_what_is_expected_is_worth_comparing(expected: list[tuple[Any, ...]]) -> None:
    assert len(expected) > 6
    assert {0, 1} < {row[3] for row in expected}
    assert min(row[6] for row in expected) >= BUNDLES.people
    assert all(row[8] == 0 or row[8] >= RULE.k for row in expected)
    assert any(row[11] for row in expected)


def test_looking_all_the_time_and_catching_up_publish_what_is_expected(
    store: Warehouse, lane: Lane, expected: list[tuple[Any, ...]]
) -> None:
    agent, log = releaser(store), sorted(traffic(1), key=lambda item: item[0])
    for end_ms in range(T0, T0 + 60_000, EPOCH_MS):
        lane.store([item for item in log if end_ms - EPOCH_MS < item[0] <= end_ms])
        lane.reach(end_ms + 1)
        agent.step()
    assert 0 < len(published(store)) < len(expected)
    lane.store([item for item in log if item[0] > T0 + 60_000 - EPOCH_MS])
    lane.reach(END_MS)
    releaser(store).step()
    assert published(store) == expected
    assert releaser(store).step() == 0


def test_each_block_is_in_at_most_one_bundle_and_sums_are_those_of_its_blocks(store: Warehouse, lane: Lane) -> None:
    lane.store(traffic(2))
    lane.reach(END_MS)
    releaser(store).step()
    bundled = store.ask("SELECT tenant, block, bundle FROM release_bundled")
    assert len({(tenant, block) for tenant, block, _ in bundled}) == len(bundled)
    of_blocks = store.ask(
        "SELECT m.bundle, sum(b.n), sum(b.detractors), sum(b.neutrals), sum(b.promoters)"
        " FROM release_bundled AS m INNER JOIN release_blocks AS b ON b.block = m.block AND b.tenant = m.tenant"
        " GROUP BY m.bundle ORDER BY m.bundle"
    )
    of_bundles = [
        (row[2], row[6], sum(row[7][:7]), sum(row[7][7:9]), sum(row[7][9:])) for row in published(store)
    ]  # fmt: skip
    assert sorted(of_bundles) == of_blocks != []
    [(marked,)] = store.ask("SELECT sum(blocks) FROM release_bundle_marks")
    assert marked == len(bundled)


def test_other_words_of_the_same_people_make_the_same_bundles(
    store: Warehouse, lane: Lane, expected: list[tuple[Any, ...]]
) -> None:
    """Who tells is seen, what is told is not: same ids, epochs, labels and numbers of answers, other sums."""
    lane.store(
        [
            (
                ms,
                msgspec.structs.replace(e, score=10 - (e.score or 0), lost_minutes=None if lost is None else lost // 2),
            )
            for ms, e in traffic(1)
            for lost in [e.lost_minutes]
        ]
    )
    lane.reach(END_MS)
    releaser(store).step()
    found = published(store)
    assert [(*row[:7], row[8]) for row in found] == [(*row[:7], row[8]) for row in expected]
    assert [row[7] for row in found] == [row[7][::-1] for row in expected]
    assert [row[9] for row in found] != [row[9] for row in expected]


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
    assert deaths >= 8
    assert published(store) == expected


def dies(mortal: Mortal) -> bool:
    """Let an agent work until it dies or has nothing left to do."""
    with contextlib.closing(mortal), contextlib.suppress(WarehouseError):
        releaser(mortal).step()
        return False
    return True


def crowd(lane: Lane, **changes: Any) -> None:
    """Store twenty answers of twenty people in one cell; a bundle of its own."""
    lane.store([(T0, asked(n, **changes)) for n in range(20)])


def test_corrections_and_retractions_after_the_block_change_no_bundle(store: Warehouse, lane: Lane) -> None:
    """Not even where the bundle comes later: what counts is what was said when the block was released."""
    lane.store([(T0, asked(n, score=9, lost_minutes=30)) for n in range(15)])
    lane.reach(T0 + EPOCH_MS + 1)
    agent = releaser(store)
    agent.step()
    assert published(store) == []
    lane.store([(T0 + EPOCH_MS + 2, asked(0, revision=1, score=0, lost_minutes=480))])
    lane.store([(T0 + EPOCH_MS + 2, asked(1, revision=1, state="retracted"))])
    lane.store([(T0 + EPOCH_MS + 2, asked(n, score=9, lost_minutes=30)) for n in range(20, 25)])
    lane.reach(T0 + 4 * EPOCH_MS)
    agent.step()
    [before] = published(store)
    assert (before[6], before[7][9], before[9]) == (20, 20, [600])
    lane.store([(T0 + 4 * EPOCH_MS, asked(2, revision=1, score=0))])
    lane.reach(END_MS)
    agent.step()
    assert published(store) == [before]


def test_writes_that_come_twice_change_nothing_published(store: Warehouse, lane: Lane) -> None:
    crowd(lane)
    lane.reach(T0 + EPOCH_MS + 1)
    releaser(store).step()
    before = published(store)
    assert len(before) == 1
    for table in ("release_details", "release_bundles", "release_bundled", "release_bundle_marks"):
        store.command(f"INSERT INTO {table} SELECT * FROM {table}")
    store.command(
        "INSERT INTO release_bundle_marks SELECT * EXCEPT marked_at, now64(6) AS marked_at FROM release_bundle_marks"
    )
    assert published(store) == before
    lane.reach(END_MS)
    releaser(store).step()
    assert published(store) == before


def test_fewer_people_or_givers_than_needed_publish_nothing_yet(store: Warehouse, lane: Lane) -> None:
    lane.store([(T0, asked(n)) for n in range(19)])
    lane.store([(T0, asked(100 + n, tenant="u", lost_minutes=10 if n < 4 else None)) for n in range(30)])
    lane.reach(T0 + 2 * EPOCH_MS)
    agent = releaser(store)
    agent.step()
    assert published(store) == []
    lane.reach(END_MS)
    agent.step()
    [row] = published(store)
    assert (row[0], row[6], row[8], row[9]) == ("u", 30, 0, [0])


def test_a_withdrawn_block_takes_its_bundle_along_and_is_never_bundled_later(store: Warehouse, lane: Lane) -> None:
    crowd(lane)
    lane.store([(T0, asked(100 + n, tenant="u")) for n in range(10)])
    lane.reach(T0 + EPOCH_MS + 1)
    agent = releaser(store)
    agent.step()
    assert len(published(store)) == 1
    blocks = store.ask("SELECT tenant, block, epoch FROM release_blocks")
    rows = [(tenant, block, T0 + EPOCH_MS, "test") for tenant, block, _ in blocks]
    store.insert_rows("release_withdrawn", ("tenant", "block", "epoch", "reason"), rows)
    assert published(store) == []
    lane.store([(T0 + EPOCH_MS, asked(200 + n, tenant="u")) for n in range(10)])
    lane.reach(END_MS)
    agent.step()
    assert published(store) == []


class Overtaken(BundleTables):
    """Another agent marks the epoch while this one is writing."""

    def write(self, releases: Any) -> None:
        super().write(releases)
        for one in releases:
            self.write_marks([replace(one, run="other", bundles=(), told=())], "{}")


def test_whoever_is_overtaken_publishes_nothing_and_goes_on_from_there(store: Warehouse, lane: Lane) -> None:
    crowd(lane)
    lane.reach(T0 + EPOCH_MS + 1)
    with pytest.raises(Superseded):
        releaser(store, Overtaken).step()
    assert published(store) == []
    lane.reach(T0 + 2 * EPOCH_MS + 1)
    releaser(store).step()
    assert [row[6] for row in published(store)] == [20]


def test_blocks_from_before_there_were_details_stay_out(store: Warehouse, lane: Lane) -> None:
    crowd(lane)
    lane.reach(T0 + EPOCH_MS + 1)
    Releaser(ReleaseTables(store), RULE, SECRET).step()
    store.command("TRUNCATE TABLE release_details")
    lane.reach(END_MS)
    releaser(store).step()
    assert published(store) == []
