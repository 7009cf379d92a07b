"""Every query of every dashboard, run on the embedded ClickHouse over rows whose answers are known."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from agents.screens.dashboard import Dashboard
from agents.screens.macros import View, expand
from agents.screens.panels import Lines, Panel, Table
from agents.screens.registry import SCREENS
from agents.warehouse.client import Client, connect, insert_rows
from agents.warehouse.migrate import apply, write_profile
from streams.profile import STANDARD
from tests.agents.local.services import ClickHouse

pytestmark = pytest.mark.integration

DATABASE = "screens"
HOSTILE = 'd\'Arc [x] "y" 100%'
NOW_MS = int(time.time()) * 1000
MINUTE_MS = 60_000
RUN = "00000000-0000-0000-0000-000000000001"
QUEUE = "happiness/service=queue"
LAPTOPS = "good-time/application=mail"


@pytest.fixture(scope="module")
def client(clickhouse: ClickHouse) -> Iterator[Client]:
    server = clickhouse
    client = connect(server.host, server.port, server.user, server.password, "xpulse_pub")
    for _ in apply(client, DATABASE):
        pass
    write_profile(client, DATABASE, STANDARD, now_ms=NOW_MS - 600 * MINUTE_MS)
    for tenant in (HOSTILE, "other"):
        fill(client, tenant)
    fill_intake(client)
    yield client
    client.close()


def insert(client: Client, table: str, *rows: dict[str, Any]) -> None:
    insert_rows(client, f"{DATABASE}.{table}", list(rows[0]), [list(row.values()) for row in rows])


def fill(client: Client, tenant: str) -> None:
    insert(client, "targets", target(tenant, QUEUE, "happiness", 60.0), target(tenant, LAPTOPS, "good_time", 99.0))
    earlier = [verdict(tenant, QUEUE, NOW_MS - age * MINUTE_MS, "undecided") for age in (300, 30, 20)]
    newest = verdict(tenant, QUEUE, NOW_MS - 10 * MINUTE_MS, "missed", drifting=1)
    good = {**verdict(tenant, LAPTOPS, NOW_MS - 10 * MINUTE_MS, "met"), "score": 99.5, "lower": None, "upper": None}
    insert(client, "verdicts", *earlier, newest, good)
    insert(client, "alerts", alert(tenant, "open", 0), alert(tenant, "over", 0), alert(tenant, "over", 1))
    epoch = NOW_MS - 10 * MINUTE_MS
    insert(
        client, "release_marks", {"tenant": tenant, "epoch": epoch, "run": "r", "blocks": 1, "answers": 5, "rule": "{}"}
    )


def target(tenant: str, name: str, indicator: str, objective: float) -> dict[str, Any]:
    body = {"purpose": "p", "owner": "desk", "indicator": indicator, "slice": {"country": "NO"}, "objective": objective}
    at_ms = NOW_MS - 500 * MINUTE_MS
    row = {"tenant": tenant, "target": name, "version": 1, "state": "active", "valid_from": at_ms, "recorded_at": at_ms}
    return {**row, "author": "a", "reason": "r", "body": json.dumps(body)}


def verdict(tenant: str, name: str, at_ms: int, word: str, *, drifting: int = 0) -> dict[str, Any]:
    row = {"tenant": tenant, "target": name, "version": 1, "at": at_ms, "verdict": word, "n": 400, "coverage": 1.0}
    period = {"score": 41.26, "lower": 35.04, "upper": 47.77}
    rolling = {"rolling_score": 30.5, "rolling_lower": 20.0, "rolling_upper": 41.0, "rolling_n": 90}
    rest = {"trend": "down", "evidence": 1.2, "drifting": drifting, "state": "{}", "written_at": at_ms}
    return {**row, **period, **rolling, **rest}


def alert(tenant: str, name: str, sequence: int) -> dict[str, Any]:
    at_ms = NOW_MS - (20 - sequence) * MINUTE_MS
    row = {"tenant": tenant, "alert_id": name, "sequence": sequence, "dedup_key": name, "target": QUEUE, "version": 1}
    state = {"state": "resolved" if sequence else "firing", "reason": "started", "severity": "warning", "at": at_ms}
    facts = {"objective": 60.0, "score": 41.26, "lower": 35.04, "upper": 47.77, "n": 400, "coverage": 1.0}
    rest = {"detector": "e", "slice": {"country": "NO"}, "summary": "Queue fell", "runbook": "docs/queue.md"}
    return {**row, **state, **facts, **rest, "started_at": NOW_MS - 20 * MINUTE_MS, "written_at": at_ms}


def fill_intake(client: Client) -> None:
    place = {
        "generation": STANDARD.generation,
        "incarnation": RUN,
        "partition": 0,
        "tile": 0,
        "hi": 10,
        "partitions": 1,
    }
    counts = {"n_in": 10, "n_valid": 6, "n_invalid": 1, "n_duplicate": 1, "n_late": 2, "n_tick": 2, "n_overflow": 0}
    arrival = {"arrival": NOW_MS - 5 * MINUTE_MS, "closed": 0}
    insert(client, "tile_audit", {**place, "first": 0, **counts, **arrival})
    where = {"topic": "telemetry", "incarnation": RUN, "partition": 0, "offset": 3, "recorded_at": NOW_MS}
    insert(client, "quarantine", {**where, "reason": "value: not a number", "raw": "x"})


def ask(client: Client, sql: str, *, tenant: str = HOSTILE) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns and rows that Grafana would get for a query."""
    view = View(
        start_s=NOW_MS // 1000 - 3600, end_s=NOW_MS // 1000, interval_s=10, chosen={"tenant": tenant, "target": QUEUE}
    )
    expanded = expand(sql, view).replace("xpulse_pub.", f"{DATABASE}_pub.")
    result = client.query(expanded)
    return list(result.column_names), [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


def panel(title: str) -> Panel:
    found = [panel for panel in SCREENS["targets"]().panels() if panel.title == title]
    assert len(found) == 1
    return found[0]


@pytest.fixture(params=sorted(SCREENS))
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    return SCREENS[str(request.param)]()


def test_every_panel_and_variable_answers_with_at_least_one_row(client: Client, dashboard: Dashboard) -> None:
    queries = [panel.sql for panel in dashboard.panels()] + [variable.sql for variable in dashboard.variables]
    assert [sql for sql in queries if not ask(client, sql)[1]] == []


def test_every_described_column_is_in_the_answer(client: Client, dashboard: Dashboard) -> None:
    for part in dashboard.panels():
        described = part.columns if isinstance(part, Table) else part.series if isinstance(part, Lines) else ()
        columns, _ = ask(client, part.sql)
        assert {one.name for one in described} <= set(columns), part.title


def test_a_tenant_that_nobody_knows_shows_nothing_of_others(client: Client) -> None:
    for title in ("Targets now", "Open alerts", "History of ${target}"):
        assert ask(client, panel(title).sql, tenant="nobody")[1] == []


def test_targets_now_says_what_was_judged_worst_first(client: Client) -> None:
    _, rows = ask(client, panel("Targets now").sql)
    assert [(row["Target"], row["Verdict"], row["Drift"], row["n"]) for row in rows] == [
        (QUEUE, "missed", 1, 400),
        (LAPTOPS, "met", 0, 400),
    ]
    assert rows[0]["Interval"] == "35 to 47.8"
    assert rows[0]["Score"] == 41.26
    assert rows[0]["Objective"] == 60.0
    assert rows[0]["Trend"] == "down"
    assert rows[1]["Interval"] == ""


@pytest.mark.parametrize(
    ("title", "shown"),
    [("Targets met", "1 of 2"), ("Targets missed", 1), ("Targets drifting", 1), ("Alerts firing", 1)],
)
def test_headlines_count_one_tenant(client: Client, title: str, shown: object) -> None:
    columns, rows = ask(client, panel(title).sql)
    assert len(columns) == 1
    assert [list(row.values()) for row in rows] == [[shown]]


@pytest.mark.parametrize(
    ("title", "age_minutes"),
    [("Age of the feedback", 10), ("Age of the telemetry", 5 + STANDARD.grace_ms // MINUTE_MS)],
)
def test_ages_are_seconds_until_now(client: Client, title: str, age_minutes: int) -> None:
    _, rows = ask(client, panel(title).sql)
    assert len(rows) == 1
    assert age_minutes * 60 <= rows[0]["age"] <= age_minutes * 60 + time.time() - NOW_MS / 1000 + 1


def test_the_history_holds_the_chosen_range_in_order(client: Client) -> None:
    columns, rows = ask(client, panel("History of ${target}").sql)
    ages = [round((NOW_MS / 1000 - row["time"].timestamp()) / 60) for row in rows]
    assert ages == [30, 20, 10]
    assert columns == ["time", "Score", "Lower", "Upper", "Objective"]
    assert {row["Objective"] for row in rows} == {60.0}


def test_only_firing_alerts_are_open(client: Client) -> None:
    _, rows = ask(client, panel("Open alerts").sql)
    assert [(row["What"], row["Severity"], row["Runbook"]) for row in rows] == [
        ("Queue fell", "warning", "docs/queue.md")
    ]


def test_what_came_in_counts_every_fate(client: Client) -> None:
    _, rows = ask(client, panel("What came in").sql)
    fates = {row["Fate"]: row["Records"] for row in rows}
    assert fates["events"] == fates["valid"] + fates["invalid"] + fates["duplicate"] + fates["tick"] == 10
    assert [(row["Reason"], row["Records"]) for row in rows if row["Fate"] == "quarantined"] == [
        ("value: not a number", 1)
    ]


def test_a_wrong_column_would_be_noticed(client: Client) -> None:
    sql = panel("Targets now").sql.replace("rolling_score", "rollling_score")
    with pytest.raises(Exception, match="rollling_score"):
        ask(client, sql)
