"""Slow burn by evidence: the period's interval, and burn rules over two windows."""

import numpy as np

from streams.detect.confidence import Weights, weigh
from streams.detect.observation import block_of
from streams.judging.burn import burn_spans, burning_rule, period_burns
from streams.scores import Counts
from streams.spans import MAX_SPANS, Span
from streams.targets.burn import burn_rules

MINUTE_MS = 60_000
RULES = ["3@3600s/600s"]
OBJECTIVE = 0.8  # three times the budget: a mean below 0.4


def spans_of(*blocks: Counts) -> tuple[Span, ...]:
    """Return what is kept after one block a minute."""
    spans: tuple[Span, ...] = ()
    for minute, counts in enumerate(blocks, start=1):
        spans = burn_spans(spans, RULES, [block_of(counts)], at_ms=minute * MINUTE_MS, unit_ms=MINUTE_MS)
    return spans


def burns(*blocks: Counts) -> bool:
    rules, at_ms = burn_rules(RULES), len(blocks) * MINUTE_MS
    return burning_rule(rules, spans_of(*blocks), objective=OBJECTIVE, at_ms=at_ms) is not None


FINE, BAD = Counts(promoters=10), Counts(detractors=8, promoters=2)


def test_both_windows_have_to_burn() -> None:
    assert burns(*[BAD] * 60)
    assert not burns(*[FINE] * 55, *[BAD] * 5)
    assert not burns(*[BAD] * 50, *[FINE] * 10)


def test_a_rate_that_is_only_reached_is_no_evidence() -> None:
    assert not burns(*[Counts(detractors=6, promoters=4)] * 60)


def test_a_few_bad_answers_are_no_evidence() -> None:
    assert not burns(Counts(detractors=3), Counts(), Counts(detractors=1))


def test_the_long_window_is_kept_in_a_bounded_number_of_parts_and_told() -> None:
    spans = spans_of(*[BAD] * 500)
    assert len(spans) <= MAX_SPANS + 1
    found = burning_rule(burn_rules(RULES), spans, objective=OBJECTIVE, at_ms=500 * MINUTE_MS)
    assert found is not None
    assert 560 <= found[1].n <= 600


def test_without_rules_nothing_is_kept() -> None:
    assert burn_spans((), [], [block_of(BAD)], at_ms=MINUTE_MS, unit_ms=MINUTE_MS) == ()


def test_a_period_on_target_is_hardly_ever_called_missed() -> None:
    """Exactly on target, 300 periods of 1,000 answers, looked at 20 times each; one in a thousand may be called."""
    rng = np.random.default_rng(7)
    missed = [_is_ever_missed(answers.sum(axis=1).tolist()) for answers in rng.random((300, 20, 50)) < OBJECTIVE]
    assert sum(missed) <= 2


def _is_ever_missed(promoters: list[int]) -> bool:
    weights: Weights = ()
    for good in promoters:
        weights = weigh(weights, [block_of(Counts(promoters=good, detractors=50 - good))])
        if period_burns(weights, OBJECTIVE):
            return True
    return False


def test_a_period_that_is_missed_is_found() -> None:
    assert period_burns(weigh((), [block_of(Counts(promoters=300, detractors=150))]), OBJECTIVE)
    assert not period_burns(weigh((), [block_of(Counts(promoters=15, detractors=8))]), OBJECTIVE)
    assert not period_burns((), OBJECTIVE)
