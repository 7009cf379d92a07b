"""Published rows to judge, in memory and in ClickHouse: the same words for both."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from agents.judge_news import Grid
from agents.judge_store import Closed, JudgeStore, MetricKey, TargetKey
from agents.warehouse.client import Warehouse
from agents.warehouse.manifest import publish
from streams.details import Details
from streams.events.judging import Alert, AlertKind, Verdict
from streams.judging.actions import Order
from streams.judging.rounds import Entry
from streams.judging.sheets import BundleEpoch, Epoch, ReleasedBlock, ReleasedBundle, WindowEnd, WindowRow
from streams.judging.verdicts import JudgeState, Ruler
from streams.scores import Counts
from streams.targets.periods import period_start

EPOCH_MS = 5_000


def present_ms() -> int:
    """Return an instant half an hour ago that no calendar month ends soon after: old data would call nobody."""
    half_ms = int(time.time() * 1000) // EPOCH_MS * EPOCH_MS - 1_800_000
    ends_soon = period_start("month", half_ms) != period_start("month", half_ms + 900_000)
    return half_ms - 900_000 if ends_soon else half_ms


WINDOW_S = 5
GRACE_MS = 2_000
K = 5
T0 = present_ms()
GENERATION = 101
INCARNATION = "00112233-4455-6677-8899-aabbccddeeff"
METRIC = "app.response_time"
GRID = Grid(
    epochs=Ruler(unit_ms=EPOCH_MS, per_observation=K), windows=Ruler(unit_ms=1000 * WINDOW_S, per_observation=1)
)

Row = tuple[Mapping[str, str], int, int, int]
"""Labels, devices, good ms, attempted ms."""


def end(number: int) -> int:
    """Return the end of epoch or window `number` (1, 2, …) after the start; ms UTC."""
    return T0 + number * EPOCH_MS


class World(Protocol):
    """Where the judge reads and writes, with the hands of those who publish."""

    @property
    def port(self) -> Any:
        """The judge's port."""

    def release(self, tenant: str, number: int, blocks: Sequence[tuple[Mapping[str, str], Counts]]) -> None:
        """Publish epoch `number` of a tenant."""

    def fold(self, tenant: str, number: int, rows: Sequence[Row]) -> None:
        """Store window `number` of a tenant."""

    def reach(self, number: int) -> None:
        """Let telemetry arrive just late enough for windows up to `number` to be closed."""

    def alerts(self) -> list[Alert]:
        """Return the alerts that are written, by id and sequence."""

    def verdicts(self) -> list[Verdict]:
        """Return the ledger, by target and time."""


