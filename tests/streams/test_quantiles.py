"""Quantiles from histograms against the readings themselves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.aggregates import bucket
from streams.quantiles import bucket_value, quantile

VALUES = st.integers(-(10**12), 10**12)


@given(VALUES)
def test_a_bucket_stands_for_its_values(value: int) -> None:
    stands = bucket_value(int(bucket(np.array([value]))[0]))
    assert abs(stands - value) <= 0.008 * abs(value)
    if abs(value) < 128:
        assert stands == value


@given(st.lists(VALUES, min_size=1, max_size=60), st.integers(1, 100))
def test_it_is_the_bucket_of_the_nearest_rank(values: list[int], percent: int) -> None:
    buckets, counts = np.unique(bucket(np.array(values)), return_counts=True)
    rank = math.ceil(percent * len(values) / 100)
    expected = bucket_value(int(bucket(np.array([sorted(values)[rank - 1]]))[0]))
    assert quantile(buckets.tolist(), counts.tolist(), percent) == pytest.approx(expected, rel=0, abs=0)


def test_of_nothing_there_is_none() -> None:
    assert quantile([], [], 50) is None
