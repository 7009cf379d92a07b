"""The public views of targets, verdicts, alerts and changes: the newest state of each, and nothing restricted."""

import time
from typing import Any

import pytest

from agents.records import COLUMNS
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.codecs import encode_json
from streams.events import Change, Target
from streams.records import to_row

pytestmark = pytest.mark.integration

T0 = 1_780_000_000_000
TARGET_COLUMNS = ("tenant", "target", "version", "state", "valid_from", "recorded_at", "author", "reason", "body")
VERDICT_COLUMNS = (
    "tenant", "target", "version", "at", "verdict", "score", "n", "rolling_n", "trend", "evidence", "drifting", "state",
    "written_at",
)  # fmt: skip


def target(version: int = 1, **changes: Any) -> Target:
    known: dict[str, Any] = {
        "tenant": "t", "target": "happy/country=NO", "version": version, "state": "active",
        "valid_from_ms": T0 + version, "recorded_at_ms": T0 + version, "author": "me", "reason": "first",
        "purpose": "joy", "owner": "desk",
        "indicator": "happiness", "metric": "", "slice": {"country": "NO"}, "objective": 60.5, "period": "month",
        "window_s": 604_800, "min_respondents": 30, "run_length": 1e4, "recovery_length": 900.0, "severity": "warning",
        "runbook": "https://wiki.example/happy",
    }  # fmt: skip
    return Target(**{**known, **changes})


def publish(store: Warehouse, *events: Target) -> None:
    rows = [
        (e.tenant, e.target, e.version, e.state, e.valid_from_ms, e.recorded_at_ms, e.author, e.reason, encode_json(e))
        for e in events
    ]
    store.insert_rows("targets", TARGET_COLUMNS, rows)


def judge(
    store: Warehouse, version: int, at_ms: int, verdict: str, *, score: float | None = None, written: int = 0
) -> None:
    row = ("t", "happy/country=NO", version, at_ms, verdict, score, 40, 40, "flat", 0.5, 0, "{}", at_ms + written)
    store.insert_rows("verdicts", VERDICT_COLUMNS, [row])


def view(store: Warehouse, name: str, columns: str) -> list[tuple[Any, ...]]:
    return store.ask(f"SELECT {columns} FROM {public_of(store.address.database)}.{name} ORDER BY ALL")


def test_the_newest_version_in_force_is_shown(store: Warehouse) -> None:
    future_ms = int(time.time() * 1000) + 3_600_000
    publish(store, target(1), target(2, objective=70.0, reason="higher"), target(3, valid_from_ms=future_ms))
    publish(store, target(2, objective=70.0, reason="higher"))
    columns = "target, version, purpose, owner, indicator, slice, objective, period, min_respondents, severity, reason"
    assert view(store, "targets", columns) == [
        ("happy/country=NO", 2, "joy", "desk", "happiness", {"country": "NO"}, 70.0, "month", 30, "warning", "higher")
    ]


def test_a_whole_tenant_is_an_empty_slice(store: Warehouse) -> None:
    publish(store, target(slice={}))
    assert view(store, "targets", "slice, window_s, runbook") == [({}, 604_800, "https://wiki.example/happy")]


def test_every_version_that_was_in_force_says_what_it_promised(store: Warehouse) -> None:
    future_ms = int(time.time() * 1000) + 3_600_000
    publish(store, target(1), target(2, objective=70.0, reason="higher"), target(3, valid_from_ms=future_ms))
    publish(store, target(2, objective=71.0, reason="a slip of the pen", recorded_at_ms=T0 + 9))
    columns = "version, objective, reason, indicator, slice, toUnixTimestamp64Milli(valid_from)"
    assert view(store, "target_versions", columns) == [
        (1, 60.5, "first", "happiness", {"country": "NO"}, T0 + 1),
        (2, 71.0, "a slip of the pen", "happiness", {"country": "NO"}, T0 + 2),
    ]


def test_the_ledger_keeps_one_row_per_instant_and_hides_the_detector(store: Warehouse) -> None:
    judge(store, 1, T0, "met", score=61.0)
    judge(store, 1, T0, "missed", score=50.0, written=1)
    judge(store, 1, T0 + 5, "met", score=62.0)
    assert view(store, "verdicts", "toUnixTimestamp64Milli(at), verdict, score") == [
        (T0, "missed", 50.0), (T0 + 5, "met", 62.0),
    ]  # fmt: skip
    assert "state" not in {row[0] for row in store.ask(f"DESCRIBE {public_of(store.address.database)}.verdicts")}


def test_the_status_is_the_newest_verdict_with_what_its_version_promised(store: Warehouse) -> None:
    publish(store, target(1), target(2, objective=70.0))
    judge(store, 1, T0, "met", score=61.0)
    judge(store, 2, T0 + 5, "no_data")
    columns = "target, version, verdict, score, objective, purpose, owner, slice"
    expected = [("happy/country=NO", 2, "no_data", None, 70.0, "joy", "desk", {"country": "NO"})]
    assert view(store, "target_status", columns) == expected
    judge(store, 1, T0 + 1, "missed", score=1.0)
    assert view(store, "target_status", columns) == expected


def test_a_retired_target_has_no_status(store: Warehouse) -> None:
    publish(store, target(1), target(1, target="other"))
    judge(store, 1, T0, "met", score=61.0)
    publish(store, target(2, state="retired"))
    assert view(store, "target_status", "target") == []
    assert view(store, "targets", "target, state") == [("happy/country=NO", "retired"), ("other", "active")]


def test_an_alert_is_shown_in_its_newest_state(store: Warehouse) -> None:
    columns = (
        "tenant", "alert_id", "sequence", "dedup_key", "target", "version", "state", "started_at", "at", "slice",
        "objective", "score", "n", "written_at",
    )  # fmt: skip
    for sequence, state in ((1, "resolved"), (0, "firing"), (0, "firing")):
        row = ("t", "a1", sequence, "k", "happy", 1, state, T0, T0 + sequence, {"country": "NO"}, 60.0, None, 40, T0)
        store.insert_rows("alerts", columns, [row])
    store.insert_rows("alerts", columns, [("t", "a2", 0, "k", "happy", 1, "firing", T0, T0, {}, 60.0, 41.5, 40, T0)])
    assert view(store, "alerts", "alert_id, state, slice, score") == [
        ("a1", "resolved", {"country": "NO"}, None), ("a2", "firing", {}, 41.5),
    ]  # fmt: skip


def test_a_change_is_shown_in_its_newest_revision(store: Warehouse) -> None:
    def change(revision: int, title: str, end_ms: int | None) -> Change:
        return Change(
            event_id="e", tenant="t", source="s", event_time_ms=T0, revision=revision, change_id="c", kind="wave",
            wave=2, title=title, end_ms=end_ms, country="NO",
        )  # fmt: skip

    events = [change(1, "second", T0 + 9), change(0, "first", None)]
    rows = [to_row(event, stamp_ms=T0 + offset, offset=offset) for offset, event in enumerate(events)]
    store.insert_rows("changes", COLUMNS["changes"], rows)
    columns = (
        "change_id, kind, wave, title, toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(ended_at), country"
    )
    assert view(store, "changes", columns) == [("c", "wave", 2, "second", T0, T0 + 9, "NO")]
