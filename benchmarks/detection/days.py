"""Rules that look at the end of each day at the last days: the usual ones, and xpulse's own burn rule.

The same answers as everywhere, counted by day: a Poisson number, independent, a tenth neutral. A rule is true or false
at the end of a day; an alert is a day on which it is true after one on which it was not. A delay ends with the first
day on which it is true: a rule that was true before, by chance, looks quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.setting import OBJECTIVE, YEAR_DAYS, Row, Setting, law_at
from benchmarks.detection.worlds import Floats
from streams.judging.burn import Z as BURN_Z
from streams.scores import PPM, Interval, Moments, mean_interval

WEEK = 7
MOST_DAYS = 120
YEARS_OF_RUNS = 200
Z_ONE_SIDED = 1.6448536269514722
BUDGET, RATE = 0.1, 2.0
OURS_RATE = 1.5

Truth = NDArray[np.bool_]
Days = NDArray[np.int64]
"""Detractors, neutrals, promoters by run and day."""


def rolled(days: Days, length: int) -> Days:
    """Return the sums of the last `length` days; the first sum is that of the first whole window."""
    sums = np.concatenate([np.zeros_like(days[:, :1]), days.cumsum(axis=1)], axis=1)
    return np.asarray(sums[:, length:] - sums[:, :-length])


def upper_ends(counts: Days, z: float) -> Floats:
    """Return the upper ends of the adjusted-Wald intervals of the mean share (`mean_interval`); 1 without answers."""
    kinds, places = np.unique(counts.reshape(-1, 3), axis=0, return_inverse=True)
    ends = np.array([_upper(*map(int, kind), z=z) for kind in kinds])
    return np.asarray(ends[places.reshape(counts.shape[:-1])])


def _upper(detractors: int, neutrals: int, promoters: int, *, z: float) -> float:
    moments = Moments().add(0, detractors).add(PPM // 2, neutrals).add(PPM, promoters)
    return (mean_interval(moments, z=z) or Interval(lower=0.0, upper=1.0)).upper


def score_below(days: Days) -> Truth:
    """The mean share of the last seven days is below the target."""
    week = rolled(days, WEEK)
    n, half_points = week.sum(axis=-1), week @ np.array([0, 1, 2])
    return np.asarray(half_points < 2 * OBJECTIVE * n)


def wald_below(days: Days) -> Truth:
    """The one-sided 95 % upper end of the last seven days is below the target."""
    return np.asarray(upper_ends(rolled(days, WEEK), Z_ONE_SIDED) < OBJECTIVE)


def burns_detractors(days: Days) -> Truth:
    """A budget of 10 % detractors goes twice too fast, over the last day and the last seven."""
    return _both(days, lambda counts: counts[..., 0] > RATE * BUDGET * counts.sum(axis=-1))


def burns_for_certain(days: Days) -> Truth:
    """The budget of bad goes 1.5 times too fast, by upper ends of 99.9 % intervals: `streams.judging.burn`."""
    most = 1.0 - OURS_RATE * (1.0 - OBJECTIVE)
    return _both(days, lambda counts: upper_ends(counts, BURN_Z) < most)


def _both(days: Days, is_true: Callable[[Days], Truth]) -> Truth:
    return np.asarray(is_true(days[:, WEEK - 1 :]) & is_true(rolled(days, WEEK)))


RULES: Mapping[str, Callable[[Days], Truth]] = {
    "7-day score below target": score_below,
    "adjusted Wald, 7 days, 95 %": wald_below,
    "burn 2 of 10 % detractors, 7 d and 1 d": burns_detractors,
    "xpulse burn rule 1.5@7d/1d": burns_for_certain,
}


def rows(setting: Setting) -> Iterator[Row]:
    """Yield each rule's delays and false alerts."""
    for volume in setting.volumes:
        calm = drawn(0, volume, runs=YEARS_OF_RUNS, days=YEAR_DAYS + WEEK, seed=setting.seed)
        said = {name: rule(calm) for name, rule in RULES.items()}
        for drop in setting.drops:
            after = drawn(drop, volume, runs=setting.runs, days=MOST_DAYS, seed=setting.seed + 1)
            before = drawn(0, volume, runs=setting.runs, days=WEEK - 1, seed=setting.seed + 2)
            both = np.concatenate([before, after], axis=1)
            for name, rule in RULES.items():
                yield _row(name, drop, volume, rule(both), said[name])


def drawn(drop: float, volume: int, *, runs: int, days: int, seed: int) -> Days:
    """Return the answers of some runs by day."""
    rng, law = np.random.default_rng(seed), law_at(drop, "answers")
    chances = {seen[0][0]: chance for seen, chance in zip(law.observations, law.weights, strict=True)}
    means = [volume * chances[share] for share in (0, PPM // 2, PPM)]
    return np.stack([rng.poisson(mean, size=(runs, days)) for mean in means], axis=-1).astype(np.int64)


def first_days(said: Truth) -> Floats:
    """Return the number of the first day on which each run's rule is true; infinite if it never is."""
    return np.where(said.any(axis=1), said.argmax(axis=1) + 1.0, np.inf)


def alerts(said: Truth) -> float:
    """Return the mean number of days on which a rule becomes true."""
    begun = said[:, 1:] & ~said[:, :-1]
    return float((begun.sum(axis=1) + said[:, 0]).mean())


def _row(name: str, drop: int, volume: int, said: Truth, calm: Truth) -> Row:
    middle = float(np.median(first_days(said)))
    found = middle if np.isfinite(middle) else None
    waited = np.minimum(first_days(calm), calm.shape[1])
    fired = int(calm.any(axis=1).sum())
    return Row(
        detector=name,
        unit="days",
        drop=drop,
        answers_a_day=volume,
        delay_answers=None if found is None else found * volume,
        delay_days=found,
        false_alerts_a_year=alerts(calm) * YEAR_DAYS / calm.shape[1],
        configured_run_length=None,
        realised_run_length=float(waited.sum()) / fired * volume if fired else None,
    )
