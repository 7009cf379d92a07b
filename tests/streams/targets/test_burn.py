"""Burn rules: their arithmetic and their text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores import PPM, Counts, Moments, moments_of
from streams.targets.burn import BurnRule, burn_of, burn_rules, largest_burn

OBJECTIVES = st.floats(0.01, 0.99)


@pytest.mark.parametrize(("objective", "most"), [(0.75, 4.0), (14 / 15, 15.0), (5 / 6, 6.0), (2 / 3, 3.0), (0.8, 5.0)])
def test_the_largest_burn_of_the_domain_page(objective: float, most: float) -> None:
    assert largest_burn(objective) == pytest.approx(most)


@given(OBJECTIVES)
def test_all_bad_burns_at_most_and_all_good_burns_nothing(objective: float) -> None:
    assert burn_of(Moments().add(0, 7), objective) == largest_burn(objective)
    assert burn_of(Moments().add(PPM, 7), objective) == 0.0
    assert burn_of(Moments(), objective) is None


def test_a_score_at_the_objective_burns_at_one() -> None:
    """30, 4 and 6 answers are a happiness of 60, a mean share of 0.8."""
    assert burn_of(moments_of(Counts(promoters=30, neutrals=4, detractors=6)), 0.8) == pytest.approx(1.0)


RULES = st.builds(
    BurnRule,
    rate=st.integers(1, 10**9).map(lambda millionths: millionths / 10**6),
    long_s=st.integers(1, 10**9 - 1),
    short_s=st.integers(1, 10**9 - 1),
)


@given(RULES)
def test_a_rule_survives_its_text(rule: BurnRule) -> None:
    assert burn_rules([rule.text]) == (rule,)


@pytest.mark.parametrize("text", ["", "6", "6@1h/5m", "6@3600/300", "six@3600s/300s"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ValueError, match="not a burn rule"):
        burn_rules([text])
