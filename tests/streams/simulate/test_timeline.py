import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice, pairwise

import msgspec
import pytest

from streams.events import EVENTS
from streams.profile import DEMO as DEMO_PROFILE
from streams.simulate.agenda import Item, in_order
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario, demo, design
from streams.simulate.timeline import timeline, with_bursts
from streams.simulate.truths import Burst
from tests.streams.simulate.conftest import SEED
from tests.streams.simulate.play import START_MS, of, play

SIGNALS = {
    "feedback": "feedback",
    "invitations": "invitation",
    "telemetry": "telemetry",
    "tickets": "ticket",
    "changes": "change",
}
KNOWN_BY_DIRECTORY = {"country", "site", "business_unit", "device_model", "os_version", "shared"}


def test_same_seed_same_stream(scenario: Scenario, demo_items: list[Item]) -> None:
    assert list(islice(timeline(scenario, SEED, START_MS), 10_000)) == demo_items[:10_000]
    assert list(islice(timeline(scenario, SEED + 1, START_MS), 100)) != demo_items[:100]


def test_time_never_falls_and_nothing_is_sent_before_it_happened(demo_items: list[Item]) -> None:
    assert all(earlier.at_ms <= later.at_ms for earlier, later in pairwise(demo_items))
    assert demo_items[0].at_ms >= START_MS
    assert all(START_MS <= item.body["event_time_ms"] <= item.at_ms for item in demo_items)


def test_rates_are_those_of_the_scenario(scenario: Scenario, demo_items: list[Item]) -> None:
    per_s = {path: len(of(demo_items, path)) / 90 for path in SIGNALS}
    assert sum(per_s.values()) == pytest.approx(900, rel=0.05)
    assert per_s["telemetry"] == pytest.approx(scenario.telemetry_per_s, rel=0.05)
    assert per_s["feedback"] == pytest.approx(30, rel=0.15)  # second revisions included
    assert per_s["invitations"] == pytest.approx(80, rel=0.1)  # the invitation and its outcome
    assert per_s["tickets"] > scenario.tickets_per_s
    assert per_s["changes"] > 0


@pytest.mark.parametrize("path", SIGNALS)
def test_everything_is_an_event_by_the_schema(path: str, demo_items: list[Item]) -> None:
    kind = EVENTS[SIGNALS[path]]
    decode = msgspec.json.Decoder(kind).decode
    for item in of(demo_items, path)[:3_000]:
        decode(json.dumps(item.body))


def test_senders_leave_out_what_the_directory_knows(demo_items: list[Item]) -> None:
    assert not any(KNOWN_BY_DIRECTORY & item.body.keys() for item in demo_items)
    assert not any("service" in item.body for item in of(demo_items, "telemetry"))


def test_who_sends_is_in_the_directory(organisation: Organisation, demo_items: list[Item]) -> None:
    assert {item.body["device"] for item in of(demo_items, "telemetry")} <= {
        device.id for device in organisation.devices
    }
    people = {person.id for person in organisation.people}
    assert {item.body["person"] for item in demo_items if "person" in item.body} <= people
    assert {i.body["application"] for i in demo_items if "application" in i.body} == set(organisation.applications)


def test_event_ids_are_unique_and_ids_name_the_tenant(scenario: Scenario, demo_items: list[Item]) -> None:
    ids = [item.body["event_id"] for item in demo_items if not item.is_repeat]
    assert len(set(ids)) == len(ids)
    for item in demo_items:
        assert item.body["tenant"] == scenario.tenant
        named = [value for key, value in item.body.items() if key.endswith("_id") or key in ("person", "device")]
        assert all(scenario.tenant in value for value in named)


def test_a_burst_repeats_bodies_well_within_the_duplicate_horizon(scenario: Scenario, demo_items: list[Item]) -> None:
    places = [place for place, item in enumerate(demo_items) if item.is_repeat]
    assert len(places) == scenario.bursts[0].size == 400
    assert {demo_items[place].at_ms for place in places} == {START_MS + 35_000}
    first = {item.body["event_id"]: place for place, item in reversed(list(enumerate(demo_items)))}
    for place in places:
        original = demo_items[first[demo_items[place].body["event_id"]]]
        assert original.body == demo_items[place].body
        assert original.path == demo_items[place].path
    # even if all of it fell on one partition, the first copy is still remembered
    longest = max(place - first[demo_items[place].body["event_id"]] for place in places)
    assert longest < DEMO_PROFILE.tile_size * DEMO_PROFILE.horizon


