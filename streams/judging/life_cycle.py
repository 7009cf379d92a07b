"""The life cycle of an alert: a pure state machine for one target and one kind of alert.

    (nothing) --bad--> pending --bad for the hold--> firing --good--> keeping --good for the hold--> resolved
                          |                             ^                |
                          +--good--> (nothing)          +------bad-------+

An episode says at least two things: that it opened and that it closed; in between only what is worth reading. What
somebody else's open alert explains runs the same way, but calls nobody, and ends with whatever explained it: if it is
still bad then, it has to be found anew.

Time is an argument, counted in ends of epochs or windows; silence (`is_bad` is None) changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from streams.events.judging import AlertKind, Severity
from streams.judging.alert_ids import alert_id

Phase = Literal["pending", "firing", "keeping", "resolved"]
Act = Literal["none", "pending", "drop", "open", "update", "keep", "flap", "close"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
EXPLAINED = 0.8
"""Part of a shortfall that another alert has to account for; it then speaks for both."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How one kind of alert waits.

    Attributes:
        pending: Epochs or windows for which it has to hold before it calls; 0 = pages at once, because its evidence
            has waited already: a detector with a stated run length.
        keep: Epochs or windows for which it is kept open after it has ended; also the least pause between updates.
        softer: By how many grades its severity lies below that of the target.
        explained_by: Kinds that explain it, on the same target or on a parent.
    """

    pending: int
    keep: int
    softer: int = 0
    explained_by: tuple[AlertKind, ...] = ()


POLICIES: Mapping[AlertKind, Policy] = {
    "stall": Policy(pending=0, keep=0),
    "absence": Policy(pending=0, keep=2, explained_by=("absence",)),
    "drift": Policy(pending=0, keep=12, explained_by=("absence", "drift")),
    "slow_burn": Policy(pending=2, keep=12, softer=1, explained_by=("absence", "drift", "slow_burn")),
    "shift": Policy(pending=18, keep=12, softer=1, explained_by=("absence", "drift", "slow_burn", "shift")),
    "watermelon": Policy(pending=2, keep=12, softer=1, explained_by=("absence",)),
}
"""Kind -> how it waits, in the order in which kinds are decided within an instant.

