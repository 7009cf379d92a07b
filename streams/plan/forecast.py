"""What a target will do: how soon it notices which change, how often it cries wolf, and what its verdict can prove."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec

from streams.detect.drift import EDetector
from streams.detect.edetector import Bets
from streams.detect.observation import Observation
from streams.errors import InvariantError
from streams.events.judging import PeriodKind, Target
from streams.judging.verdicts import Ruler, detector_for
from streams.plan.burn_alarms import Watch, false_alerts
from streams.plan.burning import outage_s
from streams.plan.laws import law_of
from streams.plan.paths import MAX_STEPS, RUNS, Crossings, Trial, crossings, factors, growth, run_length, steps_of_one
from streams.plan.provable import gap
from streams.targets.burn import BurnRule, burn_rules
from streams.targets.indicators import INDICATORS, Measure

DAY_MS = 86_400_000
YEAR_DAYS = 365
PERIOD_DAYS: dict[PeriodKind, int] = {"day": 1, "week": 7, "month": 30, "quarter": 91}
DROPS = (0.2, 0.1, 0.05, 0.025, 0.01)
"""Sizes of a drop that are told; parts of the scale's length."""

_MEDIAN = 0.51  # of the runs have to end for a median
_HALVINGS = 5
_LONGEST = 20_000
"""Observations after which an alarm of a made-up kind counts with the level; only slow gains take so long, and those
hardly overshoot it."""

Side = Literal["met", "missed"]


class Drop(msgspec.Struct, frozen=True, kw_only=True):
    """How soon a fall of the level is noticed, by a detector that starts from nothing: one that ran is no slower.

    Attributes:
        points: How far the level is on the bad side of the objective; in the objective's unit.
        level: Where it is then.
        answers: Median number of answers (or windows) to the alert; None = longer than was tried, or never.
        days: The same in days of the slice's volume.
    """

    points: float
    level: float
    answers: float | None
    days: float | None


class BurnForecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a burn rule needs.

    Attributes:
        level: Score of both windows from which on it fires.
        budget: Share of the period's budget that is gone when a burn at the rate has filled the long window.
        long_n: Answers (or windows) that the long window holds in the mean; `short_n`: the short one.
        outage_days: How long all must be bad, after all was on target, until it fires; None = longer than the long one.
        false_alerts: Expected a year, exactly on target all the time.
    """

    rate: float
    long_s: int
    short_s: int
    level: float
    budget: float
    long_n: float
    short_n: float
    outage_days: float | None
    false_alerts: float


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What one slice of a target will do.

    Attributes:
        per_day: Answers (or windows) a day.
        run_length: Expected answers (or windows) to a false alert, exactly on target all the time.
        run_length_at_least: What the detector guarantees for it, whatever the law.
        false_alerts: Expected a year, exactly on target all the time. Better levels raise far fewer.
        false_alerts_at_most: What the guarantee allows a year.
        open_days: How long a false alert stays open, in the mean; days.
        drops: Largest first.
        tried_days: How long delays were looked for: a year, or as many observations as can be tried; days.
        floor: Fall below which no number of answers tells it from the target; points.
        smallest: Smallest fall that is noticed within `horizon_days` in half of all cases; points, None = none is.
        outage_answers: Answers (or windows) to the alert if all are as bad as can be; None = more than was tried.
        outage_days: The same in days.
        period_n: Answers (or windows) that a period holds in the mean.
        missed: Smallest distance from the objective at which `missed` is typically proven by the end of the period;
            points, None = none is. `met`: the same on the good side.
    """

    per_day: float
    run_length: float
    run_length_at_least: float
    false_alerts: float
    false_alerts_at_most: float
    open_days: float
    drops: list[Drop]
    tried_days: float
    floor: float
    smallest: float | None
    horizon_days: float
    outage_answers: float | None
    outage_days: float | None
    period_n: float
    missed: float | None
    met: float | None
    burn: list[BurnForecast]


