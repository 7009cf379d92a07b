"""Two lights and what they make together: the examples of the reference, dwell, and a fold that nothing upsets."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.judging.watermelon import (
    NO_TICKETS,
    Goals,
    Instant,
    Kept,
    Light,
    Tandem,
    TandemState,
    Turn,
    follow,
    light,
    read,
    step,
    wilson,
)
from streams.scores import Counts, display_interval

HOUR_MS = 3_600_000
GOALS = Goals(sla=90.0, xla=75.0, hold_ms=2 * HOUR_MS)
MANY = Kept(made=385, tickets=400)
FEW_KEPT = Kept(made=300, tickets=400)
UNHAPPY = Counts(promoters=300, neutrals=40, detractors=60)
HAPPY = Counts(promoters=380, neutrals=15, detractors=5)
UNSURE = Counts(promoters=30, neutrals=4, detractors=6)


@pytest.mark.parametrize(
    ("kept", "answers", "state"),
    [
        (MANY, UNHAPPY, "watermelon"),
        (MANY, UNSURE, "undecided"),
        (MANY, HAPPY, "healthy"),
        (FEW_KEPT, HAPPY, "obsolete"),
        (FEW_KEPT, UNHAPPY, "failing"),
        (Kept(), UNHAPPY, "undecided"),
        (MANY, Counts(), "undecided"),
    ],
)
def test_two_lights_make_a_state(kept: Kept, answers: Counts, state: TandemState) -> None:
    assert read(0, kept, answers, GOALS).state == state


def test_the_intervals_are_those_of_the_reference() -> None:
    sla, xla, unsure = wilson(MANY), display_interval(UNHAPPY), display_interval(UNSURE)
    assert sla is not None
    assert xla is not None
    assert unsure is not None
    assert (round(100 * sla.lower, 1), round(100 * sla.upper, 1)) == (93.9, 97.7)
    assert (round(xla.lower, 1), round(xla.upper, 1)) == (52.4, 66.7)
    assert (round(unsure.lower, 1), round(unsure.upper, 1)) == (33.4, 78.2)
    reopened = wilson(Kept(made=29, tickets=400))
    assert reopened is not None
    assert (round(100 * reopened.lower, 1), round(100 * reopened.upper, 1)) == (5.1, 10.2)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_wilson_interval_holds_the_share_and_mirrors(made: int, missed: int) -> None:
    found, mirrored = wilson(Kept(made=made, tickets=made + missed)), wilson(Kept(made=missed, tickets=made + missed))
    if found is None or mirrored is None:
        assert made + missed == 0
        return
    assert 0 <= found.lower <= made / (made + missed) + 1e-12
    assert made / (made + missed) - 1e-12 <= found.upper <= 1
    assert found.lower == pytest.approx(1 - mirrored.upper, abs=1e-12)


@pytest.mark.parametrize(("goal", "expected"), [(0.9, "green"), (0.96, "undecided"), (0.99, "red")])
def test_a_light_needs_the_whole_interval_on_one_side(goal: float, expected: Light) -> None:
    assert light(wilson(MANY), goal) == expected


def at(hour: int, kept: Kept = NO_TICKETS, *answers: Counts, period: int = 0) -> Instant:
    return Instant(at_ms=hour * HOUR_MS, period_ms=period, kept=(kept,), answers=answers)


def told(turns: list[Turn]) -> list[tuple[str, str, int, int]]:
    return [(turn.kind, turn.state, turn.at_ms // HOUR_MS, turn.dwell_ms // HOUR_MS) for turn in turns]


def test_a_watermelon_is_one_episode_from_confirmed_entry_to_confirmed_exit() -> None:
    instants = [at(1, MANY, UNHAPPY), at(2), at(3), *(at(hour) for hour in range(4, 9))]
    happy_again = [at(hour, Kept(), HAPPY, HAPPY, HAPPY) for hour in range(9, 16)]
    tandem, turns = follow([*instants, *happy_again], GOALS)
    assert told(turns) == [
        ("entry", "watermelon", 3, 0),
        ("exit", "watermelon", turns[1].at_ms // HOUR_MS, turns[1].at_ms // HOUR_MS - 3),
        ("entry", "healthy", turns[2].at_ms // HOUR_MS, 0),
    ]
    first_healthy = next(
        h for h in range(9, 16) if follow([*instants, *happy_again[: h - 8]], GOALS)[0].shown == "healthy"
    )
    assert turns[1].at_ms == (first_healthy + 2) * HOUR_MS
    assert tandem.state == "healthy"


def test_a_state_that_does_not_last_is_none() -> None:
    """Red for an hour, then undecided: nobody is called."""
    back = Counts(promoters=260, neutrals=0, detractors=0)
    instants = [at(1, MANY, UNHAPPY), at(2, Kept(), back), *(at(hour) for hour in range(3, 12))]
    assert read(2, MANY, UNHAPPY + back, GOALS).state == "undecided"
    assert follow(instants, GOALS)[1] == []


def test_looks_that_decide_nothing_do_not_end_an_episode() -> None:
    back = Counts(promoters=260, neutrals=0, detractors=0)
    instants = [at(1, MANY, UNHAPPY), at(3), at(4, Kept(), back), *(at(hour) for hour in range(5, 40))]
    tandem, turns = follow(instants, GOALS)
    assert told(turns) == [("entry", "watermelon", 3, 0)]
    assert (tandem.state, tandem.shown) == ("watermelon", "undecided")


def test_a_new_period_starts_the_sums_again_and_leaves_an_episode_open() -> None:
    instants = [at(1, MANY, UNHAPPY), at(3), at(4, Kept(made=1, tickets=1), UNSURE, period=9)]
    tandem, turns = follow(instants, GOALS)
    assert (tandem.kept.tickets, tandem.answers, tandem.state) == (1, UNSURE, "watermelon")
    assert len(turns) == 1


KEPT = st.builds(lambda made, missed: Kept(made=made, tickets=made + missed), st.integers(0, 200), st.integers(0, 30))
ANSWERS = st.builds(
    Counts, detractors=st.integers(0, 60), neutrals=st.integers(0, 20), promoters=st.integers(0, 200)
)  # fmt: skip
STORIES = st.lists(
    st.tuples(st.integers(1, 3), st.lists(KEPT, max_size=4), st.lists(ANSWERS, max_size=4)), min_size=1, max_size=30
)


def story(steps: list[tuple[int, list[Kept], list[Counts]]]) -> list[Instant]:
    instants, at_ms = [], 0
    for hours, kept, answers in steps:
        at_ms += hours * HOUR_MS
        period_ms = at_ms // (24 * HOUR_MS) * 24 * HOUR_MS
        instants.append(Instant(at_ms=at_ms, period_ms=period_ms, kept=tuple(kept), answers=tuple(answers)))
    return instants


@given(STORIES, st.integers(0, 99))
def test_the_order_inside_an_instant_is_nothing(steps: list[tuple[int, list[Kept], list[Counts]]], seed: int) -> None:
    rng = Random(seed)
    shuffled = [(h, rng.sample(kept, len(kept)), rng.sample(answers, len(answers))) for h, kept, answers in steps]
    assert follow(story(steps), GOALS) == follow(story(shuffled), GOALS)


@given(STORIES, st.integers(0, 30))
def test_instants_again_change_nothing_and_parts_are_the_whole(
    steps: list[tuple[int, list[Kept], list[Counts]]], cut: int
) -> None:
    instants = story(steps)
    whole, turns = follow(instants, GOALS)
    half, first = follow(instants[:cut], GOALS)
    again, rest = follow(instants, GOALS, half)
    assert again == whole
    assert first + rest == turns
    assert step(whole, instants[-1], GOALS) == (whole, ())


@given(STORIES)
def test_entries_and_exits_take_turns_and_dwell_at_least_the_hold(
    steps: list[tuple[int, list[Kept], list[Counts]]],
) -> None:
    tandem, turns = follow(story(steps), GOALS, Tandem())
    for position, turn in enumerate(turns):
        assert turn.kind == ("entry", "exit")[position % 2]
        if turn.kind == "exit":
            assert turn.state == turns[position - 1].state
            assert turn.dwell_ms >= GOALS.hold_ms
    assert (tandem.state != "undecided") == (len(turns) % 2 == 1)
