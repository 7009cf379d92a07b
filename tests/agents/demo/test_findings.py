"""What a demo counts as alerted: only what called somebody."""

from typing import Any

import msgspec
import pytest

from agents.demo.findings import Findings
from agents.demo.report import Report
from agents.judge_store import JudgeStore
from agents.warehouse.client import Warehouse
from streams.events.judging import AlertCalls
from streams.simulate.truths import Truth
from tests.streams.alerting import ALERT

pytestmark = pytest.mark.integration

PLANTED = Truth(name="drop", start_ms=ALERT.started_at_ms - 5_000, must_alert=(ALERT.target,))


def report_of(store: Warehouse, *, truths: tuple[Truth, ...]) -> Report:
    nobody: Any = None
    report = Report(tenant=ALERT.tenant, seconds=60.0)
    Findings(nobody, store, ALERT.tenant, nobody, nobody).judge_alerts(report, truths, truths)
    return report


def raise_as(store: Warehouse, calls: AlertCalls) -> None:
    states = [
        msgspec.structs.replace(ALERT, calls=calls, sequence=sequence, state=state, at_ms=ALERT.at_ms + sequence)
        for sequence, state in ((0, "firing"), (1, "resolved"))
    ]
    JudgeStore(store).write_alerts(states, now_ms=ALERT.at_ms + 1_000)


def test_an_alert_that_calls_is_counted_once_with_its_newest_state(store: Warehouse) -> None:
    raise_as(store, "yes")
    report = report_of(store, truths=(PLANTED,))
    assert [(one.target, one.state, one.planted, one.delay_s) for one in report.alerts] == [
        (ALERT.target, "resolved", True, 6.0)
    ]
    assert report.exit == "ok"
    assert report_of(store, truths=()).exit == "false_alert"


@pytest.mark.parametrize("calls", ["inhibited", "mix", "replayed"])
def test_what_called_nobody_neither_finds_a_truth_nor_is_false(store: Warehouse, calls: AlertCalls) -> None:
    raise_as(store, calls)
    assert report_of(store, truths=(PLANTED,)).missed == [ALERT.target]
    assert report_of(store, truths=()).alerts == []
