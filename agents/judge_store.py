"""What the judge reads and writes in ClickHouse: published rows in, ledger and alerts out.

It reads what everybody may read, and no more: blocks through the public view, and of tiles the rows of closed windows
that the public view would show, without what came late (which arrives after a window was judged).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.blocks import DIMENSIONS as RECORD_DIMENSIONS
from streams.catalogue import DIMENSIONS as TELEMETRY_DIMENSIONS
from streams.codecs import encode_json
from streams.details import details_read
from streams.errors import InvariantError
from streams.events.judging import Alert, AlertKind
from streams.judging.actions import FOREVER_MS, Order
from streams.judging.rounds import Entry
from streams.judging.sheets import BundleEpoch, Epoch, ReleasedBlock, ReleasedBundle, WindowEnd, WindowRow
from streams.judging.verdicts import JudgeState
from streams.scores import Counts

TargetKey = tuple[str, str]
"""Tenant and target."""
MetricKey = tuple[str, str]
"""Tenant and metric."""

MAX_EPOCHS = 100
"""Epochs of one tenant that one round takes at most."""

_STATES = """
SELECT tenant, target, state FROM verdicts FINAL
WHERE (tenant, target, version, at) IN (
    SELECT tenant, target, argMax(version, (at, version)), max(at)
    FROM verdicts WHERE tenant IN {tenants:Array(String)} GROUP BY tenant, target
)
"""
_MARKS = """
SELECT DISTINCT tenant, toUnixTimestamp64Milli(epoch) AS epoch_ms FROM {marks}
WHERE tenant IN {tenants:Array(String)} AND epoch > fromUnixTimestamp64Milli({least:Int64}, 'UTC')
  AND epoch_ms > transform(tenant, {tenants:Array(String)}, {since:Array(Int64)}, 0)
ORDER BY tenant, epoch_ms
LIMIT {limit:UInt32} BY tenant
"""
_BLOCKS = f"""
SELECT tenant, toUnixTimestamp64Milli(epoch) AS epoch_ms, block, detractors, neutrals, promoters,
       {", ".join(RECORD_DIMENSIONS)}
FROM {{public}}.feedback_released
WHERE tenant IN {{tenants:Array(String)}}
  AND epoch BETWEEN fromUnixTimestamp64Milli({{least:Int64}}, 'UTC') AND fromUnixTimestamp64Milli({{most:Int64}}, 'UTC')
ORDER BY tenant, epoch_ms, block
"""  # noqa: S608 - names of our own
_BUNDLES = f"""
SELECT tenant, toUnixTimestamp64Milli(epoch) AS epoch_ms, bundle, scores, lost_bands, [lost_sum], factors,
       {", ".join(RECORD_DIMENSIONS)}
FROM {{public}}.feedback_details
WHERE tenant IN {{tenants:Array(String)}}
  AND epoch BETWEEN fromUnixTimestamp64Milli({{least:Int64}}, 'UTC') AND fromUnixTimestamp64Milli({{most:Int64}}, 'UTC')
ORDER BY tenant, epoch_ms, bundle
"""  # noqa: S608 - names of our own
_ORDERS = f"""
SELECT tenant, action_id, kind, version, toUnixTimestamp64Milli(log_time), toUnixTimestamp64Milli(event_time),
       toUnixTimestamp64Milli(end), target, alert_id, {", ".join(RECORD_DIMENSIONS)}
FROM actions FINAL WHERE tenant IN {{tenants:Array(String)}}
ORDER BY tenant, action_id, version
"""  # noqa: S608 - names of our own
_RECORDED = "SELECT toUnixTimestamp64Milli(reached) FROM records_progress_total"
_TOLD = """
SELECT DISTINCT tenant, alert_id FROM alerts FINAL
WHERE tenant IN {tenants:Array(String)} AND alert_id IN {alerts:Array(String)} AND calls = 'yes'
"""
_NEWEST = """
SELECT body FROM alerts FINAL
WHERE tenant IN {tenants:Array(String)} AND alert_id IN {alerts:Array(String)}
ORDER BY tenant, alert_id, sequence DESC LIMIT 1 BY tenant, alert_id
"""
_OPEN = """
SELECT body FROM alerts FINAL
WHERE tenant = {tenant:String} AND kind = {kind:String} AND (alert_id, sequence) IN (
    SELECT alert_id, max(sequence) FROM alerts WHERE tenant = {tenant:String} GROUP BY alert_id
) AND state = 'firing' AND body != ''
"""
_CLOSED = """
SELECT c.generation, toUnixTimestamp64Milli(c.closed_before), p.window_s, p.k
FROM telemetry_closed AS c CROSS JOIN current_profile AS p
"""
_WINDOWS = f"""
SELECT tenant, metric, 1000 * (toUnixTimestamp(window_start) + window_s) AS end_ms, sum(t.good_ms), sum(t.attempted_ms),
       {", ".join(TELEMETRY_DIMENSIONS)}
