"""Judging: a pure fold whose state is all that the next owner needs."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.detect.observation import block_of, observed
from streams.errors import InvariantError
from streams.judging.verdicts import JudgeState, Step, judge_epoch
from streams.scores import Counts, display_interval, happiness
from streams.spans import MAX_SPANS
from tests.streams.judged import BLOCKS, EPOCH_MS, GOOD, HAPPY, START_MS, WINDOWS, blocks, follow, window

FINE, BAD = Counts(promoters=5), Counts(detractors=5)
DAY_EPOCHS = 144

some_counts = st.builds(
    Counts, detractors=st.integers(0, 20), neutrals=st.integers(0, 20), promoters=st.integers(0, 20)
).filter(lambda counts: counts.n >= 5)
stories = st.lists(st.lists(some_counts, max_size=3), min_size=1, max_size=15)


def steps_of(story: list[list[Counts]]) -> list[Step]:
    return [blocks(number, *epoch, scope_n=50, named_n=40) for number, epoch in enumerate(story, start=1)]


@given(stories, st.integers(0, 14))
def test_any_owner_continues_where_the_last_one_stopped(story: list[list[Counts]], cut: int) -> None:
    steps = steps_of(story)
    whole = follow(steps, {0: HAPPY}, BLOCKS)
    assert follow(steps, {0: HAPPY}, BLOCKS, through_json=True) == whole
    if cut < len(steps) - 1:
        assert follow(steps[cut + 1 :], {0: HAPPY}, BLOCKS, state=whole[cut].state) == whole[cut + 1 :]


@given(stories)
def test_period_and_rolling_figures_are_those_of_the_counts(story: list[list[Counts]]) -> None:
    last = follow(steps_of(story), {0: HAPPY}, BLOCKS)[-1].verdict
    total = sum((counts for epoch in story for counts in epoch), start=Counts())
    assert (last.n, last.score) == (total.n, happiness(total))
    assert (last.rolling_n, last.rolling_score) == (total.n, happiness(total))
    shown = display_interval(total)
    assert (last.rolling_lower, last.rolling_upper) == ((shown.lower, shown.upper) if shown else (None, None))
    if last.score is not None:
        assert last.lower is not None
        assert last.upper is not None
        assert last.lower <= last.score + 1e-4
        assert last.upper >= last.score - 1e-4


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_windows_weigh_the_same_and_are_exact(shares: list[int]) -> None:
    steps = [window(number, share, 10**6) for number, share in enumerate(shares, start=1)]
    last = follow(steps, {0: GOOD}, WINDOWS)[-1].verdict
    assert last.n == last.rolling_n == len(shares)
    assert last.score == last.rolling_score == 100 * sum(shares) / (len(shares) * 10**6)


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        (Counts(), "no_data"),
        (Counts(detractors=29), "too_few"),
        (Counts(promoters=300, neutrals=40, detractors=60), "undecided"),
        (Counts(promoters=3_800, neutrals=100, detractors=100), "met"),
        (Counts(promoters=100, neutrals=100, detractors=200), "missed"),
    ],
)
def test_verdicts(counts: Counts, verdict: str) -> None:
    assert judge_epoch(None, HAPPY, blocks(1, counts), BLOCKS).verdict.verdict == verdict


def test_a_calendar_period_starts_the_counts_anew_but_not_the_detector() -> None:
    days = [blocks(day * DAY_EPOCHS, Counts(detractors=2, promoters=3)) for day in range(1, 33)]
    judged = follow(days, {0: HAPPY}, BLOCKS)
    assert [one.verdict.n for one in judged[29:32]] == [150, 155, 5]  # the epoch that ends at midnight is March's
    assert judged[31].state.period_ms == START_MS + 31 * 86_400_000
    assert judged[31].verdict.evidence > judged[30].verdict.evidence > judged[29].verdict.evidence
    assert judged[31].verdict.rolling_n == 35


def test_a_new_version_starts_counts_and_detector_anew_but_keeps_an_open_episode() -> None:
    harder = msgspec.structs.replace(HAPPY, version=2, objective=70.0)
    steps = [blocks(number, BAD) for number in range(1, 21)]
    judged = follow(steps, {0: HAPPY, 10: harder}, BLOCKS)
    (fired,) = [one.detection for one in judged if one.detection]
    assert fired.at_ms < steps[10].at_ms
    assert [(one.verdict.version, one.verdict.n) for one in judged[9:11]] == [(1, 50), (2, 5)]
    assert all(one.verdict.drifting for one in judged[10:])
    assert judged[10].state.drift.since_ms == fired.at_ms


def test_drift_is_raised_once_and_recovery_ends_it() -> None:
    story = [FINE] * 10 + [BAD] * 10 + [FINE] * 60
    judged = follow([blocks(number, one) for number, one in enumerate(story, start=1)], {0: HAPPY}, BLOCKS)
    turns = [one.detection for one in judged if one.detection]
    assert [turn.turn for turn in turns] == ["drift", "recovery"]
    assert [turn.since_ms for turn in turns] == [turns[0].at_ms] * 2
    drifting = [one.verdict.drifting for one in judged]
    assert drifting == [turns[0].at_ms <= one.verdict.at_ms < turns[1].at_ms for one in judged]
    fired = next(one for one in judged if one.detection)
    assert fired.verdict.evidence >= 1.0


def test_level_counts_blocks_of_at_least_k() -> None:
    """A = 10,950 answers is a level of 2,190 for blocks of five: reached sooner than by as many single answers."""
    steps = [blocks(number, Counts(detractors=1)) for number in range(1, 12)]
    alarms = []
    for ruler in (BLOCKS, WINDOWS):
        judged = follow(steps, {0: HAPPY}, ruler)
        alarms.append(next(index for index, one in enumerate(judged, start=1) if one.detection))
    assert alarms == [8, 10]


def test_the_order_of_blocks_is_the_callers_and_matters() -> None:
    """Only the order inside a block is irrelevant; (epoch, block) order is part of the ledger."""
    one, other = Counts(detractors=5), Counts(promoters=5)
    first = judge_epoch(None, HAPPY, blocks(1, one, other), BLOCKS)
    second = judge_epoch(None, HAPPY, blocks(1, other, one), BLOCKS)
    assert first.verdict.score == second.verdict.score
    assert first.verdict.evidence != second.verdict.evidence


def test_coverage_is_the_share_of_released_answers_that_name_the_slice() -> None:
    steps = [blocks(1, FINE, scope_n=80, named_n=60), blocks(2, scope_n=20, named_n=20)]
    judged = follow(steps, {0: HAPPY}, BLOCKS)
    assert [one.verdict.coverage for one in judged] == [0.75, 0.8]
    assert follow([window(1, 900)], {0: GOOD}, WINDOWS)[0].verdict.coverage is None


def test_the_rolling_window_moves_by_whole_spans_and_never_shows_older_data() -> None:
    story = [blocks(number, FINE) for number in range(1, 8 * DAY_EPOCHS + 1)]
    judged = follow(story, {0: HAPPY}, BLOCKS)
    week = 7 * DAY_EPOCHS
    assert all(week - 18 <= one.verdict.rolling_n // 5 <= week for one in judged[week:])
    assert max(len(one.state.spans) for one in judged) == MAX_SPANS
    silent = judge_epoch(judged[-1].state, HAPPY, Step(at_ms=START_MS + 30 * 86_400_000, observations=()), BLOCKS)
    assert (silent.verdict.rolling_n, silent.verdict.rolling_score) == (0, None)
    assert silent.verdict.n == 8 * DAY_EPOCHS * 5


def test_a_short_window_holds_exactly_its_epochs() -> None:
    demo = msgspec.structs.replace(HAPPY, window_s=6 * EPOCH_MS // 1000)
    judged = follow([blocks(number, FINE) for number in range(1, 12)], {0: demo}, BLOCKS)
    assert [one.verdict.rolling_n for one in judged] == [5, 10, 15, 20, 25, 30, 30, 30, 30, 30, 30]


def test_trend_compares_the_halves_of_the_window() -> None:
    demo = msgspec.structs.replace(HAPPY, window_s=6 * EPOCH_MS // 1000)
    story = [Counts(promoters=30)] * 3 + [Counts(detractors=30)] * 3 + [Counts(promoters=30)] * 3
    judged = follow([blocks(number, one) for number, one in enumerate(story, start=1)], {0: demo}, BLOCKS)
    assert [judged[index].verdict.trend for index in (0, 5, 8)] == ["unknown", "down", "up"]


def test_windows_without_attempts_are_skipped() -> None:
    judged = follow([window(1, 900), window(2, 0, 0), window(3, 900)], {0: GOOD}, WINDOWS)
    assert [one.verdict.n for one in judged] == [1, 1, 2]
    assert judged[1].verdict.evidence == judged[0].verdict.evidence


def test_a_step_is_judged_once() -> None:
    state = judge_epoch(None, HAPPY, blocks(2, FINE), BLOCKS).state
    with pytest.raises(InvariantError, match="judged up to"):
        judge_epoch(state, HAPPY, blocks(2, FINE), BLOCKS)


def test_the_state_is_small_and_strict() -> None:
    story = [blocks(number, FINE, BAD) for number in range(1, 7 * DAY_EPOCHS)]
    raw = msgspec.json.encode(follow(story, {0: HAPPY}, BLOCKS)[-1].state)
    assert len(raw) < 5_000
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(raw[:-1] + b',"more":1}', type=JudgeState)


def test_evidence_is_blind_to_the_order_inside_a_block() -> None:
    mixed = block_of(Counts(detractors=2, neutrals=1, promoters=4))
    assert len(mixed) == 3
    turned = Step(at_ms=blocks(1).at_ms, observations=(observed(reversed(mixed)),))
    straight = blocks(1, Counts(detractors=2, neutrals=1, promoters=4))
    assert judge_epoch(None, HAPPY, turned, BLOCKS) == judge_epoch(None, HAPPY, straight, BLOCKS)
