"""What receivers are told again, as ClickHouse knows it."""

import json
import time

import msgspec
import pytest

from agents.deliver_store import Attempt, DeliverStore, Outcome
from agents.judge_store import JudgeStore
from agents.notify import Duty
from agents.warehouse.client import Warehouse
from streams.events.judging import Alert
from streams.judging.outbox import key_of
from tests.agents.notify.alerts import FIRING, RESOLVED

pytestmark = pytest.mark.integration

MINUTE_MS = 60_000


def state(name: str, sequence: int, kind: str = "firing") -> Alert:
    whole = RESOLVED if kind == "resolved" else FIRING
    return msgspec.structs.replace(whole, alert_id=name, sequence=sequence)


class Table:
    """Alerts and what was told of them."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.store, self.judge = DeliverStore(warehouse), JudgeStore(warehouse)
        self.now_ms = int(time.time() * 1000)

    def write(self, *alerts: Alert) -> None:
        self.judge.write_alerts(alerts, now_ms=self.now_ms)

    def tell(self, alert: Alert, outcome: Outcome, *, ago_ms: int = 0, notifier: str = "alertmanager") -> None:
        at_ms = self.now_ms - ago_ms
        self.store.record([Attempt(key=key_of(alert), notifier=notifier, outcome=outcome, reason="", at_ms=at_ms)])

    def kept(self) -> set[tuple[str, int]]:
        found = self.store.kept("alertmanager", self.now_ms - 5 * MINUTE_MS)
        return {(alert.alert_id, alert.sequence) for alert in found}


@pytest.fixture
def table(store: Warehouse) -> Table:
    return Table(store)


def test_what_fires_and_was_told(table: Table) -> None:
    told, untold, refused, away = (state(name, 0) for name in ("told", "untold", "refused", "away"))
    table.write(told, untold, refused, away)
    table.tell(told, "retry", ago_ms=9 * MINUTE_MS)
    table.tell(told, "delivered", ago_ms=8 * MINUTE_MS)
    table.tell(untold, "delivered", notifier="webhook")
    table.tell(untold, "retry")
    table.tell(refused, "refused")
    table.tell(away, "given_up")
    assert table.kept() == {("told", 0), ("away", 0)}
    (kept,) = [alert for alert in table.store.kept("alertmanager", 0) if alert.alert_id == "told"]
    assert kept == told


def test_the_last_state_that_was_told(table: Table) -> None:
    table.write(state("a", 0), state("a", 1))
    table.tell(state("a", 0), "delivered")
    assert table.kept() == {("a", 0)}
    table.tell(state("a", 1), "delivered")
    assert table.kept() == {("a", 1)}


def test_an_end_is_told_for_five_minutes_and_nothing_before_it_is_told_any_more(table: Table) -> None:
    for name in ("fresh", "old", "unknown"):
        table.write(state(name, 0), state(name, 1, "resolved"))
        table.tell(state(name, 0), "delivered")
    table.tell(state("fresh", 1), "delivered", ago_ms=4 * MINUTE_MS)
    table.tell(state("old", 1), "delivered", ago_ms=6 * MINUTE_MS)
    table.tell(state("old", 0), "delivered", ago_ms=7 * MINUTE_MS)
    assert table.kept() == {("fresh", 1)}


def test_an_alert_from_before_bodies_were_stored(table: Table, store: Warehouse) -> None:
    table.write(state("a", 0))
    (whole,) = [alert for alert, _ in table.store.open()]
    store.command("ALTER TABLE alerts UPDATE body = '' WHERE 1 SETTINGS mutations_sync = 1")
    assert [alert for alert, _ in table.store.open()] == [whole]


def test_what_has_not_ended(table: Table) -> None:
    table.write(state("a", 0), state("b", 0), state("b", 1, "resolved"))
    assert [(alert.alert_id, at_ms) for alert, at_ms in table.store.open()] == [("a", table.now_ms)]


def test_whom_a_target_wants_to_be_called(table: Table, store: Warehouse) -> None:
    bodies = {
        "old feedback": {"indicator": "happiness"},
        "old telemetry": {"indicator": "good_time"},
        "says so": {"indicator": "happiness", "hours": "any", "routes": ["noc", "desk"], "objective": 60.0},
        "strange": {"indicator": 5},
    }
    columns = ("tenant", "target", "version", "state", "valid_from", "recorded_at", "author", "reason", "body")
    rows = [["t", name, 1, "active", 1, 1, "a", "r", json.dumps(body)] for name, body in bodies.items()]
    store.insert_rows("targets", columns, rows)
    asked = [("t", name) for name in (*bodies, "unknown")]
    assert table.store.duties(asked) == {
        ("t", "old feedback"): Duty("working"),
        ("t", "old telemetry"): Duty("any"),
        ("t", "says so"): Duty("any", ("noc", "desk")),
        ("t", "strange"): Duty(),
    }
    assert table.store.duties([]) == {}
