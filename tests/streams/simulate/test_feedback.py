import math
import random
import statistics
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.profile import DEMO as DEMO_PROFILE
from streams.simulate.agenda import Item
from streams.simulate.opinions import CHANNEL_OFFSET, USUAL_MIX, draw_lost_minutes, draw_score, shares
from streams.simulate.organisation import Organisation
from streams.simulate.rota import Rota
from streams.simulate.scenario import Scenario
from streams.simulate.timeline import timeline
from tests.streams.simulate.play import START_MS, answers, happiness, of

K = DEMO_PROFILE.k
Slice = tuple[str, str]


def by_slice(items: list[Item], organisation: Organisation) -> dict[Slice, list[Item]]:
    country = {person.id: person.country for person in organisation.people}
    groups: dict[Slice, list[Item]] = defaultdict(list)
    for item in answers(items):
        groups[country[item.body["person"]], item.body["service"]].append(item)
    return groups


def people_per_span(items: list[Item], span_ms: int, seconds: int = 90) -> list[int]:
    people: dict[int, set[str]] = {span: set() for span in range(seconds * 1000 // span_ms)}
    for item in items:
        people[(item.at_ms - START_MS) // span_ms].add(item.body["person"])
    return [len(names) for names in people.values()]


def test_an_answer_follows_an_invitation_of_the_same_person(demo_items: list[Item]) -> None:
    invited = {i.body["invitation_id"]: i for i in of(demo_items, "invitations") if i.body["outcome"] == "pending"}
    for item in of(demo_items, "feedback"):
        invitation = invited[item.body["invitation_id"]]
        assert invitation.body["person"] == item.body["person"]
        assert invitation.body["service"] == item.body["service"]
        assert invitation.body["event_time_ms"] < item.body["event_time_ms"]


def test_every_invitation_ends_once(scenario: Scenario, demo_items: list[Item]) -> None:
    outcomes = defaultdict(list)
    for item in of(demo_items, "invitations"):
        outcomes[item.body["invitation_id"]].append((item.body["revision"], item.body["outcome"]))
    settled = START_MS + 90_000 - 4 * scenario.answer_delay_ms
    old = [i.body["invitation_id"] for i in of(demo_items, "invitations") if i.at_ms < settled]
    assert all([revision for revision, _ in sorted(outcomes[name])] == [1, 2] for name in old)
    assert all((1, "pending") in outcomes[name] for name in old)
    ends = Counter(max(outcomes[name])[1] for name in set(old))
    assert ends.keys() == {"answered", "dismissed", "expired"}
    assert ends["answered"] / ends.total() == pytest.approx(0.75, abs=0.04)


def test_the_willing_answer_more_often(organisation: Organisation, demo_items: list[Item]) -> None:
    propensity = {person.id: person.propensity for person in organisation.people}
    ends = [i.body for i in of(demo_items, "invitations") if i.body["outcome"] != "pending"]
    by_end = {
        answered: statistics.mean(propensity[b["person"]] for b in ends if (b["outcome"] == "answered") == answered)
        for answered in (True, False)
    }
    assert by_end[True] > by_end[False] + 0.02


def test_the_focus_gets_at_least_six_answers_a_second(
    scenario: Scenario, organisation: Organisation, demo_items: list[Item]
) -> None:
    times = sorted(item.at_ms for item in by_slice(demo_items, organisation)[scenario.focus])
    per_s = [
        sum(start <= at < start + 10_000 for at in times) / 10
        for start in range(START_MS + 5_000, START_MS + 80_000, 5_000)
    ]
    assert min(per_s) >= 6


def test_other_slices_fill_blocks_often(scenario: Scenario, organisation: Organisation, demo_items: list[Item]) -> None:
    groups = by_slice(demo_items, organisation)
    assert groups.keys() == {
        (country, service) for country in organisation.countries for service in organisation.services
    }
    for name, group in groups.items():
        spans = people_per_span(group, 2 * DEMO_PROFILE.epoch_ms)[1:]  # the first answers take a few seconds
        assert sum(people >= K for people in spans) >= 0.9 * len(spans), name
        if name[0] != scenario.mix_shifts[0].country:
            portal = people_per_span([i for i in group if i.body["channel"] == "portal"], 2 * DEMO_PROFILE.epoch_ms)[1:]
            assert sum(people >= K for people in portal) >= 0.4 * len(portal), name


def test_people_answer_rarely(demo_items: list[Item]) -> None:
    given = Counter(item.body["person"] for item in answers(demo_items))
    assert max(given.values()) <= 3
    assert sum(count == 1 for count in given.values()) > 0.6 * len(given)
    last: dict[str, int] = {}
    for item in of(demo_items, "invitations"):
        if item.body["outcome"] == "pending":
            at_ms = item.body["event_time_ms"]
            assert at_ms - last.get(item.body["person"], 0) > 20_000
            last[item.body["person"]] = at_ms


def test_a_rota_asks_everybody_and_nobody_soon_again(organisation: Organisation) -> None:
    people, rng = organisation.people[:30], random.Random(1)
    rota = Rota(people)
    drawn = [rota.next(rng).id for _ in range(300)]
    assert set(drawn) == {person.id for person in people}
    assert all(len(set(drawn[n : n + 21])) == 21 for n in range(280))
    assert Rota(people[:1]).next(rng) == people[0]


def test_a_rota_of_one_person_asks_that_person_again(organisation: Organisation) -> None:
    rota, rng = Rota(organisation.people[:1]), random.Random(1)
    assert {rota.next(rng).id for _ in range(3)} == {organisation.people[0].id}


def test_second_thoughts_count_up_and_keep_the_time_of_the_answer(demo_items: list[Item]) -> None:
    revisions: dict[str, list[dict[str, object]]] = defaultdict(list)
    for item in of(demo_items, "feedback"):
        revisions[item.body["response_id"]].append(item.body)
    kinds = Counter(tuple(body["state"] for body in bodies) for bodies in revisions.values())
    assert kinds["final",] > 0.9 * kinds.total()
    assert kinds.keys() >= {("final",), ("partial", "final"), ("final", "final"), ("final", "retracted")}
    for bodies in revisions.values():
        assert [body["revision"] for body in bodies] == list(range(1, len(bodies) + 1))
        assert len({body["event_time_ms"] for body in bodies}) == 1
        assert all(("score" in body) == (body["state"] != "retracted") for body in bodies)


def test_lost_minutes_have_a_heavy_tail() -> None:
    rng = random.Random(5)
    told = [minutes for minutes in (draw_lost_minutes(rng, 9) for _ in range(50_000)) if minutes is not None]
    assert len(told) / 50_000 == pytest.approx(0.6, abs=0.02)
    told.sort(reverse=True)
    median, one_in_hundred = told[len(told) // 2], told[len(told) // 100]
    assert median == pytest.approx(8, abs=1)
    assert math.log(one_in_hundred / median) / 2.326 == pytest.approx(2.0, abs=0.1)
    assert statistics.mean(told) > 5 * median
    assert sum(told[: round(0.126 * len(told))]) / sum(told) == pytest.approx(0.8, abs=0.06)


def test_the_unhappy_lose_more() -> None:
    rng = random.Random(5)
    medians = [
        statistics.median(m for m in (draw_lost_minutes(rng, score) for _ in range(20_000)) if m is not None)
        for score in (2, 9)
    ]
    assert medians[0] == pytest.approx(2 * medians[1], rel=0.15)


@given(st.floats(-100, 100))
def test_shares_make_up_the_score(score: float) -> None:
    unhappy, neutral, happy = shares(score)
    assert min(unhappy, neutral, happy) >= -1e-12
    assert unhappy + neutral + happy == pytest.approx(1)
    assert 100 * (happy - unhappy) == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize("score", [-100, 0, 30, 70, 100])
def test_drawn_answers_have_the_score(score: int) -> None:
    rng = random.Random(score)
    drawn = [draw_score(rng, score) for _ in range(20_000)]
    assert happiness(drawn) == pytest.approx(score, abs=2.5)
    assert set(drawn) <= set(range(11))


def test_channels_do_not_move_the_usual_mixture() -> None:
    assert sum(USUAL_MIX[channel] * CHANNEL_OFFSET[channel] for channel in USUAL_MIX) == 0


def test_a_timeline_starts_with_answers_soon(scenario: Scenario) -> None:
    for item in timeline(scenario, 3, START_MS):
        if item.path == "feedback":
            break
    assert item.at_ms < START_MS + 2_000
