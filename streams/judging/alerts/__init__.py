"""From a turn of the life cycle to the alert that is published. Pure."""

from streams.errors import InvariantError
from streams.events.judging import Alert, AlertKind, Target, Verdict
from streams.judging.alert_ids import alert_id, dedup_key
from streams.judging.alerts.text import EXPLAINER_ENDED, RETIRED, Told, clock, rolling_figures, summary_of
from streams.judging.life_cycle import Figures, Turn
from streams.targets.indicators import INDICATORS


def detector_name(kind: AlertKind, target: Target) -> str:
    """Return what raises alerts of a kind; part of their ids, so it never changes."""
    return INDICATORS[target.indicator].detector if kind == "drift" else kind.replace("_", "-")


def alert_of(turn: Turn, target: Target, verdict: Verdict, figures: Figures) -> Alert:
    """Return the alert that a turn publishes.

    Args:
        turn: Of one of the target's episodes, with something to publish.
        target: The version in force.
        verdict: What was judged at the same instant.
        figures: Numbers of the alert.

    Raises:
        InvariantError: The turn publishes nothing.
    """
    episode = turn.episode
    if episode is None or not turn.is_published:
        raise InvariantError(f"{target.target}: {turn.act} is nothing to publish")
    told = Told(
        kind=episode.kind,
        act=turn.act,
        reason=turn.reason,
        opened_ms=episode.opened_ms,
        at_ms=episode.said_ms,
        is_inhibited=bool(episode.inhibited_by),
    )
    detector = detector_name(episode.kind, target)
    return Alert(
        tenant=target.tenant,
        alert_id=episode.alert_id,
        dedup_key=dedup_key(target.tenant, target.target, detector),
        sequence=episode.sequence - 1,
        target=target.target,
        version=target.version,
        detector=detector,
        state="resolved" if turn.act == "close" else "firing",
        reason=turn.reason,
        severity=episode.severity,
        started_at_ms=episode.opened_ms,
        at_ms=episode.said_ms,
        slice=target.slice,
        objective=target.objective,
        score=figures.score,
        lower=figures.lower,
        upper=figures.upper,
        n=figures.n,
        coverage=verdict.coverage,
        summary=summary_of(told, target, verdict, figures),
        runbook=target.runbook,
        kind=episode.kind,
        calls="inhibited" if episode.inhibited_by else "yes",
        inhibited_by=episode.inhibited_by,
    )


__all__ = [
    "EXPLAINER_ENDED",
    "RETIRED",
    "alert_id",
    "alert_of",
    "clock",
    "dedup_key",
    "detector_name",
    "rolling_figures",
]
