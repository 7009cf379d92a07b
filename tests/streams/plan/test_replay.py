"""What a plan predicts is what happens: ten targets, replayed through the detector that judging uses, on other seeds.

The replay shares no drawing and no law with the plan: single answers and single uses are drawn, put into blocks and
windows, and those into epochs; after an alert the rest of its epoch is dropped, as in judging.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import mean, median

import msgspec
import numpy as np
import pytest

from streams.detect.observation import Observation, block_of, window_of
from streams.events.judging import Target
from streams.judging.verdicts import Ruler, Step, detector_for, judge_epoch
from streams.plan.forecast import YEAR_DAYS, Forecast, Outlook, forecast
from streams.scores import HAPPINESS, PERCENT, Counts
from tests.streams.judged import GOOD, HAPPY, START_MS

ALERTS = 200
DELAYS = 200
K = 5


@dataclass(frozen=True)
class Case:
    """A target and its expected volume.

    Attributes:
        per_epoch: Blocks (or windows) that are judged together.
    """

    kind: str
    objective: float
    run_length: float
    recovery_length: float
    per_epoch: int = 1
    per_day: float = 120.0

    @property
    def target(self) -> Target:
        base = HAPPY if self.kind == "answers" else GOOD
        return msgspec.structs.replace(
            base, objective=self.objective, run_length=self.run_length, recovery_length=self.recovery_length
        )

    @property
    def ruler(self) -> Ruler:
        return Ruler(unit_ms=60_000, per_observation=K if self.kind == "answers" else 1)

    def share(self, points_below: float) -> float:
        scale = HAPPINESS if self.kind == "answers" else PERCENT
        return scale.share(self.objective - points_below)

    def epochs(self, share: float, seed: int) -> Iterator[list[Observation]]:
        """Draw epochs for ever."""
        rng = np.random.default_rng(seed)
        draw = _blocks if self.kind == "answers" else _windows
        while True:
            drawn = draw(rng, share, size=64 * self.per_epoch)
            for first in range(0, len(drawn), self.per_epoch):
                yield drawn[first : first + self.per_epoch]


def _blocks(rng: np.random.Generator, share: float, size: int) -> list[Observation]:
    neutral = min(0.1, share, 1.0 - share)
    answers = rng.choice(3, size=(size, K), p=[1.0 - share - neutral / 2, neutral, share - neutral / 2])
    bad, fair, good = ((answers == kind).sum(axis=1).tolist() for kind in range(3))
    return [block_of(Counts(detractors=d, neutrals=u, promoters=p)) for d, u, p in zip(bad, fair, good, strict=True)]


def _windows(rng: np.random.Generator, share: float, size: int) -> list[Observation]:
    uses = (rng.random((size, 20)) < share).sum(axis=1).tolist()
    return [window_of(3_000 * good, 60_000) for good in uses]


CASES = {
    "60 of a busy service": Case("answers", 60, 600, 100, per_epoch=4),
    "60 of a quiet one": Case("answers", 60, 250, 50),
    "a hard promise": Case("answers", 85, 400, 60, per_epoch=2),
    "a soft promise": Case("answers", 0, 300, 80, per_day=30),
    "a very soft one": Case("answers", -40, 300, 40, per_epoch=2),
    "95 % of the time": Case("windows", 95, 200, 50, per_day=1_440),
    "99 % of the time": Case("windows", 99, 150, 30, per_day=1_440),
    "75 % of the time": Case("windows", 75, 120, 40),
    "90 % of the time": Case("windows", 90, 300, 60, per_day=288),
    "half of the time": Case("windows", 50, 100, 20),
}
every_case = pytest.mark.parametrize("name", CASES)


def predicted(case: Case) -> Forecast:
    return forecast(Outlook(case.target, case.ruler, case.per_day))


@every_case
def test_false_alerts_are_within_20_percent_of_replay_and_no_more_than_guaranteed(name: str) -> None:
    case, plan = CASES[name], predicted(CASES[name])
    detector = detector_for(case.target, case.ruler)
    state, since = detector.fresh(), 0
    raised: list[int] = []
    closed: list[int] = []
    for number, observations in enumerate(case.epochs(case.share(0), seed=77), start=1):
        watched = detector.watch(state, observations, at_ms=60_000 * number)
        state = watched.state
        if watched.detection is not None:
            (raised if watched.detection.turn == "drift" else closed).append(number - since)
            since = number
        if len(closed) == ALERTS:
            break
    answers = case.per_epoch * case.ruler.per_observation
    realised = YEAR_DAYS * case.per_day / (answers * (mean(raised) + mean(closed)))
    assert plan.false_alerts == pytest.approx(realised, rel=0.2)
    assert plan.run_length == pytest.approx(answers * mean(raised), rel=0.2)
    assert plan.open_days * case.per_day == pytest.approx(answers * mean(closed), rel=0.2)
    assert plan.run_length_at_least <= plan.run_length
    assert realised <= 1.05 * plan.false_alerts_at_most


@every_case
def test_delays_are_within_20_percent_of_replay(name: str) -> None:
    case, plan = CASES[name], predicted(CASES[name])
    told = [drop for drop in plan.drops if drop.answers is not None]
    assert len(told) >= 2
    for drop in told[1:3]:
        realised = median(delay(case, case.share(drop.points), seed) for seed in range(DELAYS))
        in_days = realised * case.ruler.per_observation / case.per_day
        assert drop.days == pytest.approx(in_days, rel=0.2), drop


def delay(case: Case, share: float, seed: int) -> int:
    """Return the observations until the detector finds the change, from a fresh one."""
    detector = detector_for(case.target, case.ruler)
    state = detector.fresh()
    for number, observations in enumerate(case.epochs(share, seed), start=1):
        for index, observation in enumerate(observations, start=1):
            watched = detector.watch(state, [observation], at_ms=number * 100 + index)
            state = watched.state
            if watched.detection is not None:
                return (number - 1) * case.per_epoch + index
    raise AssertionError("epochs never end")


@every_case
def test_the_detector_of_the_replay_is_that_of_judging(name: str) -> None:
    case = CASES[name]
    detector = detector_for(case.target, case.ruler)
    state, before, turns = detector.fresh(), None, 0
    for number, observations in enumerate(islice(case.epochs(case.share(8), seed=5), 120), start=1):
        at_ms = START_MS + number * 60_000
        watched = detector.watch(state, observations, at_ms=at_ms)
        judged = judge_epoch(before, case.target, Step(at_ms=at_ms, observations=tuple(observations)), case.ruler)
        state, before = watched.state, judged.state
        assert (judged.state.drift, judged.detection) == (watched.state, watched.detection)
        turns += watched.detection is not None
    assert turns
