"""Many runs of the drift detector at once: the recursion of `streams.detect.edetector` over columns of numbers.

What each observation multiplies the products by comes from the detector itself (`multiplied`), and a test holds the
runs equal to it, so a plan predicts what will judge and not a model of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.detect.edetector import CAP, STAKES, ZERO, Bets, advance, evidence, multiplied
from streams.detect.observation import Observation
from streams.plan.laws import Law

RUNS = 400
"""Runs behind each predicted figure: a median of delays is then known to about 5 %."""

MAX_STEPS = 50_000
"""Observations after which a run is given up: 35 days of minutes."""

_CHUNK = 128
_WARM = 256

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crossings:
    """Where the runs reached the level.

    Attributes:
        steps: Observations until then, per run; one more than was tried where it was not reached.
        evidence: Mean of the products then; the level where it was not reached.
        most: Observations tried.
    """

    steps: NDArray[np.int64]
    evidence: Floats
    most: int

    def median(self) -> float | None:
        """Return the median number of observations; None if fewer than half of the runs got there."""
        middle = float(np.median(self.steps))
        return middle if middle <= self.most else None


def factors(law: Law, bets: Bets) -> Floats:
    """Return what each observation of the law multiplies each product by, from the detector's own function."""
    return np.array([[multiplied(1.0, seen, stake, bets) for stake in STAKES] for seen in law.observations])


def growth(law: Law, bets: Bets) -> float:
    """Return by how much evidence grows with each observation at best, as a logarithm; <= 0 = it does not."""
    return float((law.weights @ np.log(factors(law, bets))).max())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How runs are made.

    Attributes:
        runs: How many.
        most: Observations after which a run is given up.
        enough: Share of the runs after which the others are given up; a median needs a little over half.
        seed: Of the drawing.
    """

    runs: int = RUNS
    most: int = MAX_STEPS
    enough: float = 1.0
    seed: int = 1


def crossings(chances: Floats, table: Floats, level: float, trial: Trial, *, start: Floats | None = None) -> Crossings:
    """Run the detector until it alarms.

    Args:
        chances: Probability of each kind of observation.
        table: From `factors`, of the same kinds.
        level: Evidence of an alarm.
        trial: How many runs, and how long.
        start: Products of each run at the start; None = zero.
    """
    rng, edges = np.random.default_rng(trial.seed), np.cumsum(chances)[:-1]
    steps = np.full(trial.runs, trial.most + 1, dtype=np.int64)
    reached = np.full(trial.runs, level)
    alive, products = np.arange(trial.runs), _start(trial, table, start)
    goal, step = (1.0 - trial.enough) * trial.runs, 0
    equal = np.full(table.shape[1], 1.0 / table.shape[1])
    while step < trial.most and alive.size > goal:
        size = min(_CHUNK, trial.most - step)
        kinds = np.searchsorted(edges, rng.random((size, alive.size)), side="right")
        for index in range(size):
            step += 1
            products += 1.0
            products *= table.take(kinds[index], axis=0)
            means = products @ equal
            if means.max() >= level:
                over = means >= level
                steps[alive[over]], reached[alive[over]] = step, np.minimum(means[over], CAP)
                alive, products, kinds = alive[~over], products[~over], kinds[:, ~over]
                if alive.size <= goal:
                    break
    return Crossings(steps=steps, evidence=reached, most=trial.most)


def run_length(law: Law, bets: Bets, level: float, trial: Trial) -> float:
    """Return the mean number of observations to a false alarm while the law, which must be on target, holds.

    On target the mean of the products less the number of observations is a fair game, so the run length is the mean
    evidence at the alarm: the level times how far it is overshot. How far is learnt quickly where alarms are common:
    from a detector that has run for a while, each stake in turn makes its own gain the odds, and each alarm counts by
    the inverse of the evidence it was found with. A level of a million costs hardly more than one of a hundred.

    Args:
        law: What is seen; its mean is the bets' mean.
        bets: What the detector bets on.
        level: Evidence of an alarm.
        trial: How many runs per stake; where one is given up, the level counts, which is the guaranteed bound.

    Raises:
        ValueError: The law is not on target.
    """
    table = factors(law, bets)
    odds = law.weights[:, np.newaxis] * table
    if not np.allclose(odds.sum(axis=0), 1.0, atol=1e-4):
        raise ValueError("the law is not on target")
    start = _warm(law.weights, table, level, trial)
    ends = [crossings(chances / chances.sum(), table, level, trial, start=start) for chances in odds.T]
    return level / float(np.mean([level / end.evidence for end in ends]))


def _start(trial: Trial, table: Floats, start: Floats | None) -> Floats:
    return np.zeros((trial.runs, table.shape[1])) if start is None else start.copy()


def _warm(chances: Floats, table: Floats, level: float, trial: Trial) -> Floats:
    """Return the products of detectors that ran for a while; one that alarmed meanwhile began again."""
    rng, edges = np.random.default_rng(trial.seed + 1), np.cumsum(chances)[:-1]
    products = _start(trial, table, None)
    for row in np.searchsorted(edges, rng.random((_WARM, trial.runs)), side="right"):
        products = (products + 1.0) * table.take(row, axis=0)
        products[products.mean(axis=1) >= level] = 0.0
    return products


def steps_of_one(observation: Observation, bets: Bets, level: float, most: int = MAX_STEPS) -> int | None:
    """Return how many observations of one kind in a row lead to an alarm; None if more than `most`."""
    products = ZERO
    for step in range(1, most + 1):
        products = advance(products, observation, bets)
        if evidence(products) >= level:
            return step
    return None
