"""What the delivery agent reads and writes in ClickHouse: every attempt, and alerts that the topic may have lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from agents.warehouse.client import Warehouse
from streams.events.judging import Alert
from streams.outbox import Key

Outcome = Literal["delivered", "retry", "refused", "given_up"]
"""What became of one attempt; all but `retry` settle the alert with its notifier."""

SETTLED = ["delivered", "refused", "given_up"]

_SETTLED = """
SELECT DISTINCT tenant, alert_id, sequence, notifier FROM deliveries
WHERE tenant IN {tenants:Array(String)} AND alert_id IN {alerts:Array(String)} AND outcome IN {outcomes:Array(String)}
"""
_TIMES = ("started_at", "at", "written_at")
_COLUMNS = (
    "tenant", "alert_id", "sequence", "dedup_key", "target", "version", "detector", "state", "reason", "severity",
    "slice", "objective", "score", "lower", "upper", "n", "coverage", "summary", "runbook",
)  # fmt: skip
_RECENT = f"""
SELECT {", ".join(_COLUMNS)}, {", ".join(f"toUnixTimestamp64Milli({name})" for name in _TIMES)}
FROM alerts FINAL WHERE written_at > fromUnixTimestamp64Milli({{since:Int64}}, 'UTC') ORDER BY written_at, sequence
"""  # noqa: S608 - names of our own
_ATTEMPTS = ("tenant", "alert_id", "sequence", "notifier", "outcome", "reason", "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to deliver; `reason` is empty or says why it failed, without secrets."""

    key: Key
    notifier: str
    outcome: Outcome
    reason: str
    at_ms: int


class DeliverStore:
    """Asks and writes by one connection; for one thread at a time. All methods block and raise `WarehouseError`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def settled(self, keys: Collection[Key]) -> dict[Key, set[str]]:
        """Return for each alert state the notifiers with which it is settled."""
        found: dict[Key, set[str]] = defaultdict(set)
        if keys:
            asked: dict[str, list[str]] = {
                "tenants": sorted({tenant for tenant, _, _ in keys}),
                "alerts": sorted({alert_id for _, alert_id, _ in keys}),
                "outcomes": SETTLED,
            }
            for tenant, alert_id, sequence, notifier in self._warehouse.ask(_SETTLED, asked):
                found[tenant, alert_id, sequence].add(notifier)
        return found

    def recent(self, since_ms: int) -> list[tuple[Alert, int]]:
        """Return the alerts that were written after an instant (ms UTC), each with when it was."""
        return [_alert(row) for row in self._warehouse.ask(_RECENT, {"since": since_ms})]

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Write attempts down."""
        rows = [[*one.key, one.notifier, one.outcome, one.reason, one.at_ms] for one in attempts]
        self._warehouse.insert_rows("deliveries", _ATTEMPTS, rows)


def _alert(row: Sequence[object]) -> tuple[Alert, int]:
    *values, started_ms, at_ms, written_ms = row
    fields = dict(zip(_COLUMNS, values, strict=True))
    alert = msgspec.convert({**fields, "signal": "alert", "started_at_ms": started_ms, "at_ms": at_ms}, Alert)
    return alert, msgspec.convert(written_ms, int)
