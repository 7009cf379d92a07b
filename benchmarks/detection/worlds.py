"""Worlds that detectors are tried in: what may be seen at once, how probable it is, and how one leans on the other.

A world has one or two regimes. In which one it is next depends on the regime and on what was just seen, so answers may
be independent, come in long spells (mixing), or have a spread that follows the answer before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from streams.detect.observation import Observation, observed
from streams.scores import PPM

Floats = NDArray[np.float64]
Kinds = NDArray[np.int64]
Law = Sequence[tuple[int, float]]
"""(share in parts per million, probability) pairs of one answer."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What is seen, one observation after the other.

    Attributes:
        observations: All kinds of observations.
        chances: Probability of each kind in each regime; regimes × kinds, rows sum to 1.
        second: Probability that the second regime comes next; regimes × kinds. One regime: nothing.
        answers: Answers in each kind; count.
    """

    observations: tuple[Observation, ...]
    chances: Floats
    second: Floats | None = None

    @property
    def answers(self) -> Kinds:
        return np.array([sum(count for _, count in seen) for seen in self.observations])

    def mean(self, regime: int) -> float:
        """Return the expected share of an answer in a regime."""
        totals = [sum(share * count for share, count in seen) / PPM for seen in self.observations]
        return float(self.chances[regime] @ totals / (self.chances[regime] @ self.answers))

    def runs(self, count: int, seed: int) -> Runs:
        """Return that many independent runs, at their beginning."""
        return Runs(self, np.zeros(count, dtype=np.int64), np.random.default_rng(seed))


class Runs:
    """Runs of a world, side by side."""

    def __init__(self, world: World, regimes: Kinds, rng: np.random.Generator) -> None:
        self._world, self._regimes, self._rng = world, regimes, rng
        self._edges = np.cumsum(world.chances, axis=1)[:, :-1]

    def step(self) -> Kinds:
        """Return the next kind of observation of each run."""
        draws = self._rng.random(self._regimes.size)
        if self._world.second is None:
            return np.searchsorted(self._edges[0], draws, side="right")
        kinds: Kinds = (draws[:, np.newaxis] >= self._edges[self._regimes]).sum(axis=1)
        moves = self._rng.random(self._regimes.size) < self._world.second[self._regimes, kinds]
        self._regimes = moves.astype(np.int64)
        return kinds

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Go on with some of the runs only."""
        self._regimes = self._regimes[chosen]


def independent(law: Law, *, size: int = 1) -> World:
    """Return blocks of `size` independent answers."""
    seen: dict[Observation, float] = {}
    for parts in product(law, repeat=size):
        observation = observed((share, 1) for share, _ in parts)
        seen[observation] = seen.get(observation, 0.0) + float(np.prod([chance for _, chance in parts]))
    return World(observations=tuple(seen), chances=np.array([list(seen.values())]))


def spells(first: World, other: World, *, stay: float) -> World:
    """Return long spells of two independent worlds in turn; `stay` is the probability to stay, 0 to 1."""
    return _joined(first, other, np.array([1.0 - stay, stay])[:, np.newaxis])


def following(calm: World, wild: World) -> World:
    """Return a world that is wild after each observation below the calm one's mean."""
    joined = _joined(calm, wild, np.zeros((2, 1)))
    totals = np.array([sum(share * count for share, count in seen) / PPM for seen in joined.observations])
    is_low = (totals / joined.answers < calm.mean(0)).astype(np.float64)
    return World(observations=joined.observations, chances=joined.chances, second=np.tile(is_low, (2, 1)))


def _joined(first: World, other: World, second: Floats) -> World:
    sizes = len(first.observations), len(other.observations)
    chances = np.zeros((2, sum(sizes)))
    chances[0, : sizes[0]], chances[1, sizes[0] :] = first.chances[0], other.chances[0]
    return World(
        observations=first.observations + other.observations,
        chances=chances,
        second=np.tile(second, (1, sum(sizes))),
    )


def kinds_of(world: World, steps: int, seed: int) -> Iterator[int]:
    """Return one run."""
    run = world.runs(1, seed)
    for _ in range(steps):
        yield int(run.step()[0])
