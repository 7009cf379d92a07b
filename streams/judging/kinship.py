"""Who speaks for whom: open alerts of a target itself, of a more general one, or of nothing coming at all. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from streams.events.judging import AlertKind, Target
from streams.judging.life_cycle import EXPLAINED, Episode, Explainer
from streams.judging.state import JudgeState
from streams.scores import PPM, Moments
from streams.spans import added
from streams.targets.indicators import INDICATORS

LEAST_REST = 0.25
"""What a parent has beside its child, over what the child has: with less it is much the same thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """A target of a family and what is known of it; None = it was never judged."""

    target: Target
    state: JudgeState | None

    def open_at(self, at_ms: int) -> list[Episode]:
        """Return its alerts that are open at an instant and call by themselves."""
        episodes = self.state.episodes if self.state is not None else ()
        return [one for one in episodes if one.was_open(at_ms) and not one.inhibited_by]


def is_parent(one: Target, other: Target) -> bool:
    """Say whether one target's slice contains the other's, and more."""
    return one.slice.items() < other.slice.items()


def explainers_of(
    mine: Relative, kind: AlertKind, others: Iterable[Relative], *, at_ms: int, is_silent: bool
) -> list[Explainer]:
    """Return the open alerts that may speak for one kind of alert of a target, the most general first.

    Args:
        mine: The target.
        kind: What is to be explained.
        others: Of the same family, the most general first.
        at_ms: The instant; ms UTC.
        is_silent: Nothing at all was published at it.
    """
    own = [one for one in mine.open_at(at_ms) if one.kind != kind]
    found = [Explainer(alert_id=one.alert_id, kind=one.kind, shortfall=None, is_own=True) for one in own]
    for other in others:
        found += _of_other(mine, other, kind, at_ms, is_silent)
    return found


def _of_other(mine: Relative, other: Relative, kind: AlertKind, at_ms: int, is_silent: bool) -> list[Explainer]:
    """Return what another target's alerts may explain: those of a parent, and silence where nothing comes at all."""
    is_general = is_parent(other.target, mine.target)
    speaking = [one for one in other.open_at(at_ms) if is_general or (one.kind == "absence" and is_silent)]
    if not speaking:
        return []
    is_accounted = _falls_alike(other, mine) if kind == "shift" else _accounts_for(other, mine, at_ms)
    shortfall = None if is_general and is_accounted else 0.0
    return [
        Explainer(alert_id=one.alert_id, kind=one.kind, shortfall=None if one.kind == "absence" else shortfall)
        for one in speaking
    ]


def _accounts_for(parent: Relative, child: Relative, at_ms: int) -> bool:
    """Say whether a parent is as bad as its child since the child changed; answers of the child itself do not count.

    Else it is the child that explains the parent. Windows of telemetry cannot be taken apart: they count as they are.
    """
    if parent.state is None or child.state is None:
        return False
    since_ms = child.state.turned.since_ms
    is_recent = bool(child.state.recent) and child.state.recent[0].start_ms < since_ms
    if not is_recent and parent.target.window_s != child.target.window_s:
        return False
    spans = [state.recent if is_recent else state.spans for state in (child.state, parent.state)]
    begin_ms = max((span.start_ms for span in spans[0] if span.start_ms < since_ms), default=0)
    mine, whole = (added(some, since_ms=begin_ms, before_ms=at_ms) for some in spans)
    is_apart = INDICATORS[child.target.indicator].reads == "blocks"
    rest = Moments(n=whole.n - mine.n, total=whole.total - mine.total) if is_apart else whole
    if not mine.n or LEAST_REST * mine.n > rest.n:
        return False
    return 0.0 < EXPLAINED * _shortfall(mine, child.target) <= _shortfall(rest, parent.target)


def _falls_alike(parent: Relative, child: Relative) -> bool:
    """Say whether a parent fell below what is usual by as much as its child, or both only go up and down more."""
    mine, whole = ((one.state.shift if one.state else None) for one in (child, parent))
    return mine is not None and whole is not None and EXPLAINED * max(0.0, mine.fall) <= max(0.0, whole.fall)


def _shortfall(moments: Moments, target: Target) -> float:
    return INDICATORS[target.indicator].scale.share(target.objective) - moments.total / (moments.n * PPM)