@dataclass(frozen=True)
class Outlook:
    """One slice of a target and what is expected of it.

    Attributes:
        target: A version as it would be published.
        ruler: The grid.
        per_day: Answers (or windows) a day of this slice; above 0.
    """

    target: Target
    ruler: Ruler
    per_day: float

    @cached_property
    def detector(self) -> EDetector:
        """The detector that will judge.

        Raises:
            InvariantError: Nothing is known here about how it behaves.
        """
        detector = detector_for(self.target, self.ruler)
        if not isinstance(detector, EDetector):
            raise InvariantError(f"no plan for the detector {detector.name}")
        return detector

    @property
    def measure(self) -> Measure:
        """What the target measures."""
        return INDICATORS[self.target.indicator]

    @property
    def objective(self) -> float:
        """The promise as a share."""
        return self.detector.mean

    @property
    def length(self) -> float:
        """Points from the worst score to the best."""
        return abs(self.measure.scale.highest - self.measure.scale.lowest)

    @property
    def bets(self) -> Bets:
        """What the detector bets on while it is armed."""
        return Bets(mean=self.objective)

    def observations(self, days: float) -> float:
        """Return how many blocks (or windows) come in a number of days, in the mean."""
        return days * self.per_day / self.ruler.per_observation

    def days(self, answers: float | None) -> float | None:
        """Return how long a number of answers takes; nothing is known before an epoch or window ends."""
        return None if answers is None else max(answers / self.per_day, self.ruler.unit_ms / DAY_MS)

    def after_drop(self, share: float, trial: Trial) -> Crossings | None:
        """Return runs at a level that is lower by `share`; None where they would be hopeless."""
        law = law_of(self.measure.reads, self.objective - share, self.ruler.per_observation)
        is_still = growth(law, self.bets) * trial.most < 0.25  # evidence grows by a quarter in all that time
        if is_still and self.detector.level >= trial.most:  # and chance takes longer, too
            return None
        return crossings(law.weights, factors(law, self.bets), self.detector.level, trial)


def forecast(outlook: Outlook) -> Forecast:
    """Return what is to be expected of one slice; the same for the same arguments."""
    size, per_day = outlook.ruler.per_observation, outlook.per_day
    period_days = PERIOD_DAYS[outlook.target.period]
    expected, recovery = _run_lengths(outlook)
    worst = outage(outlook)
    return Forecast(
        per_day=per_day,
        run_length=expected,
        run_length_at_least=outlook.target.run_length,
        false_alerts=YEAR_DAYS * per_day / (expected + recovery),
        false_alerts_at_most=YEAR_DAYS * per_day / outlook.target.run_length,
        open_days=recovery / per_day,
        drops=[_drop(outlook, part) for part in DROPS if part * outlook.length < _room(outlook)],
        tried_days=_tried(outlook) * size / per_day,
        floor=_floor(outlook) * outlook.length,
        smallest=_smallest(outlook, _horizon(outlook)),
        horizon_days=_horizon(outlook) * size / per_day,
        outage_answers=worst,
        outage_days=outlook.days(worst),
        period_n=period_days * per_day,
        missed=_gap(outlook, "missed"),
        met=_gap(outlook, "met"),
        burn=[_burn(outlook, rule) for rule in burn_rules(outlook.target.burn)],
    )


def outage(outlook: Outlook) -> float | None:
    """Return the answers (or windows) to the alert if all are as bad as can be; None = more than can be tried."""
    size = outlook.ruler.per_observation
    worst: Observation = ((0, size),)
    steps = steps_of_one(worst, outlook.bets, outlook.detector.level, most=MAX_STEPS)
    return None if steps is None else float(steps * size)


def _run_lengths(outlook: Outlook) -> tuple[float, float]:
    """Return the expected answers to a false alert, and those until it is closed, exactly on target."""
    detector, size = outlook.detector, outlook.ruler.per_observation
    law, trial = law_of(outlook.measure.reads, outlook.objective, size), Trial(most=_LONGEST)
    rising = Bets(mean=outlook.objective, worse="higher")
    return (
        size * run_length(law, outlook.bets, detector.level, trial),
        size * run_length(law, rising, detector.recovery_level, trial),
    )


