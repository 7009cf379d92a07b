"""Judging: one target, one epoch of released blocks (or one closed window) after the other. A pure fold.

The verdict belongs to a calendar period (or to the rest of it from a new promise on) and comes from an always-valid
interval. What exclusions take out is kept beside it, so that both verdicts can be told. The rolling figures are for
display. Drift has its own detector, which runs on across periods and starts anew with a new promise; an episode that is
open then stays open until the new promise is kept again. A target version that promises the same changes none of it.

The state is all that the next owner of the target needs; it is stored with each verdict.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from streams.detect import DETECTORS, Detector
from streams.detect.confidence import UNIT, Weights, always_valid, weigh
from streams.detect.drift import Detection, DriftState, Onset
from streams.detect.observation import Observation, moments_of
from streams.errors import InvariantError
from streams.events.judging import Target, Verdict, VerdictKind
from streams.judging.absence import AbsenceState, Heard, listen
from streams.judging.actions import Standing, overlaps
from streams.judging.burn import burn_spans
from streams.judging.shift import shifted
from streams.judging.state import RECENT, JudgeState, Ruler, Step
from streams.scores import Interval, Moments, mean_interval, trend
from streams.spans import added, rolled
from streams.targets.indicators import INDICATORS
from streams.targets.periods import period_start
from streams.targets.versions import is_same_series, promise_of

ALPHA = 0.05
"""Probability that a period's interval ever leaves out a stable true mean."""

ABSENCE_RARER = 10.0
"""How much rarer a false alarm of silence is than one of drift: it takes a tenth of the target's budget."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What one step led to."""

    state: JudgeState
    verdict: Verdict
    detection: Detection | None


def detector_for(target: Target, ruler: Ruler) -> Detector:
    """Return the target's drift detector; run lengths are stated in answers, a block holds at least k of them."""
    measure = INDICATORS[target.indicator]
    return DETECTORS[measure.detector](
        mean=measure.scale.share(target.objective),
        level=target.run_length / ruler.per_observation,
        recovery_level=target.recovery_length / ruler.per_observation,
    )


def judge_epoch(
    state: JudgeState | None,
    target: Target,
    step: Step,
    ruler: Ruler,
    *,
    standing: Standing = Standing(),  # noqa: B008 - immutable
    past: Callable[[], Iterable[Step]] = tuple,
) -> Judged:
    """Fold one step into the state and say what is known now.

    Args:
        state: After the step before; None = the target was never judged.
        target: The version that is in force at `step.at_ms`.
        step: One epoch or window, later than the state's.
        ruler: The grid.
        standing: What operators have said by then.
        past: Returns earlier steps of this target, those in exclusions at least; asked only when exclusions changed.

    Raises:
        InvariantError: The step is not later than the state.
    """
    if state is not None and step.at_ms <= state.at_ms:
        raise InvariantError(f"{target.target} was judged up to {state.at_ms} already, not later than {step.at_ms}")
    before = begun(state, target, step.at_ms)
    usable = () if standing.is_excluded else step.observations
    watched = detector_for(target, ruler).watch(before.drift, usable, at_ms=step.at_ms)
    after = msgspec.structs.replace(
        before,
        at_ms=step.at_ms,
        weights=weigh(before.weights, step.observations),
        scope_n=before.scope_n + step.scope_n,
        named_n=before.named_n + step.named_n,
        spans=rolled(
            before.spans,
            step.observations,
            at_ms=step.at_ms,
            window_ms=target.window_s * 1000,
            unit_ms=ruler.unit_ms,
        ),
        drift=watched.state,
        excluded=_excluded(before, target, step, standing, past, ruler),
        exclusions=standing.exclusions,
        turned=_turned(before.turned, watched.detection, usable),
        absence=_listened(before.absence, target, step, standing, ruler),
        recent=rolled(
            before.recent,
            step.observations,
            at_ms=step.at_ms,
            window_ms=RECENT * ruler.unit_ms,
            unit_ms=ruler.unit_ms,
        ),
        shift=before.shift
        if standing.is_muted
        else shifted(before.shift, target, usable, at_ms=step.at_ms, unit_ms=ruler.unit_ms),
        burnt=burn_spans(before.burnt, target.burn, usable, at_ms=step.at_ms, unit_ms=ruler.unit_ms),
    )
    return Judged(
        state=after, verdict=verdict_of(after, target, evidence=watched.evidence), detection=watched.detection
    )


def verdict_begin(state: JudgeState, target: Target, at_ms: int) -> int:
    """Return where the verdict begins that holds at `at_ms`: with the calendar period or the promise; ms UTC."""
    return max(period_start(target.period, at_ms), state.promised_ms)


def _excluded(
    before: JudgeState,
    target: Target,
    step: Step,
    standing: Standing,
    past: Callable[[], Iterable[Step]],
    ruler: Ruler,
) -> Weights:
    """Return what exclusions take out of the verdict, this step included."""
    excluded = before.excluded
    if standing.exclusions != before.exclusions:
        begin_ms = verdict_begin(before, target, step.at_ms)
        out = [one for one in past() if begin_ms < one.at_ms <= before.at_ms and _is_out(one, standing, ruler)]
        excluded = weigh((), [observation for one in out for observation in one.observations])
    return weigh(excluded, step.observations) if standing.is_excluded else excluded


def _is_out(step: Step, standing: Standing, ruler: Ruler) -> bool:
    return any(overlaps(one, (step.at_ms - ruler.unit_ms, step.at_ms)) for one in standing.exclusions)


