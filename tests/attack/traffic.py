"""Answers of a made-up organisation: 20 countries, 12 services, 4 channels, heavy-tailed, by working hours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streams.blocks import Answer
from streams.details import Details, details_of

Ints = NDArray[np.int64]

START_MS = 1_772_409_600_000
"""2026-03-02 00:00 UTC, a Monday."""
DAY_MS = 86_400_000
TENANT = "acme"
COUNTRIES, SERVICES, CHANNELS = 20, 12, 4
TAILS = (1.6, 1.6, 0.6)
"""Exponents of Zipf's law for countries, services and channels: the n-th has 1 / n**exponent of the first."""
LUNCH_H = (0, 0, 0, 0, 0, 0, 1, 4, 9, 10, 9, 7, 6, 8, 9, 8, 6, 3, 1, 1, 0, 0, 0, 0)
"""Answers by hour of the day, in parts."""
WEEK = (10, 11, 10, 10, 8, 1, 1)
"""Answers by day of the week, in parts; Monday first."""
DETRACTORS, NEUTRALS = 0.12, 0.20
FACTORS = ("speed", "tone", "result")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Answers in the order of their log times; one entry each.

    Attributes:
        log_ms: Record timestamp; ms since the epoch.
        person: Number of the person.
        dims: Numbers of country, service and channel.
        score: 0 to 10.
        lost: Lost minutes; -1 = not told.
        factor: Number of the factor named; -1 = none.
    """

    log_ms: Ints
    person: Ints
    dims: Ints
    score: Ints
    lost: Ints
    factor: Ints

    def __len__(self) -> int:
        return len(self.log_ms)

    @property
    def category(self) -> Ints:
        """0 = detractor, 1 = neutral, 2 = promoter."""
        return (self.score >= 7).astype(np.int64) + (self.score >= 9)

    def answers(self) -> list[Answer]:
        """Return the answers as the release rule sees them: without values."""
        rows = zip(self.log_ms.tolist(), self.person.tolist(), self.dims.tolist(), strict=True)
        return [
            Answer(
                answer=f"a{number:06d}",
                log_ms=log_ms,
                person=f"p{person}",
                labels=(f"c{country:02d}", "", "", f"s{service:02d}", f"h{channel}", "", ""),
            )
            for number, (log_ms, person, (country, service, channel)) in enumerate(rows)
        ]

    def told(self) -> list[Details]:
        """Return what each answer tells."""
        rows = zip(self.score.tolist(), self.lost.tolist(), self.factor.tolist(), strict=True)
        return [
            details_of(score, None if lost < 0 else lost, () if factor < 0 else (FACTORS[factor],))
            for score, lost, factor in rows
        ]

    def with_values_of(self, order: Ints) -> Traffic:
        """Return the same answers, each with the values of another one."""
        return replace(self, score=self.score[order], lost=self.lost[order], factor=self.factor[order])

    def first(self, days: float) -> Traffic:
        """Return the answers of the first days."""
        n = int(np.searchsorted(self.log_ms, START_MS + days * DAY_MS))
        return Traffic(self.log_ms[:n], self.person[:n], self.dims[:n], self.score[:n], self.lost[:n], self.factor[:n])


def make_traffic(*, per_day: float, days: int, seed: int, tails: tuple[float, float, float] = TAILS) -> Traffic:
    """Return the answers of some days.

    Args:
        per_day: Mean number of answers on a day.
        days: Length, beginning with a Monday.
        seed: Of everything random.
        tails: As `TAILS`.
    """
    random = np.random.default_rng(seed)
    log_ms = _times(random, per_day, days)
    n = len(log_ms)
    homes = random.choice(COUNTRIES, size=max(60, int(per_day * 12)), p=_tail(COUNTRIES, tails[0]))
    activity = random.lognormal(sigma=1.0, size=len(homes))
    person = random.choice(len(homes), size=n, p=activity / activity.sum())
    service = random.choice(SERVICES, size=n, p=_tail(SERVICES, tails[1]))
    dims = np.column_stack((homes[person], service, random.choice(CHANNELS, size=n, p=_tail(CHANNELS, tails[2]))))
    score = _scores(random, dims)
    lost = np.where(random.random(n) < 0.6, random.lognormal(2.5, 1.4, n).astype(np.int64), -1)
    factor = np.where(random.random(n) < 0.5, random.integers(len(FACTORS), size=n), -1)
    return Traffic(log_ms, person, dims, score, lost, factor)


def _tail(size: int, exponent: float) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _times(random: np.random.Generator, per_day: float, days: int) -> Ints:
    hours = np.outer([WEEK[day % 7] for day in range(days)], LUNCH_H).ravel()
    weeks = np.array(WEEK)
    mean = per_day * hours / (np.array(LUNCH_H).sum() * weeks.mean())
    counts = random.poisson(mean)
    begin = np.repeat(np.arange(len(counts)), counts) * 3_600_000
    return np.sort(START_MS + begin + random.integers(3_600_000, size=len(begin)))


def _scores(random: np.random.Generator, dims: Ints) -> Ints:
    """Countries and services differ by some points; what people answer does not depend on when they do."""
    mood = random.normal(0, 0.04, COUNTRIES)[dims[:, 0]] + random.normal(0, 0.04, SERVICES)[dims[:, 1]]
    draw = random.random(len(dims))
    bad = draw < np.clip(DETRACTORS + mood, 0.02, 0.5)
    fair = ~bad & (draw < np.clip(DETRACTORS + NEUTRALS + 2 * mood, 0.1, 0.8))
    low, high = np.where(bad, 0, np.where(fair, 7, 9)), np.where(bad, 7, np.where(fair, 9, 11))
    return random.integers(low, high)
