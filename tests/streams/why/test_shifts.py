"""A level that moved is found, when it moved too; noise, single bad windows and too little are nothing."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.why.shifts import Series, Worse, median, shift_of

WINDOW_MS = 60_000
SINCE_MS = 100 * WINDOW_MS


def series(values: list[int], worse: Worse = "higher") -> Series:
    """Windows 1, 2, …; the change to explain is first seen in window 100."""
    points = [(number * WINDOW_MS, value) for number, value in enumerate(values, start=1)]
    return Series(metric="app.response_time", where={"service": "mail"}, worse=worse, points=points)


def noisy(rng: np.random.Generator, level: float, n: int) -> list[int]:
    return [round(value) for value in rng.normal(level, 20_000, n)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("first", [80, 95, 100, 104])
def test_a_shift_is_found_with_its_time(seed: int, first: int) -> None:
    rng = np.random.default_rng(seed)
    values = noisy(rng, 500_000, first - 1) + noisy(rng, 600_000, 121 - first)
    found = shift_of(series(values), since_ms=SINCE_MS, window_ms=WINDOW_MS)
    assert found is not None
    assert found.title == "level rose"
    assert abs(found.at_ms - (first - 1) * WINDOW_MS) <= WINDOW_MS


def test_noise_is_hardly_ever_a_shift() -> None:
    rng = np.random.default_rng(7)
    found = [shift_of(series(noisy(rng, 500_000, 120)), since_ms=SINCE_MS, window_ms=WINDOW_MS) for _ in range(400)]
    assert sum(one is not None for one in found) <= 4


def test_a_single_bad_window_is_none() -> None:
    rng = np.random.default_rng(8)
    values = noisy(rng, 500_000, 120)
    values[105] = 9_000_000
    assert shift_of(series(values), since_ms=SINCE_MS, window_ms=WINDOW_MS) is None


@pytest.mark.parametrize("count", [0, 3, 100])
def test_too_little_on_one_side_says_nothing(count: int) -> None:
    assert shift_of(series([500_000] * count), since_ms=SINCE_MS, window_ms=WINDOW_MS) is None


def test_a_shift_to_the_better_counts_a_quarter() -> None:
    rng = np.random.default_rng(9)
    values = noisy(rng, 500_000, 99) + noisy(rng, 700_000, 21)
    worse, better, either = (
        shift_of(series(values, direction), since_ms=SINCE_MS, window_ms=WINDOW_MS)
        for direction in ("higher", "lower", "none")
    )
    assert worse is not None
    assert better is not None
    assert worse == either
    assert better.strength == worse.strength / 4


def test_a_steady_series_that_moves_has_a_spread_of_its_own() -> None:
    assert shift_of(series([1_000_000] * 99 + [999_999] * 20), since_ms=SINCE_MS, window_ms=WINDOW_MS) is None
    found = shift_of(series([1_000_000] * 99 + [600_000] * 20, "lower"), since_ms=SINCE_MS, window_ms=WINDOW_MS)
    assert found is not None
    assert (found.title, found.at_ms) == ("level fell", 99 * WINDOW_MS)
    assert Fraction(1, 2) < found.strength < 1


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30))
def test_the_median_is_that_of_numpy(values: list[int]) -> None:
    assert float(median(values)) == float(np.median(values))
