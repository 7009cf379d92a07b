"""Compares the warehouse with the truth, with `==`: windows, tiles, sums, quarantine, entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agents.demo.check import Comparison, Stored, compare, metric_facts
from agents.demo.topic import read_topic
from agents.seal import Sealer
from agents.seal_tables import SealTables
from agents.topics import RECORDS, TELEMETRY, topic_incarnation
from agents.warehouse.client import Warehouse
from streams.catalogue import Catalogue
from streams.profile import HOUR_MS, Profile
from streams.simulate import oracle
from tests.chaos import truth

Ends = Mapping[int, int]
"""Partition -> offset after its last record."""


@dataclass(slots=True)
class Judgement:
    """What differs.

    Attributes:
        comparisons: By what was compared.
        sums: What does not add up, in words.
        counts: Fate of the records of the telemetry lane.
        sealed: Periods of which readers get sealed rows.
    """

    comparisons: dict[str, Comparison] = field(default_factory=dict)
    sums: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sealed: int = 0

    def complaints(self) -> list[str]:
        """Return what is wrong, in words; empty if nothing is."""
        wrong = {name: found for name, found in self.comparisons.items() if found.wrong}
        return [f"{found.wrong} of {found.expected} {name} are wrong" for name, found in wrong.items()] + self.sums


class Judge:
    """Reads topics and tables after a run, when nobody writes any more."""

    def __init__(self, brokers: str, warehouse: Warehouse, catalogue: Catalogue, profile: Profile) -> None:
        self._brokers = brokers
        self._warehouse = warehouse
        self._facts = metric_facts(catalogue)
        self._profile = profile
        self._windows: dict[tuple[oracle.Key, bool], oracle.Window] = {}

    def telemetry(self, judgement: Judgement, ends: Ends) -> None:
        """Compare windows, audits and quarantine of the telemetry lane."""
        records = read_topic(self._brokers, TELEMETRY, ends)
        windows, audits = self._fold(records)
        self._windows = windows
        incarnation = topic_incarnation(self._brokers, TELEMETRY)
        stored = Stored(self._warehouse, self._profile.generation)
        found, reached = stored.audits(incarnation)
        judgement.comparisons["windows"] = compare(windows, stored.windows(incarnation))
        judgement.comparisons["tile audits"] = compare(audits, found)
        judgement.sums += _sums(found, reached, ends)
        rejects = truth.telemetry_rejects(records, self._facts)
        judgement.comparisons["telemetry rejects"] = compare(rejects, self._rejects(TELEMETRY, incarnation))
        judgement.counts = _total(audits.values())

    def _fold(
        self, records: Sequence[oracle.Record]
    ) -> tuple[dict[tuple[oracle.Key, bool], oracle.Window], dict[tuple[int, int], oracle.Audit]]:
        p = self._profile
        return oracle.fold_topic(
            records, self._facts, tile=p.tile_size, horizon=p.horizon, window_ms=p.window_ms, grace_ms=p.grace_ms
        )

    def records(self, judgement: Judgement, ends: Ends) -> None:
        """Compare entity rows and quarantine of the records lane."""
        expected, rejects = truth.entities(read_topic(self._brokers, RECORDS, ends))
        incarnation = topic_incarnation(self._brokers, RECORDS)
        judgement.comparisons["entities"] = compare(expected, self._entities())
        judgement.comparisons["records rejects"] = compare(rejects, self._rejects(RECORDS, incarnation))

    def sealed(self, judgement: Judgement, *, now_ms: int) -> None:
        """Seal what is left to seal, and compare what readers get: sealed periods and the hot tail; after `telemetry`.

        Args:
            now_ms: Time now, ms since the epoch.
        """
        later_ms = now_ms + HOUR_MS  # a period that was sealed just now rests for a while
        tables = SealTables(self._warehouse)
        while Sealer(tables).run(later_ms).sealed:
            later_ms += HOUR_MS
        cut = tables.cut()
        closed_ms = cut.closed_before_ms if cut is not None else 0
        found = {_state_key(row): tuple(row[_KEY_COLUMNS:]) for row in self._warehouse.ask(_STATES)}
        expected = _published(self._windows, closed_ms, self._profile)
        judgement.comparisons["published windows"] = compare(expected, found)
        judgement.sealed = len(tables.committed(cut)) if cut is not None else 0

    def _entities(self) -> dict[truth.Entity, tuple[Any, ...]]:
        found: dict[truth.Entity, tuple[Any, ...]] = {}
        for signal, (table, key, _) in truth.KINDS.items():
            sql = (
                f"SELECT tenant, {key}, {', '.join(truth.columns(signal))}, toUnixTimestamp64Milli(log_time) "
                f"FROM {table} FINAL"
            )
            for tenant, name, *row in self._warehouse.ask(sql):
                found[table, tenant, name] = tuple(row)
        return found

    def _rejects(self, topic: str, incarnation: UUID) -> dict[truth.Place, truth.Reject]:
        rows = self._warehouse.ask(_REJECTS, {"topic": topic, "incarnation": str(incarnation)})
        return {(partition, offset): (stamp_ms, raw.lower()) for partition, offset, stamp_ms, raw in rows}


def _sums(audits: Mapping[tuple[int, int], oracle.Audit], reached: Ends, ends: Ends) -> list[str]:
    """Say which tiles and partitions do not add up: what went in became something, and all of it went in."""
    odd = [
        f"tile {place}: {audit} does not add up"
        for place, audit in audits.items()
        if audit.n_in != audit.valid + audit.invalid + audit.duplicate + audit.tick
    ]
    for partition, end in ends.items():
        n_in = sum(audit.n_in for (p, _), audit in audits.items() if p == partition)
        if (n_in, reached.get(partition, 0)) != (end, end):
            odd.append(f"partition {partition}: {n_in} of {end} records counted, up to {reached.get(partition, 0)}")
    return odd


def _total(audits: Any) -> dict[str, int]:
    names = oracle.Audit._fields
    return dict(zip(names, map(sum, zip(*audits, strict=True)), strict=True)) if audits else dict.fromkeys(names, 0)


def _published(
    windows: Mapping[tuple[oracle.Key, bool], oracle.Window], closed_ms: int, profile: Profile
) -> dict[oracle.Key, tuple[int, ...]]:
    """Return closed windows of enough devices, as readers get them: late readings counted in, and counted apart."""
    found: dict[oracle.Key, tuple[int, ...]] = {}
    devices: dict[oracle.Key, set[int]] = {}
    for (key, late), window in windows.items():
        if key.window_start_ms + profile.window_ms < closed_ms:
            s = window.sums
            row = (s.n, s.n if late else 0, s.sum, s.min, s.max, s.good_ms, s.attempted_ms)
            found[key] = _merged(found[key], row) if key in found else row
            devices.setdefault(key, set()).update(window.devices)
    return {key: row for key, row in found.items() if key.shared or len(devices[key]) >= profile.k}


def _merged(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], min(a[3], b[3]), max(a[4], b[4]), a[5] + b[5], a[6] + b[6]


_KEY_COLUMNS = 3 + len(oracle.DIMENSIONS) + 1


def _state_key(row: Sequence[Any]) -> oracle.Key:
    tenant, metric, start_s, *dimensions, shared = row[:_KEY_COLUMNS]
    return oracle.Key(tenant, metric, tuple(dimensions), bool(shared), start_s * 1000)


_GROUP = (
    f"s.tenant, s.metric, toUnixTimestamp(s.window_start), {', '.join(f's.{d}' for d in oracle.DIMENSIONS)}, s.shared"
)
_STATES = (
    f"SELECT {_GROUP}, sum(s.readings), sum(s.late_readings), sum(s.total), min(s.smallest), max(s.largest), "
    "sum(s.good), sum(s.attempted) "
    f"FROM telemetry_windows_60s AS s WHERE s.is_shown GROUP BY {_GROUP}"
)
_REJECTS = (
    "SELECT partition, offset, toUnixTimestamp64Milli(recorded_at), hex(raw) FROM quarantine FINAL "
    "WHERE topic = {topic:String} AND incarnation = {incarnation:UUID}"
)
