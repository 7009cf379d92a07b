"""The CUSUM that knows both laws: the best there is for one drop, and tuned to a run length without any simulation.

Its weights are the log-likelihood ratios of "the level has dropped by this much" against "on target", rounded to whole
units, so that its sum walks on a grid and the run length follows from a system of linear equations (Brook and Evans,
Biometrika, 1972). The unit is chosen so that rounding hardly changes where the sum drifts to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.plan.laws import Law

UNITS = np.linspace(8.0, 20.0, 600)
"""Whole units to the standard deviation of one observation's log-likelihood ratio, to choose from."""

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

    Raises:
        ValueError: No height up to 4,096 units is enough.
    """
    weights = weights_of(before, after)
    low, high = 0, 64
    while run_length_of(weights, before.weights, high) < run_length:
        low, high = high, 2 * high
        if high > _TALLEST:
            raise ValueError(f"no height of {_TALLEST} units is enough for {run_length:,.0f} observations")
    while high - low > 1:
        middle = (low + high) // 2
        if run_length_of(weights, before.weights, middle) < run_length:
            low = middle
        else:
            high = middle
    return Tuned(weights=weights, height=high, run_length=run_length_of(weights, before.weights, high))


def weights_of(before: Law, after: Law) -> NDArray[np.int64]:
    """Return the log-likelihood ratio of each kind in whole units."""
    ratios = np.log(after.weights / before.weights)
    spread = float(np.sqrt(before.weights @ ratios**2 - (before.weights @ ratios) ** 2))
    scaled = np.outer(UNITS, ratios / spread)
    chances = np.stack([before.weights, after.weights], axis=1)
    error = np.abs((np.rint(scaled) - scaled) @ chances / UNITS[:, np.newaxis]).max(axis=1)
    return np.asarray(np.rint(scaled[error.argmin()]).astype(np.int64))


def run_length_of(weights: NDArray[np.int64], chances: NDArray[np.float64], height: int) -> float:
    """Return the mean number of observations until the sum reaches the height, from zero."""
    moves = np.zeros((height, height))
    states = np.arange(height)
    for weight, chance in zip(weights, chances, strict=True):
        reached = np.maximum(states + weight, 0)
        inside = reached < height
        moves[states[inside], reached[inside]] += chance
    return float(np.linalg.solve(np.eye(height) - moves, np.ones(height))[0])
