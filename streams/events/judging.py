"""What the judge reads and says: target versions, verdicts, alerts."""

from typing import Annotated, Literal

import msgspec

from streams.events.fields import Count, Dimension, Event, Id, OptionalId, Text, TimeMs

TargetState = Literal["active", "retired"]
IndicatorKind = Literal[
    "happiness",
    "good_time",
    "low_scores",
    "lost_time_above",
    "lost_minutes_480",
    "dex",
]
PeriodKind = Literal["day", "week", "month", "quarter"]
VerdictKind = Literal["met", "missed", "undecided", "too_few", "no_data"]
Trend = Literal["up", "flat", "down", "unknown"]
AlertState = Literal["firing", "resolved"]
AlertKind = Literal["drift", "absence", "slow_burn", "watermelon", "stall", "shift"]
AlertCalls = Literal["yes", "inhibited", "replayed", "mix"]
Severity = Literal["info", "warning", "critical"]
Objective = Annotated[float, msgspec.Meta(ge=-100.0, le=480.0)]
SlaGoal = Annotated[float, msgspec.Meta(gt=0.0, lt=100.0)]
USUAL_SLA_GOAL = 90.0
"""Percent of the tickets within the agreed time, where a target does not say."""
Positive = Annotated[float, msgspec.Meta(gt=0.0, le=1e12)]
Hours = Literal["any", "working"]
BurnText = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?@[1-9][0-9]{0,8}s/[1-9][0-9]{0,8}s$", max_length=40)
]
"""A burn rule on the wire: rate, long window, short window, e.g. "6@21600s/1800s" (`streams.targets.burn`)."""
Day = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", max_length=10)]
"""A date such as 2027-01-31; empty = none."""

AlertParts = Annotated[list[dict[str, OptionalId]], msgspec.Meta(max_length=50)]
"""A short list of named values; numbers as decimals, instants as "2026-03-01 08:00:00 UTC"."""


class Target(Event, frozen=True, kw_only=True, tag="target"):
    """One version of one experience target over one slice. Versions are appended, never changed.

    Attributes:
        target: Id of the expanded target, e.g. "happiness-by-country/country=NO".
        metric: What exactly is measured: the metric of good_time, the limit of low_scores and lost_time_above, the cap
            of lost_minutes, the leaves of dex; empty for happiness.
        slice: Dimension -> value; empty = the whole tenant.
        objective: In the indicator's unit: a score (-100 to 100), a percentage (0 to 100) or minutes (0 to 480).
        run_length: Mean number of answers (or windows) to a false alarm that the detector guarantees; count.
        recovery_length: The same for the detector that confirms recovery; count.
        window_s: Length of the rolling display window; seconds.
        burn: Burn rules; each fires while its rate is reached over both of its windows.
        review: When the promise should be looked at again.
        routes: Names of receivers, beyond those that hear of everything.
        hours: When its alerts may call somebody: at any time, or in working hours.
        sla_goal: Percent of the tickets of the slice that should keep the service level, for the watermelon.
    """

    tenant: Id
    target: Id
    version: Count
    state: TargetState
    valid_from_ms: TimeMs
    recorded_at_ms: TimeMs
    author: Id
    reason: Text
    purpose: Text
    owner: Id
    indicator: IndicatorKind
    metric: Dimension
    slice: dict[str, Dimension]
    objective: Objective
    period: PeriodKind
    window_s: Count
    min_respondents: Count
    run_length: Positive
    recovery_length: Positive
    severity: Severity
    runbook: Text
    burn: list[BurnText] = []
    review: Day = ""
    routes: list[Id] = []
    hours: Hours = "any"
    sla_goal: SlaGoal = USUAL_SLA_GOAL


class Verdict(Event, frozen=True, kw_only=True, tag="verdict"):
    """What is known of one target at one instant.

    Attributes:
        at_ms: End of the epoch or window that was judged last.
        score: Over the calendar period, in the objective's unit; None without data. `lower` and `upper`: always-valid
            interval.
        n: Answers (feedback) or windows (telemetry) in the period.
        rolling_score: Over the display window, with a display interval and its own n.
        evidence: Detector's mean over its alarm level; 1 and more fires.
        drifting: A drift was raised and recovery is not confirmed.
        coverage: Share of the released answers in scope that name all the slice's dimensions, 0 to 1.
        excluded_n: Answers or windows of the period that exclusions take out: verdict, score, interval and n are
            without them.
        plain_verdict: The verdict with everything in.
        plain_score: The score with everything in.
    """

    tenant: Id
    target: Id
    version: Count
    at_ms: TimeMs
    verdict: VerdictKind
    score: float | None
    lower: float | None
    upper: float | None
    n: Count
    rolling_score: float | None
    rolling_lower: float | None
    rolling_upper: float | None
    rolling_n: Count
    trend: Trend
    coverage: float | None
    evidence: float
    drifting: bool
    excluded_n: Count = 0
    plain_verdict: VerdictKind = "no_data"
    plain_score: float | None = None


class Alert(Event, frozen=True, kw_only=True, tag="alert"):
    """One state of one episode; carries only what is published already.

    Attributes:
        alert_id: Stable over restarts; one per episode.
        dedup_key: Stable over episodes of the same target and detector.
        sequence: 0 when it opens, one more for each update, the last one when it is resolved.
        started_at_ms: End of the epoch or window at which it fired.
        at_ms: End of the epoch or window of this state.
        kind: What kind of trouble it is.
        calls: Whether it may call anybody: not if another alert explains it, if it comes from old data, or if a drift
            is one of mix.
        inhibited_by: Id of the alert that explains it; empty = none.
        since_ms: End of the first epoch or window of the change; 0 = not known, and nothing is explained.
        usual: Score before the change, with its n; `change` is what whole epochs or windows since then differ by.
        mix_share: Part of the change that is another mixture of the parts; 1 = all of it.
        is_mix: The change is one of mix: the parts are as before, and nobody need be called.
        contributions: What contributes: dimension, value ("*" = all others), points, share of the change, n. Those of
            a dimension add up to the change.
        coincidences: What happened around, closest first: kind, name, at, where, title. No causes.
        silence_link: Where to silence it; empty = nowhere.
    """

    tenant: Id
    alert_id: Id
    dedup_key: Id
    sequence: Count
    target: Id
    version: Count
    detector: Id
    state: AlertState
    reason: Text
    severity: Severity
    started_at_ms: TimeMs
    at_ms: TimeMs
    slice: dict[str, Dimension]
    objective: float
    score: float | None
    lower: float | None
    upper: float | None
    n: Count
    coverage: float | None
    summary: Text
    runbook: Text
    link: OptionalId = ""
    kind: AlertKind = "drift"
    calls: AlertCalls = "yes"
    inhibited_by: OptionalId = ""
    since_ms: TimeMs = 0
    usual: float | None = None
    usual_n: Count = 0
    change: float | None = None
    mix_share: float | None = None
    is_mix: bool = False
    contributions: AlertParts = []
    coincidences: AlertParts = []
    silence_link: Text = ""
