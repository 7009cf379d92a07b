"""The judge: what it reads, what it writes, and that dying anywhere changes nothing. In memory and on ClickHouse."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from agents import judge_news, judge_store
from agents.judge import JudgeWorker, Pace
from agents.judge_store import TargetKey
from agents.publisher import Outgoing, Receipt
from agents.refusals import Refused
from agents.topics import ALERTS, TARGETS
from agents.transport import Chunk
from agents.warehouse.client import Warehouse
from streams.codecs import Ok, decode, encode_json
from streams.errors import DeliveryError
from streams.events.judging import Alert, Target
from streams.judging.rounds import Entry
from streams.judging.verdicts import JudgeState
from streams.scores import Counts
from streams.targets import Stamp, retirement
from tests.agents.judged_world import GRID, T0, ClickHouseWorld, MemoryWorld, World, end
from tests.streams.judged import GOOD, HAPPY

NORWAY = msgspec.structs.replace(
    HAPPY,
    tenant="t",
    target="happy/country=NO",
    valid_from_ms=T0,
    window_s=30,
    run_length=5_000.0,
    recovery_length=200.0,
)
SWEDEN = msgspec.structs.replace(NORWAY, target="happy/country=SE", slice={"country": "SE"})
MAIL = msgspec.structs.replace(
    GOOD,
    tenant="t",
    target="good/application=Mail",
    valid_from_ms=T0,
    window_s=30,
    run_length=500.0,
    recovery_length=10.0,
)
TARGETS_OF_T = (NORWAY, SWEDEN, MAIL)
FINE, BAD = Counts(promoters=5), Counts(detractors=5)


class Wire:
    """Takes published records down, as a broker would."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    async def publish(self, topic: str, batch: Sequence[Outgoing]) -> list[Receipt]:
        assert topic == ALERTS
        for key, value, _, _ in batch:
            outcome = decode(value)
            assert isinstance(outcome, Ok)
            assert isinstance(outcome.event, Alert)
            assert key == f"{outcome.event.tenant}/{outcome.event.alert_id}".encode()
            self.alerts.append(outcome.event)
        return [(0, 0)] * len(batch)


class Refusals:
    def __init__(self) -> None:
        self.rows: list[Refused] = []

    def store(self, refused: Sequence[Refused]) -> None:
        self.rows += refused


def chunk_of(*values: bytes | None, first: int = 0) -> Chunk:
    return Chunk(TARGETS, 0, 1, first, values, [T0] * len(values))


def worker_of(port: Any, wire: Any, *targets: Target, refusals: Refusals | None = None) -> JudgeWorker:
    app: Any = SimpleNamespace(consumer_generation_id=1, rebalancing=False, rebalancing_count=0, should_stop=False)
    worker = JudgeWorker(app, port, wire, refusals or Refusals(), grid=GRID, pace=Pace(round_s=0.01, settle_s=0.0))
    asyncio.run(worker.take(chunk_of(*map(encode_json, targets or TARGETS_OF_T))))
    return worker


@pytest.fixture(params=["memory", pytest.param("clickhouse", marks=pytest.mark.integration)])
def world(request: pytest.FixtureRequest) -> World:
    return MemoryWorld() if request.param == "memory" else ClickHouseWorld(request.getfixturevalue("store"))


def publish(world: World, number: int) -> None:
    """Publish epoch and window `number`: Norway and Mail are bad from 4 to 11, Sweden never, one block is mixed."""
    is_bad = 4 <= number <= 11
    world.release(
        "t",
        number,
        [
            ({"country": "NO", "service": "mail"}, BAD if is_bad else FINE),
            ({"country": "NO", "service": "vpn"}, BAD if is_bad else FINE),
            ({"country": "SE", "service": "mail"}, FINE),
            ({"country": "*", "service": "mail"}, FINE),
        ],
    )
    mail = {"country": "NO", "application": "Mail"}
    world.fold("t", number, [(mail, 10, 300 if is_bad else 1_000, 1_000), ({"application": "Chat"}, 10, 0, 1_000)])
    world.reach(number)


