"""The always-valid interval: vectors, validity at every look, and a z-test that fails the same check."""

from itertools import pairwise
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.detect.confidence import NODES, STAKES, UNIT, Weights, _log_wealth, always_valid, weigh
from streams.detect.observation import Observation, block_of, observed
from streams.scores import HAPPINESS, PPM, Counts, Interval

shares = st.integers(0, PPM)
blocks = st.lists(st.tuples(shares, st.integers(1, 20)), max_size=20).map(observed)


def scores(promoters: int, neutrals: int, detractors: int) -> Interval:
    counts = Counts(promoters=promoters, neutrals=neutrals, detractors=detractors)
    return HAPPINESS.interval(always_valid(weigh((), [block_of(counts)])))


@pytest.mark.parametrize(
    ("answers", "lower", "upper", "within"),
    [((30, 4, 6), 13, 88, 0.5), ((300, 40, 60), 47, 71, 0.5), ((3000, 400, 600), 56.0, 63.9, 0.05)],
)
def test_intervals_of_the_domain_page(answers: tuple[int, int, int], lower: float, upper: float, within: float) -> None:
    interval = scores(*answers)
    assert interval.lower == pytest.approx(lower, abs=within)
    assert interval.upper == pytest.approx(upper, abs=within)


def test_without_data_everything_is_possible() -> None:
    assert always_valid(()) == Interval(lower=0.0, upper=1.0)


def test_every_cell_splits_into_whole_weights() -> None:
    assert NODES[0] == 0
    assert NODES[-1] == PPM
    assert PPM // 2 in NODES
    assert all(UNIT % (high - low) == 0 for low, high in pairwise(NODES))


@given(st.lists(blocks, max_size=5))
def test_weights_keep_count_and_sum_exactly(some: list[Observation]) -> None:
    weights = weigh((), some)
    flat = [pair for block in some for pair in block]
    assert sum(weight for _, weight in weights) == UNIT * sum(count for _, count in flat)
    assert sum(node * weight for node, weight in weights) == UNIT * sum(share * count for share, count in flat)


@given(st.lists(blocks, max_size=4), st.lists(blocks, max_size=4))
def test_weights_merge_in_any_order_and_grouping(left: list[Observation], right: list[Observation]) -> None:
    assert weigh(weigh((), left), right) == weigh((), right + left)


@given(st.lists(blocks, min_size=1, max_size=4).filter(any))
def test_the_interval_contains_the_mean_and_mirrors(some: list[Observation]) -> None:
    weights = weigh((), some)
    total = sum(weight for _, weight in weights)
    mean = sum(node * weight for node, weight in weights) / total / PPM
    interval = always_valid(weights)
    assert interval.lower <= mean + 1e-9
    assert interval.upper >= mean - 1e-9
    turned: Weights = tuple(sorted((PPM - node, weight) for node, weight in weights))
    mirrored = always_valid(turned)
    assert mirrored.lower == pytest.approx(1 - interval.upper, abs=1e-6)
    assert mirrored.upper == pytest.approx(1 - interval.lower, abs=1e-6)


@given(st.lists(st.tuples(shares, st.integers(1, 5)), min_size=1, max_size=6), st.floats(0.01, 0.99))
def test_splitting_between_nodes_only_makes_it_more_careful(some: list[tuple[int, int]], mean: float) -> None:
    exact = [(share / PPM, float(count)) for share, count in observed(some)]
    split = [(node / PPM, weight / UNIT) for node, weight in weigh((), [observed(some)])]
    assert _log_wealth(split, mean) <= _log_wealth(exact, mean) + 1e-9


def test_a_smaller_alpha_is_wider() -> None:
    weights = weigh((), [block_of(Counts(promoters=300, neutrals=40, detractors=60))])
    loose, strict = always_valid(weights, alpha=0.05), always_valid(weights, alpha=0.01)
    assert strict.lower < loose.lower < loose.upper < strict.upper


RUNS, LOOKS, ALPHA = 2_000, 2_000, 0.05
Looks = NDArray[np.float64]
"""One run: detractors, neutrals, promoters after each answer, one row per look."""


def at_target(random: np.random.Generator) -> Looks:
    """Answers with happiness exactly 60 (10 % neutral), cumulated after each one."""
    category = random.choice(3, p=(0.15, 0.10, 0.75), size=LOOKS)
    return np.eye(3)[category].cumsum(axis=0)


def test_ever_false_stays_below_alpha_over_2000_looks_and_a_z_test_does_not() -> None:
    """At exactly the target: in how many runs does any of 2,000 looks call it missed, or met?"""
    random = np.random.default_rng(20_261_101)
    false_verdicts = false_z = 0
    for run in range(RUNS):
        looks = at_target(random)
        is_out = wealth_is_reached(looks)
        false_verdicts += bool(is_out.any())
        false_z += bool((z_scores(looks) < -1.645).any())
        if run < 20:
            check_published(looks, is_out)
    assert false_verdicts <= ALPHA * RUNS
    assert false_z > 0.25 * RUNS


def wealth_is_reached(looks: Looks) -> NDArray[np.bool_]:
    """Say for each look whether either gambler has won at the true mean 0.8: all looks at once, in numpy."""
    shares, stakes = np.array([0.0, 0.5, 1.0]), np.array(STAKES)[:, None]
    above = looks @ np.log1p(stakes * (shares - 0.8) / 0.8).T
    below = looks @ np.log1p(stakes * (0.8 - shares) / 0.2).T
    wealth = np.maximum(np.exp(above).mean(axis=1), np.exp(below).mean(axis=1))
    return np.asarray(wealth >= 2 / ALPHA)


def check_published(looks: Looks, is_out: NDArray[np.bool_]) -> None:
    """The interval that is published excludes the true mean at exactly the looks where a gambler has won."""
    for look in {*range(0, LOOKS, 199), LOOKS - 1, int(is_out.argmax())}:
        detractors, neutrals, promoters = map(int, looks[look])
        counts = Counts(detractors=detractors, neutrals=neutrals, promoters=promoters)
        interval = always_valid(weigh((), [block_of(counts)]), alpha=ALPHA)
        assert (not interval.lower < 0.8 < interval.upper) == is_out[look]


def z_scores(looks: Looks) -> Looks:
    n = looks.sum(axis=1)
    mean = looks @ (0.0, 0.5, 1.0) / n
    spread = np.sqrt((looks @ (0.0, 0.25, 1.0) / n - mean**2) / n)
    scores: Looks = np.divide(mean - 0.8, spread, out=np.zeros(LOOKS), where=spread > 0)
    return scores


def test_wealth_is_the_mean_over_stakes() -> None:
    assert exp(_log_wealth([(0.5, 1.0)], 0.5)) == pytest.approx(1.0)
