"""Happiness and its intervals: the vectors of the domain page, and the laws of merging."""

from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores import (
    HAPPINESS,
    PERCENT,
    PPM,
    Z95,
    Counts,
    Interval,
    Moments,
    Scale,
    display_interval,
    happiness,
    mean_interval,
    moments_of,
    plain_interval,
    standard_error,
    trend,
)

numbers = st.integers(min_value=0, max_value=10**6)
counts = st.builds(Counts, detractors=numbers, neutrals=numbers, promoters=numbers)


def answers(promoters: int, neutrals: int, detractors: int) -> Counts:
    return Counts(promoters=promoters, neutrals=neutrals, detractors=detractors)


def test_the_quantile_is_that_of_95_percent() -> None:
    assert NormalDist().inv_cdf(0.975) == pytest.approx(Z95, rel=1e-12)


def test_forty_answers_of_the_domain_page() -> None:
    forty = answers(30, 4, 6)
    assert happiness(forty) == 60.0
    assert standard_error(forty) == pytest.approx(11.6, abs=0.05)
    shown = display_interval(forty)
    assert shown is not None
    assert shown.lower == pytest.approx(33.4, abs=0.05)
    assert shown.upper == pytest.approx(78.2, abs=0.05)
    assert (shown.lower + shown.upper) / 2 == pytest.approx(55.8, abs=0.05)


def test_five_unanimous_answers_look_certain_only_to_the_plain_interval() -> None:
    five = answers(5, 0, 0)
    assert standard_error(five) == 0.0
    assert plain_interval(five) == Interval(lower=100.0, upper=100.0)
    shown = display_interval(five)
    assert shown is not None
    assert shown.lower == pytest.approx(17.5, abs=0.05)
    assert shown.upper == 100.0


@pytest.mark.parametrize(
    ("score", "errors"), [(80, (22.8, 9.3, 5.1, 2.5)), (60, (32.9, 13.4, 7.3, 3.7))], ids=["H=80", "H=60"]
)
def test_standard_errors_of_the_domain_page(score: int, errors: tuple[float, ...]) -> None:
    # Ten percent neutral; a scale of 2,000 answers keeps the shares whole, the error shrinks by the root of n.
    detractors = (2_000 * 90 // 100 - 2_000 * score // 100) // 2
    population = answers(2_000 - 200 - detractors, 200, detractors)
    assert happiness(population) == score
    error = standard_error(population)
    assert error is not None
    for n, expected in zip((5, 30, 100, 400), errors, strict=True):
        assert error * (2_000 / n) ** 0.5 == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(("margin", "sizes"), [(5, (400, 830, 1_092)), (10, (100, 208, 273))])
def test_answers_needed_for_a_margin(margin: int, sizes: tuple[int, ...]) -> None:
    for population, size in zip((answers(17, 2, 1), answers(15, 2, 3), answers(11, 4, 5)), sizes, strict=True):
        error = standard_error(population)
        assert error is not None
        needed = population.n * (Z95 * error / margin) ** 2
        assert needed == pytest.approx(size, rel=0.01)


def test_no_answers_have_no_score() -> None:
    nobody = Counts()
    assert happiness(nobody) is None
    assert standard_error(nobody) is None
    assert plain_interval(nobody) is None
    assert display_interval(nobody) is None
    assert PERCENT.score(Moments()) is None


@given(counts, counts)
def test_counts_merge_and_scores_follow(left: Counts, right: Counts) -> None:
    both = left + right
    assert both.n == left.n + right.n
    assert moments_of(both) == moments_of(left) + moments_of(right)
    if both.n:
        assert happiness(both) == 100 * (both.promoters - both.detractors) / both.n


@given(counts.filter(lambda one: one.n > 0))
def test_intervals_contain_their_score_and_stay_on_the_scale(some: Counts) -> None:
    score, plain, shown = happiness(some), plain_interval(some), display_interval(some)
    assert score is not None
    assert plain is not None
    assert shown is not None
    assert -100 <= plain.lower <= score + 1e-9
    assert score - 1e-9 <= plain.upper <= 100
    assert -100 <= shown.lower <= shown.upper <= 100


@given(counts.filter(lambda one: one.n > 0))
def test_the_interval_of_shares_is_adjusted_wald_on_answers(some: Counts) -> None:
    n = some.n + 3
    good, bad = (some.promoters + 0.75) / n, (some.detractors + 0.75) / n
    half = Z95 * ((good + bad - (good - bad) ** 2) / n) ** 0.5
    shares = mean_interval(moments_of(some))
    assert shares is not None
    interval = HAPPINESS.interval(shares)
    assert interval.lower == pytest.approx(max(-100, 100 * (good - bad - half)), abs=1e-6)
    assert interval.upper == pytest.approx(min(100, 100 * (good - bad + half)), abs=1e-6)


def test_trend_says_up_flat_down_and_unknown() -> None:
    high, low = moments_of(answers(70, 15, 15)), moments_of(answers(35, 15, 50))
    assert trend(low, high) == "up"
    assert trend(high, low) == "down"
    assert trend(high, high) == "flat"
    assert trend(moments_of(answers(2, 1, 1)), high) == "unknown"
    assert trend(high, Moments()) == "unknown"


def test_a_handful_of_answers_is_no_trend() -> None:
    assert trend(moments_of(answers(5, 0, 0)), moments_of(answers(2, 1, 2))) == "flat"


def test_scale_maps_shares_to_scores_and_back() -> None:
    assert HAPPINESS.at(0.8) == pytest.approx(60.0)
    assert HAPPINESS.share(60.0) == pytest.approx(0.8)
    assert PERCENT.share(95.0) == pytest.approx(0.95)
    assert PERCENT.score(Moments().add(900_000).add(PPM)) == 95.0


def test_a_scale_may_be_turned_round() -> None:
    """Minutes lost: 480 is share 0, none is share 1."""
    minutes = Scale(lowest=480, highest=0)
    assert (minutes.share(120.0), minutes.at(0.75)) == (0.75, 120.0)
    assert minutes.interval(Interval(lower=0.5, upper=0.75)) == Interval(lower=120.0, upper=240.0)
    assert minutes.score(Moments().add(PPM, 3).add(0, 1)) == 120.0