def run_rounds(worker: JudgeWorker, times: int = 1) -> None:
    for _ in range(times):
        asyncio.run(worker.round())


def test_judges_what_was_published_and_raises_and_ends_alerts(world: World) -> None:
    wire = Wire()
    worker = worker_of(world.port, wire)
    for number in range(1, 31):
        publish(world, number)
        run_rounds(worker)
    stories = {
        target.target: [(alert.state, alert.sequence) for alert in wire.alerts if alert.target == target.target]
        for target in TARGETS_OF_T
    }
    assert stories == {
        NORWAY.target: [("firing", 0), ("resolved", 1)],
        SWEDEN.target: [],
        MAIL.target: [("firing", 0), ("resolved", 1)],
    }
    assert sorted(wire.alerts, key=lambda alert: (alert.alert_id, alert.sequence)) == world.alerts()
    verdicts = world.verdicts()
    assert len(verdicts) == 3 * 30
    last = {verdict.target: verdict for verdict in verdicts if verdict.at_ms == end(30)}
    assert (last[NORWAY.target].n, last[SWEDEN.target].n, last[MAIL.target].n) == (300, 150, 30)
    assert last[NORWAY.target].coverage == 0.75
    assert last[MAIL.target].score == pytest.approx((22 * 100 + 8 * 30) / 30)


def test_catching_up_gives_the_same_ledger_as_judging_live(world: World) -> None:
    live, late = MemoryWorld(), Wire()
    watching = worker_of(live, Wire())
    for number in range(1, 21):
        publish(live, number)
        run_rounds(watching)
        publish(world, number)
    worker = worker_of(world.port, late)
    run_rounds(worker, 3)
    assert world.verdicts() == live.verdicts()
    assert world.alerts() == live.alerts()


def test_catching_up_takes_bounded_bites(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_news, "MAX_WINDOWS", 3)
    monkeypatch.setattr(judge_store, "MAX_EPOCHS", 3)
    whole = MemoryWorld()
    behind = msgspec.structs.replace(MAIL, tenant="u", target="good/behind")
    late = msgspec.structs.replace(MAIL, target="good/late", valid_from_ms=end(9))
    targets = (NORWAY, MAIL, behind, late)
    for number in range(1, 13):
        publish(world, number)
        publish(whole, number)
        run_rounds(worker_of(whole, Wire(), *targets))
    worker = worker_of(world.port, Wire(), *targets)
    run_rounds(worker)
    assert len(world.verdicts()) < len(whole.verdicts())
    run_rounds(worker, 12)
    assert world.verdicts() == whole.verdicts()


def test_the_next_owner_continues_from_the_ledger(world: World) -> None:
    whole = MemoryWorld()
    alone = worker_of(whole, Wire())
    for number in range(1, 21):
        publish(whole, number)
        publish(world, number)
        run_rounds(alone)
        run_rounds(worker_of(world.port, Wire()))  # somebody new every time
    assert world.verdicts() == whole.verdicts()
    assert world.alerts() == whole.alerts()


def test_two_judges_at_once_write_the_same_rows(world: World) -> None:
    whole = MemoryWorld()
    alone, wire = worker_of(whole, Wire()), Wire()
    first, second = worker_of(world.port, wire), worker_of(world.port, wire)
    for number in range(1, 16):
        publish(whole, number)
        publish(world, number)
        run_rounds(alone)
        run_rounds(first if number % 3 else second)
        run_rounds(second)
    assert world.verdicts() == whole.verdicts()
    assert world.alerts() == whole.alerts()
    assert {(alert.alert_id, alert.sequence): alert for alert in wire.alerts} == {
        (alert.alert_id, alert.sequence): alert for alert in whole.alerts()
    }


