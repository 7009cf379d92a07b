"""Watermelon: the service level is kept (green outside) and people are unhappy (red inside), on one slice and period.

    SLA light: share of tickets within the agreed time, Wilson interval against its goal
    XLA light: happiness, adjusted Wald interval against its objective
    green = the lower end reaches the goal, red = the upper end does not, else undecided

      SLA    XLA    state
      green  green  healthy
      green  red    watermelon
      red    green  obsolete    the service level asks for what people do not need
      red    red    failing
      otherwise     undecided

Both intervals are those of a period that starts at a fixed moment and grows. A state counts once every look for the
*hold* has shown it. An open state ends when others have been shown, without it, for the hold; looks that decide nothing
neither begin nor end one. The dwell is the event time between the two confirmations. All of it is a pure fold over what
was published: one step per instant, in any order inside it, and an instant again changes nothing.

References:
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA, 1927.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

from streams.scores import Z95, Counts, Interval, display_interval

Light = Literal["green", "red", "undecided"]
TandemState = Literal["healthy", "watermelon", "obsolete", "failing", "undecided"]

_STATES: dict[tuple[Light, Light], TandemState] = {
    ("green", "green"): "healthy",
    ("green", "red"): "watermelon",
    ("red", "green"): "obsolete",
    ("red", "red"): "failing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Tickets and how many of them were settled within the agreed time; counts."""

    made: int = 0
    tickets: int = 0

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(made=self.made + other.made, tickets=self.tickets + other.tickets)


NO_TICKETS, NO_ANSWERS = Kept(), Counts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What is promised.

    Attributes:
        sla: Percent of the tickets within the agreed time, 0 to 100.
        xla: Happiness score, -100 to 100.
        hold_ms: How long a state has to be shown before it counts, in event time.
    """

    sla: float
    xla: float
    hold_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """What was published at one instant: tickets and answers that came on top.

    Attributes:
        at_ms: End of the epoch or period; ms UTC.
        period_ms: Start of the calendar period that it belongs to; a new one starts the sums again.
    """

    at_ms: int
    period_ms: int
    kept: tuple[Kept, ...] = ()
    answers: tuple[Counts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Both figures of a period so far, with what they say."""

    at_ms: int
    kept: Kept
    answers: Counts
    sla: Light
    xla: Light

    @property
    def state(self) -> TandemState:
        """The two lights as one word."""
        return _STATES.get((self.sla, self.xla), "undecided")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tandem:
    """All that is remembered of one slice.

    Attributes:
        at_ms: Last instant that is contained.
        shown: Newest decided state, and since when every decided look has shown it; undecided looks interrupt it only
            while it is not confirmed.
        state: The confirmed state, "undecided" before the first.
        since_ms: When it was confirmed.
        absent_ms: Since when an open state has not been shown by decided looks; None = it was shown last.
    """

    at_ms: int = -1
    period_ms: int = -1
    kept: Kept = NO_TICKETS
    answers: Counts = NO_ANSWERS
    shown: TandemState = "undecided"
    shown_ms: int = 0
    state: TandemState = "undecided"
    since_ms: int = 0
    absent_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A confirmed entry into a state, or exit from it.

    Attributes:
        since_ms: When the entry was confirmed; equals `at_ms` for an entry.
    """

    kind: Literal["entry", "exit"]
    state: TandemState
    since_ms: int
    reading: Reading

    @property
    def at_ms(self) -> int:
        """When it was confirmed; ms UTC."""
        return self.reading.at_ms

    @property
    def dwell_ms(self) -> int:
        """Event time between the confirmed entry and this; milliseconds."""
        return self.at_ms - self.since_ms


def wilson(kept: Kept, *, z: float = Z95) -> Interval | None:
    """Return the Wilson interval of the share of kept tickets, 0 to 1; None without tickets.

    Example:
        >>> found = wilson(Kept(made=385, tickets=400))
        >>> round(100 * found.lower, 1), round(100 * found.upper, 1)
        (93.9, 97.7)
    """
    n = kept.tickets
    if n == 0:
        return None
    share, square = kept.made / n, z * z
    middle = (share + square / (2 * n)) / (1 + square / n)
    margin = z * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return Interval(lower=max(0.0, middle - margin), upper=min(1.0, middle + margin))


def light(interval: Interval | None, goal: float) -> Light:
    """Return what an interval says about a goal in the same unit; without data nothing."""
    if interval is None:
        return "undecided"
    if interval.lower >= goal:
        return "green"
    return "red" if interval.upper < goal else "undecided"


def read(at_ms: int, kept: Kept, answers: Counts, goals: Goals) -> Reading:
    """Return what a period's figures say; display intervals, each at 95 %."""
    return Reading(
        at_ms=at_ms,
        kept=kept,
        answers=answers,
        sla=light(wilson(kept), goals.sla / 100),
        xla=light(display_interval(answers), goals.xla),
    )


