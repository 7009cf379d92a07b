"""The ledger through the tables: published rows that came repeated and in any order, and a judge that begins anew."""

import asyncio
import random

import msgspec
import pytest

from agents.docket import hold
from agents.judge_store import JudgeStore
from agents.warehouse.client import Warehouse
from streams.scores import Counts
from tests.agents.judged_world import GRID, ClickHouseWorld, end
from tests.agents.test_judge import MAIL, NORWAY, Wire, run_rounds, worker_of

pytestmark = pytest.mark.integration

CHILD = msgspec.structs.replace(NORWAY, target="happy/NO-mail", slice={"country": "NO", "service": "mail"})
EVERYTHING = (NORWAY, CHILD, MAIL)
ACTION = (
    "tenant", "action_id", "version", "event_id", "source", "revision", "kind", "event_time", "log_time", "end",
    "actor", "target", "country",
)  # fmt: skip
LEDGER = """
SELECT tenant, target, version, toUnixTimestamp64Milli(at), toJSONString(tuple(* EXCEPT (written_at)))
FROM {table} FINAL ORDER BY ALL
"""


def write_story(world: ClickHouseWorld, store: Warehouse, seed: int) -> None:
    """Publish fourteen instants in an order of the seed, each perhaps twice, and an exclusion in two revisions."""
    rng = random.Random(seed)
    for number in rng.sample(range(1, 15), 14):
        is_bad = 4 <= number <= 11
        counts = Counts(detractors=5) if is_bad else Counts(promoters=5)
        blocks = [
            ({"country": "NO", "service": "mail"}, counts),
            ({"country": "SE", "service": "mail"}, Counts(promoters=5)),
        ]
        rows = [({"country": "NO", "application": "Mail"}, 10, 300 if is_bad else 1_000, 1_000)]
        for _ in range(rng.randrange(1, 3)):
            world.release("t", number, blocks)
            world.fold("t", number, rows)
    exclusions = [_exclusion(1, written=8, until=7), _exclusion(2, written=12, until=6)]
    for row in rng.sample(exclusions * 2, 4):
        store.insert_rows("actions", ACTION, [row])
    world.reach(14)


def _exclusion(revision: int, *, written: int, until: int) -> tuple[object, ...]:
    return ("t", "x", revision, "e", "s", revision, "exclusion", end(4), end(written) - 1, end(until), "me", "", "NO")


def ledger(store: Warehouse) -> list[tuple[object, ...]]:
    return [row for table in ("verdicts", "alerts") for row in store.ask(LEDGER.replace("{table}", table))]


def cleared(store: Warehouse, *tables: str) -> None:
    for table in tables:
        store.command(f"TRUNCATE TABLE {table}")


def test_the_ledger_of_a_replay_is_the_same_byte_for_byte(store: Warehouse) -> None:
    world = ClickHouseWorld(store)
    write_story(world, store, 1)
    run_rounds(worker_of(world.port, Wire(), *EVERYTHING))
    first = ledger(store)
    assert len(first) > 3 * 14
    assert store.ask("SELECT max(excluded_n) FROM verdicts") == [(15,)]
    cleared(store, "verdicts", "alerts", "release_blocks", "release_marks", "tiles", "tile_audit", "actions")
    write_story(world, store, 2)
    run_rounds(worker_of(world.port, Wire(), *EVERYTHING[::-1]), 2)
    assert ledger(store) == first


def test_every_revision_of_an_action_is_there(store: Warehouse) -> None:
    world = ClickHouseWorld(store)
    write_story(world, store, 3)
    (one, other) = world.port.orders(["t", "u"])["t"]
    assert [(order.version, order.recorded_ms, order.until_ms) for order in (one, other)] == [
        (1, end(8) - 1, end(7)), (2, end(12) - 1, end(6)),
    ]  # fmt: skip
    assert dict(one.labels) == {"country": "NO"}
    assert world.port.orders(["u"]) == {}


def test_nothing_is_judged_that_actions_are_not_known_for(store: Warehouse) -> None:
    world = ClickHouseWorld(store)
    write_story(world, store, 4)
    columns = ("incarnation", "partition", "partitions", "hi", "n_valid", "n_invalid", "arrival")
    store.insert_rows("records_progress", columns, [("00112233-4455-6677-8899-aabbccddeeff", 0, 1, 1, 1, 0, end(9))])
    assert JudgeStore(store).recorded_ms() == end(9)
    worker = worker_of(world.port, Wire(), *EVERYTHING)
    run_rounds(worker)
    assert {verdict.at_ms for verdict in world.verdicts()} == {end(number) for number in range(1, 10)}
    held = hold({("t", NORWAY.target): [NORWAY]}, {}, {}, world.port, GRID)
    assert held.reached["records"] == end(9)
    assert asyncio.run(worker.round()) is not None
