"""Runs of the detector in columns: the very detector, and figures that do not depend on how they were drawn."""

from itertools import accumulate, pairwise

import numpy as np
import pytest

from streams.detect.drift import EDetector
from streams.detect.edetector import ZERO, Bets, advance, evidence
from streams.plan.laws import Law, law_of
from streams.plan.paths import Trial, crossings, factors, growth, run_length, steps_of_one

LAWS = {
    "blocks at 60": (law_of("blocks", 0.8, 5), Bets(mean=0.8)),
    "blocks at -20": (law_of("blocks", 0.4, 5), Bets(mean=0.4)),
    "windows at 95": (law_of("windows", 0.95, 1), Bets(mean=0.95)),
    "recovery at 60": (law_of("blocks", 0.8, 5), Bets(mean=0.8, worse="higher")),
}
every_law = pytest.mark.parametrize("name", LAWS)


@every_law
def test_columns_follow_the_detector(name: str) -> None:
    """The same draws, one run at a time, through the detector itself."""
    law, bets = LAWS[name]
    found = crossings(law.weights, factors(law, bets), 40.0, Trial(runs=30, most=128, seed=4))
    kinds = np.searchsorted(np.cumsum(law.weights)[:-1], np.random.default_rng(4).random((128, 30)), side="right")
    for run in range(30):
        states = list(
            accumulate((law.observations[k] for k in kinds[:, run]), lambda s, o: advance(s, o, bets), initial=ZERO)
        )
        over = [step for step, state in enumerate(states) if evidence(state) >= 40.0]
        assert found.steps[run] == (over[0] if over else 129)
        assert found.evidence[run] == pytest.approx(evidence(states[over[0]]) if over else 40.0)


@every_law
def test_the_run_length_is_what_waiting_for_alarms_gives(name: str) -> None:
    law, bets = LAWS[name]
    for level in (20.0, 150.0):
        waited = crossings(law.weights, factors(law, bets), level, Trial(runs=2_000, most=10**6, seed=8)).steps.mean()
        assert run_length(law, bets, level, Trial()) == pytest.approx(float(waited), rel=0.08)


@every_law
def test_the_run_length_keeps_the_guarantee_and_grows_with_the_level(name: str) -> None:
    law, bets = LAWS[name]
    levels = (10.0, 1_000.0, 1e6)
    lengths = [run_length(law, bets, level, Trial()) for level in levels]
    assert all(length >= level for length, level in zip(lengths, levels, strict=True))
    assert all(shorter < longer for shorter, longer in pairwise(lengths))


def test_slow_gains_count_with_the_level() -> None:
    """Far from the end of the scale the bets are small: alarms take for ever and overshoot nothing."""
    law, bets = law_of("windows", 0.05, 1), Bets(mean=0.05)
    assert run_length(law, bets, 5_000.0, Trial(runs=50, most=2_000)) == pytest.approx(5_000.0, rel=0.05)


def test_a_law_off_target_has_no_run_length() -> None:
    with pytest.raises(ValueError, match="not on target"):
        run_length(law_of("blocks", 0.7, 5), Bets(mean=0.8), 100.0, Trial())


def test_a_median_needs_half_of_the_runs_and_no_more() -> None:
    law, bets = law_of("blocks", 0.7, 5), Bets(mean=0.8)
    table = factors(law, bets)
    whole = crossings(law.weights, table, 2_000.0, Trial(runs=201)).median()
    assert whole == crossings(law.weights, table, 2_000.0, Trial(runs=201, enough=0.51)).median()
    assert crossings(law.weights, table, 2_000.0, Trial(runs=201, most=5)).median() is None


def test_evidence_grows_below_target_and_shrinks_on_it() -> None:
    bets = Bets(mean=0.8)
    assert growth(law_of("blocks", 0.8, 5), bets) < 0.0 < growth(law_of("blocks", 0.7, 5), bets)


def test_an_outage_is_counted_exactly() -> None:
    """Nine detractors in a row reach 2,700 against a happiness of 60, one by one."""
    assert steps_of_one(((0, 1),), Bets(mean=0.8), 2_700.0) == 9
    assert steps_of_one(((0, 1),), Bets(mean=0.8), 2_700.0, most=8) is None


def test_what_is_run_is_the_registered_detector() -> None:
    """One run through `watch`: the alarm comes with the step that the columns say."""
    bets = Bets(mean=0.8)
    bad = Law(observations=(((0, 5),),), chances=(1.0,))
    (step,) = set(crossings(bad.weights, factors(bad, bets), 5_000.0, Trial(runs=3)).steps)
    detector = EDetector(mean=0.8, level=5_000.0, recovery_level=10.0)
    assert detector.watch(detector.fresh(), bad.observations * (step - 1), at_ms=1).detection is None
    assert detector.watch(detector.fresh(), bad.observations * step, at_ms=1).detection is not None
