"""The CUSUM that knows both laws: the best there is for one drop, and tuned to a run length without any simulation.

Its weights are the log-likelihood ratios of "the level has dropped by this much" against "on target", rounded to whole
units, so that its sum walks on a grid and the run length follows from a system of linear equations (Brook and Evans,
Biometrika, 1972). The rounding makes it a slightly different CUSUM, not a wrong one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.plan.laws import Law

UNITS = 12
"""Whole units to the standard deviation of one observation's log-likelihood ratio."""

_TALLEST = 1 << 12


@dataclass(frozen=True)
class Tuned:
    """A CUSUM.

    Attributes:
        weights: Of each kind of observation; whole units.
        height: Sum from which on it alarms.
        run_length: Observations to a false alarm, in the mean.
    """

    weights: NDArray[np.int64]
    height: int
    run_length: float


def tuned(before: Law, after: Law, run_length: float) -> Tuned:
    """Return the CUSUM for a change from one law to the other.

    Args:
        before: On target.
        after: The drop that it is tuned to; of the same kinds.
        run_length: Least mean number of observations to a false alarm.
    """
    weights = _weights(before, after)
    low, high = 0, 1
    while run_length_of(weights, before.weights, high) < run_length and high < _TALLEST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if run_length_of(weights, before.weights, middle) < run_length:
            low = middle
        else:
            high = middle
    return Tuned(weights=weights, height=high, run_length=run_length_of(weights, before.weights, high))


def _weights(before: Law, after: Law) -> NDArray[np.int64]:
    ratios = np.log(after.weights / before.weights)
    spread = float(np.sqrt(before.weights @ ratios**2 - (before.weights @ ratios) ** 2))
    return np.asarray(np.rint(ratios / spread * UNITS).astype(np.int64))


def run_length_of(weights: NDArray[np.int64], chances: NDArray[np.float64], height: int) -> float:
    """Return the mean number of observations until the sum reaches the height, from zero."""
    moves = np.zeros((height, height))
    states = np.arange(height)
    for weight, chance in zip(weights, chances, strict=True):
        reached = np.maximum(states + weight, 0)
        inside = reached < height
        moves[states[inside], reached[inside]] += chance
    return float(np.linalg.solve(np.eye(height) - moves, np.ones(height))[0])
