"""What the delivery agent reads and writes in ClickHouse: every attempt, and alerts that the topic may have lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from agents.notify import Duty, Hours
from agents.warehouse.client import Warehouse
from streams.codecs import Ok, decode
from streams.events.judging import Alert
from streams.judging.outbox import Key
from streams.targets.indicators import INDICATORS

TargetKey = tuple[str, str]
"""Tenant and target."""

Outcome = Literal["delivered", "retry", "refused", "given_up", "withheld"]
"""What became of one attempt; all but `retry` settle the alert with its notifier. Withheld: it may call nobody."""

SETTLED = ["delivered", "refused", "given_up", "withheld"]
KEPT = ["delivered", "given_up"]
"""Outcomes after which a receiver is told again: it took the alert, or was away for a day. Not after a refusal."""
LIMIT = 10_000
"""Alerts that are told again at most, the newest first."""

_SETTLED = """
SELECT tenant, alert_id, sequence, notifier, argMax(outcome, at) FROM deliveries
WHERE tenant IN {tenants:Array(String)} AND alert_id IN {alerts:Array(String)} AND outcome IN {outcomes:Array(String)}
GROUP BY tenant, alert_id, sequence, notifier
"""
_TIMES = ("started_at", "at", "written_at")
_COLUMNS = (
    "tenant", "alert_id", "sequence", "dedup_key", "target", "version", "detector", "state", "reason", "severity",
    "slice", "objective", "score", "lower", "upper", "n", "coverage", "summary", "runbook",
)  # fmt: skip
_ALERTS = f"""
SELECT body, {", ".join(_COLUMNS)}, {", ".join(f"toUnixTimestamp64Milli({name})" for name in _TIMES)} FROM alerts FINAL
"""  # noqa: S608 - names of our own
_RECENT = f"""{_ALERTS}
WHERE written_at > fromUnixTimestamp64Milli({{since:Int64}}, 'UTC') ORDER BY written_at, sequence
"""
_OPEN = f"""{_ALERTS}
WHERE (tenant, alert_id, sequence) IN (
    SELECT tenant, alert_id, max(sequence) FROM alerts
    GROUP BY tenant, alert_id HAVING argMax(state, sequence) != 'resolved'
)
ORDER BY written_at DESC LIMIT {{limit:UInt32}}
"""  # noqa: S608 - names of our own
_KEPT = f"""{_ALERTS}
WHERE (tenant, alert_id, sequence) IN (
    SELECT tenant, alert_id, last FROM (
        SELECT tenant, alert_id, max(sequence) AS last, argMax(at, sequence) AS last_at FROM deliveries
        WHERE notifier = {{notifier:String}} AND outcome IN {{outcomes:Array(String)}}
        GROUP BY tenant, alert_id
    ) AS taken
    INNER JOIN (
        SELECT tenant, alert_id, max(sequence) AS newest, argMax(state, sequence) AS state FROM alerts
        GROUP BY tenant, alert_id
    ) AS episodes USING (tenant, alert_id)
    WHERE state != 'resolved' OR last = newest AND last_at > fromUnixTimestamp64Milli({{ended_since:Int64}}, 'UTC')
)
ORDER BY written_at DESC LIMIT {{limit:UInt32}}
"""  # noqa: S608 - names of our own
_DUTIES = """
SELECT tenant, target, argMax(body, version) FROM targets
WHERE tenant IN {tenants:Array(String)} AND target IN {targets:Array(String)} GROUP BY tenant, target
"""
_ATTEMPTS = ("tenant", "alert_id", "sequence", "notifier", "outcome", "reason", "at")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver.

    Attributes:
        reason: Empty, or why it failed, without secrets.
        rest_ms: How long the receiver asks to be left alone; not stored.
    """

    key: Key
    notifier: str
    outcome: Outcome
    reason: str
    at_ms: int
    rest_ms: int = 0


