"""How often a burn rule cries wolf: as predicted, by a replay through the code that judges."""

from collections.abc import Iterator

import numpy as np
import pytest

from streams.detect.observation import Observation
from streams.judging import burn
from streams.judging.burn import burn_spans, burning_rule
from streams.judging.life_cycle import POLICIES
from streams.plan import burn_alarms
from streams.plan.burn_alarms import YEAR_MS, Watch, false_alerts
from streams.spans import Span
from streams.targets.burn import BurnRule
from tests.streams.plan.test_replay import _blocks, _windows

OFTEN = 1.0
"""A quantile at which the rules below burn often enough to be counted: the real one is 3.3."""
LOOKS = 15_000
ANSWERS = Watch(
    rule=BurnRule(rate=1.2, long_s=7_200, short_s=3_600), longest_s=7_200, reads="blocks", objective=0.7, per_unit=0.5,
    size=5, unit_ms=600_000,
)  # fmt: skip
WINDOWS = Watch(
    rule=BurnRule(rate=1.15, long_s=900, short_s=300), longest_s=900, reads="windows", objective=0.9, per_unit=1.0,
    size=1, unit_ms=60_000,
)  # fmt: skip


def observations(watch: Watch, seed: int) -> Iterator[list[Observation]]:
    rng = np.random.default_rng(seed)
    draw = _windows if watch.reads == "windows" else _blocks
    while True:
        number = 1 if watch.reads == "windows" else int(rng.poisson(watch.per_unit))
        yield draw(rng, watch.objective, number) if number else []


def replayed(watch: Watch) -> tuple[float, int]:
    """Return the alerts a year, and how many were counted, as the life cycle counts them."""
    policy, bad, good, is_open, alerts = POLICIES["slow_burn"], 0, 0, False, 0
    spans: tuple[Span, ...] = ()
    for look, seen in zip(range(1, LOOKS + 1), observations(watch, seed=5), strict=False):
        at_ms = look * watch.unit_ms
        spans = burn_spans(spans, [watch.rule.text], seen, at_ms=at_ms, unit_ms=watch.unit_ms)
        is_bad = burning_rule([watch.rule], spans, objective=watch.objective, at_ms=at_ms) is not None
        bad, good = (bad + 1, 0) if is_bad else (0, good + 1)
        alerts += not is_open and bad > policy.pending
        is_open = bad > policy.pending or (is_open and good <= policy.keep)
    return alerts * YEAR_MS / watch.unit_ms / LOOKS, alerts


@pytest.mark.parametrize("watch", [ANSWERS, WINDOWS], ids=["answers", "windows"])
def test_predicted_false_alerts_are_those_of_a_replay(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (burn, burn_alarms):
        monkeypatch.setattr(module, "Z", OFTEN)
    realised, counted = replayed(watch)
    assert counted >= 50
    assert false_alerts(watch) == pytest.approx(realised, rel=0.2)


def test_at_the_real_quantile_they_are_rarer_by_far() -> None:
    assert false_alerts(ANSWERS) < 20
