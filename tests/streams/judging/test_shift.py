"""Telemetry that is worse than usual while its promise is kept: told once, softly, and not for what passes."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from agents.notify import Duty, Notice
from streams.events.judging import Alert, Target
from streams.judging.life_cycle import POLICIES
from streams.judging.rounds import Case, Papers, rule_family
from streams.judging.sheets import WindowEnd, WindowRow
from streams.judging.shift import ShiftState, shifted
from streams.judging.verdicts import Ruler
from tests.streams.judged import GOOD, START_MS

UNIT_MS, DAY = 900_000, 96
RULER = Ruler(unit_ms=UNIT_MS, per_observation=1)
MAIL = msgspec.structs.replace(
    GOOD, severity="critical", run_length=100_000.0, recovery_length=1_000.0, window_s=86_400
)
IN_NORWAY = msgspec.structs.replace(
    MAIL, target="good-time/application=Mail,country=NO", slice={"application": "Mail", "country": "NO"}
)
Floats = NDArray[np.float64]


def calm(days: float, *, seed: int = 1, level: float = 0.985, clock: float = 0.0) -> Floats:
    """Shares of good time by window, with a daily swing."""
    rng, n = np.random.default_rng(seed), round(days * DAY)
    swing = clock * np.sin(2 * np.pi * np.arange(n) / DAY)
    return np.asarray(np.clip(level + swing + rng.normal(0, 0.004, n), 0, 1))


def sheets(series: Floats, country: str = "NO") -> list[WindowEnd]:
    rows = [WindowRow({"application": "Mail", "country": country}, round(1e6 * share), 1_000_000) for share in series]
    return [WindowEnd(START_MS + number * UNIT_MS, [row]) for number, row in enumerate(rows, start=1)]


def told(series: Floats, *targets: Target) -> list[Alert]:
    cases = {one.target: Case(versions=[one], state=None) for one in targets or (MAIL,)}
    rulings = rule_family(cases, Papers(sheets=sheets(series)), RULER).values()
    return [alert for ruling in rulings for alert in ruling.alerts]


def shifts(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind == "shift"]


def fallen(days: float, points: float, **how: float) -> Floats:
    """Four calm days, and then so many on a lower level."""
    return np.concatenate([calm(4, **how), calm(days, seed=2, **how) - points / 100])  # type: ignore[arg-type]


def test_a_fall_that_keeps_the_promise_calls_once_and_only_by_day() -> None:
    alerts = told(fallen(0.5, 2.5))
    assert [(one.kind, one.state, one.severity) for one in alerts] == [("shift", "firing", "warning")]
    behind = (alerts[0].at_ms - START_MS) // UNIT_MS - 4 * DAY
    assert POLICIES["shift"].pending < behind < POLICIES["shift"].pending + 36
    assert "is worse than it usually is" in alerts[0].summary
    assert "98.5 % is usual at this time" in alerts[0].summary
    assert Notice(alerts[0], Duty(hours="any")).hours == "working"


def test_after_a_day_it_is_what_is_usual_and_the_alert_ends() -> None:
    opened, ended = told(fallen(1.5, 2.5))
    assert (opened.state, ended.state, ended.reason) == (
        "firing", "resolved", "it has lasted for a day and is what is usual now",
    )  # fmt: skip


def longest(series: Floats) -> int:
    """For how many windows without a break a series counts as shifted."""
    state, runs = None, [0]
    for number, share in enumerate(series.tolist(), start=1):
        seen = (((round(1e6 * share), 1),),)
        state = shifted(state, MAIL, seen, at_ms=START_MS + number * UNIT_MS, unit_ms=UNIT_MS)
        runs.append(runs[-1] + 1 if state is not None and state.is_shifted else 0)
    return max(runs)


@pytest.mark.parametrize("length", [1, 3, 12])
def test_what_passes_calls_nobody(length: int) -> None:
    series = calm(8)
    for begin in (5 * DAY, 5 * DAY + 60, 7 * DAY):
        series[begin : begin + length] = 0.9
    assert longest(series) < POLICIES["shift"].pending


def test_what_got_better_calls_nobody() -> None:
    assert longest(np.concatenate([calm(4, level=0.96), calm(1, level=0.99)])) == 0


def test_a_drift_speaks_for_its_own_shift() -> None:
    assert {one.kind for one in told(fallen(0.5, 15.0))} == {"drift"}


def test_a_parent_that_fell_as_far_speaks_for_its_child() -> None:
    found = shifts(told(fallen(0.5, 2.5), MAIL, IN_NORWAY))
    assert [(one.target, one.calls) for one in found] == [(MAIL.target, "yes"), (IN_NORWAY.target, "inhibited")]
    assert found[1].inhibited_by == found[0].alert_id


@pytest.mark.parametrize("clock", [0.0, 0.006])
def test_a_calm_series_calls_nobody(clock: float) -> None:
    """Four hundred days of windows; the model is asked for one false alarm in ten thousand."""
    assert all(longest(calm(20, seed=seed, clock=clock)) < POLICIES["shift"].pending for seed in range(20))


def test_the_state_stays_small_and_goes_through_json() -> None:
    state: ShiftState | None = None
    for number, share in enumerate(calm(28).tolist(), start=1):
        before = None if state is None else msgspec.json.decode(msgspec.json.encode(state), type=ShiftState)
        if number % 500 == 0:
            assert before == state
        seen = (((round(1e6 * share), 1),),)
        state = shifted(state, MAIL, seen, at_ms=START_MS + number * UNIT_MS, unit_ms=UNIT_MS)
    assert len(msgspec.json.encode(state)) < 5_000