class Killed(Exception):
    """The process is gone."""


class Doomed:
    """A port and a wire whose process dies at one step of writing: before it, or after it."""

    def __init__(self, world: World, wire: Wire, step: int, *, is_after: bool) -> None:
        self._world, self._wire, self._left, self._is_after = world, wire, step, is_after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.port, name)

    def write_alerts(self, alerts: Sequence[Alert], *, now_ms: int) -> None:
        self._die(False)
        self._world.port.write_alerts(alerts, now_ms=now_ms)
        self._die(True)

    def write_entries(self, entries: Sequence[Entry], *, now_ms: int) -> None:
        self._die(False)
        self._world.port.write_entries(entries, now_ms=now_ms)
        self._die(True)

    async def publish(self, topic: str, batch: Sequence[Outgoing]) -> list[Receipt]:
        self._die(False)
        receipts = await self._wire.publish(topic, batch)
        self._die(True)
        return receipts

    def _die(self, is_after: bool) -> None:
        if is_after == self._is_after:
            self._left -= 1
            if self._left < 0:
                raise Killed


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(14))
def test_dying_at_any_step_loses_and_changes_no_alert(step: int, is_after: bool) -> None:
    whole = MemoryWorld()
    alone = worker_of(whole, Wire())
    world, wire = MemoryWorld(), Wire()
    doomed = Doomed(world, wire, step, is_after=is_after)
    worker = worker_of(doomed, doomed)
    deaths = 0
    for number in range(1, 11):
        publish(whole, number)
        publish(world, number)
        run_rounds(alone)
        try:
            run_rounds(worker)
        except Killed:
            deaths += 1
            worker = worker_of(world, wire)
            run_rounds(worker)
    assert deaths == 1
    assert world.verdicts() == whole.verdicts()
    assert world.alerts() == whole.alerts()
    assert {(alert.alert_id, alert.sequence): alert for alert in wire.alerts} == {
        (alert.alert_id, alert.sequence): alert for alert in whole.alerts()
    }


class Refusing:
    """A wire that does not take anything for a while."""

    def __init__(self, times: int) -> None:
        self.left, self.taken = times, Wire()

    async def publish(self, topic: str, batch: Sequence[Outgoing]) -> list[Receipt]:
        self.left -= 1
        if self.left >= 0:
            raise DeliveryError("topic alerts: not acknowledged", is_retryable=True)
        return await self.taken.publish(topic, batch)


def test_a_broker_that_is_away_holds_the_ledger_back() -> None:
    world, wire = MemoryWorld(), Refusing(2)
    worker = worker_of(world, wire)
    for number in range(1, 11):
        publish(world, number)
    for _ in range(2):
        with pytest.raises(DeliveryError):
            run_rounds(worker)
        assert world.verdicts() == []
    run_rounds(worker)
    assert [alert.state for alert in wire.taken.alerts] == ["firing", "firing"]
    assert len(world.verdicts()) == 30


def test_a_new_version_judges_from_its_validity_on(world: World) -> None:
    harder = msgspec.structs.replace(NORWAY, version=2, objective=70.0, valid_from_ms=end(6))
    worker = worker_of(world.port, Wire(), NORWAY)
    for number in range(1, 4):
        publish(world, number)
    run_rounds(worker)
    worker = worker_of(world.port, Wire(), harder, NORWAY)
    for number in range(4, 11):
        publish(world, number)
    run_rounds(worker)
    seen = [(verdict.version, verdict.at_ms) for verdict in world.verdicts()]
    assert seen == [(1, end(n)) for n in range(1, 7)] + [(2, end(n)) for n in range(7, 11)]