def _room(outlook: Outlook) -> float:
    """Return the points between the objective and the worst score."""
    return outlook.objective * outlook.length


def _drop(outlook: Outlook, part: float) -> Drop:
    seen = outlook.after_drop(part, Trial(most=_tried(outlook), enough=_MEDIAN))
    median = None if seen is None else seen.median()
    answers = None if median is None else median * outlook.ruler.per_observation
    level = outlook.measure.scale.at(outlook.objective - part)
    return Drop(points=part * outlook.length, level=level, answers=answers, days=outlook.days(answers))


def _tried(outlook: Outlook) -> int:
    """Return the observations in a year, as far as they can be tried."""
    return int(max(1, min(MAX_STEPS, outlook.observations(YEAR_DAYS))))


def _horizon(outlook: Outlook) -> int:
    """Return the observations in a period, as far as they can be tried."""
    return int(max(1, min(MAX_STEPS, outlook.observations(PERIOD_DAYS[outlook.target.period]))))


def _floor(outlook: Outlook) -> float:
    """Return the fall, as a share, below which evidence shrinks whatever the stake."""
    low, high = 0.0, outlook.objective
    for _ in range(20):
        middle = (low + high) / 2
        law = law_of(outlook.measure.reads, outlook.objective - middle, outlook.ruler.per_observation)
        low, high = (low, middle) if growth(law, outlook.bets) > 0.0 else (middle, high)
    return high


def _smallest(outlook: Outlook, most: int) -> float | None:
    """Return the smallest fall, in points, that is noticed within `most` observations in half of all cases."""

    def is_noticed(share: float) -> bool:
        seen = outlook.after_drop(share, Trial(runs=RUNS // 2, most=most, enough=_MEDIAN))
        return seen is not None and seen.median() is not None

    low, high = _floor(outlook), outlook.objective
    if not is_noticed(high):
        return None
    for part in DROPS:
        if low < part < high and is_noticed(part):
            high = part
        elif part < high:
            low = max(low, part)
            break
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if is_noticed(middle) else (middle, high)
    return high * outlook.length


def _gap(outlook: Outlook, verdict: Side) -> float | None:
    observations = outlook.observations(PERIOD_DAYS[outlook.target.period])
    found = gap(verdict, outlook.measure.reads, outlook.objective, outlook.ruler.per_observation, observations)
    return None if found is None else found * outlook.length


def _burn(outlook: Outlook, rule: BurnRule) -> BurnForecast:
    share = 1.0 - rule.rate * (1.0 - outlook.objective)
    seconds = outage_s(rule, outlook.measure.reads, outlook.objective, outlook.per_day)
    return BurnForecast(
        rate=rule.rate,
        long_s=rule.long_s,
        short_s=rule.short_s,
        level=outlook.measure.scale.at(share),
        budget=rule.rate * rule.long_s / (PERIOD_DAYS[outlook.target.period] * 86_400),
        long_n=outlook.per_day * rule.long_s / 86_400,
        short_n=outlook.per_day * rule.short_s / 86_400,
        outage_days=None if seconds is None else seconds / 86_400,
        false_alerts=false_alerts(_watch(outlook, rule)),
    )


def _watch(outlook: Outlook, rule: BurnRule) -> Watch:
    """Return what a rule watches in one slice."""
    unit_ms = outlook.ruler.unit_ms
    return Watch(
        rule=rule,
        longest_s=max(one.long_s for one in burn_rules(outlook.target.burn)),
        reads=outlook.measure.reads,
        objective=outlook.objective,
        per_unit=outlook.observations(unit_ms / DAY_MS),
        size=outlook.ruler.per_observation,
        unit_ms=unit_ms,
    )
