"""Burn rules in a plan: what they need, and when an outage fires them, against the rule fed epoch by epoch."""

import numpy as np
import pytest

from streams.detect.observation import Observation
from streams.judging.burn import burn_spans, burning_rule
from streams.plan.burning import needed, outage_s, shortest_s
from streams.plan.laws import law_of
from streams.spans import Span
from streams.targets.burn import BurnRule

HOUR_S, DAY_S = 3_600, 86_400
CASES = [
    ("blocks", 0.8, BurnRule(rate=2, long_s=7 * DAY_S, short_s=2 * DAY_S), 30.0),
    ("blocks", 0.8, BurnRule(rate=1.5, long_s=3 * DAY_S, short_s=DAY_S), 150.0),
    ("windows", 0.95, BurnRule(rate=6, long_s=6 * HOUR_S, short_s=HOUR_S), 1_440.0),
]


def fired_after(reads: str, objective: float, rule: BurnRule, per_day: float, seed: int) -> float:
    """Return the seconds of outage until the rule fires, in a drawn stream that was on target for a long window."""
    size = 5 if reads == "blocks" else 1
    gap_ms, rng, law = (
        round(1_000 * DAY_S * size / per_day),
        np.random.default_rng(seed),
        law_of(reads, objective, size),
    )
    begin_ms, at_ms, spans = 10**12 + 2_000 * rule.long_s, 10**12, tuple[Span, ...]()
    while at_ms <= begin_ms + 1_000 * rule.long_s:
        at_ms += gap_ms
        seen: Observation = law.observations[rng.choice(len(law.chances), p=law.weights)]
        if at_ms > begin_ms:
            seen = ((0, size),)
        spans = burn_spans(spans, [rule.text], [seen], at_ms=at_ms, unit_ms=60_000)
        if burning_rule([rule], spans, objective=objective, at_ms=at_ms) is not None:
            assert at_ms > begin_ms, "on target it must not fire"
            return (at_ms - begin_ms) / 1_000
    raise AssertionError("did not fire")


@pytest.mark.parametrize(("reads", "objective", "rule", "per_day"), CASES)
def test_outages_are_found_as_foreseen(reads: str, objective: float, rule: BurnRule, per_day: float) -> None:
    foreseen = outage_s(rule, reads, objective, per_day)
    assert foreseen is not None
    realised = np.median([fired_after(reads, objective, rule, per_day, seed) for seed in range(9)])
    assert foreseen == pytest.approx(float(realised), rel=0.2)


def test_the_page_rules_of_a_busy_service_prove_nothing_with_a_window_a_minute() -> None:
    """Five windows in five minutes cannot prove a burn of 14.4, even if all are bad: the rule is dead here, too."""
    rule = BurnRule(rate=14.4, long_s=HOUR_S, short_s=300)
    assert (needed(rule, 0.95) or 0) > 5
    assert outage_s(rule, "windows", 0.95, 1_440.0) is None


@pytest.mark.parametrize("rate", [1.5, 3.0, 4.5])
def test_what_is_needed_is_enough_and_less_is_not(rate: float) -> None:
    rule = BurnRule(rate=rate, long_s=7 * DAY_S, short_s=DAY_S)
    count = needed(rule, 0.8)
    assert count is not None
    assert outage_s(rule, "blocks", 0.8, float(count)) is not None
    assert outage_s(rule, "blocks", 0.8, 0.8 * count - 1) is None


def test_a_rule_close_to_the_largest_burn_needs_more_than_there_is() -> None:
    assert needed(BurnRule(rate=4.9999999, long_s=DAY_S, short_s=HOUR_S), 0.8) is None


def test_the_short_window_has_room_for_two_parts_of_the_long_one() -> None:
    assert shortest_s(BurnRule(rate=2, long_s=7 * DAY_S, short_s=DAY_S)) == 6 * HOUR_S