def test_a_judge_that_has_not_read_the_newest_version_waits() -> None:
    harder = msgspec.structs.replace(NORWAY, version=2, objective=70.0, valid_from_ms=end(1))
    world = MemoryWorld()
    for number in range(1, 4):
        publish(world, number)
    run_rounds(worker_of(world, Wire(), NORWAY, harder))
    for number in range(4, 6):
        publish(world, number)
    behind = worker_of(world, Wire(), NORWAY)
    run_rounds(behind)
    assert len(world.verdicts()) == 3
    asyncio.run(behind.take(chunk_of(encode_json(harder), first=1)))
    run_rounds(behind)
    assert [verdict.at_ms for verdict in world.verdicts() if verdict.version == 2] == [end(n) for n in range(2, 6)]


def test_retiring_a_target_ends_its_alert_once_and_its_cost(world: World) -> None:
    wire = Wire()
    worker = worker_of(world.port, wire, NORWAY)
    for number in range(1, 9):
        publish(world, number)
    run_rounds(worker)
    gone = retirement(NORWAY, Stamp(valid_from_ms=end(8) + 7, recorded_at_ms=end(8) + 7, author="a", reason="over"))
    assert gone is not None
    asyncio.run(worker.take(chunk_of(encode_json(gone), first=1)))
    run_rounds(worker, 2)
    assert [(alert.state, alert.reason) for alert in wire.alerts][1:] == [("resolved", "the target was retired")]
    publish(world, 9)
    again = worker_of(world.port, wire, NORWAY, gone)
    run_rounds(again, 2)
    assert len(wire.alerts) == 2
    assert [verdict.drifting for verdict in world.verdicts()][-1] is False


def test_idle_and_retired_tenants_cost_no_further_question() -> None:
    world = MemoryWorld()
    gone = retirement(NORWAY, Stamp(valid_from_ms=T0 + 1, recorded_at_ms=T0 + 1, author="a", reason="over"))
    assert gone is not None
    worker = worker_of(world, Wire(), NORWAY, gone)
    run_rounds(worker)
    before = world.questions
    run_rounds(worker, 5)
    assert world.questions == before


def test_many_targets_and_tenants_are_asked_for_together() -> None:
    world = MemoryWorld()
    many = [
        msgspec.structs.replace(target, tenant=tenant, target=f"{target.target}/{number}")
        for tenant in ("t", "u", "v")
        for number in range(20)
        for target in TARGETS_OF_T
    ]
    worker = worker_of(world, Wire(), *many)
    publish(world, 1)
    run_rounds(worker)
    assert world.questions <= 6
    assert len(world.verdicts()) == 60


def test_what_cannot_be_a_target_goes_to_quarantine_and_stops_nothing() -> None:
    world, refusals = MemoryWorld(), Refusals()
    worker = worker_of(world, Wire(), NORWAY, refusals=refusals)
    alert = b'{"signal":"tick","gateway":"g","at_ms":1}'
    asyncio.run(worker.take(chunk_of(b"{", None, alert, encode_json(SWEDEN), first=1)))
    publish(world, 1)
    run_rounds(worker)
    assert {verdict.target for verdict in world.verdicts()} == {NORWAY.target, SWEDEN.target}
    assert [(one.offset, one.raw) for one in refusals.rows] == [(1, b"{"), (2, b""), (3, alert)]
    assert refusals.rows[2].reason == "signal tick does not belong on this topic"
    assert all(one.reason for one in refusals.rows)


def test_chunks_of_another_generation_and_lost_partitions_are_forgotten() -> None:
    world = MemoryWorld()
    worker = worker_of(world, Wire(), NORWAY)
    stale = Chunk(TARGETS, 0, 0, 1, [encode_json(SWEDEN)], [T0])
    asyncio.run(worker.take(stale))
    publish(world, 1)
    run_rounds(worker)
    assert {verdict.target for verdict in world.verdicts()} == {NORWAY.target}
    worker.drop()
    assert asyncio.run(worker.round()) is None


