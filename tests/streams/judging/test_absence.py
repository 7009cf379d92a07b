"""Silence: what is usual is learned, false alarms are bounded, and nothing is said before enough was seen."""

from collections.abc import Iterable

import msgspec
import numpy as np
import pytest

from streams.judging.absence import FADE_AT, AbsenceState, Heard, Part, listen, usual_at

MINUTE_MS = 60_000
DAY_MS = 86_400_000
MONDAY_MS = 1_772_409_600_000  # 2026-03-02 00:00 UTC
LEVEL = 20_000.0


def heard(minute: int, hits: int, chances: int = 1) -> Heard:
    return Heard(at_ms=MONDAY_MS + minute * MINUTE_MS, chances=chances, hits=hits)


def after(*parts: Heard, state: AbsenceState | None = None, level: float = LEVEL) -> AbsenceState:
    state = state or AbsenceState()
    for one in parts:
        state = listen(state, one, level=level)
    return state


def days(number: int, *, begin: int = 480, end: int = 660, first: int = 0) -> list[Heard]:
    """Return working mornings in which every window speaks."""
    return [heard((first + day) * 1_440 + minute, 1) for day in range(number) for minute in range(begin + 1, end)]


def silence(day: int, minutes: int, *, begin: int = 540) -> list[Heard]:
    return [heard(day * 1_440 + begin + minute, 0) for minute in range(1, minutes + 1)]


def alarm_after(state: AbsenceState, quiet: list[Heard]) -> int | None:
    for number, one in enumerate(quiet, start=1):
        state = listen(state, one, level=LEVEL)
        if state.is_absent:
            return number
    return None


def test_a_slice_that_always_speaks_is_missed_within_minutes() -> None:
    assert alarm_after(after(*days(5)), silence(7, 60)) == 8


def test_nothing_is_said_while_collecting() -> None:
    assert alarm_after(after(*days(4)), silence(4, 110)) is None
    assert alarm_after(AbsenceState(), silence(0, 500)) is None
    few = after(*(heard(day * 1_440 + 541, 1) for day in range(4)))
    assert alarm_after(few, silence(4, 100)) is None


def test_the_silence_of_every_night_is_usual() -> None:
    state = AbsenceState()
    for day in range(12):
        for minute in range(1, 1_441):
            state = listen(state, heard(day * 1_440 + minute, 480 < minute <= 1_020), level=LEVEL)
            assert not state.is_absent


def test_weekends_are_learned_apart() -> None:
    state = after(*days(5))
    assert alarm_after(state, silence(5, 110)) is None  # the first Saturday
    assert alarm_after(state, silence(7, 110)) == 8


def test_one_word_ends_the_silence() -> None:
    state = after(*days(5), *silence(7, 30))
    assert state.is_absent
    assert state.silent_ms == days(5)[-1].at_ms
    spoken = after(heard(7 * 1_440 + 600, 1), state=state)
    assert (spoken.is_absent, spoken.evidence, spoken.run) == (False, 0.0, 0)


def test_silences_that_ended_by_themselves_have_to_be_exceeded_twice() -> None:
    state = after(*days(5), *silence(7, 6), heard(7 * 1_440 + 547, 1))
    assert alarm_after(state, silence(7, 30, begin=550)) == 2 * 6 + 8


def test_a_day_that_begins_late_is_no_silence() -> None:
    """Work begins between eight and nine; the night before does not count against the first hour."""
    state = after(
        *(
            heard(day * 1_440 + minute, int(480 + 12 * day < minute <= 1_020))
            for day in range(5)
            for minute in range(1, 1_441)
        )
    )
    night = [heard(7 * 1_440 + minute, 0) for minute in range(1, 540)]
    assert alarm_after(state, night) is None


def test_what_is_silent_is_not_learned_as_usual() -> None:
    state = after(*days(5), *silence(7, 100))
    assert state.is_absent
    assert usual_at(state, MONDAY_MS + 7 * DAY_MS + 550 * MINUTE_MS) == pytest.approx(1.0, abs=0.05)


def test_no_chance_is_no_silence() -> None:
    state = after(*days(5))
    assert after(*(heard(7 * 1_440 + 540 + minute, 0, chances=0) for minute in range(500)), state=state) == state


def test_a_small_part_of_the_answers_takes_many_chances() -> None:
    """One block in ten: about sixty blocks of others in a row are needed, not ten."""
    learned = after(*(heard(day * 1_440 + 541 + n, 1, chances=10) for day in range(5) for n in range(100)))
    quiet = [heard(7 * 1_440 + 541 + n, 0, chances=10) for n in range(100)]
    found = alarm_after(learned, quiet)
    assert found is not None
    assert 10 < found < 20


def test_what_is_usual_follows_slowly() -> None:
    state = after(*days(40))
    assert max(part.chances for part in state.parts) <= FADE_AT


@pytest.mark.parametrize("usual", [0.3, 0.6, 0.95])
def test_the_run_length_to_a_false_alarm_is_kept(usual: float) -> None:
    """Speaking as usual at every chance, looked at each time: at least the level, over 400 runs of at most 300."""
    level = 50.0
    rng = np.random.default_rng(int(100 * usual))
    learned = after(*(heard(day * 1_440 + 541 + n, int(rng.random() < usual)) for day in range(5) for n in range(100)))
    part = msgspec.structs.replace(learned.parts[0], longest=0)
    lengths = [_length(part, rng.random(300) < usual, level) for _ in range(400)]
    assert np.mean(lengths) >= level


def _length(part: Part, story: Iterable[bool], level: float) -> int:
    """Return the chances to an alarm, with nothing learned on the way."""
    state, length = AbsenceState(parts=(part,)), 0
    for speaks in story:
        length += 1
        state = msgspec.structs.replace(listen(state, heard(7 * 1_440 + 600, int(speaks)), level=level), parts=(part,))
        if state.is_absent:
            break
    return length
