"""The scoring rule, worked by hand."""

from math import exp

import pytest

from benchmarks.detection.nab_score import learning_rows, normalised, scored

WINDOW = (200, 299)
LONG = 1_000


def sigmoid(place: float) -> float:
    return 2 / (1 + exp(5 * place)) - 1


def test_the_first_part_is_for_learning() -> None:
    assert [learning_rows(length) for length in (100, 4_032, 18_050)] == [15, 604, 750]
    assert scored([0, 149], [WINDOW], LONG) == scored([], [WINDOW], LONG)
    assert scored([150], [WINDOW], LONG).false == 1


def test_finding_a_window_in_its_first_row_is_worth_one_and_missing_it_costs_one() -> None:
    assert scored([200], [WINDOW], LONG).total == pytest.approx(1.0)
    assert scored([], [WINDOW], LONG).total == -1.0


def test_later_is_worth_less_but_never_less_than_nothing() -> None:
    middle, last = scored([250], [WINDOW], LONG), scored([299], [WINDOW], LONG)
    assert middle.total == pytest.approx(0.848284 / 0.986614, abs=1e-5)  # tanh(1.25) / tanh(2.5)
    assert 0 < last.total == pytest.approx(0.024995 / 0.986614, abs=1e-5)  # tanh(0.025) / tanh(2.5)


def test_only_the_first_alarm_of_a_window_counts() -> None:
    assert scored([250, 251, 299], [WINDOW], LONG) == scored([250], [WINDOW], LONG)


def test_a_false_alarm_costs_more_the_farther_it_is_behind_a_window() -> None:
    costs = [scored([row], [WINDOW], LONG).total + 1 for row in (160, 300, 350, 400, 700)]
    wanted = [-0.11, 0.11 * sigmoid(1 / 99), 0.11 * sigmoid(51 / 99), 0.11 * sigmoid(101 / 99), -0.11]
    assert costs == pytest.approx(wanted)
    assert -0.11 < costs[3] < costs[2] < costs[1] < 0


def test_a_false_alarm_is_measured_from_the_last_window_before_it() -> None:
    one = scored([510], [WINDOW, (400, 499)], LONG)
    assert (one.found, one.false, one.windows) == (0, 1, 2)
    assert one.total == pytest.approx(-2 + 0.11 * sigmoid(11 / 99))


def test_nobody_is_0_and_the_perfect_one_is_100() -> None:
    others = [(600, 699), (800, 899)]
    never = [scored([], [WINDOW], LONG), scored([], others, LONG)]
    perfect = [scored([200], [WINDOW], LONG), scored([600, 800], others, LONG)]
    assert normalised(never) == 0.0
    assert normalised(perfect) == pytest.approx(100.0)
    assert normalised([perfect[0], never[1]]) == pytest.approx(100 / 3)


def test_alarms_everywhere_are_worth_less_than_none() -> None:
    assert normalised([scored(range(LONG), [WINDOW], LONG)]) < 0
