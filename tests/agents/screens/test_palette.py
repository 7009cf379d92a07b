"""The colours, told apart by everybody and readable; the formulas against published figures."""

import sys

import pytest

from agents.screens.palette import STATES, figures
from agents.screens.vision import DEFICIENCIES, contrast, difference, linear, seen


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((50.0, 2.5, 0.0), (50.0, 3.2592, 0.335), 1.0),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_gives_the_figures_of_sharma_wu_and_dalal(
    one: tuple[float, float, float], other: tuple[float, float, float], published: float
) -> None:
    assert difference(one, other) == pytest.approx(published, abs=5e-5)
    assert difference(other, one) == pytest.approx(published, abs=5e-5)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)
    assert contrast("#FFFFFF", "#777777") == contrast("#777777", "#FFFFFF")


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_grey_looks_grey_to_everybody(deficiency: str) -> None:
    lightness, a, b = seen("#808080", deficiency)
    assert lightness == pytest.approx(53.6, abs=0.1)
    assert abs(a) < 0.1
    assert abs(b) < 0.1


def test_red_and_green_of_the_same_lightness_are_one_to_a_deuteranope_and_two_to_others() -> None:
    red, green = "#C65F5F", "#7C8A3C"
    assert difference(seen(red), seen(green)) > 2 * difference(seen(red, "deuteranopia"), seen(green, "deuteranopia"))


def test_light_is_linear() -> None:
    assert linear("#FF8000") == pytest.approx((1.0, 0.2158605, 0.0))


def test_all_states_are_told_apart_and_read(capsys: pytest.CaptureFixture[str]) -> None:
    measured = list(figures())
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"{figure}\n" for figure in measured))
    assert len(measured) == 4 * 6 + 5 * 2
    assert [str(figure) for figure in measured if figure.value < figure.least] == []
    assert len(set(STATES.values())) == len(STATES)
