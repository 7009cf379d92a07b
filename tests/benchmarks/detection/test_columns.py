"""What the simulations run in columns is what judges: the same numbers on the same stream."""

from itertools import accumulate, pairwise

import msgspec
import numpy as np
import pytest

from benchmarks.detection.columns import DriftColumn, SumColumn, answers_until, ever_missed, interval_factors
from benchmarks.detection.cusum import run_length_of, tuned
from benchmarks.detection.worlds import World, following, independent, kinds_of, spells
from streams.detect.edetector import Bets
from streams.detect.observation import Observation
from streams.events.judging import Target
from streams.judging.verdicts import ALPHA, Ruler, Step, judge_epoch
from streams.plan.laws import block_law
from tests.streams.judged import EPOCH_MS, GOOD, HAPPY, START_MS

LOW = [(0, 0.40), (500_000, 0.10), (1_000_000, 0.50)]
ODD = [(333_333, 0.3), (912_345, 0.7)]
WORLDS = {
    "answers": (independent(LOW), 0.8),
    "blocks of five": (independent(LOW, size=5), 0.8),
    "shares between nodes": (independent(ODD), 0.95),
    "spells": (spells(independent(LOW), independent(ODD), stay=0.9), 0.8),
    "leaning": (following(independent(ODD), independent(LOW)), 0.8),
}
every_world = pytest.mark.parametrize("name", WORLDS)
STEPS = 150


def judged(seen: list[Observation], target: Target, size: int) -> tuple[list[bool], int | None]:
    """Whether each look says missed, and the number of the first drift alarm's step."""
    state, missed, alarm = None, [], None
    for number, observation in enumerate(seen, start=1):
        step = Step(at_ms=START_MS + number * EPOCH_MS, observations=(observation,))
        after = judge_epoch(state, target, step, Ruler(unit_ms=EPOCH_MS, per_observation=size))
        state = after.state
        missed.append(after.verdict.verdict == "missed")
        alarm = alarm or (number if after.detection else None)
    return missed, alarm


def target_of(objective: float, size: int) -> Target:
    return msgspec.structs.replace(
        GOOD, objective=100 * objective, period="quarter", min_respondents=1, run_length=300.0 * size
    )


@every_world
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_columns_say_what_the_judge_says(name: str, seed: int) -> None:
    world, objective = WORLDS[name]
    size = int(world.answers[0])
    seen = [world.observations[kind] for kind in kinds_of(world, STEPS, seed)]
    missed, alarm = judged(seen, target_of(objective, size), size)
    assert missed == looks(world, objective, seed)
    assert alarm is not None
    column = DriftColumn(world, Bets(mean=objective), level=300.0, runs=1)
    waited = answers_until(column, world.runs(1, seed), world.answers, runs=1, most=STEPS)
    assert list(waited) == [size * alarm]
    ever = ever_missed(world, objective, alpha=ALPHA, runs=1, looks=STEPS, seed=seed)
    assert list(ever) == [any(missed)] == [True]


def looks(world: World, objective: float, seed: int) -> list[bool]:
    table = interval_factors(world, objective)
    wealth = accumulate((table[kind] for kind in kinds_of(world, STEPS, seed)), np.multiply)
    return [bool(one.mean() >= 2 / ALPHA) for one in wealth]


def test_the_happiness_target_is_the_same_share() -> None:
    world = WORLDS["blocks of five"][0]
    seen = [world.observations[kind] for kind in kinds_of(world, STEPS, 9)]
    happy = msgspec.structs.replace(HAPPY, period="quarter", min_respondents=1, run_length=1_500.0)
    assert judged(seen, happy, 5) == judged(seen, target_of(0.8, 5), 5)


def test_worlds_are_on_the_mean_that_they_say() -> None:
    world = independent(LOW, size=5)
    assert world.mean(0) == pytest.approx(0.55)
    kinds = list(kinds_of(world, 4_000, 5))
    assert np.bincount(kinds, minlength=21) / 4_000 == pytest.approx(world.chances[0], abs=0.03)


def test_a_leaning_world_is_wild_after_a_low_answer_only() -> None:
    world = following(independent([(700_000, 0.5), (900_000, 0.5)]), independent([(0, 0.2), (1_000_000, 0.8)]))
    seen = [world.observations[kind][0][0] for kind in kinds_of(world, 500, 5)]
    pairs = {(before in (0, 700_000), after in (0, 1_000_000)) for before, after in pairwise(seen)}
    assert pairs == {(True, True), (False, False)}


@pytest.mark.parametrize("size", [1, 5])
def test_the_run_length_of_the_sum_is_that_of_waiting(size: int) -> None:
    before = block_law(0.8, size)
    found = tuned(before, block_law(0.7, size), 400 / size)
    world = World(observations=before.observations, chances=before.weights[np.newaxis])
    column = SumColumn(found.weights, height=found.height, runs=2_000)
    waited = answers_until(column, world.runs(2_000, 3), world.answers, runs=2_000, most=20_000)
    assert waited.mean() == pytest.approx(size * found.run_length, rel=0.07)
    assert run_length_of(found.weights, before.weights, found.height - 1) < 400 / size <= found.run_length
