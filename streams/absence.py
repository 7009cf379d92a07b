"""Silence as an alert of its own: a slice that usually speaks, and has not spoken for too long. A pure fold.

What is usual is learned from the slice itself: how often it spoke when it had the chance, by three-hour part of working
days and of weekends. Nothing is said about a part of the day before it was seen on two days with enough chances.

A chance is a window (telemetry), or a released block that names the slice's dimensions (answers): then the slice is
compared with the rest of the tenant, so that nights, holidays and a smaller survey silence nobody. For a target of the
whole tenant every epoch is a chance.

While it is silent, evidence grows like that of the drift detector, against a mean of three quarters of the usual:

    M <- (M + 1) * (1 + c m0 / (1 - m0))   for each chance that passes in silence; M <- 0 when the slice speaks

M never exceeds the Shiryaev-Roberts statistic of the same bets, so as long as the slice speaks at least three quarters
as often as usual, given everything before, the mean number of chances to a false alarm is at least the level.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from streams.detect.edetector import Bets, multiplied

STAKE = 0.95
USUAL_PART = 0.75
LEAST_DAYS = 2
"""Days on which a part of the day has to be seen before it is known."""
LEAST_CHANCES, LEAST_HITS = 20, 10
FADE_AT = 4_000
"""Chances at which what was learned of a part of the day is halved, so that it follows slow changes."""
PARTS_MS = 3 * 3_600_000
DAY_MS = 86_400_000


class Part(msgspec.Struct, frozen=True, array_like=True):
    """What was seen in one part of the day, on working days or on weekends."""

    part: int
    days: int
    last_day: int
    chances: int
    hits: int


class AbsenceState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is remembered.

    Attributes:
        parts: By part of the day, sorted.
        evidence: M; 0 while the slice speaks.
        silent_ms: End of the last epoch or window in which it spoke; 0 = never.
        since_ms: Instant of the alarm; None = there is none.
    """

    parts: tuple[Part, ...] = ()
    evidence: float = 0.0
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
    usual = usual_at(state, heard.at_ms)
    parts = state.parts if state.is_absent else _learned(state.parts, heard)
    if heard.hits:
        return AbsenceState(parts=parts, silent_ms=heard.at_ms)
    evidence = 0.0 if usual is None else _grown(state.evidence, USUAL_PART * usual, heard.chances)
    since_ms = heard.at_ms if state.since_ms is None and evidence >= level else state.since_ms
    return AbsenceState(parts=parts, evidence=evidence, silent_ms=state.silent_ms, since_ms=since_ms)


def usual_at(state: AbsenceState, at_ms: int) -> float | None:
    """Return how often the slice usually takes a chance, 0 to 1; None = not known yet for this part of the day."""
    part = next((one for one in state.parts if one.part == _part(at_ms)), None)
    if part is None or part.days < LEAST_DAYS or part.chances < LEAST_CHANCES or part.hits < LEAST_HITS:
        return None
    return part.hits / part.chances


def _grown(evidence: float, mean: float, chances: int) -> float:
    return multiplied(evidence + 1.0, ((0, chances),), STAKE, Bets(mean=mean))


def _learned(parts: tuple[Part, ...], heard: Heard) -> tuple[Part, ...]:
    number, day = _part(heard.at_ms), (heard.at_ms - 1) // DAY_MS
    known = {one.part: one for one in parts}
    old = known.get(number, Part(number, 0, -1, 0, 0))
    chances, hits = old.chances + heard.chances, old.hits + heard.hits
    if chances > FADE_AT:
        chances, hits = chances // 2, hits // 2
    known[number] = Part(number, old.days + (day != old.last_day), day, chances, hits)
    return tuple(known[name] for name in sorted(known))


def _part(at_ms: int) -> int:
    """Return the number of the part of the day that ends at or after `at_ms`: 0 to 7 on working days, 8 to 15 else."""
    last_ms = max(0, at_ms - 1)
    is_weekend = datetime.fromtimestamp(last_ms / 1000, tz=UTC).weekday() >= 5
    return last_ms % DAY_MS // PARTS_MS + 8 * is_weekend
