"""Alerts that would have been raised beside those that were, and both beside what is known to have happened. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec

from streams.events.judging import Alert, AlertKind, Severity


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of an alert.

    Attributes:
        calls: Whether it calls somebody; not if another one explains it.
        from_ms: End of the epoch or window at which it fired.
        until_ms: End of that at which it was resolved; None = it is open.
        summary: What it said first.
    """

    target: str
    kind: AlertKind
    severity: Severity
    calls: bool
    from_ms: int
    until_ms: int | None
    summary: str


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """An episode as it would have been and as it was; one of them may be missing."""

    would: Raised | None
    was: Raised | None


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A time at which something is known to have been wrong.

    Attributes:
        target: Id of a target, or of its file: any of its slices.
        from_ms: From when; ms UTC.
        until_ms: Until when an alert about it is right; ms UTC.
    """

    target: str
    from_ms: int
    until_ms: int

    def fits(self, raised: Raised) -> bool:
        """Say whether an alert is about it."""
        is_meant = raised.target == self.target or raised.target.startswith(f"{self.target}/")
        return is_meant and self.from_ms <= raised.from_ms <= self.until_ms


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How alerts compare with what is known; only those that call count.

    Attributes:
        labels: Times at which something was wrong; count. `found`: those with an alert.
        right: Alerts that fit a label; `false`: those that fit none.
        delay_ms: Median from the beginning of a found label to its first alert; None = none was found.
    """

    labels: int
    found: int
    right: int
    false: int
    delay_ms: float | None


def raised(alerts: Iterable[Alert]) -> list[Raised]:
    """Return the episodes behind some states of alerts, oldest first."""
    episodes: dict[str, list[Alert]] = {}
    for alert in sorted(alerts, key=lambda one: one.sequence):
        episodes.setdefault(alert.alert_id, []).append(alert)
    return sorted(map(_episode, episodes.values()), key=lambda one: (one.from_ms, one.target, one.kind))


def _episode(states: Sequence[Alert]) -> Raised:
    first, last = states[0], states[-1]
    return Raised(
        target=first.target,
        kind=first.kind,
        severity=first.severity,
        calls=any(state.calls == "yes" for state in states),
        from_ms=first.started_at_ms,
        until_ms=last.at_ms if last.state == "resolved" else None,
        summary=first.summary,
    )


def side_by_side(would: Sequence[Raised], was: Sequence[Raised]) -> list[Pair]:
    """Pair episodes of the same target and kind that overlap, each with the earliest one left; in time order."""
    left = list(was)
    pairs = []
    for one in would:
        other = next((two for two in left if _overlap(one, two)), None)
        if other is not None:
            left.remove(other)
        pairs.append(Pair(would=one, was=other))
    pairs += [Pair(would=None, was=one) for one in left]
    return sorted(pairs, key=_begin)


def _overlap(one: Raised, two: Raised) -> bool:
    is_same = (one.target, one.kind) == (two.target, two.kind)
    begin_ms, end_ms = max(one.from_ms, two.from_ms), min(_end(one), _end(two))
    return is_same and begin_ms <= end_ms


def _end(one: Raised) -> int:
    return one.until_ms if one.until_ms is not None else 1 << 62


def _begin(pair: Pair) -> int:
    return min(one.from_ms for one in (pair.would, pair.was) if one is not None)


def scored(episodes: Sequence[Raised], labels: Sequence[Label]) -> Score:
    """Return how alerts compare with what is known to have happened."""
    calling = [one for one in episodes if one.calls]
    delays = [
        min(hits) - label.from_ms for label in labels if (hits := [one.from_ms for one in calling if label.fits(one)])
    ]
    right = sum(any(label.fits(one) for label in labels) for one in calling)
    return Score(
        labels=len(labels),
        found=len(delays),
        right=right,
        false=len(calling) - right,
        delay_ms=median(delays) if delays else None,
    )


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How one target went.

    Attributes:
        points: (end of epoch or window in ms UTC, rolling score) in time order, where there was one.
        objective: In the score's unit.
        lowest: Score of the worst share; `highest`: of the best.
    """

    target: str
    objective: float
    lowest: float
    highest: float
    points: list[tuple[int, float]]


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found.

    Attributes:
        would: Episodes of the changed targets; `was`: those that were raised in that time.
        judged: Target -> epochs or windows that were replayed; count.
        scores: "would" and "was" -> comparison with the truth; empty without one.
    """

    tenant: str
    from_ms: int
    until_ms: int
    would: list[Raised]
    was: list[Raised]
    pairs: list[Pair]
    judged: Mapping[str, int]
    courses: list[Course]
    labels: list[Label]
    scores: Mapping[str, Score]
