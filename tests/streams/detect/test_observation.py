"""Observations: canonical shares of blocks and windows."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.detect.observation import block_of, moments_of, observed, window_of
from streams.scores import PPM, Counts
from streams.scores import moments_of as moments_of_counts

pairs = st.lists(st.tuples(st.integers(0, PPM), st.integers(0, 50)))


@given(pairs, st.randoms(use_true_random=False))
def test_order_inside_a_block_does_not_matter(some: list[tuple[int, int]], random: object) -> None:
    shuffled = sorted(some, key=lambda pair: hash((pair, id(random))))
    assert observed(shuffled) == observed(some)


@given(pairs, pairs)
def test_observations_merge_like_their_moments(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    assert moments_of(observed(left + right)) == moments_of(observed(left)) + moments_of(observed(right))


def test_a_block_holds_its_three_counts() -> None:
    counts = Counts(detractors=2, neutrals=0, promoters=3)
    assert block_of(counts) == ((0, 2), (PPM, 3))
    assert moments_of(block_of(counts)) == moments_of_counts(counts)


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_window_is_rounded_half_to_even(good: int, attempted: int) -> None:
    good = min(good, attempted)
    assert window_of(good, attempted) == ((round(Fraction(PPM * good, attempted)), 1),)


@pytest.mark.parametrize(("good", "attempted", "share"), [(1, 2 * PPM, 0), (3, 2 * PPM, 2), (96, 96, PPM)])
def test_windows_at_the_edges(good: int, attempted: int, share: int) -> None:
    assert window_of(good, attempted) == ((share, 1),)


def test_a_window_without_attempts_is_no_observation() -> None:
    assert window_of(0, 0) == ()
