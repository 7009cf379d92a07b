"""The life cycle of an alert, as a pure function: which alerts follow from a detection, and what they say.

    (nothing) --drift--> firing, sequence 0 --recovery, or the target is retired--> resolved, sequence 1

Ids are hashes of what an episode is, so a replay, or a second judge, makes the same alerts. Text and numbers hold what
was published before: sums of whole blocks or of closed windows, and instants that end an epoch or a window.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b

from streams.detect.drift import Detection
from streams.events.judging import Alert, AlertState, Target, Verdict
from streams.targets.indicators import INDICATORS

REASONS: Mapping[str, str] = {
    "drift": "the detector found a change to the worse",
    "recovery": "the detector confirmed the recovery",
    "retired": "the target was retired",
}


def alert_of(detection: Detection, target: Target, verdict: Verdict) -> Alert:
    """Return the alert that a detection leads to.

    Args:
        detection: From judging the step that `verdict` describes.
        target: The version in force.
        verdict: The figures of the step.
    """
    state: AlertState = "firing" if detection.turn == "drift" else "resolved"
    return _alert(state, detection.turn, target, verdict, since_ms=detection.since_ms, at_ms=detection.at_ms)


def closing_alert(target: Target, verdict: Verdict, *, since_ms: int) -> Alert:
    """Return the alert that ends an open episode because its target was retired.

    Args:
        target: The retired version; the episode ends where it becomes valid.
        verdict: The last figures.
        since_ms: Start of the episode.
    """
    at_ms = max(target.valid_from_ms, verdict.at_ms)
    return _alert("resolved", "retired", target, verdict, since_ms=since_ms, at_ms=at_ms)


def alert_id(tenant: str, target: str, detector: str, started_at_ms: int) -> str:
    """Return the id of one episode; 32 hexadecimal digits."""
    return _hash(tenant, target, detector, str(started_at_ms))


def dedup_key(tenant: str, target: str, detector: str) -> str:
    """Return the key that all episodes of a target and detector share, whatever the version; 32 hexadecimal digits."""
    return _hash(tenant, target, detector)


def _hash(*parts: str) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()


def _alert(state: AlertState, cause: str, target: Target, verdict: Verdict, *, since_ms: int, at_ms: int) -> Alert:
    detector = INDICATORS[target.indicator].detector
    return Alert(
        tenant=target.tenant,
        alert_id=alert_id(target.tenant, target.target, detector, since_ms),
        dedup_key=dedup_key(target.tenant, target.target, detector),
        sequence=0 if state == "firing" else 1,
        target=target.target,
        version=target.version,
        detector=detector,
        state=state,
        reason=REASONS[cause],
        severity=target.severity,
        started_at_ms=since_ms,
        at_ms=at_ms,
        slice=target.slice,
        objective=target.objective,
        score=verdict.rolling_score,
        lower=verdict.rolling_lower,
        upper=verdict.rolling_upper,
        n=verdict.rolling_n,
        coverage=verdict.coverage,
        summary=_summary(cause, target, verdict, since_ms=since_ms, at_ms=at_ms),
        runbook=target.runbook,
    )


def _summary(cause: str, target: Target, verdict: Verdict, *, since_ms: int, at_ms: int) -> str:
    """Say it for somebody who was just woken: what, where, how bad, how sure, since when, what to do."""
    heads = {
        "drift": f"{_what(target)} has drifted below its target.",
        "recovery": f"{_what(target)} has recovered.",
        "retired": f"{_what(target)}: the target was retired, the alert ends.",
    }
    times = f"Alert raised {_clock(since_ms)}" + (f", ended {_clock(at_ms)}." if cause != "drift" else ".")
    sentences = (heads[cause], _figures(target, verdict), _caveat(verdict), times, f"Runbook: {target.runbook}")
    return " ".join(sentence for sentence in sentences if sentence)[:2000]


def _what(target: Target) -> str:
    measure = INDICATORS[target.indicator]
    subject = f"{measure.title} ({target.metric})" if target.metric else measure.title
    where = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in target.slice.items())
    return f"{subject} in {where}" if where else f"{subject} of the whole organisation"


def _figures(target: Target, verdict: Verdict) -> str:
    measure = INDICATORS[target.indicator]
    promise = f"{target.objective:g}{measure.unit}"
    if verdict.rolling_score is None or verdict.rolling_lower is None or verdict.rolling_upper is None:
        return f"No figures in the last {_span(target.window_s)}; the target is {promise}."
    return (
        f"Last {_span(target.window_s)}: {verdict.rolling_score:.1f}{measure.unit} against {promise} "
        f"(95 % display interval {verdict.rolling_lower:.1f} to {verdict.rolling_upper:.1f}, "
        f"{verdict.rolling_n} {measure.counted})."
    )


def _caveat(verdict: Verdict) -> str:
    if verdict.coverage is None or verdict.coverage >= 0.8:
        return ""
    return f"Only {100 * verdict.coverage:.0f} % of the released answers name this slice."


def _span(window_s: int) -> str:
    for unit, length_s in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if window_s >= 2 * length_s and window_s % length_s == 0:
            return f"{window_s // length_s} {unit}"
    return f"{window_s} seconds"


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
