"""The few colours of all screens, for Grafana's dark theme. Every state has a word and a sign of its own as well.

They are Okabe and Ito's blue, amber and vermilion, made lighter until small text can be read on a dark panel too. What
`figures` measures is held to `LEAST_DIFFERENCE` and `LEAST_CONTRAST` by the check of the screens.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from agents.screens.vision import DEFICIENCIES, contrast, difference, seen

GOOD: Final = "#56B4E9"
"""Blue: as promised."""

WATCH: Final = "#F7D154"
"""Amber: look here."""

BAD: Final = "#E5541B"
"""Vermilion: not as promised."""

QUIET: Final = "#9A9A9A"
"""Grey: nothing can be said."""

PLAIN: Final = "#CCCCDC"
"""A figure that is no judgement: the colour of Grafana's own text."""

STATES: Final = {"good": GOOD, "watch": WATCH, "bad": BAD, "quiet": QUIET}
BACKGROUNDS: Final = {"panel": "#181B1F", "page": "#111217"}
"""Of Grafana's dark theme (`@grafana/data`, createColors: background.primary and background.canvas)."""

LEAST_DIFFERENCE: Final = 15.0
"""CIEDE2000 between any two states for anybody; five times what is seen at a glance side by side."""
LEAST_CONTRAST: Final = 4.5
"""Of every state on every background: WCAG AA for small text."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured pair of colours."""

    what: str
    value: float
    least: float

    def __str__(self) -> str:
        return f"{self.value:5.1f}  at least {self.least:4.1f}  {self.what}"


def figures() -> Iterator[Figure]:
    """Yield the difference of every pair of states to everybody, and every contrast."""
    for deficiency in DEFICIENCIES:
        for (one, first), (other, second) in combinations(STATES.items(), 2):
            value = difference(seen(first, deficiency), seen(second, deficiency))
            what = f"difference of {one} and {other}, colour blindness: {deficiency}"
            yield Figure(what=what, value=value, least=LEAST_DIFFERENCE)
    for name, colour in {**STATES, "plain": PLAIN}.items():
        for background, ground in BACKGROUNDS.items():
            what = f"contrast of {name} on the {background}"
            yield Figure(what=what, value=contrast(colour, ground), least=LEAST_CONTRAST)
