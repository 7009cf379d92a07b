"""A DEX-like score: parts on one scale, weighed together; honest about what is missing. Exact, in fractions.

References:
    ServiceNow, "Digital experience score calculation" (leaves and weights); the rule for missing parts is our own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

Number = Fraction | int

LEAST_COVERAGE = Fraction(6, 10)
"""Part of the weights that has to be there: below it there is no score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """Parts weighed together.

    Attributes:
        score: Mean of the parts that are there, by their weights; None if too few are.
        coverage: Their part of all weights, 0 to 1.
    """

    score: Fraction | None
    coverage: Fraction


def leaf_score(
    value: Number, *, band: tuple[Number, Number], scores: tuple[Number, Number] = (0, 100), minimise: bool = False
) -> Fraction:
    """Return a value of a metric as a score; values outside their band count as its end.

    Args:
        value: In the metric's unit.
        band: Values at which the score ends, lower first.
        scores: Scores at these ends, lower first.
        minimise: Small values are good.

    Example:
        >>> round(float(leaf_score(400, band=(50, 500), scores=(75, 100))), 2)
        94.44
    """
    (low, high), (least, most) = band, scores
    inside = min(max(Fraction(value), Fraction(low)), Fraction(high))
    gained = (inside - low) / (high - low) * (most - least)
    return most - gained if minimise else least + gained


def combined(parts: Iterable[tuple[Number | None, int]]) -> Combined:
    """Return scores with their weights as one; None stands for a part that is missing.

    What is there is weighed as if it were all; with less than `LEAST_COVERAGE` of the weights nothing is said.

    Example:
        >>> float(combined([(55, 50), (58, 30), (72, 20)]).score)
        59.3
    """
    known = list(parts)
    present = sum(weight for score, weight in known if score is not None)
    coverage = Fraction(present, sum(weight for _, weight in known) or 1)
    if not present or coverage < LEAST_COVERAGE:
        return Combined(score=None, coverage=coverage)
    gained = sum((Fraction(score) * weight for score, weight in known if score is not None), start=Fraction(0))
    return Combined(score=gained / present, coverage=coverage)
