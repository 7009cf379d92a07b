"""The life cycle of an alert, as a pure function: which alerts follow from a detection, and what they say.

    (nothing) --drift--> firing, sequence 0 --recovery, or the target is retired--> resolved, sequence 1

Ids are hashes of what an episode is, so a replay, or a second judge, makes the same alerts. Text and numbers hold what
was published before: sums of whole blocks or of closed windows, and instants that end an epoch or a window.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

from streams.detect.drift import Detection, Onset
from streams.events.judging import Alert, AlertState, Target, Verdict
from streams.scores import mean_interval
from streams.targets.indicators import INDICATORS

REASONS: Mapping[str, str] = {
    "drift": "the detector found a change to the worse",
    "recovery": "the detector confirmed the recovery",
    "retired": "the target was retired",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Numbers of one alert; scores in the objective's unit.

    Attributes:
        when: Words for the time they cover.
    """

    when: str
    score: float | None
    lower: float | None
    upper: float | None
    n: int


def alert_of(detection: Detection, target: Target, verdict: Verdict) -> Alert:
    """Return the alert that a detection leads to; its figures are those since the change probably began.

    Args:
        detection: From judging the step that `verdict` describes.
        target: The version in force.
        verdict: The figures of the step.
    """
    figures = _since_onset(detection.onset, target) or _rolling(target, verdict)
    episode = _Episode(detection.turn, since_ms=detection.since_ms, at_ms=detection.at_ms)
    return _alert(episode, target, verdict, figures)


def closing_alert(target: Target, verdict: Verdict, *, since_ms: int) -> Alert:
    """Return the alert that ends an open episode because its target was retired.

    Args:
        target: The retired version; the episode ends where it becomes valid.
        verdict: The last figures.
        since_ms: Start of the episode.
    """
    at_ms = max(target.valid_from_ms, verdict.at_ms)
    return _alert(_Episode("retired", since_ms=since_ms, at_ms=at_ms), target, verdict, _rolling(target, verdict))


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


@dataclass(frozen=True, slots=True)
class _Episode:
    cause: str
    since_ms: int
    at_ms: int

    @property
    def state(self) -> AlertState:
        return "firing" if self.cause == "drift" else "resolved"


def _alert(episode: _Episode, target: Target, verdict: Verdict, figures: Figures) -> Alert:
    detector = INDICATORS[target.indicator].detector
    return Alert(
        tenant=target.tenant,
        alert_id=alert_id(target.tenant, target.target, detector, episode.since_ms),
        dedup_key=dedup_key(target.tenant, target.target, detector),
        sequence=0 if episode.state == "firing" else 1,
        target=target.target,
        version=target.version,
        detector=detector,
        state=episode.state,
        reason=REASONS[episode.cause],
        severity=target.severity,
        started_at_ms=episode.since_ms,
        at_ms=episode.at_ms,
        slice=target.slice,
        objective=target.objective,
        score=figures.score,
        lower=figures.lower,
        upper=figures.upper,
        n=figures.n,
        coverage=verdict.coverage,
        summary=_summary(episode, target, verdict, figures),
        runbook=target.runbook,
    )


def _since_onset(onset: Onset, target: Target) -> Figures | None:
    scale, shares = INDICATORS[target.indicator].scale, mean_interval(onset.moments)
    if shares is None:
        return None
    interval = scale.interval(shares)
    return Figures(
        when=f"Since {_clock(onset.since_ms)}",
        score=scale.score(onset.moments),
        lower=interval.lower,
        upper=interval.upper,
        n=onset.n,
    )


def _rolling(target: Target, verdict: Verdict) -> Figures:
    return Figures(
        when=f"Last {_span(target.window_s)}",
        score=verdict.rolling_score,
        lower=verdict.rolling_lower,
        upper=verdict.rolling_upper,
        n=verdict.rolling_n,
    )


def _summary(episode: _Episode, target: Target, verdict: Verdict, figures: Figures) -> str:
    """Say it for somebody who was just woken: what, where, how bad, how sure, since when, what to do."""
    heads = {
        "drift": f"{_what(target)} has drifted below its target.",
        "recovery": f"{_what(target)} has recovered.",
        "retired": f"{_what(target)}: the target was retired, the alert ends.",
    }
    ended = "" if episode.cause == "drift" else f", ended {_clock(episode.at_ms)}"
    sentences = (
        heads[episode.cause],
        _figures(target, figures),
        _usual(target, verdict, figures),
        _caveat(verdict),
        f"Alert raised {_clock(episode.since_ms)}{ended}.",
        f"Runbook: {target.runbook}",
    )
    return " ".join(sentence for sentence in sentences if sentence)[:2000]


def _what(target: Target) -> str:
    measure = INDICATORS[target.indicator]
    subject = f"{measure.title} ({target.metric})" if target.metric else measure.title
    where = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in target.slice.items())
    return f"{subject} in {where}" if where else f"{subject} of the whole organisation"


def _figures(target: Target, figures: Figures) -> str:
    measure = INDICATORS[target.indicator]
    promise = f"{target.objective:g}{measure.unit}"
    if figures.score is None or figures.lower is None or figures.upper is None:
        return f"{figures.when}: no figures; the target is {promise}."
    return (
        f"{figures.when}: {figures.score:.1f}{measure.unit} against {promise} "
        f"(95 % display interval {figures.lower:.1f} to {figures.upper:.1f}, {figures.n} {measure.counted})."
    )


def _usual(target: Target, verdict: Verdict, figures: Figures) -> str:
    rolling, unit = _rolling(target, verdict), INDICATORS[target.indicator].unit
    if rolling.score is None or rolling.when == figures.when:
        return ""
    return f"{rolling.when}: {rolling.score:.1f}{unit}."


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
