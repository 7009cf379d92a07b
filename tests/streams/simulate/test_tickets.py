from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from streams.simulate.agenda import Item
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario
from tests.streams.simulate.play import START_MS, of, play

FOLLOWS = {
    "opened": {"assigned"}, "assigned": {"assigned", "resolved"}, "resolved": {"reopened", "closed"},
    "reopened": {"assigned"}, "closed": set(),
}  # fmt: skip


@pytest.fixture(scope="module")
def lives(scenario: Scenario) -> dict[str, list[dict[str, Any]]]:
    items = play(replace(scenario, telemetry_per_s=0.0, answers_per_s=0.0, tickets_per_s=20.0), 1, 300)
    grouped = defaultdict(list)
    for item in of(items, "tickets"):
        grouped[item.body["ticket_id"]].append(item.body)
    return grouped


def test_a_ticket_lives_in_order(lives: dict[str, list[dict[str, Any]]]) -> None:
    assert len(lives) > 5_000
    for life in lives.values():
        assert [body["revision"] for body in life] == list(range(1, len(life) + 1))
        assert life[0]["kind"] == "opened"
        for before, after in pairwise(life):
            assert after["kind"] in FOLLOWS[before["kind"]]
            assert after["event_time_ms"] > before["event_time_ms"]
        assert len({body["person"] for body in life}) == 1


def test_counters_say_what_happened(lives: dict[str, list[dict[str, Any]]]) -> None:
    for life in lives.values():
        kinds = [body["kind"] for body in life]
        assert life[-1]["reassignment_count"] == max(0, kinds.count("assigned") - 1)
        assert life[-1]["reopen_count"] == kinds.count("reopened")
        assert all(("made_sla" in body) == ("resolved" in kinds[: body["revision"]]) for body in life)


def test_some_bounce_and_some_come_back(lives: dict[str, list[dict[str, Any]]]) -> None:
    closed = [life for life in lives.values() if life[-1]["kind"] == "closed"]
    assert len(closed) > 3_000
    assert sum(life[-1]["reopen_count"] > 0 for life in closed) / len(closed) == pytest.approx(0.05, abs=0.015)
    assert sum(life[2]["kind"] == "assigned" for life in closed) / len(closed) == pytest.approx(0.2, abs=0.03)
    assert sum(life[-1]["made_sla"] for life in closed) / len(closed) == pytest.approx(0.95, abs=0.02)


def test_the_planted_rollout_is_announced_just_before(scenario: Scenario, demo_items: list[Item]) -> None:
    planted = [item.body for item in of(demo_items, "changes") if item.body["application"] == "crm"]
    assert [(body["kind"], body["event_time_ms"], body["service"]) for body in planted] == [
        ("deploy", START_MS + 29_000, "sales")
    ]
    assert scenario.rollouts[0].at_s == 30


def test_other_rollouts_go_on_harmlessly(scenario: Scenario, organisation: Organisation) -> None:
    items = play(replace(scenario, telemetry_per_s=0.0, answers_per_s=0.0, tickets_per_s=0.0), 1, 3_600)
    applications = [item.body["application"] for item in of(items, "changes")]
    assert len(applications) == pytest.approx(180, rel=0.25)
    assert applications.count("crm") == 1
    assert set(applications) == set(organisation.applications)
    assert all(
        item.body["service"] == organisation.applications[item.body["application"]] for item in of(items, "changes")
    )


def test_without_plants_no_planted_rollout_is_announced(scenario: Scenario) -> None:
    items = play(replace(scenario.without_plants(), telemetry_per_s=0.0, answers_per_s=0.0), 1, 300)
    assert "crm" not in {item.body["application"] for item in of(items, "changes")}
