"""The laws that plans assume."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.detect.observation import moments_of
from streams.plan.laws import law_of, window_law

MEANS = st.floats(0.0, 1.0)
SIZES = st.integers(3, 8)


@given(MEANS, SIZES)
def test_blocks_have_the_mean_and_all_their_answers(mean: float, size: int) -> None:
    law = law_of("blocks", mean, size)
    assert sum(law.chances) == pytest.approx(1.0)
    assert law.mean == pytest.approx(mean, abs=1e-9)
    assert {moments_of(observation).n for observation in law.observations} == {size}


@given(MEANS)
def test_windows_have_the_mean(mean: float) -> None:
    law = law_of("windows", mean, 1)
    assert sum(law.chances) == pytest.approx(1.0)
    assert law.mean == pytest.approx(mean, abs=1e-9)
    assert {moments_of(observation).n for observation in law.observations} == {1}


def test_one_answer_in_ten_is_neutral_where_there_is_room() -> None:
    neutral = {mean: dict(law_of("blocks", mean, 1).shares())[500_000] for mean in (0.8, 0.95, 1.0)}
    assert neutral == pytest.approx({0.8: 0.1, 0.95: 0.05, 1.0: 0.0})


def test_a_window_is_one_share() -> None:
    with pytest.raises(ValueError, match="one share"):
        window_law(0.9, 5)
