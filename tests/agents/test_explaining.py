"""The judge's alerts carry why, read at the moment they are raised; without an explanation they go out all the same."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from agents.explaining import MOST_EXPLAINED, Explaining
from agents.judge import Advice, JudgeWorker, Pace
from agents.links import Bases
from agents.warehouse.client import Warehouse, WarehouseError
from agents.why_store import Moment, WhyStore
from streams.codecs import encode_json
from streams.events.judging import Alert, Target
from streams.why.explanation import Why
from tests.agents.judged_world import EPOCH_MS, GRID, ClickHouseWorld, MemoryWorld, World, end
from tests.agents.test_judge import MAIL, NORWAY, SWEDEN, Refusals, Wire, chunk_of, publish, run_rounds
from tests.agents.test_why_store import change

BASES = Bases(screens="https://screens.example", alertmanager="https://alerts.example")
LONGER = msgspec.structs.replace(NORWAY, window_s=60)


class Known:
    """Explains what it was told, or fails."""

    def __init__(self, error: WarehouseError | None = None) -> None:
        self.asked: list[tuple[str, Moment]] = []
        self._error = error

    def why(self, target: Target, moment: Moment) -> Why:
        self.asked.append((target.target, moment))
        if self._error:
            raise self._error
        return Why(since_ms=moment.since_ms, usual_n=7)


def told(world: World, store: Any, *targets: Target, until: int = 30) -> list[Alert]:
    """Judge a story (`publish`) epoch by epoch; returns what was published."""
    wire, app = (
        Wire(),
        SimpleNamespace(consumer_generation_id=1, rebalancing=False, rebalancing_count=0, should_stop=False),
    )
    worker = JudgeWorker(
        app,
        world.port,
        wire,
        Refusals(),
        grid=GRID,
        pace=Pace(round_s=0.01, settle_s=0.0),
        advice=Advice(explainer=Explaining(store, GRID, BASES)),
    )
    asyncio.run(worker.take(chunk_of(*map(encode_json, targets))))
    for number in range(1, until + 1):
        publish(world, number)
        run_rounds(worker)
    return wire.alerts


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is too old to call anybody for: the story is of another day."""
    monkeypatch.setattr("agents.judge_replay.REPLAY_AFTER_MS", 1 << 62)


def test_what_calls_is_explained_from_the_start_of_the_change_and_has_links() -> None:
    store = Known()
    alerts = told(MemoryWorld(), store, NORWAY, SWEDEN, MAIL)
    fired = [alert for alert in alerts if alert.state == "firing"]
    assert sorted(alert.target for alert in fired) == sorted([NORWAY.target, MAIL.target])
    assert sorted(store.asked) == sorted(
        (alert.target, Moment(since_ms=end(4), at_ms=alert.at_ms, unit_ms=EPOCH_MS, least=5)) for alert in fired
    )
    assert all((alert.since_ms, alert.usual_n) == (end(4), 7) for alert in fired)
    assert all(alert.link and alert.silence_link for alert in alerts)
    assert {alert.usual_n for alert in alerts if alert.state == "resolved"} == {0}


def test_an_alert_goes_out_without_an_explanation_that_cannot_be_read() -> None:
    store = Known(WarehouseError("away", is_retryable=True))
    plain = told(MemoryWorld(), store, NORWAY)
    assert [(alert.state, alert.since_ms) for alert in plain] == [("firing", 0), ("resolved", 0)]
    assert len(store.asked) == 1


def test_only_so_many_of_a_round_are_explained() -> None:
    store = Known()
    many = [msgspec.structs.replace(NORWAY, target=f"happy-{n}/country=NO") for n in range(MOST_EXPLAINED + 5)]
    fired = [alert for alert in told(MemoryWorld(), store, *many, until=11) if alert.state == "firing"]
    assert len(fired) == len(many)
    assert len(store.asked) == MOST_EXPLAINED
    assert sum(alert.since_ms > 0 for alert in fired) == MOST_EXPLAINED


@pytest.mark.integration
def test_from_the_published_rows_to_the_alert(store: Warehouse) -> None:
    world = ClickHouseWorld(store)
    change(store, 1, end(3) - 1, tenant="t", country="NO")
    change(store, 2, end(3) - 1, tenant="t", country="SE")
    alerts = told(world, WhyStore(store, {}), LONGER, until=9)
    (fired,) = [alert for alert in alerts if alert.state == "firing"]
    assert (fired.usual, fired.usual_n) == (100.0, 30)
    assert fired.change == -200.0
    assert {part["value"]: part["share"] for part in fired.contributions} == {"mail": "0.500", "vpn": "0.500"}
    assert [one["name"] for one in fired.coincidences] == ["CHG1"]
    assert "Before: 100.0 (30 answers); change -200.0." in fired.summary
    assert "deploy CHG1 (new version)" in fired.summary
    assert world.alerts()[0].contributions == fired.contributions
