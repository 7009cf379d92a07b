"""Planted truths are found, and neither health nor decoys are.

Judged by the e-detector of domain.md, section 3.12, written down once more.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from streams.blocks import DIMENSIONS, Answer, release, rule_of
from streams.profile import DEMO
from streams.simulate.agenda import Item
from streams.simulate.names import CRASH, RESPONSE_GOOD_MS, RESPONSE_TIME
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario, demo
from streams.simulate.truths import Truth, target_id
from tests.streams.simulate.play import START_MS, answers, happiness, of, play

SEEDS = range(30)
STAKES = (0.05, 0.1, 0.2, 0.35, 0.5)
ANSWERS_LEVEL, WINDOWS_LEVEL = 100_000, 2_000
HAPPINESS_M0, GOOD_TIME_M0 = 0.8, 0.95
"""Objectives: a happiness score of 60, 95 % of use time."""
FOUND_WITHIN_MS = 45_000

Shares = Sequence[float]
Observed = dict[str, list[tuple[int, Shares]]]
"""Target -> (when, what)."""


def first_alarm(observations: Iterable[tuple[int, Shares]], m0: float, level: float) -> int | None:
    """When the mean of M_j <- (M_j + 1) * product of (1 + c / (1 - m0) * (m0 - y)) first reaches the level."""
    products = [0.0] * len(STAKES)
    for at_ms, shares in observations:
        products = [one + 1 for one in products]
        for y in shares:
            products = [m * (1 + c / (1 - m0) * (m0 - y)) for m, c in zip(products, STAKES, strict=True)]
        if sum(products) / len(products) >= level:
            return at_ms
    return None


@dataclass(frozen=True)
class Outcome:
    """Which targets fired when: reading answers one by one, reading released blocks, reading closed windows."""

    by_answers: dict[str, int]
    by_blocks: dict[str, int]
    by_windows: dict[str, int]


def outcome(seed: int, is_planted: bool) -> Outcome:
    """One demo, at an eighth of its telemetry: noisier, so harder in both directions."""
    scenario = replace(demo(f"demo-{seed}"), telemetry_per_s=100.0, tickets_per_s=0.0)
    items = play(scenario if is_planted else scenario.without_plants(), seed, 76 if is_planted else 120)
    country = {person.id: person.country for person in scenario.organisation(seed).people}
    given = answers(items)
    by_answers: Observed = defaultdict(list)
    for item in given:
        for name in targets(country[item.body["person"]], item.body["service"]):
            by_answers[name].append((item.at_ms, [share(item)]))
    by_blocks: Observed = defaultdict(list)
    for at_ms, labels, shares in blocks(given, country):
        for name in targets(labels["country"], labels["service"]):
            by_blocks[name].append((at_ms, shares))
    return Outcome(
        alarms(by_answers, HAPPINESS_M0, ANSWERS_LEVEL),
        alarms(by_blocks, HAPPINESS_M0, ANSWERS_LEVEL / DEMO.k),
        alarms(windows(items), GOOD_TIME_M0, WINDOWS_LEVEL),
    )


def alarms(streams: Observed, m0: float, level: float) -> dict[str, int]:
    found = {name: first_alarm(stream, m0, level) for name, stream in streams.items()}
    return {name: at_ms for name, at_ms in found.items() if at_ms is not None}


def share(item: Item) -> float:
    score = item.body["score"]
    return 0.0 if score <= 6 else 0.5 if score <= 8 else 1.0


def targets(country: str, service: str) -> list[str]:
    """What judges an answer or a block with these labels; a mixed or unknown label belongs to no slice."""
    names = []
    if country not in ("*", ""):
        names.append(target_id("happiness-by-country", country=country))
    if service not in ("*", ""):
        names.append(target_id("happiness-by-service", service=service))
    if len(names) == 2:
        names.append(target_id("happiness-by-country-and-service", country=country, service=service))
    return names


def blocks(given: Sequence[Item], country: dict[str, str]) -> Iterator[tuple[int, dict[str, str], Shares]]:
    """What the release makes of the answers: (epoch end, labels, shares)."""
    rule, waiting, shares = rule_of(DEMO), [], {item.body["response_id"]: share(item) for item in given}
    queue = sorted(given, key=lambda item: item.at_ms, reverse=True)
    for end_ms in range(START_MS // DEMO.epoch_ms * DEMO.epoch_ms, given[-1].at_ms, DEMO.epoch_ms):
        while queue and queue[-1].at_ms + rule.hold_ms < end_ms:
            item = queue.pop()
            body = {**item.body, "country": country[item.body["person"]]}
            labels = tuple(body.get(name, "") for name in DIMENSIONS)
            waiting.append(Answer(answer=body["response_id"], log_ms=item.at_ms, person=body["person"], labels=labels))
        built, waiting = release("t", waiting, epoch_end_ms=end_ms, rule=rule, key=b"0123456789abcdef")
        for block in sorted(built, key=lambda block: block.block):
            labels_of = dict(zip(DIMENSIONS, block.labels, strict=True))
            yield end_ms, labels_of, [shares[member.answer] for member in block.members]


def windows(items: Iterable[Item]) -> Observed:
    """Share of good time per application and window, without what came after its close."""
    sums: dict[str, dict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for item in of(items, "telemetry"):
        body, closes_ms = item.body, (item.body["event_time_ms"] // 5_000 + 1) * 5_000 + DEMO.grace_ms
        if body["metric"] == RESPONSE_TIME and item.at_ms <= closes_ms:
            is_good = body["value"] <= RESPONSE_GOOD_MS
            sums[body["application"]][closes_ms].update({"good": is_good * body["covers_ms"], "all": body["covers_ms"]})
    return {
        target_id("good-time-by-application", application=application): [
            (closes_ms, [counts["good"] / counts["all"]]) for closes_ms, counts in sorted(by_close.items())
        ]
        for application, by_close in sums.items()
    }


def truths() -> tuple[Truth, Truth]:
    drop, crash = demo("any").truths(START_MS)
    return drop, crash


def test_truths_name_the_expanded_targets() -> None:
    drop, crash = truths()
    assert drop.start_ms == START_MS + 25_000
    assert drop.must_alert == ("happiness-by-country-and-service/country=NO,service=mail",)
    assert drop.may_alert == ("happiness-by-country/country=NO", "happiness-by-service/service=mail")
    assert crash.start_ms == START_MS + 30_000
    assert crash.must_alert == ("good-time-by-application/application=crm",)
    assert crash.may_alert == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_neither_health_nor_decoys_fire(seed: int) -> None:
    assert outcome(seed, is_planted=False) == Outcome({}, {}, {})


@pytest.mark.parametrize("seed", SEEDS)
def test_planted_ones_fire_in_time_and_nothing_else_does(seed: int) -> None:
    found = outcome(seed, is_planted=True)
    for truth, readings in zip(truths(), ((found.by_answers, found.by_blocks), (found.by_windows,)), strict=True):
        for fired in readings:
            assert all(0 < fired[name] - truth.start_ms <= FOUND_WITHIN_MS for name in truth.must_alert)
            assert fired.keys() <= {*truth.must_alert, *truth.may_alert}
            assert min(fired.values()) > truth.start_ms


def scores(given: Iterable[dict[str, Any]], from_s: float, until_s: float, **wanted: str) -> list[int]:
    begin_ms, end_ms = START_MS + from_s * 1000, START_MS + until_s * 1000
    between = [body for body in given if begin_ms <= body["event_time_ms"] < end_ms]
    return [body["score"] for body in between if all(body[name] == value for name, value in wanted.items())]


def located(items: Iterable[Item], organisation: Organisation) -> list[dict[str, Any]]:
    """Answers with the country that the directory adds."""
    country = {person.id: person.country for person in organisation.people}
    return [{**item.body, "country": country[item.body["person"]]} for item in answers(items)]


HALF_S, END_S = 600, 1_200


@pytest.fixture(scope="module")
def calm() -> Scenario:
    """Feedback only; the drop and the mix shift happen half-way through twenty minutes."""
    base = demo("t")
    return replace(
        base, telemetry_per_s=0.0, tickets_per_s=0.0, change_every_s=0.0, bursts=(),
        drops=(replace(base.drops[0], at_s=HALF_S),), mix_shifts=(replace(base.mix_shifts[0], at_s=HALF_S),),
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(calm: Scenario) -> list[dict[str, Any]]:
    return located(play(calm, 11, END_S), calm.organisation(11))


def test_the_planted_slice_falls_from_70_to_30(told: list[dict[str, Any]]) -> None:
    before = scores(told, 0, HALF_S, country="NO", service="mail")
    after = scores(told, HALF_S, END_S, country="NO", service="mail")
    assert min(len(before), len(after)) > 6 * HALF_S
    assert happiness(before) == pytest.approx(70, abs=3)
    assert happiness(after) == pytest.approx(30, abs=4)


def test_other_slices_stay_healthy(calm: Scenario, told: list[dict[str, Any]]) -> None:
    slices = {(body["country"], body["service"]) for body in told} - {calm.focus}
    assert len(slices) == 15
    for country, service in slices:
        until_s = HALF_S if country == calm.mix_shifts[0].country else END_S
        assert 67 <= happiness(scores(told, 0, until_s, country=country, service=service)) <= 85, (country, service)


def test_a_mix_shift_moves_the_country_but_no_channel(calm: Scenario, told: list[dict[str, Any]]) -> None:
    shift = calm.mix_shifts[0]
    before = happiness(scores(told, 0, HALF_S, country=shift.country))
    after = happiness(scores(told, HALF_S, END_S, country=shift.country))
    assert before - after > 4
    assert after > 64
    for channel in shift.mix:
        first, second = (
            happiness(scores(told, begin_s, begin_s + HALF_S, country=shift.country, channel=channel))
            for begin_s in (0, HALF_S)
        )
        assert first == pytest.approx(second, abs=9), channel


def good_ratio(items: Iterable[Item], application: str, from_ms: int, until_ms: int) -> float:
    bodies = [item.body for item in of(items, "telemetry") if from_ms <= item.body["event_time_ms"] < until_ms]
    used = [b for b in bodies if b["metric"] == RESPONSE_TIME and b["application"] == application]
    good: int = sum(body["covers_ms"] for body in used if body["value"] <= RESPONSE_GOOD_MS)
    attempted: int = sum(body["covers_ms"] for body in used)
    return good / attempted


def test_the_rollout_spoils_two_fifths_of_the_time(demo_items: list[Item]) -> None:
    start_ms = truths()[1].start_ms
    assert good_ratio(demo_items, "crm", START_MS, start_ms) == pytest.approx(0.985, abs=0.01)
    assert good_ratio(demo_items, "crm", start_ms, START_MS + 90_000) == pytest.approx(0.6, abs=0.03)
    assert good_ratio(demo_items, "vpn", START_MS, START_MS + 90_000) == pytest.approx(0.985, abs=0.01)


def test_the_rollout_makes_the_application_crash(demo_items: list[Item]) -> None:
    start_ms = truths()[1].start_ms
    crashes = [i.body for i in of(demo_items, "telemetry") if i.body["metric"] == CRASH]
    per_s = {
        is_after: sum((b["event_time_ms"] >= start_ms) == is_after for b in crashes if b["application"] == "crm")
        / span_s
        for is_after, span_s in ((False, 30), (True, 60))
    }
    assert per_s[True] > 5 * per_s[False] > 0


def test_the_bad_window_is_one_whole_window(scenario: Scenario, demo_items: list[Item]) -> None:
    ratios = {
        begin: good_ratio(demo_items, "office", begin, begin + scenario.window_ms)
        for begin in range(START_MS // 5_000 * 5_000 + 5_000, START_MS + 85_000, 5_000)
    }
    bad = [begin for begin, ratio in ratios.items() if ratio < 0.9]
    assert len(bad) == 1
    assert 0 <= bad[0] - (START_MS + 40_000) < scenario.window_ms
    assert ratios[bad[0]] == pytest.approx(0.5, abs=0.1)


def test_a_plant_ends_when_it_says() -> None:
    base = demo("t")
    short = replace(
        base,
        drops=(replace(base.drops[0], at_s=5.0, until_s=20.0),),
        rollouts=(replace(base.rollouts[0], at_s=5.0, until_s=20.0),),
    )
    items = play(short, 2, 60)
    told = located(items, short.organisation(2))
    assert happiness(scores(told, 5, 20, country="NO", service="mail")) < 50
    assert happiness(scores(told, 20, 60, country="NO", service="mail")) > 60
    assert good_ratio(items, "crm", START_MS + 20_000, START_MS + 60_000) == pytest.approx(0.985, abs=0.015)