FROM tiles AS t FINAL
WHERE tenant IN {{tenants:Array(String)}} AND metric IN {{metrics:Array(String)}} AND window_s = {{window_s:UInt32}}
  AND window_start > fromUnixTimestamp64Milli({{after:Int64}}, 'UTC') - toIntervalSecond({{window_s:UInt32}})
  AND window_start < fromUnixTimestamp64Milli({{before:Int64}}, 'UTC') - toIntervalSecond({{window_s:UInt32}})
  AND generation = {{generation:UInt16}} AND late = 0
GROUP BY tenant, metric, window_start, window_s, {", ".join(TELEMETRY_DIMENSIONS)}, shared
HAVING shared = 1 OR length(groupUniqArrayArray(t.devices)) >= {{k:UInt16}}
ORDER BY tenant, metric, end_ms
"""  # noqa: S608 - names of our own

_VERDICT_COLUMNS = (
    "tenant", "target", "version", "at", "verdict", "score", "lower", "upper", "n", "rolling_score", "rolling_lower",
    "rolling_upper", "rolling_n", "trend", "coverage", "evidence", "drifting", "excluded_n", "plain_verdict",
    "plain_score", "state", "written_at",
)  # fmt: skip
_ALERT_COLUMNS = (
    "tenant", "alert_id", "sequence", "dedup_key", "target", "version", "detector", "state", "reason", "severity",
    "started_at", "at", "slice", "objective", "score", "lower", "upper", "n", "coverage", "summary", "runbook",
    "kind", "calls", "inhibited_by", "body", "written_at",
)  # fmt: skip
_TIMES = {"at": "at_ms", "started_at": "started_at_ms"}


@dataclass(frozen=True, slots=True)
class Closed:
    """How far telemetry is closed.

    Attributes:
        before_ms: Windows that end before it are closed; ms UTC.
        window_s: Length of a window; seconds.
        k: Devices below which a row is not published.
    """

    generation: int
    before_ms: int
    window_s: int
    k: int


class JudgeStore:
    """Asks and writes by one connection; for one thread at a time. All methods block and raise `WarehouseError`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        public = f"`{public_of(warehouse.address.database)}`"
        self._blocks_sql, self._bundles_sql = (sql.replace("{public}", public) for sql in (_BLOCKS, _BUNDLES))

    def states(self, tenants: Collection[str]) -> dict[TargetKey, JudgeState]:
        """Return the newest state of every target of these tenants that was ever judged.

        Raises:
            InvariantError: A stored state cannot be read.
        """
        rows = self._warehouse.ask(_STATES, {"tenants": sorted(tenants)}) if tenants else []
        return {(str(tenant), str(target)): _state(str(target), raw) for tenant, target, raw in rows}

    def epochs(self, since: Mapping[str, int]) -> dict[str, list[Epoch]]:
        """Return the released epochs of each tenant after `since` (ms UTC), oldest first, `MAX_EPOCHS` at most."""
        marks, rows = self._published("release_marks", self._blocks_sql, since)
        blocks: dict[tuple[str, int], list[ReleasedBlock]] = defaultdict(list)
        for tenant, end_ms, _, detractors, neutrals, promoters, *labels in rows:
            counts = Counts(detractors=detractors, neutrals=neutrals, promoters=promoters)
            blocks[tenant, end_ms].append(ReleasedBlock(dict(zip(RECORD_DIMENSIONS, labels, strict=True)), counts))
        return {tenant: [Epoch(end_ms, blocks[tenant, end_ms]) for end_ms in ends] for tenant, ends in marks.items()}

    def bundles(self, since: Mapping[str, int]) -> dict[str, list[BundleEpoch]]:
        """Return the epochs with their bundles of each tenant, as `epochs` those with their blocks."""
        marks, rows = self._published("release_bundle_marks", self._bundles_sql, since)
        bundles: dict[tuple[str, int], list[ReleasedBundle]] = defaultdict(list)
        for tenant, end_ms, _, scores, bands, sums, factors, *labels in rows:
            named = dict(zip(RECORD_DIMENSIONS, labels, strict=True))
            bundles[tenant, end_ms].append(ReleasedBundle(named, details_read(scores, bands, sums, factors)))
        return {
            tenant: [BundleEpoch(end_ms, bundles[tenant, end_ms]) for end_ms in ends] for tenant, ends in marks.items()
        }

    def _published(
        self, table: str, sql: str, since: Mapping[str, int]
    ) -> tuple[dict[str, list[int]], list[tuple[Any, ...]]]:
        """Return the marked epochs of each tenant after an instant, and what a query says of them."""
        marks = self._marks(table, since)
        if not marks:
            return {}, []
        bounds = {"least": min(min(ends) for ends in marks.values()), "most": max(max(ends) for ends in marks.values())}
        return marks, self._warehouse.ask(sql, {"tenants": sorted(marks), **bounds})

    def _marks(self, table: str, since: Mapping[str, int]) -> dict[str, list[int]]:
        if not since:
            return {}
        tenants = sorted(since)
        asked = {"tenants": tenants, "since": [since[tenant] for tenant in tenants], "least": min(since.values())}
        marks: dict[str, list[int]] = defaultdict(list)
        sql = _MARKS.replace("{marks}", table)
        for tenant, end_ms in self._warehouse.ask(sql, {**asked, "limit": MAX_EPOCHS}):
            marks[tenant].append(end_ms)
        return marks

    def orders(self, tenants: Collection[str]) -> dict[str, list[Order]]:
        """Return every revision of every action of the tenants."""
        found: dict[str, list[Order]] = defaultdict(list)
        for tenant, *row in self._warehouse.ask(_ORDERS, {"tenants": sorted(tenants)}):
            found[tenant].append(_order(row))
        return found

    def recorded_ms(self) -> int | None:
        """Return up to when records, and so actions, are stored; ms UTC, None if none ever were."""
        rows = self._warehouse.ask(_RECORDED)
        return int(rows[0][0]) if rows else None

    def closed(self) -> Closed | None:
        """Return how far telemetry is closed; None before the first window is."""
        rows = self._warehouse.ask(_CLOSED)
        return Closed(*map(int, rows[0])) if rows else None

    def windows(
        self, keys: Collection[MetricKey], closed: Closed, *, after_ms: int, before_ms: int
    ) -> dict[MetricKey, list[WindowEnd]]:
        """Return the published windows that end later than `after_ms` and before `before_ms`, oldest first."""
        asked = {
            "tenants": sorted({tenant for tenant, _ in keys}),
            "metrics": sorted({metric for _, metric in keys}),
            "after": after_ms,
            "before": before_ms,
            "window_s": closed.window_s,
            "generation": closed.generation,
            "k": closed.k,
        }
        found: dict[MetricKey, dict[int, list[WindowRow]]] = defaultdict(lambda: defaultdict(list))
        for tenant, metric, end_ms, good_ms, attempted_ms, *labels in self._warehouse.ask(_WINDOWS, asked):
            row = WindowRow(dict(zip(TELEMETRY_DIMENSIONS, labels, strict=True)), good_ms, attempted_ms)
            found[tenant, metric][end_ms].append(row)
        return {key: [WindowEnd(end_ms, rows) for end_ms, rows in ends.items()] for key, ends in found.items()}

    def write_alerts(self, alerts: Sequence[Alert], *, now_ms: int) -> None:
        """Write alerts; the same ones again change nothing but `written_at`."""
        rows = [[*_values(alert, _ALERT_COLUMNS[:-2]), encode_json(alert).decode(), now_ms] for alert in alerts]
        self._warehouse.insert_rows("alerts", _ALERT_COLUMNS, rows)

    def told(self, episodes: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of some episodes (tenant, alert id) of which a state that calls is stored."""
        rows = self._warehouse.ask(_TOLD, _asked(episodes)) if episodes else []
        return {(tenant, name) for tenant, name in rows} & set(episodes)

    def newest(self, episodes: Collection[tuple[str, str]]) -> list[Alert]:
        """Return the newest stored state of each of some episodes (tenant, alert id)."""
        rows = self._warehouse.ask(_NEWEST, _asked(episodes)) if episodes else []
        found = [msgspec.json.decode(body, type=Alert) for (body,) in rows if body]
        return [alert for alert in found if (alert.tenant, alert.alert_id) in episodes]

    def open_alerts(self, tenant: str, kind: AlertKind) -> list[Alert]:
        """Return the newest state of each episode of a tenant and kind that has not ended."""
        rows = self._warehouse.ask(_OPEN, {"tenant": tenant, "kind": kind})
        return [msgspec.json.decode(body, type=Alert) for (body,) in rows]

    def write_entries(self, entries: Iterable[Entry], *, now_ms: int) -> None:
        """Write ledger rows; the same ones again change nothing but `written_at`."""
        rows = [
            [*_values(entry.verdict, _VERDICT_COLUMNS[:-2]), msgspec.json.encode(entry.state).decode(), now_ms]
            for entry in entries
        ]
        self._warehouse.insert_rows("verdicts", _VERDICT_COLUMNS, rows)


def _values(event: msgspec.Struct, columns: Sequence[str]) -> list[Any]:
    return [getattr(event, _TIMES.get(column, column)) for column in columns]


def _asked(episodes: Collection[tuple[str, str]]) -> dict[str, list[str]]:
    return {"tenants": sorted({tenant for tenant, _ in episodes}), "alerts": sorted({name for _, name in episodes})}


def _order(row: Sequence[Any]) -> Order:
    action_id, kind, version, recorded_ms, from_ms, until_ms, target, alert_id, *labels = row
    named = zip(RECORD_DIMENSIONS, labels, strict=True)
    return Order(
        action_id=action_id,
        kind=kind,
        version=version,
        recorded_ms=recorded_ms,
        from_ms=from_ms,
        until_ms=FOREVER_MS if until_ms is None else until_ms,
        target=target,
        alert_id=alert_id,
        labels={name: value for name, value in named if value},
    )


def _state(target: str, raw: str) -> JudgeState:
    try:
        return msgspec.json.decode(raw, type=JudgeState)
    except msgspec.MsgspecError as error:
        raise InvariantError(f"the stored state of {target} cannot be read: {error}") from error
