"""What people think: happiness per slice and channel over time, drawn as scores and lost minutes."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from itertools import accumulate

from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario
from streams.simulate.truths import after

HEALTHY = (73.0, 79.0)
"""Happiness scores of slices in which nothing is planted: uniform between these."""
USUAL_MIX: Mapping[str, float] = {"portal": 0.5, "chat": 0.3, "phone": 0.2}
CHANNEL_OFFSET: Mapping[str, float] = {"portal": 5.0, "chat": 0.0, "phone": -12.5}
"""Points above the slice's score; zero on average over the usual mix, so a slice's score is that of its mixture."""

UNHAPPY_SCORES = tuple(accumulate((4, 1, 1, 2, 2, 5, 5)))
"""Cumulated weights of the scores 0 to 6 among detractors."""

LOST_GIVEN_RATIO = 0.6
LOST_MEDIAN_MINUTES = 8.0
LOST_SIGMA = 1.99
"""Spread of the logarithm: 12.6 % of answers then hold 80 % of the lost time (`domain.md`, section 3.2)."""
LOST_UNHAPPY_FACTOR = 2.0
MAX_LOST_MINUTES = 100_000


class Opinions:
    """Happiness as a function of slice, channel and time.

    Args:
        scenario: What is planted.
        organisation: Its countries and services.
        rng: Draws the healthy levels, once.
        start_ms: What the scenario's times count from; ms UTC.
    """

    def __init__(self, scenario: Scenario, organisation: Organisation, rng: random.Random, start_ms: int) -> None:
        self._usual = {
            (country, service): rng.uniform(*HEALTHY)
            for country in organisation.countries
            for service in organisation.services
        }
        self._drops = {(drop.country, drop.service): drop for drop in scenario.drops}
        self._usual |= {where: drop.before for where, drop in self._drops.items() if drop.before is not None}
        self._offset = CHANNEL_OFFSET if scenario.channel_offset is None else scenario.channel_offset
        self._shifts = {shift.country: shift for shift in scenario.mix_shifts}
        self._start_ms = start_ms

    def happiness(self, country: str, service: str, channel: str, at_ms: int) -> float:
        """Return the happiness score of an instant, -100 to 100."""
        score = self._usual[country, service]
        drop = self._drops.get((country, service))
        if drop and after(self._start_ms, drop.at_s) <= at_ms < after(self._start_ms, drop.until_s):
            score = drop.after
        return max(-100.0, min(100.0, score + self._offset[channel]))

    def mix(self, country: str, at_ms: int) -> Mapping[str, float]:
        """Return the share of each channel among a country's answers at an instant."""
        shift = self._shifts.get(country)
        return shift.mix if shift and at_ms >= after(self._start_ms, shift.at_s) else USUAL_MIX


def shares(happiness: float) -> tuple[float, float, float]:
    """Return the shares of detractors, neutrals and promoters that make up a happiness score.

    The unhappier, the more neutrals: 10 % at a score of 80, 30 % at 30.

    Args:
        happiness: -100 to 100.

    Example:
        >>> [round(share, 3) for share in shares(30)]
        [0.2, 0.3, 0.5]
    """
    neutral = min(0.1 + max(0.0, 80 - happiness) * 0.004, 0.3, 1 - abs(happiness) / 100)
    return (1 - neutral - happiness / 100) / 2, neutral, (1 - neutral + happiness / 100) / 2


def draw_score(rng: random.Random, happiness: float) -> int:
    """Return an answer on the scale 0 to 10."""
    unhappy, neutral, _ = shares(happiness)
    luck = rng.random()
    if luck < unhappy:
        return rng.choices(range(7), cum_weights=UNHAPPY_SCORES)[0]
    return rng.choice((7, 8)) if luck < unhappy + neutral else rng.choice((9, 10, 10))


def draw_lost_minutes(rng: random.Random, score: int) -> int | None:
    """Return the working time that the respondent says was lost, in minutes; None if not said."""
    if rng.random() >= LOST_GIVEN_RATIO:
        return None
    median = LOST_MEDIAN_MINUTES * (LOST_UNHAPPY_FACTOR if score <= 6 else 1.0)
    return min(MAX_LOST_MINUTES, round(rng.lognormvariate(math.log(median), LOST_SIGMA)))
