"""One target of each new indicator, judged through rounds: kept, drifting, recovered, in its own unit and direction."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import msgspec
import pytest

from streams.details import Details, details_of
from streams.events.judging import Alert, Target
from streams.judging.rounds import Ruling, rule
from streams.judging.sheets import BundleEpoch, ReleasedBundle, Sheet, WindowEnd, WindowRow, joined
from streams.judging.verdicts import Ruler
from tests.streams.judged import EPOCH_MS, GOOD, HAPPY, START_MS

PEOPLE = Ruler(unit_ms=EPOCH_MS, per_observation=20)
GIVERS = Ruler(unit_ms=EPOCH_MS, per_observation=5)
WINDOWS = Ruler(unit_ms=60_000, per_observation=1)
DEX = "app.response_time 70 80-100 + login.duration 30"
ELSEWHERE = {"country": "SE"}


def bundle(rows: Sequence[tuple[int, int | None]]) -> Details:
    return reduce(add, (details_of(*row) for row in rows))


def sheets(target: Target, given: Sequence[Details]) -> list[Sheet]:
    """One epoch with a bundle of the slice and a worse one of another country, each."""
    worst = bundle([(0, 480)] * 20)
    return [
        BundleEpoch(
            START_MS + number * EPOCH_MS,
            [ReleasedBundle({"country": "NO"}, details), ReleasedBundle(ELSEWHERE, worst)],
        ).seen_by(target.indicator, target.metric)
        for number, details in enumerate(given, start=1)
    ]


def about(base: Target, indicator: Any, metric: str, objective: float) -> Target:
    return msgspec.structs.replace(
        base, indicator=indicator, metric=metric, objective=objective, run_length=5_000.0, recovery_length=500.0
    )


GOOD_BUNDLE = bundle([(9, 5)] * 12 + [(8, 15)] * 6 + [(3, 40)] + [(9, None)])
BAD_BUNDLE = bundle([(9, 5)] * 4 + [(2, 300)] * 10 + [(5, 70)] * 5 + [(9, None)])


@pytest.mark.parametrize(
    ("indicator", "metric", "objective", "ruler", "good", "bad", "says"),
    [
        ("low_scores", "at most 6", 20.0, PEOPLE, 5.0, 75.0, "Share of scores (at most 6)"),
        ("lost_time_above", "above 60 min", 20.0, GIVERS, 0.0, 1500 / 19, "Share of lost time (above 60 min)"),
        ("lost_minutes_480", "each up to 480 min", 40.0, GIVERS, 10, 3370 / 19, "Mean lost time (each up to 480 min)"),
    ],
)  # fmt: skip
def test_a_rise_is_bad_and_a_fall_is_good(
    indicator: str, metric: str, objective: float, ruler: Ruler, good: float, bad: float, says: str
) -> None:
    target = about(HAPPY, indicator, metric, objective)
    ruling = rule([target], None, sheets(target, [GOOD_BUNDLE] * 60 + [BAD_BUNDLE] * 20 + [GOOD_BUNDLE] * 120), ruler)
    verdicts = [entry.verdict for entry in ruling.entries]
    assert (verdicts[59].verdict, verdicts[59].drifting) == ("met", False)
    assert verdicts[59].score == pytest.approx(good, abs=0.01)
    lower, upper = verdicts[59].lower, verdicts[59].upper
    assert lower is not None
    assert upper is not None
    assert lower < good + 0.01 < upper + 0.02
    assert upper < objective
    assert verdicts[-1].coverage == pytest.approx(1.0)
    firing, resolved = drifts(ruling)
    assert (firing.state, resolved.state) == ("firing", "resolved")
    assert 60 < (firing.at_ms - START_MS) // EPOCH_MS <= 75
    assert firing.score == pytest.approx(bad, abs=0.01)
    assert firing.summary.startswith(f"{says} in country NO has drifted above its target.")
    assert (resolved.at_ms - START_MS) // EPOCH_MS > 80


def drifts(ruling: Ruling) -> list[Alert]:
    return [alert for alert in ruling.alerts if alert.kind == "drift"]


def test_a_bad_level_is_missed_and_a_bundle_without_lost_minutes_says_nothing_of_them() -> None:
    target = about(HAPPY, "lost_time_above", "above 60 min", 20.0)
    silent = bundle([(9, None)] * 20)
    ruling = rule([target], None, sheets(target, [BAD_BUNDLE, silent] * 20), GIVERS)
    last = ruling.entries[-1].verdict
    assert (last.verdict, last.n) == ("missed", 20 * 19)
    assert [alert.kind for alert in ruling.alerts if alert.kind == "absence"] == []


def windows(shares: Sequence[tuple[int | None, int | None]]) -> list[Sheet]:
    """Windows with good parts of response time and of login, of a thousand ms; None = no use."""
    row = {"country": "NO"}
    ends: dict[str, list[WindowEnd]] = {"app.response_time": [], "login.duration": []}
    for number, pair in enumerate(shares, start=1):
        at_ms = START_MS + number * 60_000
        for (_, some), good in zip(ends.items(), pair, strict=True):
            if good is not None:
                some.append(WindowEnd(at_ms, [WindowRow(row, good, 1000), WindowRow(ELSEWHERE, 0, 1000)]))
    return list(joined(ends, DEX))


def test_a_dex_score_weighs_its_metrics_and_says_nothing_where_too_little_is_there() -> None:
    target = about(GOOD, "dex", DEX, 75.0)
    target = msgspec.structs.replace(target, slice={"country": "NO"})
    given = [(980, 900)] * 100 + [(980, None)] * 50 + [(None, 900)] * 50 + [(840, 600)] * 60
    ruling = rule([target], None, windows(given), WINDOWS)
    verdicts = [entry.verdict for entry in ruling.entries]
    assert verdicts[99].score == pytest.approx(0.7 * 90 + 0.3 * 90)
    assert (verdicts[149].n, verdicts[199].n) == (150, 150)
    assert verdicts[199].verdict == "met"
    assert verdicts[199].score == pytest.approx(90.0)
    [firing] = drifts(ruling)
    assert firing.score == pytest.approx(0.7 * 20 + 0.3 * 60)
    assert firing.summary.startswith(f"DEX score ({DEX}) in country NO has drifted below its target.")
