"""What the telemetry worker tells Prometheus: counts of what became of records, never by dimension."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from prometheus_client import REGISTRY

from agents.freshness import Freshness
from agents.metrics import CounterName, counter, gauge, histogram
from agents.telemetry import TOPIC, Changes
from agents.transport import Chunk
from streams.tiles import Audit

_COUNTERS: Mapping[str, CounterName] = {
    "n_valid": "xpulse_events_folded_total",
    "n_invalid": "xpulse_events_invalid_total",
    "n_duplicate": "xpulse_events_duplicate_total",
    "n_late": "xpulse_events_late_total",
    "n_overflow": "xpulse_events_overflow_total",
    "n_tick": "xpulse_ticks_in_total",
}
"""Field of a tile's audit -> counter. Records read again after a restart count again; the exact sums are in tables."""

Waiting = deque[tuple[int, NDArray[np.int64]]]
"""(offset after the last record, record timestamps in ms) of chunks that are not stored yet."""


class PrometheusObserver:
    """Turns what happens to folds into metrics.

    Attributes:
        freshness: Collector of the ages at which records became queryable; registered here.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, Waiting] = {}
        self._audits: dict[tuple[int, int], Audit] = {}
        self.freshness = Freshness(TOPIC)
        REGISTRY.register(self.freshness)

    def folded(self, chunk: Chunk, new: int) -> None:
        """Count a chunk and remember when its records were received."""
        counter("xpulse_events_in_total").labels(TOPIC).inc(new)
        waiting = self._waiting.setdefault(chunk.partition, deque())
        waiting.append((chunk.end, np.array(chunk.stamps, np.int64)))
        gauge("xpulse_pending_records").labels(TOPIC).inc(len(chunk.values))

    def stored(self, changes: Changes, seconds: float) -> None:
        """Count a flush, what became of its records, and how old they are now."""
        counter("xpulse_flushes_total").labels(TOPIC, "ok").inc()
        histogram("xpulse_flush_seconds").labels(TOPIC).observe(seconds)
        now_ms = time.time() * 1000
        for partition, rows in changes:
            self._count(partition, rows.audit)
            self._queryable(partition, rows.audit.hi, now_ms)

    def _count(self, partition: int, audit: Audit) -> None:
        before = self._audits.pop((partition, audit.tile), None)
        for name, metric in _COUNTERS.items():
            # An old flush may be acknowledged after its partition was taken away and began again: then less is known.
            counter(metric).labels(TOPIC).inc(max(0, getattr(audit, name) - (getattr(before, name) if before else 0)))
        if not audit.is_closed:
            self._audits[partition, audit.tile] = audit
        lag_s = max(0.0, time.time() - audit.arrival_ms / 1000)
        gauge("xpulse_lag_seconds").labels(TOPIC, str(partition)).set(lag_s)

    def _queryable(self, partition: int, hi: int, now_ms: float) -> None:
        waiting = self._waiting.get(partition, deque())
        while waiting and waiting[0][0] <= hi:
            _, stamps = waiting.popleft()
            self.freshness.observe((now_ms - stamps) / 1000)
            gauge("xpulse_pending_records").labels(TOPIC).dec(len(stamps))

    def failed(self, error: Exception) -> None:  # noqa: ARG002 - the log names it
        """Count a flush without an acknowledgement."""
        counter("xpulse_flushes_total").labels(TOPIC, "failed").inc()

    def dropped(self) -> None:
        """Forget what was waiting: somebody else stores it."""
        counter("xpulse_revocations_total").labels(TOPIC).inc()
        gauge("xpulse_pending_records").labels(TOPIC).set(0)
        self._waiting.clear()
        self._audits.clear()
