"""The telemetry detector: properties over the registry of series detectors, and what it finds in made-up series."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.detect import SERIES_DETECTORS, BuildSeriesDetector
from streams.detect.robust import (
    ASPECTS,
    HOUR_MS,
    LEAST_HOURS,
    SETTLED_HOURS,
    RobustDetector,
    limit_of,
)
from streams.detect.series import WEEK_HOURS, SeriesDetection, SeriesState, SeriesWatched
from streams.errors import InvariantError

every_detector = pytest.mark.parametrize("build", SERIES_DETECTORS.values(), ids=list(SERIES_DETECTORS))
UNIT_MS = 300_000
PER_DAY = 288

values = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
windows = st.lists(st.lists(values, max_size=4), max_size=110)
Floats = NDArray[np.float64]


def follow(
    detector: RobustDetector,
    some: Sequence[Sequence[float]],
    *,
    state: SeriesState | None = None,
    through_json: bool = False,
    start: int = 0,
) -> list[SeriesWatched]:
    """Watch window by window."""
    state, seen = state or detector.fresh(), []
    for number, one in enumerate(some, start=start + 1):
        seen.append(detector.watch(state, one, at_ms=number * detector.unit_ms))
        state = seen[-1].state
        if through_json:
            state = msgspec.json.decode(msgspec.json.encode(state), type=SeriesState)
    return seen


def found(seen: Sequence[SeriesWatched]) -> list[SeriesDetection]:
    return [one.detection for one in seen if one.detection is not None]


def turns(seen: Sequence[SeriesWatched]) -> list[str]:
    return [one.turn for one in found(seen)]


def one_each(series: Floats) -> list[list[float]]:
    return [[value] for value in series.tolist()]


def hourly(run_length: float = 20) -> RobustDetector:
    return RobustDetector(run_length=run_length, unit_ms=HOUR_MS)


def five_minutes(days: float = 30) -> RobustDetector:
    return RobustDetector(run_length=days * PER_DAY, unit_ms=UNIT_MS)


@every_detector
def test_is_registered_under_its_name(build: BuildSeriesDetector) -> None:
    assert SERIES_DETECTORS[build(run_length=100, unit_ms=HOUR_MS).name] is build


@settings(max_examples=40)
@given(windows)
def test_the_state_survives_json_bit_by_bit_and_any_owner_goes_on(some: list[list[float]]) -> None:
    assert follow(hourly(), some, through_json=True) == follow(hourly(), some)


@settings(max_examples=30)
@given(windows, st.randoms(use_true_random=False))
def test_the_order_inside_a_window_is_irrelevant(some: list[list[float]], random: Random) -> None:
    turned = [random.sample(one, len(one)) for one in some]
    assert follow(hourly(), turned) == follow(hourly(), some)


@settings(max_examples=30)
@given(windows, st.sampled_from([0.25, 8.0, 1024.0]))
def test_the_unit_is_irrelevant(some: list[list[float]], scale: float) -> None:
    """Powers of two scale without rounding."""
    scaled = [[scale * value for value in one] for one in some]
    assert turns(follow(hourly(), scaled)) == turns(follow(hourly(), some))


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=50), st.floats(1, 20), st.floats(0, 1e6))
def test_a_limit_is_beyond_all_but_two_hours(peaks: list[float], kappa: float, least: float) -> None:
    limit = limit_of(peaks, kappa, least)
    assert limit >= least
    assert sum(peak > limit for peak in peaks) <= 1


def test_a_longer_run_length_asks_for_more() -> None:
    kappas = [five_minutes(days).kappa for days in (0.01, 1, 30, 365, 10_000)]
    assert all(shorter < longer for shorter, longer in pairwise(kappas))


def test_nothing_seen_changes_nothing() -> None:
    before = follow(hourly(), [[1.0], [2.0], [4.0]])[-1].state
    assert hourly().watch(before, [], at_ms=10**9) == SeriesWatched(state=before, detection=None)


@pytest.mark.parametrize(("value", "at_ms"), [(float("nan"), 9 * HOUR_MS), (1e101, 9 * HOUR_MS), (1.0, HOUR_MS)])
def test_what_is_no_number_or_comes_too_late_is_refused(value: float, at_ms: int) -> None:
    state = follow(hourly(), [[1.0]] * 5)[-1].state
    with pytest.raises(InvariantError, match="time order"):
        hourly().watch(state, [value], at_ms=at_ms)


def test_says_that_it_is_collecting_for_two_days_and_then_that_it_is_not() -> None:
    wild = np.random.default_rng(1).lognormal(sigma=3, size=3 * PER_DAY)
    seen = follow(five_minutes(), one_each(wild))
    ready = [not one.state.is_collecting for one in seen]
    assert ready.index(True) == LEAST_HOURS * 12
    assert all(ready[LEAST_HOURS * 12 :])
    assert not found(seen[: LEAST_HOURS * 12])


def test_memory_is_bounded() -> None:
    series = np.random.default_rng(2).normal(100.0, 7.0, size=6 * WEEK_HOURS)
    seen = follow(hourly(), one_each(series))
    sizes = [len(msgspec.json.encode(one.state)) for one in seen]
    last = seen[-1].state
    assert (len(last.hours), len(last.weeks), {len(one) for one in last.weeks}) == (WEEK_HOURS, WEEK_HOURS, {3})
    assert max(sizes[4 * WEEK_HOURS :]) < 1.1 * sizes[4 * WEEK_HOURS]
    assert max(sizes) < 64_000


def calm(days: float, *, seed: int = 3, spread: float = 5.0) -> Floats:
    return np.random.default_rng(seed).normal(100.0, spread, size=int(days * PER_DAY))


@pytest.mark.parametrize(("shift", "side"), [(20.0, "rise"), (-20.0, "fall")])
def test_a_shift_is_found_within_two_hours_and_is_the_usual_level_after_a_day(shift: float, side: str) -> None:
    series = np.concatenate([calm(4), calm(3, seed=4) + shift])
    drift, settled = found(follow(five_minutes(), one_each(series)))
    assert (drift.turn, settled.turn) == ("drift", "settled")
    assert drift.aspect.startswith(side)
    assert 0 <= drift.at_ms - 4 * PER_DAY * UNIT_MS <= 24 * UNIT_MS
    assert drift.deviation > drift.limit > 0
    assert drift.usual == pytest.approx(100.0, abs=1.0)
    assert settled.since_ms == drift.at_ms
    assert settled.at_ms - drift.at_ms == pytest.approx(SETTLED_HOURS * HOUR_MS, abs=HOUR_MS)


def test_the_way_back_is_found_after_it_has_settled() -> None:
    series = np.concatenate([calm(4), calm(3, seed=4) + 20, calm(1, seed=5)])
    seen = found(follow(five_minutes(), one_each(series)))
    assert [one.turn for one in seen][:3] == ["drift", "settled", "drift"]
    assert seen[2].aspect.startswith("fall")
    assert seen[2].at_ms - 7 * PER_DAY * UNIT_MS <= 24 * UNIT_MS


def test_a_spell_is_one_drift_and_one_recovery() -> None:
    series = np.concatenate([calm(4), calm(0.25, seed=4) + 40, calm(2, seed=5)])
    drift, recovery = found(follow(five_minutes(), one_each(series)))
    assert (drift.turn, recovery.turn) == ("drift", "recovery")
    assert recovery.since_ms == drift.at_ms
    assert 6 * HOUR_MS < recovery.at_ms - drift.at_ms <= 9 * HOUR_MS


def test_a_wider_spread_at_the_same_level_is_found() -> None:
    wide = calm(0.5, seed=4, spread=20.0)
    drift = found(follow(five_minutes(), one_each(np.concatenate([calm(4), wide]))))[0]
    assert drift.turn == "drift"
    only_steps = np.concatenate([calm(4), np.where(np.arange(PER_DAY) % 2, 114.0, 86.0)])
    assert found(follow(five_minutes(), one_each(only_steps)))[0].aspect == "spread"


def test_single_windows_do_not_move_what_is_usual() -> None:
    series = calm(6)
    series[np.arange(400, series.size, 97)] = 1e9
    assert follow(five_minutes(), one_each(series))[-1].state.usual == pytest.approx(100.0, abs=2.0)


def test_what_happened_twice_in_a_week_is_no_news() -> None:
    series = calm(6)
    series[[3 * PER_DAY, 4 * PER_DAY, 5 * PER_DAY]] = 300.0
    drifts = [one for one in found(follow(five_minutes(), one_each(series))) if one.turn == "drift"]
    assert [one.at_ms // UNIT_MS - 1 for one in drifts] == [3 * PER_DAY, 4 * PER_DAY]


def test_an_hour_of_the_week_has_a_level_of_its_own_once_it_was_seen_three_times() -> None:
    """Busy from 8 to 17 on five days: the same level at night is no drift before, and is one after."""
    hours = np.arange(5 * WEEK_HOURS)
    is_busy = (hours % 24 >= 8) & (hours % 24 < 17) & (hours % WEEK_HOURS < 120)
    series = np.random.default_rng(6).normal(100.0, 2.0, size=hours.size) + 200.0 * is_busy
    seen = follow(hourly(run_length=24 * 30), one_each(series))
    assert not [one for one in found(seen) if one.at_ms > 4 * WEEK_HOURS * HOUR_MS]
    for weeks, is_drift in ((1, False), (5, True)):
        night = weeks * WEEK_HOURS + 3
        state = follow(hourly(run_length=24 * 30), one_each(series[:night]))[-1].state
        after = follow(hourly(run_length=24 * 30), [[300.0]], state=state, start=night)[-1]
        assert (after.detection is not None) == is_drift


def leaning(rng: np.random.Generator, size: int) -> Floats:
    series = np.zeros(size)
    for place, noise in enumerate(rng.standard_normal(size)[1:], start=1):
        series[place] = 0.95 * series[place - 1] + noise
    return 100.0 + 10.0 * series


WORLDS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "independent": lambda rng, size: rng.normal(100.0, 10.0, size),
    "leaning on its past": leaning,
    "following the clock": lambda rng, size: (
        100.0 + 40.0 * np.sin(2 * np.pi * np.arange(size) / PER_DAY) + rng.normal(0.0, 10.0, size)
    ),
    "heavy tails": lambda rng, size: 20.0 + 5.0 * rng.pareto(2.0, size),
    "spikes": lambda rng, size: (
        40.0 + rng.normal(0.0, 3.0, size) + np.where(rng.random(size) < 0.01, rng.exponential(40.0, size), 0.0)
    ),
}
DAYS = 32


@pytest.mark.parametrize("name", WORLDS)
def test_false_alarms_are_about_as_rare_as_the_model_says(name: str) -> None:
    """One a month is asked for, thirty days are watched: more than five is out of all chance for a rate of one."""
    series = WORLDS[name](np.random.default_rng(7), DAYS * PER_DAY)
    assert turns(follow(five_minutes(), one_each(series))).count("drift") <= 5


@pytest.mark.parametrize("name", ["independent", "heavy tails", "spikes"])
def test_three_standard_deviations_fail_that_check(name: str) -> None:
    series = WORLDS[name](np.random.default_rng(7), DAYS * PER_DAY)
    is_out = np.abs(series - series.mean()) > 3 * series.std()
    assert (is_out[1:] & ~is_out[:-1]).sum() > 15


def test_there_are_as_many_limits_as_aspects() -> None:
    assert len(follow(five_minutes(), one_each(calm(3)))[-1].state.limits) == len(ASPECTS) == 7
