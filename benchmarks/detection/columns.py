"""Many runs of a decision at once, in columns of numbers. What an observation does to the evidence comes from the code
that judges, and a test holds the columns equal to the judge, so that what is simulated is what judges.
"""

from __future__ import annotations

from math import log1p
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.worlds import Floats, Kinds, Runs, World
from streams.detect import confidence, edetector
from streams.detect.confidence import UNIT, weigh
from streams.detect.edetector import Bets
from streams.scores import PPM


def drift_factors(world: World, bets: Bets) -> Floats:
    """Return what each kind of observation multiplies each of the e-detector's products by; kinds × stakes."""
    return np.array(
        [[edetector.multiplied(1.0, seen, stake, bets) for stake in edetector.STAKES] for seen in world.observations]
    )


def interval_factors(world: World, objective: float) -> Floats:
    """Return what each kind multiplies the stakes by of one who bets that the mean is below the objective."""
    logs = []
    for seen in world.observations:
        parts = [(node / PPM, weight / UNIT) for node, weight in weigh((), [seen])]
        logs.append(
            [
                sum(weight * log1p(stake * (objective - share) / (1.0 - objective)) for share, weight in parts)
                for stake in confidence.STAKES
            ]
        )
    factors: Floats = np.exp(np.array(logs))
    return factors


def ever_missed(world: World, objective: float, *, alpha: float, runs: int, looks: int, seed: int) -> NDArray[np.bool_]:
    """Say for each run whether any look called the period missed."""
    table, paths = interval_factors(world, objective), world.runs(runs, seed)
    wealth, ever = np.ones((runs, table.shape[1])), np.zeros(runs, dtype=np.bool_)
    for _ in range(looks):
        wealth *= table.take(paths.step(), axis=0)
        ever |= wealth.mean(axis=1) >= 2.0 / alpha
    return ever


def ever_missed_by_z(
    world: World, objective: float, *, z: float, runs: int, looks: int, seed: int
) -> NDArray[np.bool_]:
    """Say the same of a z-test after each look, from thirty answers on."""
    sums = np.array([[_power_sum(seen, power) for power in (0, 1, 2)] for seen in world.observations])
    paths, totals = world.runs(runs, seed), np.zeros((runs, 3))
    ever = np.zeros(runs, dtype=np.bool_)
    for _ in range(looks):
        totals += sums.take(paths.step(), axis=0)
        n, total, squares = totals.T
        error = np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0.0) / n)
        ever |= (n >= 30) & (total / n - objective < -z * error)
    return ever


def _power_sum(seen: tuple[tuple[int, int], ...], power: int) -> float:
    return float(sum(count * (share / PPM) ** power for share, count in seen))


class Column(Protocol):
    """One decision for many runs."""

    def see(self, kinds: Kinds) -> NDArray[np.bool_]:
        """Take the next observation of each run; say which runs alarm."""
        ...

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Go on with some of the runs only."""
        ...

    def restart(self, chosen: NDArray[np.bool_]) -> None:
        """Let some of the runs begin again."""
        ...


class DriftColumn:
    """The e-detector, from zero."""

    def __init__(self, world: World, bets: Bets, *, level: float, runs: int) -> None:
        self._table, self._level = drift_factors(world, bets), level
        self._products = np.zeros((runs, self._table.shape[1]))

    def see(self, kinds: Kinds) -> NDArray[np.bool_]:
        self._products += 1.0
        self._products *= self._table.take(kinds, axis=0)
        return np.asarray(self._products.mean(axis=1) >= self._level)

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        self._products = self._products[chosen]

    def restart(self, chosen: NDArray[np.bool_]) -> None:
        self._products[chosen] = 0.0


class SumColumn:
    """A CUSUM, from zero: the sum of the kinds' weights, never below zero, against a height."""

    def __init__(self, weights: NDArray[np.int64], *, height: int, runs: int) -> None:
        self._weights, self._height = weights, height
        self._sums = np.zeros(runs, dtype=np.int64)

    def see(self, kinds: Kinds) -> NDArray[np.bool_]:
        self._sums = np.maximum(self._sums + self._weights[kinds], 0)
        return np.asarray(self._sums >= self._height)

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        self._sums = self._sums[chosen]

    def restart(self, chosen: NDArray[np.bool_]) -> None:
        self._sums[chosen] = 0


def answers_until(column: Column, paths: Runs, answers: Kinds, *, runs: int, most: int) -> Kinds:
    """Return the answers until each run alarms; those of `most` observations where it does not.

    Args:
        column: What decides.
        paths: What is seen.
        answers: Answers in each kind of observation; count.
        runs: How many.
        most: Observations after which a run is given up.
    """
    waited, alive = np.zeros(runs, dtype=np.int64), np.arange(runs)
    for _ in range(most):
        kinds = paths.step()
        waited[alive] += answers[kinds]
        over = column.see(kinds)
        if over.any():
            alive = alive[~over]
            paths.keep(~over)
            column.keep(~over)
            if not alive.size:
                break
    return waited
