"""What is known about alerts: their states, what operators did, and every attempt to deliver them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents.processes import warehouse
from agents.settings import Settings
from agents.warehouse.migrate import public_of
from streams.errors import ConfigError

SHORTEST = 6
"""Characters of an id that must be given."""
MOST = 1_000
"""Alerts of one list."""

_NAMES = (
    "alert_id", "tenant", "target", "kind", "detector", "state", "severity", "calls", "inhibited_by", "reason", "slice",
    "score", "lower", "upper", "n", "objective", "coverage", "usual", "usual_n", "change", "mix_share", "is_mix",
    "contributions", "coincidences", "summary", "runbook", "link", "version", "dedup_key",
)  # fmt: skip
_ALERTS = """
SELECT {names}, toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(at)
FROM {public}.alerts
WHERE {{tenant:String}} IN ('', tenant) AND startsWith(alert_id, {{id:String}})
  AND ({{all:UInt8}} OR state != 'resolved')
ORDER BY started_at DESC, alert_id LIMIT {{most:UInt32}}
"""
_ACKS = """
SELECT alert_id, actor, reason, toUnixTimestamp64Milli(event_time) FROM actions FINAL
WHERE kind = 'ack' AND alert_id IN {ids:Array(String)} ORDER BY event_time, action_id
"""
_STATES = """
SELECT sequence, state, severity, calls, reason, toUnixTimestamp64Milli(at) FROM alerts FINAL
WHERE tenant = {tenant:String} AND alert_id = {id:String} ORDER BY sequence
"""
_ATTEMPTS = """
SELECT sequence, notifier, outcome, reason, toUnixTimestamp64Milli(at) FROM deliveries
WHERE tenant = {tenant:String} AND alert_id = {id:String} ORDER BY at, notifier
"""


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody has taken an alert on."""

    by: str
    reason: str
    at_ms: int


class Desk:
    """Asks the warehouse that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._warehouse = warehouse(settings)
        public = f"`{public_of(settings.clickhouse_database)}`"
        self._alerts_sql = _ALERTS.format(names=", ".join(_NAMES), public=public)

    def alerts(self, *, tenant: str = "", beginning: str = "", with_ended: bool = False) -> list[dict[str, Any]]:
        """Return alerts in their newest state, the newest first; instants as text, UTC."""
        asked = {"tenant": tenant, "id": beginning, "all": int(with_ended), "most": MOST}
        rows = self._warehouse.ask(self._alerts_sql, asked)
        return [
            {**dict(zip(_NAMES, values, strict=True)), "started_at": clock(began), "at": clock(at)}
            for *values, began, at in rows
        ]

    def alert(self, beginning: str) -> dict[str, Any]:
        """Return the one alert whose id begins like this.

        Raises:
            ConfigError: None does, or several do, or too little of the id is given.
        """
        if len(beginning) < SHORTEST:
            raise ConfigError(f"ID is {beginning!r}; allowed: {SHORTEST} characters of an id or more")
        found = self.alerts(beginning=beginning, with_ended=True)
        if not found:
            raise ConfigError(f"no alert begins with {beginning[:40]!r}; allowed: ids of `xpulse alerts list --all`")
        if len(found) > 1:
            which = ", ".join(f"{one['alert_id']} ({one['tenant']})" for one in found[:5])
            raise ConfigError(f"{len(found)} alerts begin with {beginning!r}; allowed: one of {which}")
        return found[0]

    def acks(self, ids: Sequence[str]) -> dict[str, list[Ack]]:
        """Return who has taken which alert on, oldest first."""
        found: dict[str, list[Ack]] = {}
        for alert_id, by, reason, at_ms in self._warehouse.ask(_ACKS, {"ids": list(ids)}) if ids else []:
            found.setdefault(alert_id, []).append(Ack(by, reason, at_ms))
        return found

    def states(self, alert: dict[str, Any]) -> list[dict[str, Any]]:
        """Return all states of an alert, in order."""
        names = ("sequence", "state", "severity", "calls", "reason")
        return self._rows(_STATES, names, alert)

    def attempts(self, alert: dict[str, Any]) -> list[dict[str, Any]]:
        """Return all attempts to deliver it, in order of time."""
        return self._rows(_ATTEMPTS, ("sequence", "notifier", "outcome", "reason"), alert)

    def _rows(self, sql: str, names: Sequence[str], alert: dict[str, Any]) -> list[dict[str, Any]]:
        rows = self._warehouse.ask(sql, {"tenant": alert["tenant"], "id": alert["alert_id"]})
        return [{"at": clock(at_ms), **dict(zip(names, values, strict=True))} for *values, at_ms in rows]


def clock(at_ms: int) -> str:
    """Return an instant (ms UTC) for people.

    Example:
        >>> clock(1_772_334_000_250)
        '2026-03-01 03:00:00 UTC'
    """
    return datetime.fromtimestamp(at_ms // 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
