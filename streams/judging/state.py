"""What judging remembers of one target, and what it looks at: all that the next owner of the target needs."""

from dataclasses import dataclass

import msgspec

from streams.detect.confidence import Weights
from streams.detect.drift import DriftState, Onset
from streams.detect.observation import Observation
from streams.judging.absence import AbsenceState
from streams.judging.actions import Interval as Period
from streams.judging.life_cycle import Episode
from streams.judging.shift import ShiftState
from streams.spans import Span

FORMAT = 2
"""Of the states that are written now."""

RECENT = 24
"""Epochs or windows that are kept one by one."""


class JudgeState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is remembered of one target.

    Attributes:
        format: Changes when fields or their meaning change: 1 had no episodes.
        version: Target version that judged last.
        at_ms: End of the last epoch or window that is contained.
        period_ms: Start of the calendar period.
        weights: Shares seen in the period since the version began (`streams.detect.confidence`).
        scope_n: Released answers of the whole tenant in the same time; 0 for telemetry.
        named_n: Those among them whose labels name all dimensions of the slice.
        spans: Parts of the rolling window, oldest first.
        drift: The detector's state.
        excluded: The part of `weights` that exclusions take out.
        exclusions: Those that were known at `at_ms`.
        turned: Figures since the drift, or the recovery from it, that was found last, while its alert is open.
        absence: What is usual here, and for how long there has been nothing.
        burnt: Parts of the longest window of the burn rules, oldest first.
        heard_ms: End of the last window in which anything of the metric was published; 0 = none yet.
        shift: What is remembered of telemetry's usual level and spread; None for what people say.
        promise: What the period and the detector were begun for (`streams.targets.versions.promise_of`); empty in
            states from before there was one.
        promised_ms: From when it holds; ms UTC.
        recent: The last `RECENT` epochs or windows one by one, to compare targets over the same time.
        episodes: Alerts that are pending or open, and the last one of each kind that was resolved.
    """

    format: int = FORMAT
    version: int
    at_ms: int
    period_ms: int
    weights: Weights = ()
    scope_n: int = 0
    named_n: int = 0
    spans: tuple[Span, ...] = ()
    drift: DriftState = DriftState()
    excluded: Weights = ()
    exclusions: tuple[Period, ...] = ()
    turned: Onset = Onset()
    absence: AbsenceState = AbsenceState()
    burnt: tuple[Span, ...] = ()
    heard_ms: int = 0
    shift: ShiftState | None = None
    promise: str = ""
    promised_ms: int = 0
    recent: tuple[Span, ...] = ()
    episodes: tuple[Episode, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One epoch or window as one target sees it.

    Attributes:
        at_ms: Its end; ms UTC.
        observations: The slice's blocks in block order, or its window; empty = nothing for this slice.
        scope_n: Answers released to the whole tenant in this epoch; count.
        named_n: Those whose block names all dimensions of the slice; count.
        chances: How often the slice could have spoken (`streams.judging.absence`); count.
        hits: How often it did; count.
    """

    at_ms: int
    observations: tuple[Observation, ...]
    scope_n: int = 0
    named_n: int = 0
    chances: int = 0
    hits: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruler:
    """The grid that a target is judged on.

    Attributes:
        unit_ms: Length of an epoch or window; milliseconds.
        per_observation: Least number of answers in an observation: k for blocks, 1 for windows.
    """

    unit_ms: int
    per_observation: int
