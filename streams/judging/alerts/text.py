"""What an alert says to people: what, where, how bad, how sure, since when, what to do.

It is read by somebody who was just woken. Text and numbers hold what was published before: sums of whole blocks or of
closed windows, and instants that end an epoch or a window.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.events.judging import AlertKind, Target, Verdict
from streams.judging.life_cycle import Act, Figures
from streams.targets.indicators import INDICATORS

MAX_LENGTH = 2000

_SIDES = {"at least": "below", "at most": "above"}
_BEGINNINGS: Mapping[AlertKind, str] = {
    "drift": "{what} has drifted {side} its target.",
    "slow_burn": "{what} is on its way to miss its target for the {period}.",
    "absence": "{what} has fallen silent: {counted} usually come at this time of the day.",
    "shift": "{what} is worse than it usually is.",
    "watermelon": "{what} is missed while the service level is met.",
}
_ENDS: Mapping[AlertKind, str] = {
    "drift": "{what} has recovered.",
    "slow_burn": "{what} no longer burns towards a miss.",
    "absence": "{what} speaks again.",
    "shift": "{what} is no longer worse than usual.",
    "watermelon": "{what} and the service level agree again.",
}
RETIRED = "the target was retired"
EXPLAINER_ENDED = "the alert that explained it has ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a sentence about an alert needs to know.

    Attributes:
        reason: Why it is in this state.
        opened_ms: When it fired; ms UTC.
        at_ms: Instant of this state.
        is_inhibited: Another alert explains it.
    """

    kind: AlertKind
    act: Act
    reason: str
    opened_ms: int
    at_ms: int
    is_inhibited: bool


def summary_of(told: Told, target: Target, verdict: Verdict, figures: Figures) -> str:
    """Return the text of one state of an alert; at most `MAX_LENGTH` characters."""
    ended = f", ended {clock(told.at_ms)}" if told.act == "close" else ""
    sentences = (
        _head(told, target),
        "" if told.kind == "absence" else _figures(target, figures),
        "" if told.kind == "absence" else _usual(target, verdict, figures),
        _caveat(verdict),
        f"Why: {told.reason}." if told.kind in {"slow_burn", "shift"} or told.act == "update" else "",
        "Another alert explains it; this one calls nobody." if told.is_inhibited else "",
        f"Alert raised {clock(told.opened_ms)}{ended}.",
        f"Runbook: {target.runbook}",
    )
    return " ".join(sentence for sentence in sentences if sentence)[:MAX_LENGTH]


def rolling_figures(target: Target, verdict: Verdict) -> Figures:
    """Return the figures of the display window."""
    scale = INDICATORS[target.indicator].scale
    share = None if verdict.rolling_score is None else scale.share(verdict.rolling_score)
    return Figures(
        when=f"Last {span(target.window_s)}",
        score=verdict.rolling_score,
        lower=verdict.rolling_lower,
        upper=verdict.rolling_upper,
        n=verdict.rolling_n,
        share=share,
    )


def clock(at_ms: int) -> str:
    """Return an instant for people, UTC to the second."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span(window_s: int) -> str:
    """Return a length of time for people.

    Example:
        >>> span(604_800)
        '7 days'
    """
    for unit, length_s in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if window_s >= 2 * length_s and window_s % length_s == 0:
            return f"{window_s // length_s} {unit}"
    return f"{window_s} seconds"


def _head(told: Told, target: Target) -> str:
    measure = INDICATORS[target.indicator]
    words = {
        "what": _what(target),
        "side": _SIDES[measure.direction],
        "period": target.period,
        "counted": measure.counted,
    }
    if told.act == "update":
        return "{what} has got worse.".format(**words)
    if told.act != "close":
        return _BEGINNINGS[told.kind].format(**words)
    if told.reason == RETIRED:
        return "{what}: the target was retired, the alert ends.".format(**words)
    if told.reason == EXPLAINER_ENDED:
        return "{what}: the alert that explained this one has ended; it is looked at afresh.".format(**words)
    return _ENDS[told.kind].format(**words)


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
    rolling, unit = rolling_figures(target, verdict), INDICATORS[target.indicator].unit
    if rolling.score is None or rolling.when == figures.when:
        return ""
    return f"{rolling.when}: {rolling.score:.1f}{unit}."


def _caveat(verdict: Verdict) -> str:
    if verdict.coverage is None or verdict.coverage >= 0.8:
        return ""
    return f"Only {100 * verdict.coverage:.0f} % of the released answers name this slice."
