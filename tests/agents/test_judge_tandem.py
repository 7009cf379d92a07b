"""The judge finds watermelons in published rows: once per episode, over restarts, with what happened around."""

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from agents.judge import Advice, JudgeWorker, Pace
from agents.judge_tandem import Tandems
from agents.records import COLUMNS
from agents.tandem_store import TandemStore
from agents.warehouse import manifest
from agents.warehouse.client import Warehouse
from streams.codecs import encode_json
from streams.events import Ticket
from streams.events.judging import Alert
from streams.profile import DEMO
from streams.records import to_row
from streams.scores import Counts
from tests.agents.judged_world import EPOCH_MS, GRID, T0, ClickHouseWorld, end
from tests.agents.test_judge import NORWAY, Refusals, Wire, chunk_of, run_rounds

pytestmark = pytest.mark.integration

FIRST_MS = -(-T0 // DEMO.period_ms) * DEMO.period_ms
"""Start of the first whole period."""
PER_PERIOD = DEMO.period_ms // EPOCH_MS
PARTS = {"country": "NO", "service": "mail"}
TARGET = msgspec.structs.replace(NORWAY, objective=75.0, slice=PARTS, run_length=1e9, period="quarter")
UNHAPPY, FINE = Counts(promoters=300, neutrals=40, detractors=60), Counts(promoters=9_000)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is too old to call anybody for: the story is of another day."""
    monkeypatch.setattr("agents.judge_replay.REPLAY_AFTER_MS", 1 << 62)


@pytest.fixture
def world(store: Warehouse) -> ClickHouseWorld:
    found = ClickHouseWorld(store)
    store.insert_rows(
        "profile",
        ("name", "generation", "window_s", "grace_ms", "epoch_ms", "k", "period_s", "written_at"),
        [("demo", 101, 5, 2_000, EPOCH_MS, 5, DEMO.period_ms // 1000, T0 + 1)],
    )
    with store.lend() as client:
        manifest.publish(client, store.address.database)
    return found


def worker_of(world: ClickHouseWorld, store: Warehouse, wire: Wire, target: object = TARGET) -> JudgeWorker:
    app = SimpleNamespace(consumer_generation_id=1, rebalancing=False, rebalancing_count=0, should_stop=False)
    advice = Advice(watermelons=Tandems(TandemStore(store), DEMO.period_ms))
    pace = Pace(round_s=0.01, settle_s=0.0, stall_s=1e9)
    worker = JudgeWorker(app, world.port, wire, Refusals(), grid=GRID, pace=pace, advice=advice)
    asyncio.run(worker.take(chunk_of(encode_json(target))))  # type: ignore[arg-type]
    return worker


def publish(world: ClickHouseWorld, store: Warehouse, period: int, counts: Counts) -> None:
    """Close 400 tickets and release answers in period 0, 1, …; records are stored to its end."""
    start_ms = FIRST_MS + period * DEMO.period_ms
    several = [
        Ticket(
            event_id="e",
            tenant="t",
            source="s",
            event_time_ms=start_ms,
            revision=5,
            ticket_id=f"{period}-{n}",
            kind="closed",
            person=f"p{n}",
            made_sla=n < 385,
            country="NO",
            service="mail",
        )
        for n in range(400)
    ]
    store.insert_rows("tickets", COLUMNS["tickets"], [to_row(one, stamp_ms=start_ms + 1, offset=0) for one in several])
    columns = ("incarnation", "partition", "partitions", "hi", "arrival")
    reached_ms = start_ms + DEMO.period_ms
    store.insert_rows(
        "records_progress", columns, [("00112233-4455-6677-8899-aabbccddeeff", 0, 1, period + 1, reached_ms)]
    )
    number = (start_ms - T0) // EPOCH_MS + PER_PERIOD
    assert end(number) == reached_ms
    world.release("t", number, [(PARTS, counts), ({"country": "SE", "service": "mail"}, FINE)])


def story(alerts: list[Alert]) -> list[tuple[str, int, int]]:
    return [
        (one.state, one.sequence, (one.at_ms - FIRST_MS) // DEMO.period_ms)
        for one in alerts
        if one.kind == "watermelon"
    ]


def test_one_alert_per_episode_whoever_judges(world: ClickHouseWorld, store: Warehouse) -> None:
    wire = Wire()
    worker = worker_of(world, store, wire)
    for period in range(3):
        publish(world, store, period, UNHAPPY)
        run_rounds(worker, 2)
    assert story(wire.alerts) == [("firing", 0, 2)]
    later, again = Wire(), worker_of(world, store, Wire())
    run_rounds(again)
    heir = worker_of(world, store, later)  # reads the state that the others left
    for period in range(3, 6):
        publish(world, store, period, FINE)
        run_rounds(heir)
    assert story(later.alerts) == [("resolved", 1, 5)]
    (fired,) = [one for one in wire.alerts if one.kind == "watermelon"]
    assert "770 of 800 tickets in time" in fired.summary
    assert {one.alert_id for one in later.alerts if one.kind == "watermelon"} == {fired.alert_id}


def test_retiring_the_target_ends_the_episode(world: ClickHouseWorld, store: Warehouse) -> None:
    wire = Wire()
    worker = worker_of(world, store, wire)
    for period in range(2):
        publish(world, store, period, UNHAPPY)
        run_rounds(worker)
    retired = msgspec.structs.replace(TARGET, version=2, state="retired", valid_from_ms=FIRST_MS + 3 * DEMO.period_ms)
    asyncio.run(worker.take(chunk_of(encode_json(retired))))
    run_rounds(worker, 2)
    assert [(one.state, one.reason) for one in wire.alerts if one.kind == "watermelon"] == [
        ("firing", "the service level is kept and people are unhappy"),
        ("resolved", "the target was retired"),
    ]
