"""When things happen: random arrivals that follow the working day of each country."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from streams.simulate.names import COUNTRIES

PEAK_HOUR = 13.0
"""The local hour at which most happens."""
DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """A day as a sine.

    Attributes:
        day_ms: Length of a day; ms. The demo compresses it.
        swing: 0 = no rhythm, 1 = nothing happens at the quietest moment.
    """

    day_ms: int = DAY_MS
    swing: float

    def level(self, at_ms: int, country: str) -> float:
        """Return the activity at an instant over the day's mean; 1 - swing to 1 + swing."""
        local = at_ms / self.day_ms + (COUNTRIES[country] - PEAK_HOUR) / 24
        return 1 + self.swing * math.cos(math.tau * (local % 1))

    def is_active(self, rng: random.Random, at_ms: int, country: str) -> bool:
        """Thin candidates from `candidates` to the rhythm of a country."""
        return rng.random() * (1 + self.swing) < self.level(at_ms, country)


def candidates(rng: random.Random, per_s: float, rhythm: Rhythm, start_ms: int) -> Iterator[int]:
    """Yield the instants of a Poisson process at the busiest level; `Rhythm.is_active` thins it to a mean of `per_s`.

    Args:
        rng: Owned by the caller's source.
        per_s: Mean events per second over a day; 0 = none.
        rhythm: Whose peak is the rate of the candidates.
        start_ms: Nothing happens before.

    References:
        Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes by thinning", 1979.
    """
    if per_s <= 0:
        return
    per_ms = per_s * (1 + rhythm.swing) / 1000
    at = float(start_ms)
    while True:
        at += rng.expovariate(per_ms)
        yield int(at)