def step(tandem: Tandem, instant: Instant, goals: Goals) -> tuple[Tandem, tuple[Turn, ...]]:
    """Fold one instant; returns the new state, and the exit and the entry that it confirms.

    An instant that is contained already (not later than the last one) changes nothing.
    """
    if instant.at_ms <= tandem.at_ms:
        return tandem, ()
    grown = _grown(tandem, instant)
    reading = read(instant.at_ms, grown.kept, grown.answers, goals)
    seen = _seen(grown, reading)
    left, exits = _left(seen, reading, goals.hold_ms)
    entered, entries = _entered(left, reading, goals.hold_ms)
    return entered, (*exits, *entries)


NEW = Tandem()
"""Before anything was seen."""


def follow(instants: Iterable[Instant], goals: Goals, tandem: Tandem = NEW) -> tuple[Tandem, list[Turn]]:
    """Fold instants in time order."""
    turns: list[Turn] = []
    for instant in instants:
        tandem, found = step(tandem, instant, goals)
        turns += found
    return tandem, turns


def _grown(tandem: Tandem, instant: Instant) -> Tandem:
    is_same = instant.period_ms == tandem.period_ms
    return replace(
        tandem,
        at_ms=instant.at_ms,
        period_ms=instant.period_ms,
        kept=sum(instant.kept, start=tandem.kept if is_same else NO_TICKETS),
        answers=sum(instant.answers, start=tandem.answers if is_same else NO_ANSWERS),
    )


def _seen(tandem: Tandem, reading: Reading) -> Tandem:
    """Take note of what this look shows."""
    state = reading.state
    if state == "undecided":
        return replace(tandem, shown="undecided")
    shown_ms = tandem.shown_ms if state == tandem.shown else reading.at_ms
    absent_ms = None if state == tandem.state else tandem.absent_ms
    if state != tandem.state and absent_ms is None:
        absent_ms = reading.at_ms
    return replace(tandem, shown=state, shown_ms=shown_ms, absent_ms=absent_ms)


def _left(tandem: Tandem, reading: Reading, hold_ms: int) -> tuple[Tandem, tuple[Turn, ...]]:
    is_open = tandem.state != "undecided"
    is_over = tandem.absent_ms is not None and reading.at_ms - tandem.absent_ms >= hold_ms
    if not is_open or not is_over or reading.state in {"undecided", tandem.state}:
        return tandem, ()
    turn = Turn(kind="exit", state=tandem.state, since_ms=tandem.since_ms, reading=reading)
    return replace(tandem, state="undecided", since_ms=0, absent_ms=None), (turn,)


def _entered(tandem: Tandem, reading: Reading, hold_ms: int) -> tuple[Tandem, tuple[Turn, ...]]:
    is_held = tandem.shown != "undecided" and reading.at_ms - tandem.shown_ms >= hold_ms
    if tandem.state != "undecided" or not is_held:
        return tandem, ()
    turn = Turn(kind="entry", state=tandem.shown, since_ms=reading.at_ms, reading=reading)
    return replace(tandem, state=tandem.shown, since_ms=reading.at_ms, absent_ms=None), (turn,)