A shift waits for half of the widest window that its detector looks at: what is over by then has left the median. And a
drift that finds the same thing has spoken by then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Numbers of one alert; scores in the objective's unit, shares from 0 (all bad) to 1 (all good).

    Attributes:
        when: Words for the time they cover.
        share: Mean share; None without figures.
        floor: Lower end of its interval.
        shortfall: How far the mean share lies below the objective; <= 0 if it does not.
    """

    when: str
    score: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    share: float | None = None
    floor: float | None = None
    shortfall: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """What one kind has to say at one instant.

    Attributes:
        is_bad: None = nothing is known about this instant.
        severity: If it calls.
        reason: Why it is bad, or why it no longer is.
    """

    kind: AlertKind
    is_bad: bool | None
    severity: Severity
    reason: str
    figures: Figures


@dataclass(frozen=True, kw_only=True, slots=True)
class Explainer:
    """An open alert that may speak for others.

    Attributes:
        shortfall: Of its figures when it opened; None = it explains everything that it may explain.
        is_own: It is an alert of the same target: there is nothing to record beside it.
    """

    alert_id: str
    kind: AlertKind
    shortfall: float | None
    is_own: bool = False


class Episode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One continuous problem, or the last one that there was.

    Attributes:
        since_ms: Instant at which it was bad first.
        opened_ms: Instant at which it fired, and from which its id follows; 0 = not yet.
        good_ms: Instant at which it was good again; 0 = it is bad.
        ended_ms: Instant at which it was resolved; 0 = it goes on.
        sequence: Number of the next state that is published.
        said_ms: Instant of the state published last, with its severity and the lower end of its share.
        shortfall: Of the figures at the opening.
        inhibited_by: Id of the alert that explains it; empty = it calls.
    """

    kind: AlertKind
    phase: Phase
    since_ms: int
    alert_id: str = ""
    opened_ms: int = 0
    good_ms: int = 0
    ended_ms: int = 0
    sequence: int = 0
    said_ms: int = 0
    severity: Severity = "info"
    floor: float | None = None
    shortfall: float | None = None
    inhibited_by: str = ""

    def was_open(self, at_ms: int) -> bool:
        """Say whether it was published as firing at an instant."""
        return 0 < self.opened_ms <= at_ms and not 0 < self.ended_ms <= at_ms

    @property
    def is_open(self) -> bool:
        """Whether it is published as firing and not as resolved."""
        return self.phase in {"firing", "keeping"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What an instant looks like around one target.

    Attributes:
        at_ms: The instant; ms UTC.
        unit_ms: Length of an epoch or window; milliseconds.
        name: Tenant, target and detector: what ids follow from.
        is_muted: Maintenance: nothing may open or be updated.
        is_acked: Says of an alert id whether somebody has taken it on.
        explainers: Open alerts that call somebody, on the same target or a parent, at this instant.
    """

    at_ms: int
    unit_ms: int
    name: tuple[str, str, str]
    is_muted: bool = False
    is_acked: Callable[[str], bool] = lambda _: False
    explainers: Sequence[Explainer] = ()

    def held(self, since_ms: int, units: int) -> bool:
        """Say whether something has held for so many epochs or windows."""
        return self.at_ms - since_ms >= units * self.unit_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What an instant led to.

    Attributes:
        episode: The state after it.
        act: What was decided; "open", "update" and "close" are published.
        reason: Why.
        starts_afresh: What found the episode has to start again from nothing.
    """

    episode: Episode | None
    act: Act
    reason: str
    starts_afresh: bool = False

    @property
    def is_published(self) -> bool:
        """Whether there is a new state to publish."""
        return self.act in {"open", "update", "close"}


def softened(severity: Severity, grades: int) -> Severity:
    """Return a severity some grades lower, "info" at least.

    Example:
        >>> softened("critical", 1)
        'warning'
    """
    return SEVERITIES[max(0, SEVERITIES.index(severity) - grades)]


def advance(episode: Episode | None, signal: Signal, around: Around) -> Turn:
    """Take one kind of alert of one target through one instant.

    Args:
        episode: After the instant before; None = there never was one.
        signal: Of the same kind.
        around: The instant, later than the one before.
    """
    if episode is None or episode.phase == "resolved":
        return _idle(episode, signal, around)
    return _pending(episode, signal, around) if episode.phase == "pending" else _open(episode, signal, around)


def end(episode: Episode, at_ms: int, reason: str) -> Turn:
    """Close whatever there is, for a reason from outside: the target was retired."""
    if not episode.is_open:
        return Turn(episode=None, act="none", reason=reason)
    return _close(episode, at_ms, reason)


def _idle(episode: Episode | None, signal: Signal, around: Around) -> Turn:
    if not signal.is_bad:
        return Turn(episode=episode, act="none", reason="nothing to tell")
    if around.is_muted:
        return Turn(episode=episode, act="none", reason="maintenance")
    fresh = Episode(kind=signal.kind, phase="pending", since_ms=around.at_ms)
    return _fire_or_wait(fresh, signal, around)


def _pending(episode: Episode, signal: Signal, around: Around) -> Turn:
    if around.is_muted:
        return Turn(episode=None, act="drop", reason="maintenance")
    if signal.is_bad is None:
        return Turn(episode=episode, act="none", reason="nothing is known")
    if not signal.is_bad:
        return Turn(episode=None, act="drop", reason="it did not last")
    return _fire_or_wait(episode, signal, around)


def _fire_or_wait(episode: Episode, signal: Signal, around: Around) -> Turn:
    if not around.held(episode.since_ms, POLICIES[signal.kind].pending):
        return Turn(episode=episode, act="pending", reason=signal.reason)
    explainer = _explainer(signal, around)
    if explainer is not None and explainer.is_own:
        waiting = msgspec.structs.replace(episode, since_ms=around.at_ms)
        return Turn(episode=waiting, act="pending", reason=f"{explainer.kind} of the same target explains it")
    opened = msgspec.structs.replace(
        episode,
        phase="firing",
        alert_id=alert_id(*around.name, around.at_ms),
        opened_ms=around.at_ms,
        shortfall=signal.figures.shortfall,
        inhibited_by=explainer.alert_id if explainer else "",
    )
    return Turn(episode=_said(opened, signal, around), act="open", reason=signal.reason)


def _explainer(signal: Signal, around: Around) -> Explainer | None:
    kinds = POLICIES[signal.kind].explained_by
    found = (one for one in around.explainers if one.kind in kinds and _explains(one, signal.figures.shortfall))
    return next(found, None)


def _explains(one: Explainer, shortfall: float | None) -> bool:
    if one.shortfall is None:
        return True
    return shortfall is not None and 0.0 < EXPLAINED * shortfall <= one.shortfall


def _said(episode: Episode, signal: Signal, around: Around) -> Episode:
    return msgspec.structs.replace(
        episode,
        sequence=episode.sequence + 1,
        said_ms=around.at_ms,
        severity=signal.severity,
        floor=signal.figures.floor,
    )


def _open(episode: Episode, signal: Signal, around: Around) -> Turn:
    if episode.inhibited_by and all(one.alert_id != episode.inhibited_by for one in around.explainers):
        closed = _close(episode, around.at_ms, "the alert that explained it has ended")
        return Turn(episode=closed.episode, act="close", reason=closed.reason, starts_afresh=True)
    if signal.is_bad is None:
        return Turn(episode=episode, act="none", reason="nothing is known")
    return _bad(episode, signal, around) if signal.is_bad else _good(episode, signal, around)


def _good(episode: Episode, signal: Signal, around: Around) -> Turn:
    good_ms = episode.good_ms or around.at_ms
    if around.held(good_ms, POLICIES[episode.kind].keep):
        return _close(episode, around.at_ms, signal.reason)
    kept = msgspec.structs.replace(episode, phase="keeping", good_ms=good_ms)
    return Turn(episode=kept, act="keep" if episode.phase == "firing" else "none", reason=signal.reason)


def _bad(episode: Episode, signal: Signal, around: Around) -> Turn:
    if episode.phase == "keeping":
        back = msgspec.structs.replace(episode, phase="firing", good_ms=0)
        return Turn(episode=back, act="flap", reason="it came back before the alert was resolved")
    news = _news(episode, signal, around)
    if news is None:
        return Turn(episode=episode, act="none", reason="nothing new")
    return Turn(episode=_said(episode, signal, around), act="update", reason=news)


def _news(episode: Episode, signal: Signal, around: Around) -> str | None:
    """Return what is worth reading, or None. Better figures are not: good news never calls."""
    if episode.inhibited_by or around.is_muted or around.is_acked(episode.alert_id):
        return None
    if SEVERITIES.index(signal.severity) > SEVERITIES.index(episode.severity):
        return f"the severity rose to {signal.severity}"
    share = signal.figures.share
    is_worse = share is not None and episode.floor is not None and share < episode.floor
    if is_worse and around.held(episode.said_ms, POLICIES[episode.kind].keep):
        return "it is worse than the interval published last"
    return None


def _close(episode: Episode, at_ms: int, reason: str) -> Turn:
    ended = msgspec.structs.replace(
        episode, phase="resolved", ended_ms=at_ms, sequence=episode.sequence + 1, said_ms=at_ms
    )
    return Turn(episode=ended, act="close", reason=reason)