def _turned(turned: Onset, detection: Detection | None, observations: Iterable[Observation]) -> Onset:
    """Return the figures since the last turn; nothing before the first one."""
    if detection is not None:
        return detection.onset
    if not turned.since_ms:
        return turned
    sums = sum(map(moments_of, observations), start=turned.moments)
    return msgspec.structs.replace(turned, n=sums.n, total=sums.total, squares=sums.squares)


def _listened(state: AbsenceState, target: Target, step: Step, standing: Standing, ruler: Ruler) -> AbsenceState:
    """Return what is known of the silence; what operators have announced is neither usual nor a silence."""
    if standing.is_muted or standing.is_excluded:
        return state
    level = ABSENCE_RARER * target.run_length / ruler.per_observation
    return listen(state, Heard(at_ms=step.at_ms, chances=step.chances, hits=step.hits), level=level)


def decide(n: int, shares: Interval, *, objective: float, least: int) -> VerdictKind:
    """Return the verdict of a period.

    Args:
        n: Answers or windows in the period; count.
        shares: Always-valid interval of the mean share.
        objective: The promise, as a share.
        least: `n` below which nothing is said.
    """
    if n == 0:
        return "no_data"
    if n < least:
        return "too_few"
    if shares.lower >= objective:
        return "met"
    return "missed" if shares.upper < objective else "undecided"


def begun(state: JudgeState | None, target: Target, at_ms: int) -> JudgeState:
    """Return the state to add an instant to: a new period restarts the counts, a new promise all but an open episode.

    Args:
        state: After the instant before; None = the target was never judged.
        target: The version in force.
        at_ms: End of the epoch or window; ms UTC.
    """
    period_ms = period_start(target.period, at_ms)
    if state is None:
        promise = promise_of(target)
        return JudgeState(
            version=target.version, at_ms=0, period_ms=period_ms, promise=promise, promised_ms=target.valid_from_ms
        )
    after = _promised(state, target)
    if after.promise == state.promise and after.period_ms == period_ms:
        return after
    is_older = not state.promise and state.version == target.version and after.period_ms == period_ms
    return after if is_older else _without_counts(after, period_ms)


def _promised(state: JudgeState, target: Target) -> JudgeState:
    """Return the state under a version: what promises the same changes nothing."""
    if state.promise and state.version == target.version:
        return state
    promise = promise_of(target)
    after = msgspec.structs.replace(state, version=target.version, promise=promise)
    if promise == state.promise:
        return after
    after = msgspec.structs.replace(after, promised_ms=target.valid_from_ms)
    if not state.promise and state.version == target.version:
        return after
    after = msgspec.structs.replace(after, drift=DriftState(since_ms=state.drift.since_ms))
    return after if is_same_series(state.promise, promise) else _unlearned(after)


def _without_counts(state: JudgeState, period_ms: int) -> JudgeState:
    return msgspec.structs.replace(state, period_ms=period_ms, weights=(), excluded=(), scope_n=0, named_n=0)


def _unlearned(state: JudgeState) -> JudgeState:
    """Return the state without what was seen of another series: another metric, say."""
    return msgspec.structs.replace(state, spans=(), recent=(), burnt=(), shift=None, absence=AbsenceState(), heard_ms=0)


def verdict_of(state: JudgeState, target: Target, *, evidence: float) -> Verdict:
    """Return what a state says about its target; `evidence` is the detector's mean over its level."""
    scale = INDICATORS[target.indicator].scale
    weights = less(state.weights, state.excluded)
    period, plain = period_moments(weights), period_moments(state.weights)
    interval = scale.interval(always_valid(weights, alpha=ALPHA)) if period.n else None
    rolling = added(state.spans)
    display = mean_interval(rolling)
    shown = scale.interval(display) if display else None
    middle_ms = state.at_ms - target.window_s * 500
    return Verdict(
        tenant=target.tenant,
        target=target.target,
        version=target.version,
        at_ms=state.at_ms,
        verdict=_decided(weights, target),
        score=scale.score(period),
        lower=interval.lower if interval else None,
        upper=interval.upper if interval else None,
        n=period.n,
        rolling_score=scale.score(rolling),
        rolling_lower=shown.lower if shown else None,
        rolling_upper=shown.upper if shown else None,
        rolling_n=rolling.n,
        trend=trend(added(state.spans, before_ms=middle_ms), added(state.spans, since_ms=middle_ms)),
        coverage=state.named_n / state.scope_n if state.scope_n else None,
        evidence=evidence,
        drifting=state.drift.since_ms is not None,
        excluded_n=plain.n - period.n,
        plain_verdict=_decided(state.weights, target),
        plain_score=scale.score(plain),
    )


def _decided(weights: Weights, target: Target) -> VerdictKind:
    objective = INDICATORS[target.indicator].scale.share(target.objective)
    shares = always_valid(weights, alpha=ALPHA)
    return decide(period_moments(weights).n, shares, objective=objective, least=target.min_respondents)


def less(weights: Weights, excluded: Weights) -> Weights:
    """Return the weights without those that are excluded; exact."""
    if not excluded:
        return weights
    out = dict(excluded)
    return tuple((node, rest) for node, weight in weights if (rest := weight - out.get(node, 0)))


def period_moments(weights: Weights) -> Moments:
    """Return count and sum of the shares behind the weights; splitting keeps both exactly."""
    n = sum(weight for _, weight in weights) // UNIT
    return Moments(n=n, total=sum(node * weight for node, weight in weights) // UNIT)


__all__ = [
    "ALPHA",
    "JudgeState",
    "Judged",
    "Ruler",
    "Step",
    "begun",
    "decide",
    "detector_for",
    "judge_epoch",
    "less",
    "period_moments",
    "verdict_begin",
    "verdict_of",
]
