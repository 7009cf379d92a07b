"""What is promised, by simulation: a period on target is hardly ever called missed however often one looks, and false
drift alarms are as rare as configured. Beside them rules that break the same checks, so that the checks can fail.

The columns that are simulated are held equal to the judge by `tests/benchmarks/detection/test_columns.py`.
"""

from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.detection.columns import (
    Column,
    DriftColumn,
    SumColumn,
    answers_until,
    ever_missed,
    ever_missed_by_z,
)
from benchmarks.detection.cusum import tuned
from benchmarks.detection.worlds import World, following, independent, spells
from streams.detect.edetector import Bets
from streams.judging.verdicts import ALPHA
from streams.plan.laws import block_law

OBJECTIVE, LOOKS = 0.8, 2_000
RUNS = 2_500

ANSWERS = [(0, 0.15), (500_000, 0.10), (1_000_000, 0.75)]
ALL_OR_NOTHING = [(0, 0.2), (1_000_000, 0.8)]
SKEWED = [(0, 0.02), (816_327, 0.98)]
EVEN = [(share, 1 / 9) for share in range(600_000, 1_000_001, 50_000)]
NARROW = [(750_000, 0.5), (850_000, 0.5)]

ON_TARGET = {
    "answers": independent(ANSWERS),
    "all or nothing": independent(ALL_OR_NOTHING),
    "skewed": independent(SKEWED),
    "even": independent(EVEN),
    "long spells of two laws": spells(independent(ALL_OR_NOTHING), independent(NARROW), stay=0.98),
    "spread follows the answer before": following(independent(NARROW), independent(ALL_OR_NOTHING)),
    "blocks of five": independent(ANSWERS, size=5),
    "blocks of five, skewed": independent(SKEWED, size=5),
    "blocks of five in long spells": spells(independent(ALL_OR_NOTHING, size=5), independent(NARROW, size=5), stay=0.9),
}
"""Every regime's mean is the objective, so the mean given everything before is, too."""

WANDERING = spells(independent([(0, 0.3), (1_000_000, 0.7)]), independent([(0, 0.1), (1_000_000, 0.9)]), stay=0.98)
"""On target in the mean only: the level itself comes and goes."""

every_world = pytest.mark.parametrize("name", ON_TARGET)


def is_rare(ever: NDArray[np.bool_]) -> bool:
    """Whether the rate is at most alpha even if chance was kind by three standard errors."""
    rate = float(ever.mean())
    return rate + 3 * sqrt(max(rate, 1 / ever.size) / ever.size) <= ALPHA


def is_long(waited: NDArray[np.int64], configured: float) -> bool:
    """Whether the mean is the configured one at least; three standard errors (some 6 %) are left to chance."""
    return float(waited.mean() + 3 * waited.std() / sqrt(waited.size)) >= configured


@pytest.mark.parametrize("name", [name for name in ON_TARGET if "five" not in name] + ["blocks of five"])
def test_a_period_on_target_is_hardly_ever_called_missed(name: str) -> None:
    world = ON_TARGET[name]
    assert world.mean(0) == pytest.approx(OBJECTIVE, abs=1e-6)
    assert is_rare(ever_missed(world, OBJECTIVE, alpha=ALPHA, runs=RUNS, looks=LOOKS, seed=1))


def test_a_z_test_fails_that_check() -> None:
    ever = ever_missed_by_z(ON_TARGET["answers"], OBJECTIVE, z=1.645, runs=RUNS, looks=LOOKS, seed=1)
    assert not is_rare(ever)
    assert ever.mean() > 0.25


def realised(column: Column, world: World, *, seed: int = 2) -> NDArray[np.int64]:
    return answers_until(column, world.runs(2_000, seed), world.answers, runs=2_000, most=60_000)


def falling(world: World, run_length: float) -> DriftColumn:
    """The detector as judging builds it: run lengths are in answers, its level in observations."""
    return DriftColumn(world, Bets(mean=OBJECTIVE), level=run_length / int(world.answers.min()), runs=2_000)


@every_world
@pytest.mark.parametrize("run_length", [100, 600])
def test_false_alarms_are_as_rare_as_configured(name: str, run_length: float) -> None:
    world = ON_TARGET[name]
    assert is_long(realised(falling(world, run_length), world), run_length)


@pytest.mark.parametrize("name", ["answers", "skewed", "blocks of five", "long spells of two laws"])
def test_false_all_clears_are_as_rare_as_configured(name: str) -> None:
    """While drifting the mirrored detector runs, and "not recovered" is on target at most."""
    world = ON_TARGET[name]
    bets = Bets(mean=OBJECTIVE, worse="higher")
    column = DriftColumn(world, bets, level=300 / int(world.answers.min()), runs=2_000)
    assert is_long(realised(column, world), 300)


def test_blocks_that_are_larger_than_k_keep_the_promise() -> None:
    """Levels are for blocks of five; larger ones hold more answers each."""
    world = spells(independent(ANSWERS, size=5), independent(ANSWERS, size=7), stay=0.7)
    assert is_long(realised(falling(world, 600), world), 600)


def test_a_cusum_for_another_law_fails_that_check() -> None:
    """It knows answers of which a tenth is neutral; where none is, the spread is larger, and its promise is gone."""
    found = tuned(block_law(OBJECTIVE, 1), block_law(0.7, 1), 600)
    own, other = (
        ON_TARGET["answers"],
        World(observations=ON_TARGET["answers"].observations, chances=np.array([[0.2, 0.0, 0.8]])),
    )
    assert found.run_length >= 600
    order = [block_law(OBJECTIVE, 1).observations.index(seen) for seen in own.observations]
    weights = found.weights[order]
    assert is_long(realised(SumColumn(weights, height=found.height, runs=2_000), own), 600)
    assert not is_long(realised(SumColumn(weights, height=found.height, runs=2_000), other), 600)


def test_the_promise_is_about_the_level_given_what_was_seen() -> None:
    """Where the level itself comes and goes, a low spell is a drift: it is told, more often than configured."""
    assert (WANDERING.mean(0) + WANDERING.mean(1)) / 2 == pytest.approx(OBJECTIVE)
    assert not is_long(realised(falling(WANDERING, 600), WANDERING), 600)


def test_a_real_drop_is_called_missed_and_drifting() -> None:
    """Nothing of the above is kept by keeping silent."""
    low = independent([(0, 0.3), (500_000, 0.1), (1_000_000, 0.6)])
    assert ever_missed(low, OBJECTIVE, alpha=ALPHA, runs=500, looks=LOOKS, seed=3).mean() > 0.99
    column = DriftColumn(low, Bets(mean=OBJECTIVE), level=10_950, runs=2_000)
    assert np.median(realised(column, low)) < 150
