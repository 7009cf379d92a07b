"""The DEX-like score against the published worked examples, unrounded, and what it says where parts are missing."""

from fractions import Fraction

import pytest

from streams.dex import combined, leaf_score


def test_leaves_as_in_the_worked_examples() -> None:
    assert float(leaf_score(400, band=(50, 500), scores=(75, 100))) == pytest.approx(94.44, abs=0.005)
    assert float(leaf_score(79, band=(55, 84), scores=(65, 74), minimise=True)) == pytest.approx(66.55, abs=0.005)


@pytest.mark.parametrize(
    ("parts", "score"),
    [
        ([(55, 50), (58, 30), (72, 20)], 59.3),
        ([(64, 50), (68, 30), (70, 20)], 66.4),
        ([(55, 50), (54, 50)], 54.5),
    ],
)
def test_parents_as_in_the_worked_examples(parts: list[tuple[int, int]], score: float) -> None:
    found = combined(parts)
    assert found.score == Fraction(score).limit_denominator(10)
    assert found.coverage == 1


def test_missing_parts_are_left_out_and_said() -> None:
    found = combined([(55, 50), (None, 30), (72, 20)])
    assert found.score is not None
    assert float(found.score) == pytest.approx(59.86, abs=0.005)
    assert found.coverage == Fraction(7, 10)


def test_there_is_no_score_below_six_tenths_of_the_weights() -> None:
    assert combined([(55, 59), (None, 41)]).score is None
    assert combined([(55, 60), (None, 40)]).score == 55
    assert combined([]).score is None
    assert combined([(None, 1)]).coverage == 0


def test_values_outside_their_band_count_as_its_end() -> None:
    assert [leaf_score(value, band=(80, 100)) for value in (10, 80, 90, 100, 200)] == [0, 0, 50, 100, 100]
    assert [leaf_score(value, band=(80, 100), minimise=True) for value in (10, 200)] == [100, 0]