@pytest.mark.integration
class TestClickHouse:
    """What only the tables can get wrong."""

    @pytest.fixture
    def tables(self, store: Warehouse) -> ClickHouseWorld:
        return ClickHouseWorld(store)

    def windows(self, tables: ClickHouseWorld, after: int = 0, before: int = 99) -> list[tuple[int, int, int]]:
        closed = tables.port.closed()
        assert closed is not None
        found = tables.port.windows([("t", "app.response_time")], closed, after_ms=end(after), before_ms=end(before))
        ends = found.get(("t", "app.response_time"), [])
        return [(one.at_ms, row.good_ms, row.attempted_ms) for one in ends for row in one.rows]

    def test_reads_only_rows_of_enough_devices_or_shared_ones(self, tables: ClickHouseWorld) -> None:
        tables.fold("t", 1, [({"application": "Mail"}, 4, 100, 1_000), ({"application": "Chat"}, 6, 200, 1_000)])
        tables.fold("t", 1, [({"application": "Room"}, 2, 300, 1_000)], shared=1)
        tables.reach(1)
        assert sorted(self.windows(tables)) == [(end(1), 200, 1_000), (end(1), 300, 1_000)]

    def test_leaves_out_what_came_late(self, tables: ClickHouseWorld) -> None:
        tables.fold("t", 1, [({"application": "Mail"}, 6, 500, 1_000)])
        tables.fold("t", 1, [({"application": "Mail"}, 6, 0, 1_000)], late=1)
        tables.reach(1)
        assert self.windows(tables) == [(end(1), 500, 1_000)]

    def test_bounds_are_exclusive_and_whole_windows(self, tables: ClickHouseWorld) -> None:
        for number in range(1, 6):
            tables.fold("t", number, [({"application": "Mail"}, 6, 100 * number, 1_000)])
        tables.reach(5)
        assert [at for at, _, _ in self.windows(tables, 1, 5)] == [end(2), end(3), end(4)]

    def test_closed_reaches_as_far_as_the_slowest_partition(self, tables: ClickHouseWorld) -> None:
        assert tables.port.closed() is None
        tables.reach(3)
        closed = tables.port.closed()
        assert closed is not None
        assert (closed.before_ms, closed.window_s, closed.k) == (end(3) + 1, 5, 5)

    def test_an_epoch_is_read_once_it_is_marked_and_each_block_once(self, tables: ClickHouseWorld) -> None:
        block = [({"country": "NO"}, FINE)]
        tables.release("t", 1, block)
        tables.release("t", 1, block)  # the same run again
        tables.release("t", 2, [])
        tables.release("u", 1, block)
        epochs = tables.port.epochs({"t": T0, "u": end(1), "v": 0})
        assert [(epoch.at_ms, len(epoch.blocks)) for epoch in epochs["t"]] == [(end(1), 1), (end(2), 0)]
        assert set(epochs) == {"t"}

    def test_writing_again_changes_nothing(self, tables: ClickHouseWorld, store: Warehouse) -> None:
        worker = worker_of(tables.port, Wire())
        for number in range(1, 11):
            publish(tables, number)
        held = asyncio.run(worker.round())
        assert held is not None
        before = tables.verdicts(), tables.alerts()
        tables.port.write_entries(held.entries, now_ms=T0)
        tables.port.write_alerts(held.alerts, now_ms=T0)
        assert (tables.verdicts(), tables.alerts()) == before
        assert tables.alerts() == sorted(held.alerts, key=lambda alert: (alert.alert_id, alert.sequence))

    def test_states_are_the_newest_ones(self, tables: ClickHouseWorld) -> None:
        assert tables.port.states(["t"]) == {}
        worker = worker_of(tables.port, Wire())
        states: dict[TargetKey, JudgeState | None] = {}
        for number in range(1, 4):
            publish(tables, number)
            held = asyncio.run(worker.round())
            assert held is not None
            states.update(held.states)
        assert tables.port.states(["t"]) == states
        assert tables.port.states(["u"]) == {}
