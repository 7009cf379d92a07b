"""Judging: one target, one epoch of released blocks (or one closed window) after the other. A pure fold.

The verdict belongs to a calendar period (or to the rest of it from a new target version on) and comes from an
always-valid interval. The rolling figures are for display. Drift has its own detector, which runs on across periods
and starts anew with a new version; an episode that is open then stays open until the new promise is kept again.

The state is all that the next owner of the target needs; it is stored with each verdict.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from streams.detect import DETECTORS, Detector
from streams.detect.confidence import UNIT, Weights, always_valid, weigh
from streams.detect.drift import Detection, DriftState
from streams.detect.observation import Observation, moments_of
from streams.errors import InvariantError
from streams.events.judging import Target, Verdict, VerdictKind
from streams.scores import Interval, Moments, mean_interval, trend
from streams.targets.indicators import INDICATORS
from streams.targets.periods import period_start

ALPHA = 0.05
"""Probability that a period's interval ever leaves out a stable true mean."""

MAX_SPANS = 56
"""Parts of the rolling window: 3 hours each in 7 days."""


class Span(msgspec.Struct, frozen=True, array_like=True):
    """Moments of the epochs or windows that end in (start_ms, start_ms + span length]."""

    start_ms: int
    n: int
    total: int
    squares: int

    @property
    def moments(self) -> Moments:
        """The sums as a value that adds up."""
        return Moments(n=self.n, total=self.total, squares=self.squares)


class JudgeState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is remembered of one target.

    Attributes:
        format: Changes when fields or their meaning change.
        version: Target version that judged last.
        at_ms: End of the last epoch or window that is contained.
        period_ms: Start of the calendar period.
        weights: Shares seen in the period since the version began (`streams.detect.confidence`).
        scope_n: Released answers of the whole tenant in the same time; 0 for telemetry.
        named_n: Those among them whose labels name all dimensions of the slice.
        spans: Parts of the rolling window, oldest first.
        drift: The detector's state.
    """

    format: int = 1
    version: int
    at_ms: int
    period_ms: int
    weights: Weights = ()
    scope_n: int = 0
    named_n: int = 0
    spans: tuple[Span, ...] = ()
    drift: DriftState = DriftState()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One epoch or window as one target sees it.

    Attributes:
        at_ms: Its end; ms UTC.
        observations: The slice's blocks in block order, or its window; empty = nothing for this slice.
        scope_n: Answers released to the whole tenant in this epoch; count.
        named_n: Those whose block names all dimensions of the slice; count.
    """

    at_ms: int
    observations: tuple[Observation, ...]
    scope_n: int = 0
    named_n: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruler:
    """The grid that a target is judged on.

    Attributes:
        unit_ms: Length of an epoch or window; milliseconds.
        per_observation: Least number of answers in an observation: k for blocks, 1 for windows.
    """

    unit_ms: int
    per_observation: int


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


def judge_epoch(state: JudgeState | None, target: Target, step: Step, ruler: Ruler) -> Judged:
    """Fold one step into the state and say what is known now.

    Args:
        state: After the step before; None = the target was never judged.
        target: The version that is in force at `step.at_ms`.
        step: One epoch or window, later than the state's.
        ruler: The grid.

    Raises:
        InvariantError: The step is not later than the state.
    """
    if state is not None and step.at_ms <= state.at_ms:
        raise InvariantError(f"{target.target} was judged up to {state.at_ms} already, not later than {step.at_ms}")
    before = _begun(state, target, step.at_ms)
    watched = detector_for(target, ruler).watch(before.drift, step.observations, at_ms=step.at_ms)
    after = msgspec.structs.replace(
        before,
        at_ms=step.at_ms,
        weights=weigh(before.weights, step.observations),
        scope_n=before.scope_n + step.scope_n,
        named_n=before.named_n + step.named_n,
        spans=_rolled(before.spans, step, window_ms=target.window_s * 1000, unit_ms=ruler.unit_ms),
        drift=watched.state,
    )
    return Judged(
        state=after, verdict=verdict_of(after, target, evidence=watched.evidence), detection=watched.detection
    )


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


def _begun(state: JudgeState | None, target: Target, at_ms: int) -> JudgeState:
    """Return the state to add the step to: a new period restarts the counts, a new version all but an open episode."""
    period_ms = period_start(target.period, at_ms)
    if state is None:
        return JudgeState(version=target.version, at_ms=0, period_ms=period_ms)
    if state.version != target.version:
        drift = DriftState(since_ms=state.drift.since_ms)
    elif state.period_ms != period_ms:
        drift = state.drift
    else:
        return state
    return JudgeState(version=target.version, at_ms=state.at_ms, period_ms=period_ms, spans=state.spans, drift=drift)


def _rolled(spans: tuple[Span, ...], step: Step, *, window_ms: int, unit_ms: int) -> tuple[Span, ...]:
    """Return the spans with the step added and those dropped that reach out of the window."""
    length_ms = unit_ms * max(1, -(-window_ms // (MAX_SPANS * unit_ms)))
    start_ms = (step.at_ms - 1) // length_ms * length_ms
    sums = {span.start_ms: span.moments for span in spans}
    for observation in step.observations:
        sums[start_ms] = sums.get(start_ms, Moments()) + moments_of(observation)
    first_ms = min(start_ms, step.at_ms - window_ms)
    return tuple(Span(start, one.n, one.total, one.squares) for start, one in sorted(sums.items()) if start >= first_ms)


def verdict_of(state: JudgeState, target: Target, *, evidence: float) -> Verdict:
    """Return what a state says about its target; `evidence` is the detector's mean over its level."""
    scale = INDICATORS[target.indicator].scale
    period = _period_moments(state.weights)
    shares = always_valid(state.weights, alpha=ALPHA)
    interval = scale.interval(shares) if period.n else None
    rolling = _added(span.moments for span in state.spans)
    display = mean_interval(rolling)
    shown = scale.interval(display) if display else None
    middle_ms = state.at_ms - target.window_s * 500
    return Verdict(
        tenant=target.tenant,
        target=target.target,
        version=target.version,
        at_ms=state.at_ms,
        verdict=decide(period.n, shares, objective=scale.share(target.objective), least=target.min_respondents),
        score=scale.score(period),
        lower=interval.lower if interval else None,
        upper=interval.upper if interval else None,
        n=period.n,
        rolling_score=scale.score(rolling),
        rolling_lower=shown.lower if shown else None,
        rolling_upper=shown.upper if shown else None,
        rolling_n=rolling.n,
        trend=trend(
            _added(span.moments for span in state.spans if span.start_ms < middle_ms),
            _added(span.moments for span in state.spans if span.start_ms >= middle_ms),
        ),
        coverage=state.named_n / state.scope_n if state.scope_n else None,
        evidence=evidence,
        drifting=state.drift.since_ms is not None,
    )


def _period_moments(weights: Weights) -> Moments:
    """Return count and sum of the shares behind the weights; splitting keeps both exactly."""
    n = sum(weight for _, weight in weights) // UNIT
    return Moments(n=n, total=sum(node * weight for node, weight in weights) // UNIT)


def _added(parts: Iterable[Moments]) -> Moments:
    return sum(parts, start=Moments())
