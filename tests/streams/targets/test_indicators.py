"""Indicators of bundles, and the DEX-like one: what files may say, polarity, and that no guarantee is lost."""

from functools import reduce
from math import prod
from operator import add
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from streams.details import BAND_EDGES, LOST_CAPS, Details, details_of
from streams.detect.edetector import STAKES, Bets, multiplied
from streams.detect.observation import Observation, moments_of, observed
from streams.errors import TargetError
from streams.scores import PPM
from streams.targets import read_target_file
from streams.targets.expansion import Stamp, expand
from streams.targets.indicators import BUNDLED, INDICATORS, kind_of, metrics_of, objection
from streams.targets.indicators.dex import share_of

METRICS = {"app.response_time": ("country", "application"), "login.duration": ("country", "site")}
PLAIN: dict[str, Any] = {
    "id": "desk",
    "purpose": "Time that is lost should be little.",
    "owner": "desk",
    "period": "month",
    "expected_per_year": 10_950,
    "false_alerts_per_year": 1,
    "recovery_length": 900,
    "runbook": "docs/runbooks/happiness-drift.md",
}
LEAVES = [
    {"metric": "app.response_time", "weight": 70, "worst": 80},
    {"metric": "login.duration", "weight": 30},
]


def read(indicator: dict[str, Any], objective: float, **changes: Any) -> Any:
    text = yaml.safe_dump({**PLAIN, "indicator": indicator, "objective": objective, **changes})
    return read_target_file(text, source="desk.yaml", metrics=METRICS)


@pytest.mark.parametrize(
    ("indicator", "objective", "kind", "metric", "promise"),
    [
        ({"kind": "low_scores", "at_most": 6}, 20.0, "low_scores", "at most 6", "at most 20 %"),
        ({"kind": "lost_time_above", "minutes": 60}, 10.0, "lost_time_above", "above 60 min", "at most 10 %"),
        ({"kind": "lost_minutes"}, 190.0, "lost_minutes_480", "each up to 480 min", "at most 190 min"),
        ({"kind": "dex", "leaves": LEAVES}, 75.0, "dex", "app.response_time 70 80-100 + login.duration 30",
         "at least 75"),
    ],
)  # fmt: skip
def test_a_file_becomes_a_version_that_says_what_is_measured(
    indicator: dict[str, Any], objective: float, kind: str, metric: str, promise: str
) -> None:
    spec = read(indicator, objective)
    stamp = Stamp(valid_from_ms=0, recorded_at_ms=0, author="a", reason="r")
    [target] = expand(spec, tenant="t", profile="standard", values={}, stamp=stamp)
    assert (target.indicator, target.metric) == (kind, metric) == (kind_of(spec.indicator), spec.indicator.metric)
    assert INDICATORS[target.indicator].promise(target.objective) == promise
    assert objection(target.indicator, target.metric, target.objective) == ""
    assert target.hours == ("any" if kind == "dex" else "working")


@pytest.mark.parametrize(
    ("indicator", "objective", "complaint"),
    [
        ({"kind": "low_scores", "at_most": 10}, 20.0,
         "indicator.at_most: Expected `int` <= 9; allowed: numbers from 0 to 9"),
        ({"kind": "low_scores"}, 20.0, "indicator: Object missing required field `at_most`; allowed: kind, at_most"),
        ({"kind": "lost_time_above", "minutes": 50}, 10.0,
         "indicator.minutes: Invalid enum value 50; allowed: 0, 1, 3, 7, 15, 30, 60, 120, 240, 480"),
        ({"kind": "lost_minutes", "cap": 500}, 30.0,
         "indicator.cap: Invalid enum value 500; allowed: 480"),
        ({"kind": "lost_minutes"}, 480.0,
         "objective: 480 min can never drift; lost_minutes_480 takes more than 0 and less than 480"),
        ({"kind": "low_scores", "at_most": 6}, -1.0,
         "objective: -1 % can never drift; low_scores takes more than 0 and less than 100"),
        ({"kind": "dex", "leaves": []}, 75.0, "indicator.leaves: Expected `array` of length >= 1"),
        ({"kind": "dex", "leaves": [*LEAVES, LEAVES[1]]}, 75.0,
         "indicator: leaves name a metric twice"),
        ({"kind": "dex", "leaves": [{"metric": "cpu", "weight": 1}]}, 75.0,
         "indicator.leaves.0.metric: no metric 'cpu' with a rule for good; allowed: app.response_time, login.duration"),
        ({"kind": "dex", "leaves": [{"metric": "login.duration", "weight": 1, "worst": 90, "best": 90}]}, 75.0,
         "indicator.leaves.0: worst is 90 and best 90: worst must be below best"),
        ({"kind": "moods"}, 20.0, "indicator.kind: Invalid value 'moods'; allowed: "),
    ],
)  # fmt: skip
def test_complaints_name_the_key_and_what_is_allowed(
    indicator: dict[str, Any], objective: float, complaint: str
) -> None:
    with pytest.raises(TargetError) as caught:
        read(indicator, objective)
    assert str(caught.value).startswith(f"desk.yaml: {complaint}")