class DeliverPort(Protocol):
    """Where it stands what was told to whom. All methods block."""

    def settled(self, keys: Collection[Key]) -> Mapping[Key, Mapping[str, Outcome]]:
        """Return for all states of these alerts the notifiers with which each is settled, and how."""

    def recent(self, since_ms: int) -> Sequence[tuple[Alert, int]]:
        """Return the alerts that were written after an instant, each with when it was; ms UTC."""

    def open(self) -> Sequence[tuple[Alert, int]]:
        """Return the newest state of every episode that has not ended, each with when it was written; ms UTC."""

    def kept(self, notifier: str, ended_since_ms: int) -> Sequence[Alert]:
        """Return per episode the last state that a receiver was told, if it fires or was told after an instant."""

    def duties(self, targets: Collection[TargetKey]) -> Mapping[TargetKey, Duty]:
        """Return whom the alerts of these targets may call, and when."""

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Write attempts down; returns once acknowledged."""


class DeliverStore:
    """Asks and writes by one connection; for one thread at a time. All methods block and raise `WarehouseError`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def settled(self, keys: Collection[Key]) -> dict[Key, dict[str, Outcome]]:
        """Return for all states of these alerts the notifiers with which each is settled, and how."""
        found: dict[Key, dict[str, Outcome]] = defaultdict(dict)
        if keys:
            asked: dict[str, list[str]] = {
                "tenants": sorted({tenant for tenant, _, _ in keys}),
                "alerts": sorted({alert_id for _, alert_id, _ in keys}),
                "outcomes": SETTLED,
            }
            for tenant, alert_id, sequence, notifier, outcome in self._warehouse.ask(_SETTLED, asked):
                found[tenant, alert_id, sequence][notifier] = outcome
        return found

    def recent(self, since_ms: int) -> list[tuple[Alert, int]]:
        """Return the alerts that were written after an instant (ms UTC), each with when it was."""
        return [_alert(row) for row in self._warehouse.ask(_RECENT, {"since": since_ms})]

    def open(self) -> list[tuple[Alert, int]]:
        """Return the newest state of every episode that has not ended, each with when it was written (ms UTC)."""
        return [_alert(row) for row in self._warehouse.ask(_OPEN, {"limit": LIMIT})]

    def kept(self, notifier: str, ended_since_ms: int) -> list[Alert]:
        """Return what a receiver should be told again: per episode the last state that it was told.

        Args:
            notifier: Who told it.
            ended_since_ms: Episodes that ended count if this was told after that instant; ms UTC.
        """
        asked = {"notifier": notifier, "outcomes": KEPT, "ended_since": ended_since_ms, "limit": LIMIT}
        return [alert for alert, _ in map(_alert, self._warehouse.ask(_KEPT, asked))]

    def duties(self, targets: Collection[TargetKey]) -> dict[TargetKey, Duty]:
        """Return whom the alerts of these targets may call, and when; nothing for targets that are not known."""
        if not targets:
            return {}
        asked = {"tenants": sorted({tenant for tenant, _ in targets}), "targets": sorted({name for _, name in targets})}
        rows = self._warehouse.ask(_DUTIES, asked)
        return {(str(tenant), str(name)): _duty(body) for tenant, name, body in rows}

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Write attempts down."""
        rows = [[*one.key, one.notifier, one.outcome, one.reason, one.at_ms] for one in attempts]
        self._warehouse.insert_rows("deliveries", _ATTEMPTS, rows)


def _alert(row: Sequence[object]) -> tuple[Alert, int]:
    """Return a stored alert as it was published; what was stored before there were bodies, from its columns."""
    body, *values, started_ms, at_ms, written_ms = row
    outcome = decode(str(body).encode()) if body else None
    if isinstance(outcome, Ok) and isinstance(outcome.event, Alert):
        return outcome.event, msgspec.convert(written_ms, int)
    fields = dict(zip(_COLUMNS, values, strict=True))
    alert = msgspec.convert({**fields, "signal": "alert", "started_at_ms": started_ms, "at_ms": at_ms}, Alert)
    return alert, msgspec.convert(written_ms, int)


class _Wishes(msgspec.Struct):
    """What a stored target says about calling people; older ones say nothing."""

    indicator: str
    hours: Hours | None = None
    routes: list[str] = []


def _duty(body: str) -> Duty:
    """Return what a target says; at any time if it cannot be understood: better a call too many than one too few."""
    try:
        wishes = msgspec.json.decode(body, type=_Wishes)
    except msgspec.MsgspecError:
        return Duty()
    feedback = {kind for kind, measure in INDICATORS.items() if measure.is_feedback}
    usual: Hours = "working" if wishes.indicator in feedback else "any"
    return Duty(wishes.hours or usual, tuple(wishes.routes))
