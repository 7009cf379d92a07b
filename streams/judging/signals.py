"""What each kind of alert has to say about a target that was just judged. Pure.

A new kind is one function here and one line in `SIGNALS`, beside its policy in `streams.judging.life_cycle`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from streams.events.judging import AlertKind, Severity, Target, Verdict
from streams.judging.absence import AbsenceState
from streams.judging.alerts import clock, rolling_figures
from streams.judging.burn import burning_rule, period_burns
from streams.judging.life_cycle import POLICIES, Figures, Signal, softened
from streams.judging.shift import ShiftState
from streams.judging.verdicts import JudgeState, Step, less, verdict_begin
from streams.scores import PPM, Interval, Moments, mean_interval
from streams.spans import added
from streams.targets.burn import burn_rules
from streams.targets.indicators import INDICATORS

DRIFT = "the detector found a change to the worse"
RECOVERY = "the detector confirmed the recovery"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A target at one instant.

    Attributes:
        state: After judging it.
        burned: It burned at the instant before: what ends it is milder than what began it.
    """

    target: Target
    state: JudgeState
    verdict: Verdict
    step: Step
    burned: bool = False


def _drift(seen: Seen) -> Signal:
    is_bad = seen.state.drift.since_ms is not None
    figures = _of_moments(seen, seen.state.turned.moments, seen.state.turned.since_ms)
    return _signal("drift", is_bad, seen, DRIFT if is_bad else RECOVERY, figures)


def _slow_burn(seen: Seen) -> Signal:
    target, state = seen.target, seen.state
    objective = INDICATORS[target.indicator].scale.share(target.objective)
    if _is_missing(seen, objective):
        reason = f"at this rate the {target.period} will be missed"
        return _signal("slow_burn", True, seen, reason, _of_period(seen))
    burning = burning_rule(burn_rules(target.burn), state.burnt, objective=objective, at_ms=state.at_ms)
    if burning is None:
        return _signal("slow_burn", False, seen, "it is no longer evident that the target will be missed", None)
    rule, moments = burning
    reason = f"the budget of the {target.period} goes {rule.rate:g} times too fast, or faster"
    return _signal("slow_burn", True, seen, reason, _of_moments(seen, moments, state.at_ms - 1000 * rule.long_s))


def _is_missing(seen: Seen, objective: float) -> bool:
    """Say whether the period is being missed, and the display window says that this goes on."""
    rolling = added(seen.state.spans)
    recent = mean_interval(rolling)
    if seen.verdict.verdict != "missed" or recent is None:
        return False
    if seen.burned:
        return rolling.total < objective * PPM * rolling.n
    return recent.upper < objective and period_burns(less(seen.state.weights, seen.state.excluded), objective)


def _absence(seen: Seen) -> Signal:
    absence = seen.state.absence
    figures = Figures(when="No figures")
    if absence.is_absent and not seen.step.chances:
        return _signal("absence", None, seen, "nothing could have come", figures)
    return _signal("absence", absence.is_absent, seen, _silence(absence), figures)


def _silence(absence: AbsenceState) -> str:
    return f"nothing has come since {clock(absence.silent_ms)}" if absence.is_absent else "it speaks again"


def _shift(seen: Seen) -> Signal:
    shift = seen.state.shift
    if shift is None:
        return _signal("shift", False, seen, "there are no windows", None)
    recent = added(seen.state.recent)
    figures = _of_moments(seen, recent, seen.state.recent[0].start_ms) if seen.state.recent else None
    if figures is not None:
        figures = replace(figures, shortfall=shift.fall)
    return _signal("shift", shift.is_shifted, seen, _unusual(shift, seen.target), figures)


def _unusual(shift: ShiftState, target: Target) -> str:
    if not shift.is_shifted:
        is_settled = shift.turn == "settled"
        return "it has lasted for a day and is what is usual now" if is_settled else "it is as usual again"
    measure = INDICATORS[target.indicator]
    usual = f"{measure.scale.at(shift.usual or 0.0):.1f}{measure.unit} is usual at this time"
    if shift.beyond == ("spread",):
        return f"it goes up and down more than in the week before; {usual}"
    return f"{usual}, and the week before fell as far no more than once"


SIGNALS: Mapping[AlertKind, Callable[[Seen], Signal]] = {
    "absence": _absence,
    "drift": _drift,
    "slow_burn": _slow_burn,
    "shift": _shift,
}
"""Kind -> what it has to say, in the order in which kinds are decided within an instant."""


def severity_of(kind: AlertKind, target: Target) -> Severity:
    """Return how urgent an alert is: people who fall silent are less urgent than devices that do."""
    is_soft = kind == "absence" and INDICATORS[target.indicator].is_feedback
    return softened(target.severity, POLICIES[kind].softer + is_soft)


def _signal(kind: AlertKind, is_bad: bool | None, seen: Seen, reason: str, figures: Figures | None) -> Signal:
    shown = figures or rolling_figures(seen.target, seen.verdict)
    severity = severity_of(kind, seen.target)
    return Signal(kind=kind, is_bad=is_bad, severity=severity, reason=reason, figures=shown)


def _of_moments(seen: Seen, moments: Moments, since_ms: int) -> Figures | None:
    shares = mean_interval(moments)
    if shares is None:
        return None
    score = INDICATORS[seen.target.indicator].scale.score(moments)
    return _figures(seen.target, f"Since {clock(since_ms)}", score, shares, moments.n)


def _of_period(seen: Seen) -> Figures | None:
    verdict, scale = seen.verdict, INDICATORS[seen.target.indicator].scale
    if verdict.lower is None or verdict.upper is None:
        return None
    ends = sorted((scale.share(verdict.lower), scale.share(verdict.upper)))
    since_ms = verdict_begin(seen.state, seen.target, verdict.at_ms)
    shares = Interval(lower=ends[0], upper=ends[1])
    return _figures(seen.target, f"Since {clock(since_ms)}", verdict.score, shares, verdict.n)


def _figures(target: Target, when: str, score: float | None, shares: Interval, n: int) -> Figures:
    scale = INDICATORS[target.indicator].scale
    interval = scale.interval(shares)
    share = None if score is None else scale.share(score)
    return Figures(
        when=when,
        score=score,
        lower=interval.lower,
        upper=interval.upper,
        n=n,
        share=share,
        floor=shares.lower,
        shortfall=None if share is None else scale.share(target.objective) - share,
    )
