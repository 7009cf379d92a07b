"""Named panels against the figures that the sample was made with."""

import copy
import re
import time
from typing import Any

import pytest
import yaml

from agents.screens.annotate import happened
from agents.screens.check import Ask
from agents.screens.check.queries import HOSTILE
from agents.screens.macros import ALL, Chosen, View, expand
from agents.screens.registry import FOLDER, SCREENS
from agents.screens.sample import AGE_MIN, COUNTRIES, LAPTOPS, QUEUE, TENANTS
from agents.screens.snapshot import frozen
from agents.warehouse.client import WarehouseError
from streams.profile import STANDARD

pytestmark = pytest.mark.integration

NARROW = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
EVERYWHERE: dict[str, Chosen] = dict.fromkeys(NARROW, (ALL,))


def sql_of(screen: str, title: str, number: int = 0) -> str:
    panels = [panel for panel in SCREENS[screen]().to_json()["panels"] if panel["title"] == title]
    return str(panels[number]["targets"][0]["rawSql"])


def rows(ask: Ask, now_s: int, sql: str, *, span_s: int = 86_400, **chosen: Chosen) -> list[dict[str, Any]]:
    wanted: dict[str, Chosen] = {"tenant": TENANTS[0], "target": QUEUE, "by": "country", **EVERYWHERE, **chosen}
    view = View(start_s=now_s - span_s, end_s=now_s, interval_s=10, chosen=wanted)
    answer = ask(expand(sql, view))
    names = [name for name, _ in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


def test_an_organisation_that_nobody_knows_shows_nothing_of_others(ask: Ask, now_s: int) -> None:
    for screen, title in (("targets", "Targets now"), ("on-call", "Open alerts"), ("target", "${target}")):
        for nobody in ("nobody", HOSTILE):
            assert rows(ask, now_s, sql_of(screen, title), tenant=nobody) == []


def test_targets_now_says_what_was_judged_worst_first(ask: Ask, now_s: int) -> None:
    first, second = rows(ask, now_s, sql_of("targets", "Targets now"))
    assert (first["Target"], first["Verdict"], first["Drift"], first["n"]) == (QUEUE, "missed", 1, 400)
    assert (first["Interval"], first["Score"], first["Objective"], first["Trend"]) == (
        "35 to 47.8",
        41.26,
        60.0,
        "down",
    )
    assert (second["Target"], second["Verdict"], second["Interval"]) == (LAPTOPS, "met", "")


@pytest.mark.parametrize(
    ("screen", "title", "shown"),
    [
        ("targets", "Targets met", "1 of 2"),
        ("targets", "Targets missed", 1),
        ("targets", "Targets drifting", 1),
        ("targets", "Alerts firing", 1),
        ("target", "Score lately", 30.5),
        ("target", "Verdict", "missed"),
        ("on-call", "Not delivered", 0),
        ("quality", "Quarantined", 1),
        ("quality", "Answers in 24 hours", 2 * (30 * 6 + 30)),
        ("quality", "Response rate", 50 / 200),
        ("devices", "Good time of devices", 0.9),
        ("devices", "Start-up time", 2.0),
    ],
)
def test_headlines_are_those_of_the_sample(ask: Ask, now_s: int, screen: str, title: str, shown: object) -> None:
    (row,) = rows(ask, now_s, sql_of(screen, title))
    assert list(row.values()) == [shown]


@pytest.mark.parametrize(
    ("title", "minutes"),
    [("Age of the feedback", AGE_MIN), ("Age of the telemetry", 5 + STANDARD.grace_ms // 60_000)],
)
def test_ages_are_seconds_until_now(ask: Ask, now_s: int, title: str, minutes: int) -> None:
    (row,) = rows(ask, now_s, sql_of("targets", title))
    assert minutes * 60 <= row["age"] <= minutes * 60 + time.time() - now_s + 1


def test_the_history_holds_the_chosen_range_in_order(ask: Ask, now_s: int) -> None:
    found = rows(ask, now_s, sql_of("target", "${target}"), span_s=3600)
    assert [(row["Score"], row["Objective"]) for row in found] == [(30.5, 60.0)] * 3
    assert [row["time"] for row in found] == sorted(row["time"] for row in found)


@pytest.mark.parametrize("screen", ["target", "targets"])
def test_the_history_draws_the_objective_that_held_then(ask: Ask, now_s: int, screen: str) -> None:
    title = "${target}" if screen == "target" else "History of ${target}"
    found = rows(ask, now_s, sql_of(screen, title))
    assert [row["Objective"] for row in found] == [50.0, 60.0, 60.0, 60.0]


def test_each_cohort_of_invitations_has_one_rate_the_newest_first(ask: Ask, now_s: int) -> None:
    (all_of_them,) = rows(ask, now_s, sql_of("quality", "Response rate"), span_s=7 * 86_400)
    assert all_of_them["rate"] == (50 + 70) / (200 + 400)
    found = rows(ask, now_s, sql_of("quality", "Response rate by cohort"), span_s=7 * 86_400)
    assert [(row["People"], row["Answered"], row["Rate"]) for row in found] == [(200, 50, 0.25), (400, 70, 0.175)]
    assert found[0]["Invited from"] == found[1]["Until"]
    assert found[0]["95 % interval"] == "19.5 to 31.4 %"


def test_what_came_in_counts_every_fate(ask: Ask, now_s: int) -> None:
    fates = {row["Fate"]: row["Records"] for row in rows(ask, now_s, sql_of("quality", "What came in"))}
    assert fates["events"] == fates["valid"] + fates["invalid"] + fates["duplicate"] + fates["tick"] == 10


def test_the_slice_adds_up_what_was_chosen(ask: Ask, now_s: int) -> None:
    sql = sql_of("slice", "Split by ${by}")
    found = {row["Part"]: row for row in rows(ask, now_s, sql, span_s=7 * 86_400, tenant=(TENANTS[0],))}
    assert found["NO"]["Answers"] == 4 * 60
    assert found["NO"]["Happiness"] == pytest.approx(100 * (2 * 2 * (14 - 14) + 2 * 2 * (22 - 6)) / 240)
    assert found["(mixed)"]["Answers"] == 4 * 30
    assert found["NO"]["Coverage"] == pytest.approx(6 / 7)
    narrow = rows(ask, now_s, sql, span_s=7 * 86_400, tenant=(TENANTS[0],), country=COUNTRIES[:2], service=("mail",))
    assert {row["Part"]: row["Answers"] for row in narrow} == {COUNTRIES[0]: 120, "NO": 120}
    assert rows(ask, now_s, sql, span_s=7 * 86_400, tenant=(HOSTILE,), country=(HOSTILE,)) == []


def test_the_wall_says_which_country_fell_and_does_not_cry_over_the_others(ask: Ask, now_s: int) -> None:
    said = {row["Name"]: row["Says"] for row in rows(ask, now_s, sql_of("wall-3-where", ""))}
    assert said == {"NO": "↘ 0", COUNTRIES[0]: "→ 53", "SE": "→ 53"}


def test_the_wall_says_what_is_worst_and_why(ask: Ask, now_s: int) -> None:
    said = [(row["Name"], row["Says"]) for row in rows(ask, now_s, sql_of("wall-2-why", ""))]
    assert said == [
        ("happiness: queue", "▲ from 62 to 41"),
        ("most of it", f"{COUNTRIES[0]}: -15.2 points"),
        ("and", "all others: -5.5 points"),
        ("around that time, no cause", "new version of queue, service queue"),
    ]


def test_the_wall_counts_what_holds_and_shows_the_worst(ask: Ask, now_s: int) -> None:
    counts = {row["Name"]: row["Says"] for row in rows(ask, now_s, sql_of("wall-1-now", ""))}
    assert counts == {"targets hold": "✔ 1", "do not hold": "✘ 1", "not sure yet": "– 0", "too few answers": "– 0"}
    worst = [(row["Name"], row["Says"]) for row in rows(ask, now_s, sql_of("wall-1-now", "", 1))]
    assert worst[0] == ("happiness: queue", "✘ 30 ↘ drifting, missed")
    assert worst[1][1] == "from 20 to 41, target 60, n 90"


def test_the_wall_tells_alerts_rollouts_and_good_news(ask: Ask, now_s: int) -> None:
    said = [row["Says"] for row in rows(ask, now_s, sql_of("wall-4-changed", ""))]
    assert said == [
        "▲ 1 firing, newest: happiness queue",
        "→ 1, newest: new version of queue",
        "✔ 1 well again, newest: happiness queue",
    ]


def test_the_wall_turns_to_stale_in_words(ask: Ask, now_s: int) -> None:
    sql = sql_of("wall-1-now", "", 2)
    (fresh,) = rows(ask, now_s, sql)
    assert fresh["Says"].startswith("✔ 1")
    (stale,) = rows(ask, now_s, sql.replace("max(value)", "(max(value) + 7200)"))
    assert re.fullmatch(r"STALE, from 2 hours and \d+ minutes ago", stale["Says"])
    (never,) = rows(ask, now_s, sql.replace("'age_s'", "'age_of_nothing'"))
    assert never["Says"].startswith("STALE")


def test_only_firing_alerts_are_open_and_say_why(ask: Ask, now_s: int) -> None:
    (alert,) = rows(ask, now_s, sql_of("on-call", "Open alerts"))
    assert (alert["What"], alert["Severity"], alert["Usual"]) == ("Queue fell", "warning", 62.0)
    parts = rows(ask, now_s, sql_of("on-call", "Which parts moved them"))
    assert [(part["Value"], part["Points"]) for part in parts] == [(COUNTRIES[0], -15.2), ("*", -5.5)]


def test_a_wrong_column_is_noticed(ask: Ask, now_s: int) -> None:
    with pytest.raises(WarehouseError):
        rows(ask, now_s, sql_of("targets", "Targets now").replace("rolling_score", "rollling_score"))


def test_the_rule_asks_what_is_published_and_fires_only_when_figures_are_old(ask: Ask) -> None:
    (group,) = yaml.safe_load((FOLDER.parent / "provisioning/alerting/rules.yml").read_text())["groups"]
    (rule,) = group["rules"]
    query, threshold = (one["model"] for one in rule["data"])
    answer = ask(query["rawSql"])
    assert [name for name, _ in answer.columns] == ["age_s"]
    (limit,) = threshold["conditions"][0]["evaluator"]["params"]
    assert 0 < answer.rows[0][0] < limit
    assert threshold["expression"] == query["refId"]


def test_alerts_and_changes_of_the_sample_are_told(ask: Ask, now_s: int) -> None:
    found = happened(ask, since_ms=(now_s - 3600) * 1000, until_ms=now_s * 1000)
    assert [(one.id, one.kind, one.end_ms > 0) for one in found if one.tenant == TENANTS[0]] == [
        ("change/c1", "deploy", False), ("alert/open", "alert", False), ("alert/over", "alert", True)
    ]  # fmt: skip


def test_a_snapshot_carries_answers_and_no_query(ask: Ask, now_s: int) -> None:
    model = SCREENS["targets"]().to_json()
    before = copy.deepcopy(model)
    stored = frozen(model, ask, now_s=now_s)
    assert "rawSql" not in str(stored)
    assert "xpulse_pub" not in str(stored)
    met = next(panel for panel in stored["panels"] if panel["title"] == "Targets met")
    (frame,) = met["targets"][0]["snapshot"]
    assert frame == {
        "schema": {"refId": "A", "fields": [{"name": "met", "type": "string"}]}, "data": {"values": [["1 of 2"]]}
    }  # fmt: skip
    assert model == before
