"""A pipeline that stands still: no ticks, so nothing closes, nothing is judged, and nobody would ever be called.

This is the one alert that no published row can raise. The judge looks at how far each lane is complete; ticks move it
on every second. If a lane has not moved for a while, by the judge's own steady clock, it calls at any time. The id
follows from where the lane stopped, so every judge that notices says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from streams.events.judging import Alert
from streams.judging.alert_ids import alert_id, dedup_key
from streams.judging.alerts import clock

TENANT = "_pipeline"
"""The pipeline is nobody's: its alerts belong to the installation."""
DETECTOR = "stall"
RUNBOOK = "docs/runbooks/pipeline-stall.md"


@dataclass(slots=True)
class Stalls:
    """What is known of the lanes; time is an argument.

    Args:
        limit_s: How long a lane may stand still.
    """

    limit_s: float
    _moved: dict[str, tuple[int, float]] = field(default_factory=dict)
    _open: dict[str, Alert] = field(default_factory=dict)

    def remember(self, alerts: Iterable[Alert]) -> None:
        """Take note of stalls that are open already."""
        self._open = {alert.target: alert for alert in alerts}

    def forget(self) -> None:
        """Start waiting anew: a lane could not be looked at, so nothing is known of it."""
        self._moved.clear()

    def look(self, reached: Mapping[str, int], now_s: float) -> list[Alert]:
        """Return the alerts that follow from how far the lanes are.

        Args:
            reached: Lane -> up to when it is complete; ms UTC.
            now_s: A steady clock; seconds.
        """
        return [alert for lane in sorted(reached) for alert in self._look(lane, reached[lane], now_s)]

    def _look(self, lane: str, reached_ms: int, now_s: float) -> list[Alert]:
        target = f"pipeline/{lane}"
        known_ms, since_s = self._moved.get(lane, (-1, now_s))
        if reached_ms != known_ms:
            self._moved[lane] = (reached_ms, now_s)
            return self._end(target, reached_ms)
        if target in self._open or now_s - since_s < self.limit_s:
            return []
        self._open[target] = _stalled(lane, target, reached_ms)
        return [self._open[target]]

    def _end(self, target: str, reached_ms: int) -> list[Alert]:
        opened = self._open.get(target)
        if opened is None or reached_ms <= opened.started_at_ms:
            return []
        del self._open[target]
        return [_moving(opened, reached_ms)]


def _stalled(lane: str, target: str, reached_ms: int) -> Alert:
    return Alert(
        tenant=TENANT,
        alert_id=alert_id(TENANT, target, DETECTOR, reached_ms),
        dedup_key=dedup_key(TENANT, target, DETECTOR),
        sequence=0,
        target=target,
        version=0,
        detector=DETECTOR,
        state="firing",
        reason=f"the {lane} lane stands still",
        severity="critical",
        started_at_ms=reached_ms,
        at_ms=reached_ms,
        slice={},
        objective=0.0,
        score=None,
        lower=None,
        upper=None,
        n=0,
        coverage=None,
        summary=(
            f"The {lane} lane has stood still since {clock(reached_ms)}: nothing later is judged, and nobody is called "
            f"for what happens meanwhile. Runbook: {RUNBOOK}"
        ),
        runbook=RUNBOOK,
        kind="stall",
    )


def _moving(opened: Alert, reached_ms: int) -> Alert:
    return msgspec.structs.replace(
        opened,
        sequence=opened.sequence + 1,
        state="resolved",
        reason="it moves again",
        at_ms=reached_ms,
        summary=f"{opened.target.removeprefix('pipeline/').capitalize()} move on again after {clock(opened.at_ms)}.",
    )