class MemoryWorld:
    """Published rows in memory; is its own port."""

    def __init__(self) -> None:
        self._epochs: dict[str, dict[int, list[ReleasedBlock]]] = {}
        self._bundles: dict[str, dict[int, list[ReleasedBundle]]] = {}
        self._windows: dict[MetricKey, dict[int, list[WindowRow]]] = {}
        self._before_ms: int | None = None
        self._alerts: dict[tuple[str, str, int], Alert] = {}
        self._entries: dict[tuple[str, str, int, int], Entry] = {}
        self._orders: dict[str, list[Order]] = {}
        self._recorded_ms: int | None = None
        self.questions = 0

    @property
    def port(self) -> "MemoryWorld":
        return self

    def release(self, tenant: str, number: int, blocks: Sequence[tuple[Mapping[str, str], Counts]]) -> None:
        self._epochs.setdefault(tenant, {})[end(number)] = [ReleasedBlock(labels, counts) for labels, counts in blocks]

    def fold(self, tenant: str, number: int, rows: Sequence[Row]) -> None:
        shown = [WindowRow(labels, good, attempted) for labels, devices, good, attempted in rows if devices >= K]
        if shown:
            self._windows.setdefault((tenant, METRIC), {})[end(number)] = shown

    def reach(self, number: int) -> None:
        self._before_ms = end(number) + 1

    def order(self, tenant: str, order: Order) -> None:
        """Let an operator write an action down."""
        self._orders.setdefault(tenant, []).append(order)

    def record(self, number: int) -> None:
        """Let records be stored up to the end of epoch `number`."""
        self._recorded_ms = end(number)

    def orders(self, tenants: Collection[str]) -> dict[str, list[Order]]:
        self.questions += 1
        return {tenant: list(self._orders[tenant]) for tenant in tenants if tenant in self._orders}

    def recorded_ms(self) -> int | None:
        self.questions += 1
        return self._recorded_ms

    def told(self, episodes: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        self.questions += 1
        return {key[:2] for key, alert in self._alerts.items() if key[:2] in episodes and alert.calls == "yes"}

    def newest(self, episodes: Collection[tuple[str, str]]) -> list[Alert]:
        self.questions += 1
        newest = {key[:2]: self._alerts[key] for key in sorted(self._alerts)}
        return [alert for key, alert in newest.items() if key in episodes]

    def open_alerts(self, tenant: str, kind: AlertKind) -> list[Alert]:
        newest = {key[:2]: self._alerts[key] for key in sorted(self._alerts) if key[0] == tenant}
        return [alert for alert in newest.values() if alert.kind == kind and alert.state == "firing"]

    def states(self, tenants: Collection[str]) -> dict[TargetKey, JudgeState]:
        self.questions += 1
        newest: dict[TargetKey, JudgeState] = {}
        for (tenant, target, _, _), entry in sorted(self._entries.items(), key=lambda item: (item[0][3], item[0][2])):
            if tenant in tenants:
                newest[tenant, target] = msgspec.json.decode(msgspec.json.encode(entry.state), type=JudgeState)
        return newest

    def epochs(self, since: Mapping[str, int]) -> dict[str, list[Epoch]]:
        self.questions += 1
        found = {
            tenant: [Epoch(at, blocks) for at, blocks in sorted(self._epochs.get(tenant, {}).items()) if at > after]
            for tenant, after in since.items()
        }
        return {tenant: epochs for tenant, epochs in found.items() if epochs}

    def bundle(self, tenant: str, number: int, bundles: Sequence[tuple[Mapping[str, str], Details]]) -> None:
        """Publish the bundles of epoch `number` of a tenant."""
        self._bundles.setdefault(tenant, {})[end(number)] = [ReleasedBundle(*bundle) for bundle in bundles]

    def bundles(self, since: Mapping[str, int]) -> dict[str, list[BundleEpoch]]:
        self.questions += 1
        found = {
            tenant: [BundleEpoch(at, some) for at, some in sorted(self._bundles.get(tenant, {}).items()) if at > after]
            for tenant, after in since.items()
        }
        return {tenant: epochs for tenant, epochs in found.items() if epochs}

    def closed(self) -> Closed | None:
        self.questions += 1
        return None if self._before_ms is None else Closed(GENERATION, self._before_ms, WINDOW_S, K)

    def windows(
        self, keys: Collection[MetricKey], closed: Closed, *, after_ms: int, before_ms: int
    ) -> dict[MetricKey, list[WindowEnd]]:
        self.questions += 1
        found = {
            key: [
                WindowEnd(at, rows)
                for at, rows in sorted(self._windows.get(key, {}).items())
                if after_ms < at < before_ms
            ]
            for key in keys
        }
        return {key: ends for key, ends in found.items() if ends}

    def write_alerts(self, alerts: Sequence[Alert], *, now_ms: int) -> None:
        self._alerts.update({(alert.tenant, alert.alert_id, alert.sequence): alert for alert in alerts})

    def write_entries(self, entries: Iterable[Entry], *, now_ms: int) -> None:
        for entry in entries:
            verdict = entry.verdict
            self._entries[verdict.tenant, verdict.target, verdict.version, verdict.at_ms] = entry

    def alerts(self) -> list[Alert]:
        return [self._alerts[key] for key in sorted(self._alerts)]

    def verdicts(self) -> list[Verdict]:
        return [self._entries[key].verdict for key in sorted(self._entries)]


class ClickHouseWorld:
    """The same rows in the tables of a migrated database."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.port = JudgeStore(warehouse)
        warehouse.insert_rows(
            "profile",
            ("name", "generation", "window_s", "grace_ms", "epoch_ms", "k", "written_at"),
            [("demo", GENERATION, WINDOW_S, GRACE_MS, EPOCH_MS, K, T0)],
        )
        with warehouse.lend() as client:
            publish(client, warehouse.address.database)

    def release(self, tenant: str, number: int, blocks: Sequence[tuple[Mapping[str, str], Counts]]) -> None:
        names = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
        rows = [
            (
                *(tenant, end(number), "run", f"{place:04}", 0),
                *(labels.get(name, "") for name in names),
                *_numbers(counts),
            )
            for place, (labels, counts) in enumerate(blocks)
        ]
        columns = ("tenant", "epoch", "run", "block", "level", *names, "n", "detractors", "neutrals", "promoters")
        self._warehouse.insert_rows("release_blocks", columns, rows)
        self.mark(tenant, number, "run")

    def mark(self, tenant: str, number: int, run: str) -> None:
        columns = ("tenant", "epoch", "run", "blocks", "answers", "rule")
        self._warehouse.insert_rows("release_marks", columns, [(tenant, end(number), run, 1, 5, "{}")])

    def fold(self, tenant: str, number: int, rows: Sequence[Row], *, late: int = 0, shared: int = 0) -> None:
        start_s = (end(number) - EPOCH_MS) // 1000
        place = (tenant, METRIC, start_s, WINDOW_S, late, shared, GENERATION, INCARNATION)
        tiles = [
            (*place, *_labels(labels), partition, 0, 10, devices, good // 2, attempted // 2, _half(devices, partition))
            for labels, devices, good, attempted in rows
            for partition in (0, 1)  # a row is spread over partitions, and devices with it
        ]
        columns = (
            "tenant", "metric", "window_start", "window_s", "late", "shared", "generation", "incarnation", "country",
            "application", "partition", "tile", "hi", "n", "good_ms", "attempted_ms", "devices",
        )  # fmt: skip
        self._warehouse.insert_rows("tiles", columns, tiles)

    def reach(self, number: int) -> None:
        arrival = end(number) + 1 + GRACE_MS
        columns = ("generation", "incarnation", "partition", "tile", "hi", "partitions", "arrival")
        rows = [(GENERATION, INCARNATION, partition, 0, number, 2, arrival) for partition in (0, 1)]
        self._warehouse.insert_rows("tile_audit", columns, rows)

    def alerts(self) -> list[Alert]:
        found = [
            msgspec.json.decode(body, type=Alert) for (body,) in self._warehouse.ask("SELECT body FROM alerts FINAL")
        ]
        return sorted(found, key=lambda alert: (alert.tenant, alert.alert_id, alert.sequence))

    def verdicts(self) -> list[Verdict]:
        names = [name for name in Verdict.__struct_fields__ if name != "at_ms"]
        columns = f"{', '.join(names)}, toUnixTimestamp64Milli(at)"
        rows = self._warehouse.ask(f"SELECT {columns} FROM verdicts FINAL ORDER BY tenant, target, version, at")
        return [_verdict(dict(zip((*names, "at_ms"), row, strict=True))) for row in rows]


def _numbers(counts: Counts) -> tuple[int, ...]:
    return counts.n, counts.detractors, counts.neutrals, counts.promoters


def _labels(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("country", ""), labels.get("application", "")


def _half(devices: int, partition: int) -> list[int]:
    return list(range(partition * devices // 2, (partition + 1) * devices // 2))


def _verdict(values: dict[str, Any]) -> Verdict:
    return msgspec.convert({**values, "signal": "verdict"}, Verdict, strict=False)
