"""Shifts of a metric's level around an instant: robust, in integers, and told from the published windows alone.

The usual level is the median of the windows before the start of what is to be explained, the new one that of the
windows since; the usual spread is the median distance from the usual level. Medians are not moved by single bad
windows. A shift must be supported (several standard errors of the difference) and worth telling (at least one spread).
When it happened is the split into usual before and new after that fits the windows best by absolute distance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Literal

from streams.why.coincidences import Happening

LEAST_BEFORE, LEAST_AFTER = 12, 2
"""Windows that each side needs; fewer tell no spread."""
SUPPORT = 4
"""Standard errors of the difference that a shift needs."""
_QUARTERS = 4
"""Values are counted in quarters, so that medians of medians stay integers: the sums are fast and exact."""
_SIGMA = Fraction(14826, 10000)
"""Standard deviation over median absolute distance, for a normal law."""
_MEDIAN_VARIANCE = Fraction(15708, 10000)
"""Variance of a median over that of a mean, for a normal law: pi / 2."""

Worse = Literal["higher", "lower", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Published windows of one metric at one place.

    Attributes:
        where: Dimension -> value.
        worse: Direction that is bad for people.
        points: (end of the window, ms UTC; value in any integer unit), in time order, one unit of time apart or more.
    """

    metric: str
    where: Mapping[str, str]
    worse: Worse
    points: Sequence[tuple[int, int]]


def shift_of(series: Series, *, since_ms: int, window_ms: int) -> Happening | None:
    """Return a supported change of level around an instant as something that happened; None if there is none.

    Args:
        series: Published windows from well before the instant to the alert.
        since_ms: End of the first epoch or window of what is to be explained.
        window_ms: Length of the series' windows.
    """
    points = [(end_ms, _QUARTERS * value) for end_ms, value in series.points]
    before = [value for end_ms, value in points if end_ms < since_ms]
    after = [value for end_ms, value in points if end_ms >= since_ms]
    if len(before) < LEAST_BEFORE or len(after) < LEAST_AFTER:
        return None
    usual, level = int(median(before)), int(median(after))
    distance = median([abs(value - usual) for value in before])
    spread = _SIGMA * max(distance, Fraction(_QUARTERS), Fraction(abs(usual), 1000))
    step = abs(level - usual)
    error2 = spread * spread * _MEDIAN_VARIANCE * (Fraction(1, len(before)) + Fraction(1, len(after)))
    if step < spread or step * step < SUPPORT * SUPPORT * error2:
        return None
    return Happening(
        kind="telemetry",
        name=series.metric,
        at_ms=_split_ms(points, usual, level) - window_ms,
        where=series.where,
        title="level rose" if level > usual else "level fell",
        strength=_strength(series.worse, step / spread, is_higher=level > usual),
    )


def median(values: Sequence[int]) -> Fraction:
    """Return the middle value, or the mean of the two in the middle; at least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return Fraction(ordered[middle])
    return Fraction(ordered[middle - 1] + ordered[middle], 2)


def _split_ms(points: Sequence[tuple[int, int]], usual: int, level: int) -> int:
    """Return the end of the first window of the new level: the split that fits best, the earliest of several."""
    gains = [abs(value - level) - abs(value - usual) for _, value in points]
    behind = [*accumulate(gains), 0]  # what choosing the new level only after point i leaves out
    place = max(range(len(points)), key=lambda i: (behind[i - 1], -i))
    return points[place][0]


def _strength(worse: Worse, spreads: Fraction, *, is_higher: bool) -> Fraction:
    """Return how much of a shift it is: large ones near 1; one to the better a quarter of that."""
    size = spreads / (spreads + 3)
    is_better = worse != "none" and (worse == "higher") != is_higher
    return size / 4 if is_better else size
