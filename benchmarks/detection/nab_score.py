"""The scoring rule of the Numenta Anomaly Benchmark, standard profile.

Inside a labelled window only the first alarm counts, the earlier the better: nearly 1 at its beginning, nearly 0 at its
end. A window without an alarm costs 1. An alarm outside costs up to 0.11, less just after a window. The first part of
each series is for learning: 15 % of it, of 5,000 rows at most; alarms there count for nothing.

References:
    Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark", ICMLA 2015;
    the limit of the learning part and the whole-row positions are those of the benchmark's published scorer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import exp

FALSE_WEIGHT = 0.11
LEARNING, LEARNING_ROWS = 0.15, 5_000

Window = tuple[int, int]
"""First and last row of a labelled window."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What the alarms on one series are worth.

    Attributes:
        total: Sum of the scores.
        found: Windows with an alarm; `windows`: all of them.
        false: Alarms outside all windows.
    """

    total: float
    found: int
    windows: int
    false: int


def learning_rows(length: int) -> int:
    """Return how many rows are for learning."""
    return int(LEARNING * min(length, LEARNING_ROWS))


def scored(alarms: Collection[int], windows: Sequence[Window], length: int) -> Scored:
    """Return what alarms are worth.

    Args:
        alarms: Rows with an alarm.
        windows: Labelled windows, apart from each other, in order.
        length: Rows of the series.
    """
    counted = sorted(row for row in set(alarms) if row >= learning_rows(length))
    firsts = [next((row for row in counted if first <= row <= last), None) for first, last in windows]
    hits = [_hit(row, window) for row, window in zip(firsts, windows, strict=True) if row is not None]
    outside = [row for row in counted if not any(first <= row <= last for first, last in windows)]
    false = [FALSE_WEIGHT * _behind(row, windows) for row in outside]
    missed = len(windows) - len(hits)
    return Scored(total=sum(hits) - missed + sum(false), found=len(hits), windows=len(windows), false=len(outside))


def normalised(series: Iterable[Scored]) -> float:
    """Return the score of all series: 0 for one who never alarms, 100 for one who finds each window at once."""
    every = list(series)
    windows = sum(one.windows for one in every)
    return 100 * (sum(one.total for one in every) + windows) / (2 * windows)


def _sigmoid(place: float) -> float:
    """Return 1 long before a window's end, 0 at it, -1 after it; `place` counts from there in widths of the window."""
    return 2 / (1 + exp(5 * place)) - 1 if place < 3 else -1.0


def _hit(row: int, window: Window) -> float:
    first, last = window
    return _sigmoid(-(last - row + 1) / (last - first + 1)) / _sigmoid(-1.0)


def _behind(row: int, windows: Sequence[Window]) -> float:
    passed = [window for window in windows if window[1] < row]
    if not passed:
        return -1.0
    first, last = passed[-1]
    return _sigmoid((row - last) / max(1, last - first))
