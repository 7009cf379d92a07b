"""Silence as an alert of its own: a slice that usually speaks, and has not spoken for too long. A pure fold.

What is usual is learned from the slice itself, by three-hour part of working days and of weekends: how often it spoke
when it had the chance, and how long it had been silent at most. Nothing is said about a part of the day before it was
seen on five days: a working week.

A chance is a window (telemetry), or a released block that names the slice's dimensions (answers): then the slice is
compared with the rest of the tenant, so that nights, holidays and a smaller survey silence nobody. For a target of the
whole tenant every epoch is a chance.

Once a silence is more than twice as long as any before at this time of the day, evidence grows like that of the drift
detector, against a mean of three quarters of the usual:

    M <- (M + 1) * (1 + c m0 / (1 - m0))   for each chance that passes in silence; M <- 0 when the slice speaks

M never exceeds the Shiryaev-Roberts statistic of the same bets, so as long as the slice speaks at least three quarters
as often as usual, given everything before, the mean number of chances to a false alarm is at least the level. Days that
begin late or end early break that; hence the second condition.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from streams.detect.edetector import Bets, multiplied

STAKE = 0.95
USUAL_PART = 0.75
LEAST_DAYS = 5
"""Earlier days on which a part of the day has to be seen before it is known."""
LONGER = 2
"""How many times as long as any silence before one has to be."""
LEAST_CHANCES, LEAST_HITS = 20, 10
FADE_AT = 4_000
"""Chances at which what was learned of a part of the day is halved, so that it follows changes."""
PARTS_MS = 3 * 3_600_000
DAY_MS = 86_400_000


class Part(msgspec.Struct, frozen=True, array_like=True):
    """What was seen in one part of the day, on working days or on weekends.

    Attributes:
        days: On which it was seen; `last_day` is the number of the last of them.
        longest: Chances that the longest silence, since it began, had let pass here.
    """

    part: int
    days: int
    last_day: int
    chances: int
    hits: int
    longest: int = 0


class AbsenceState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is remembered.

    Attributes:
        parts: By part of the day, sorted.
        evidence: M; 0 while nothing is unusual.
        run: Chances that have passed in silence.
        touched: (part of the day, `run` at its end), for each part that the silence lies in.
        silent_ms: End of the last epoch or window in which it spoke; 0 = never.
        since_ms: Instant of the alarm; None = there is none.
    """

    parts: tuple[Part, ...] = ()
    evidence: float = 0.0
    run: int = 0
    touched: tuple[tuple[int, int], ...] = ()
    silent_ms: int = 0
    since_ms: int | None = None

    @property
    def is_absent(self) -> bool:
        """Whether the silence is an alarm."""
        return self.since_ms is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What one epoch or window brought.

    Attributes:
        at_ms: Its end; ms UTC.
        chances: How often the slice could have spoken; count.
        hits: How often it did; count, at most `chances`.
    """

    at_ms: int
    chances: int
    hits: int


def listen(state: AbsenceState, heard: Heard, *, level: float) -> AbsenceState:
    """Fold one epoch or window into the state.

    Args:
        state: After the one before.
        heard: What it brought.
        level: Chances to a false alarm, in the mean at least; > 0.
    """
    if not heard.chances:
        return state
    if heard.hits:
        parts = state.parts if state.is_absent else _with_longest(state.parts, state.touched)
        return AbsenceState(parts=_learned(parts, heard), silent_ms=heard.at_ms)
    run, part = state.run + heard.chances, _part(heard.at_ms)
    evidence = _grown(state, heard, run)
    is_new = state.since_ms is None and evidence >= level
    return msgspec.structs.replace(
        state,
        parts=state.parts if state.is_absent else _learned(state.parts, heard),
        evidence=evidence,
        run=run,
        touched=tuple(sorted({**dict(state.touched), part: run}.items())),
        since_ms=heard.at_ms if is_new else state.since_ms,
    )


def usual_at(state: AbsenceState, at_ms: int) -> float | None:
    """Return how often the slice usually takes a chance, 0 to 1; None = not known yet for this part of the day."""
    part = _known(state.parts, at_ms)
    return None if part is None else part.hits / part.chances


def _known(parts: tuple[Part, ...], at_ms: int) -> Part | None:
    """Return what was learned of the part of the day, if it is enough."""
    part = next((one for one in parts if one.part == _part(at_ms)), None)
    if part is None or part.chances < LEAST_CHANCES or part.hits < LEAST_HITS:
        return None
    return part if part.days - (part.last_day == _day(at_ms)) >= LEAST_DAYS else None


def _grown(state: AbsenceState, heard: Heard, run: int) -> float:
    part = _known(state.parts, heard.at_ms)
    if part is None or run <= LONGER * part.longest:
        return 0.0
    mean = USUAL_PART * part.hits / part.chances
    return multiplied(state.evidence + 1.0, ((0, heard.chances),), STAKE, Bets(mean=mean))


def _learned(parts: tuple[Part, ...], heard: Heard) -> tuple[Part, ...]:
    number, day = _part(heard.at_ms), _day(heard.at_ms)
    known = {one.part: one for one in parts}
    old = known.get(number, Part(number, 0, -1, 0, 0))
    chances, hits, longest = old.chances + heard.chances, old.hits + heard.hits, old.longest
    if chances > FADE_AT:
        chances, hits, longest = chances // 2, hits // 2, longest // 2
    known[number] = Part(number, old.days + (day != old.last_day), day, chances, hits, longest)
    return tuple(known[name] for name in sorted(known))


def _with_longest(parts: tuple[Part, ...], touched: tuple[tuple[int, int], ...]) -> tuple[Part, ...]:
    """Return the parts with a silence that has ended."""
    runs = dict(touched)
    return tuple(
        msgspec.structs.replace(one, longest=max(one.longest, runs[one.part])) if one.part in runs else one
        for one in parts
    )


def _day(at_ms: int) -> int:
    return max(0, at_ms - 1) // DAY_MS


def _part(at_ms: int) -> int:
    """Return the number of the part of the day that ends at or after `at_ms`: 0 to 7 on working days, 8 to 15 else."""
    last_ms = max(0, at_ms - 1)
    is_weekend = datetime.fromtimestamp(last_ms / 1000, tz=UTC).weekday() >= 5
    return last_ms % DAY_MS // PARTS_MS + 8 * is_weekend