def test_a_dex_target_may_use_the_dimensions_that_all_its_metrics_have() -> None:
    dex = {"kind": "dex", "leaves": LEAVES}
    assert read(dex, 75.0, for_each=["country"], slices=3).for_each == ["country"]
    with pytest.raises(TargetError, match=r"for_each: no dimension 'application' here; allowed: country$"):
        read(dex, 75.0, for_each=["application"], slices=3)
    assert metrics_of("dex", "app.response_time 70 80-100 + login.duration 30") == tuple(METRICS)
    assert metrics_of("lost_time_above", "above 60 min") == ()


@pytest.mark.parametrize(
    ("kind", "metric", "objective"),
    [
        ("low_scores", "six", 20.0),
        ("lost_time_above", "above 50 min", 20.0),
        ("lost_minutes_480", "each up to 60 min", 20.0),
        ("lost_minutes_480", "each up to 480 min", 480.0),
        ("dex", "app 0", 70.0),
        ("dex", "app 10 90-80", 70.0),
        ("happiness", "", 100.0),
    ],
)
def test_versions_that_cannot_be_judged_are_objected_to(kind: Any, metric: str, objective: float) -> None:
    assert objection(kind, metric, objective)


answers = st.lists(st.tuples(st.integers(0, 10), st.none() | st.integers(0, 1000)), min_size=1, max_size=40)


def bundle(rows: list[tuple[int, int | None]]) -> Details:
    return reduce(add, (details_of(*row) for row in rows))


@given(answers, st.integers(0, 9))
def test_low_scores_are_counted_and_bad_is_zero(rows: list[tuple[int, int | None]], most: int) -> None:
    low = sum(score <= most for score, _ in rows)
    seen = observed(BUNDLED["low_scores"](f"at most {most}", bundle(rows)))
    assert dict(seen) == {share: n for share, n in ((0, low), (PPM, len(rows) - low)) if n}
    assert INDICATORS["low_scores"].scale.score(moments_of(seen)) == pytest.approx(100 * low / len(rows))


@given(answers, st.sampled_from(BAND_EDGES))
def test_lost_time_above_a_limit_is_counted(rows: list[tuple[int, int | None]], limit: int) -> None:
    minutes = [lost for _, lost in rows if lost is not None]
    above = sum(lost > limit for lost in minutes)
    seen = observed(BUNDLED["lost_time_above"](f"above {limit} min", bundle(rows)))
    assert dict(seen) == {share: n for share, n in ((0, above), (PPM, len(minutes) - above)) if n}


@given(answers, st.sampled_from(LOST_CAPS), st.floats(0.02, 0.98), st.sampled_from(["lower", "higher"]))
def test_lost_minutes_keep_n_and_mean_and_never_win_more_than_the_true_answers(
    rows: list[tuple[int, int | None]], cap: int, mean: float, worse: Any
) -> None:
    """Of all answers with this sum, those that are used give the smallest product: so guarantees hold."""
    minutes = [min(lost, cap) for _, lost in rows if lost is not None]
    kind: Any = f"lost_minutes_{cap}"
    seen = observed(BUNDLED[kind](f"each up to {cap} min", bundle(rows)))
    moments = moments_of(seen)
    assert moments.n == len(minutes)
    if not minutes:
        return
    assert INDICATORS[kind].scale.score(moments) == pytest.approx(sum(minutes) / len(minutes), abs=cap / PPM)
    bets = Bets(mean=mean, worse=worse)
    for stake in STAKES:
        true = prod(bets.factor(stake, PPM * (cap - lost) // cap) for lost in minutes)
        rounding = 1.0 + 1e-4 / min(mean, 1.0 - mean)
        assert multiplied(1.0, seen, stake, bets) <= true * rounding


def test_a_dex_window_weighs_what_is_there() -> None:
    metric = "app.response_time 70 80-100 + login.duration 30"
    both = {"app.response_time": (90, 100), "login.duration": (40, 100)}
    assert share_of(metric, both) == 470_000  # (70 * 50 + 30 * 40) / 100
    assert share_of(metric, {"app.response_time": (90, 100)}) == 500_000
    assert share_of(metric, {"login.duration": (40, 100)}) is None
    assert share_of(metric, {}) is None


def test_an_empty_bundle_says_nothing() -> None:
    silent: list[Observation] = [
        observed(shares(metric, details_of(9)))
        for kind, shares in BUNDLED.items()
        if kind != "low_scores"
        for metric in [f"each up to {kind.rpartition('_')[2]} min" if "minutes" in kind else "above 60 min"]
    ]
    assert silent == [()] * 2
