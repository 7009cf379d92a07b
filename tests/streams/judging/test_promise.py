"""A new version of a target starts anew only if it promises something else."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.events.judging import Target
from streams.judging.verdicts import Judged, JudgeState, Step, verdict_begin
from streams.scores import Counts
from streams.targets.versions import promise_of
from tests.streams.judged import BLOCKS, GOOD, HAPPY, WINDOWS, blocks, follow, window

BESIDE: dict[str, st.SearchStrategy[Any]] = {
    "review": st.just("2031-12-31"),
    "routes": st.just(["desk"]),
    "hours": st.just("any"),
    "runbook": st.just("docs/elsewhere.md"),
    "owner": st.just("somebody-else"),
    "purpose": st.just("Said in better words."),
    "severity": st.just("critical"),
    "author": st.just("jane"),
    "reason": st.just("review"),
    "recorded_at_ms": st.integers(HAPPY.recorded_at_ms, HAPPY.recorded_at_ms + 10**9),
}
"""What a version may change beside the promise."""
PROMISED: dict[str, Any] = {"objective": 55.0, "period": "week", "metric": "app.start_time"}

counts = st.builds(Counts, detractors=st.integers(0, 5), neutrals=st.integers(0, 5), promoters=st.integers(0, 5))
steps = st.lists(st.lists(counts, max_size=3), min_size=2, max_size=30)


def next_version(target: Target, at_ms: int, **changed: Any) -> Target:
    return msgspec.structs.replace(target, **changed, version=2, valid_from_ms=at_ms)


def remembered(judged: list[Judged]) -> list[JudgeState]:
    return [msgspec.structs.replace(one.state, version=0) for one in judged]


@settings(max_examples=40)
@given(steps, st.integers(1, 29), st.fixed_dictionaries({}, optional=BESIDE))
def test_a_version_that_promises_the_same_is_judged_on(
    some: list[list[Counts]], at: int, changed: dict[str, Any]
) -> None:
    told = [blocks(number, *one, scope_n=10, named_n=5) for number, one in enumerate(some, start=1)]
    index = min(at, len(told) - 1)
    versions = {0: HAPPY, index: next_version(HAPPY, told[index].at_ms - 1, **changed)}
    plain, after = follow(told, {0: HAPPY}, BLOCKS), follow(told, versions, BLOCKS, through_json=True)
    assert remembered(after) == remembered(plain)
    assert after[-1].state.version == 2
    assert [verdict_begin(one.state, HAPPY, one.state.at_ms) for one in after] == [
        verdict_begin(one.state, HAPPY, one.state.at_ms) for one in plain
    ]


def good(number: int) -> Step:
    return window(number, 900)


@pytest.mark.parametrize("name", list(PROMISED))
def test_a_version_that_promises_something_else_starts_anew(name: str) -> None:
    told = [good(number) for number in range(1, 12)]
    new = next_version(GOOD, told[9].at_ms - 1, **{name: PROMISED[name]})
    before, after = (one.state for one in follow(told, {0: GOOD, 9: new}, WINDOWS)[8:10])
    assert (before.promise, after.promise) == (promise_of(GOOD), promise_of(new))
    assert before.promise != after.promise
    assert sum(weight for _, weight in after.weights) < sum(weight for _, weight in before.weights)
    assert max(after.drift.products) < max(before.drift.products)
    assert verdict_begin(after, new, after.at_ms) == new.valid_from_ms


def test_another_metric_forgets_what_was_usual_and_another_objective_does_not() -> None:
    told = [good(number) for number in range(1, 12)]
    for name, is_kept in (("metric", False), ("objective", True)):
        new = next_version(GOOD, told[9].at_ms - 1, **{name: PROMISED[name]})
        after = follow(told, {0: GOOD, 9: new}, WINDOWS)[9].state
        assert (sum(span.n for span in after.recent) == 10) is is_kept
        assert after.shift is not None
        assert (len(after.shift.series.levels) > 1) is is_kept


def test_a_state_from_before_there_were_promises_goes_on_under_its_version() -> None:
    told = [good(number) for number in range(1, 6)]
    old = msgspec.structs.replace(follow(told[:3], {0: GOOD}, WINDOWS)[-1].state, promise="", promised_ms=0)
    on = follow(told[3:], {0: GOOD}, WINDOWS, state=old)[-1].state
    assert on == follow(told, {0: GOOD}, WINDOWS)[-1].state


def test_another_budget_of_false_alerts_keeps_the_evidence() -> None:
    told = [good(number) for number in range(1, 12)]
    new = next_version(GOOD, told[9].at_ms - 1, run_length=20_000.0, recovery_length=500.0, min_respondents=30)
    plain, after = follow(told, {0: GOOD}, WINDOWS), follow(told, {0: GOOD, 9: new}, WINDOWS)
    assert after[-1].state.drift == plain[-1].state.drift
    assert after[-1].verdict.evidence < plain[-1].verdict.evidence
    assert (plain[-1].verdict.n, after[-1].verdict.n) == (11, 11)
    assert after[-1].verdict.verdict == "too_few"
