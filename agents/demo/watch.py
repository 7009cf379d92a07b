"""What the live view shows, asked once a second: public views as any reader sees them, and a worker's own metrics."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from agents.demo.exposition import quantile, read_buckets
from agents.freshness import NAME as FRESHNESS
from agents.warehouse.client import Warehouse, WarehouseError

RATE_OVER_S = 10.0


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A target's newest verdict."""

    target: str
    indicator: str
    objective: float
    verdict: str
    score: float | None
    lower: float | None
    upper: float | None
    n: int
    trend: str
    drifting: bool
    age_s: float


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert in its newest state."""

    target: str
    state: str
    summary: str
    started_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look at the running system; fields that could not be read keep their last value."""

    events: int = 0
    events_per_s: float = 0.0
    quarantined: int = 0
    answers_released: int = 0
    freshness_p50_s: float | None = None
    freshness_p99_s: float | None = None
    targets: Sequence[TargetRow] = ()
    alerts: Sequence[AlertRow] = ()
    is_answering: bool = True


@dataclass(slots=True)
class Watch:
    """Reads the figures of one tenant.

    Attributes:
        reader: A connection as a public reader.
        tenant: Whose targets and alerts.
        metrics_url: Metrics page of the telemetry worker.
    """

    reader: Warehouse
    tenant: str
    metrics_url: str
    last: Snapshot = Snapshot()
    _counts: deque[tuple[float, int]] = field(default_factory=deque)
    _before: int | None = None

    def look(self) -> Snapshot:
        """Return the figures of now."""
        try:
            self.last = self._ask()
        except WarehouseError:
            self.last = _silent(self.last)
        return self.last

    def _ask(self) -> Snapshot:
        events, quarantined = self._quality()
        self._before = events if self._before is None else self._before
        events -= self._before
        p50, p99 = self._freshness()
        return Snapshot(
            events=events,
            events_per_s=self._rate(events),
            quarantined=quarantined,
            answers_released=int(self._rows(_RELEASED)[0][0]),
            freshness_p50_s=p50,
            freshness_p99_s=p99,
            targets=[TargetRow(*row) for row in self._rows(_TARGETS)],
            alerts=[AlertRow(*row) for row in self._rows(_ALERTS)],
        )

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.reader.ask(sql, {"tenant": self.tenant})

    def _quality(self) -> tuple[int, int]:
        sums = {measure: int(value) for measure, value in self._rows(_QUALITY)}
        return sums.get("valid", 0), sums.get("quarantined", 0)

    def _rate(self, events: int) -> float:
        now = time.monotonic()
        self._counts.append((now, events))
        while now - self._counts[0][0] > RATE_OVER_S:
            self._counts.popleft()
        then, before = self._counts[0]
        return (events - before) / (now - then) if now > then else 0.0

    def _freshness(self) -> tuple[float | None, float | None]:
        try:
            page = httpx.get(self.metrics_url, timeout=2.0).text
        except httpx.TransportError:
            return self.last.freshness_p50_s, self.last.freshness_p99_s
        buckets = read_buckets(page, FRESHNESS)
        return quantile(buckets, 0.5), quantile(buckets, 0.99)


def _silent(last: Snapshot) -> Snapshot:
    return Snapshot(
        events=last.events,
        quarantined=last.quarantined,
        answers_released=last.answers_released,
        freshness_p50_s=last.freshness_p50_s,
        freshness_p99_s=last.freshness_p99_s,
        targets=last.targets,
        alerts=last.alerts,
        is_answering=False,
    )


_QUALITY = (
    "SELECT measure, sum(value) FROM xpulse_pub.data_quality "
    "WHERE (lane = 'telemetry' AND measure = 'valid') OR measure = 'quarantined' GROUP BY measure"
)
_RELEASED = "SELECT sum(n) FROM xpulse_pub.happiness WHERE tenant = {tenant:String}"
_TARGETS = (
    "SELECT target, indicator, objective, verdict, rolling_score, rolling_lower, rolling_upper, rolling_n, trend, "
    "drifting, dateDiff('millisecond', at, now64(3)) / 1000 FROM xpulse_pub.target_status "
    "WHERE tenant = {tenant:String} "
    "ORDER BY drifting DESC, rolling_score IS NULL, rolling_score - objective, target"
)
_ALERTS = (
    "SELECT target, state, summary, toUnixTimestamp64Milli(started_at) FROM xpulse_pub.alerts "
    "WHERE tenant = {tenant:String} ORDER BY started_at DESC"
)