def test_bursts_repeat_only_what_was_before_them() -> None:
    items = [Item(at, "changes", {"event_id": str(at)}) for at in (0, 1, 2, 3, 4)]
    bursts = (Burst(at_s=0.002, size=1), Burst(at_s=0.004, size=3))
    played = [(i.at_ms, i.body["event_id"], i.is_repeat) for i in with_bursts(items, bursts, 0)]
    assert played == [
        (0, "0", False), (1, "1", False), (2, "1", True), (2, "2", False), (3, "3", False),
        (4, "1", True), (4, "2", True), (4, "3", True), (4, "4", False),
    ]  # fmt: skip


def test_some_telemetry_is_out_of_order_and_some_is_late(scenario: Scenario, demo_items: list[Item]) -> None:
    readings = of(demo_items, "telemetry")
    newest, behind = 0, 0
    for item in readings:
        newest = max(newest, item.body["event_time_ms"])
        behind += item.body["event_time_ms"] < newest - scenario.disorder.usual_ms[1]
    assert 0.02 < behind / len(readings) < 0.06
    window_ms, grace_ms = DEMO_PROFILE.window_ms, DEMO_PROFILE.grace_ms
    late = sum(i.at_ms > (i.body["event_time_ms"] // window_ms + 1) * window_ms + grace_ms for i in readings)
    assert 0.001 < late / len(readings) < 0.01


def test_readings_outside_disorder_are_never_late(scenario: Scenario) -> None:
    calm = replace(scenario, disorder=replace(scenario.disorder, disordered_ratio=0.0, late_ratio=0.0))
    delays = [item.at_ms - item.body["event_time_ms"] for item in of(play(calm, 1, 5), "telemetry")]
    assert max(delays) <= calm.disorder.usual_ms[1]


@pytest.mark.parametrize("make", [demo, design], ids=["demo", "design"])
def test_memory_is_what_is_under_way_not_the_past(make: Callable[[str], Scenario]) -> None:
    scenario = make("t")
    if scenario.size.people > 10_000:  # the organisation itself is not the question
        scenario = replace(scenario, size=demo("t").size, disorder=demo("t").disorder)
    stream = timeline(scenario, 1, START_MS)
    tracemalloc.start()
    try:
        sum(1 for _ in islice(stream, 6_000))
        before, _ = tracemalloc.get_traced_memory()
        sum(1 for _ in islice(stream, 20_000))
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now - before < 1_000_000, "20,000 events of about 600 bytes passed by"


@pytest.mark.parametrize("make", [demo, design], ids=["demo", "design"])
def test_generating_costs_a_small_part_of_one_core(
    make: Callable[[str], Scenario], record_property: Callable[[str, object], None]
) -> None:
    stream = timeline(make("t"), 1, START_MS)
    next(stream)  # builds the organisation
    begin = time.process_time()
    sum(1 for _ in islice(stream, 20_000))
    per_s = 20_000 / (time.process_time() - begin)
    record_property("generated_events_per_cpu_second", round(per_s))
    print(f"{make.__name__}: {per_s:,.0f} events per CPU second")  # noqa: T201  # a measurement for the reader
    assert per_s > 5 * 900, "900 events/s must cost less than a fifth of a core"


def test_hours_pass_quickly_where_little_happens() -> None:
    quiet = replace(design("t"), telemetry_per_s=0.0, size=demo("t").size)
    day = play(quiet, 1, 86_400)
    final = [item for item in of(day, "feedback") if item.body["state"] == "final"]
    assert len(final) == pytest.approx(2_000, rel=0.15)
    assert len({i.body["ticket_id"] for i in of(day, "tickets")}) == pytest.approx(1_500, rel=0.15)


def test_a_source_can_be_changed_without_changing_the_others(scenario: Scenario, demo_items: list[Item]) -> None:
    other = play(replace(scenario, telemetry_per_s=10.0, bursts=()), SEED, 20)
    before = START_MS + 20_000
    assert of(other, "feedback") == [item for item in of(demo_items, "feedback") if item.at_ms < before]


def test_no_rate_no_events(scenario: Scenario) -> None:
    silent = replace(scenario, telemetry_per_s=0.0, tickets_per_s=0.0, change_every_s=0.0, rollouts=())
    assert Counter(item.path for item in play(silent, 1, 5)).keys() == {"feedback", "invitations"}


def test_in_order_keeps_ties_as_announced() -> None:
    def item(at_ms: int, name: str) -> Item:
        return Item(at_ms, "changes", {"event_id": name})

    steps = [(0, [item(5, "a"), item(2, "b")]), (3, [item(5, "c"), item(4, "d")]), (9, [item(9, "e")])]
    assert [i.body["event_id"] for i in in_order(steps)] == ["b", "d", "a", "c", "e"]
