"""Compares the warehouse with the truth, window by window, with `==`.

Twice, because each half sees what the other cannot: what the senders had acknowledged (their own events, sums only),
and what the topic itself holds (real input too, with lateness, histograms, devices and the audit of every tile).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from agents.demo.sender import Receipt
from agents.warehouse.client import Warehouse
from streams.catalogue import Catalogue, Metric
from streams.profile import Profile
from streams.simulate import oracle
from streams.simulate.agenda import Item
from streams.simulate.directory import device_dimensions, shared_devices
from streams.simulate.organisation import Organisation

Reach = Mapping[tuple[UUID, int], int]
"""(incarnation, partition) -> offset below which everything is in the warehouse."""

K = TypeVar("K")


@dataclass(slots=True)
class Comparison:
    """Windows that were expected, equal and different; `examples` names a few of the different ones."""

    expected: int = 0
    exact: int = 0
    undetermined: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Windows that differ, are missing, or should not be there."""
        return self.expected - self.exact - self.undetermined


def compare(expected: Mapping[K, Any], found: Mapping[K, Any], *, undetermined: Iterable[K] = ()) -> Comparison:
    """Compare two answers; a key on one side only is a difference.

    Args:
        expected: The truth.
        found: What the warehouse says.
        undetermined: Keys that nobody can judge, because the log that would tell was lost.
    """
    keys = expected.keys() | found.keys()
    unclear = keys & set(undetermined)
    wrong = [key for key in keys - unclear if expected.get(key) != found.get(key)]
    examples = [f"{key}: expected {expected.get(key)}, found {found.get(key)}" for key in wrong[:3]]
    return Comparison(len(keys), len(keys) - len(unclear) - len(wrong), len(unclear), examples)


def metric_facts(catalogue: Catalogue) -> dict[str, oracle.Facts]:
    """Return what the oracle needs to know of each metric."""
    return {name: _facts(metric) for name, metric in catalogue.metrics.items()}


def _facts(metric: Metric) -> oracle.Facts:
    good = metric.good
    if good is not None and good.at_most is not None:
        return oracle.Facts(metric.group_by, ("at_most", good.at_most), metric.covers_ms)
    if good is not None and good.at_least is not None:
        return oracle.Facts(metric.group_by, ("at_least", good.at_least), metric.covers_ms)
    return oracle.Facts(metric.group_by, None, metric.covers_ms)


class Truth:
    """What the simulated senders know: their events, the catalogue and the organisation's directory."""

    def __init__(self, organisation: Organisation, catalogue: Catalogue, profile: Profile) -> None:
        self._facts = metric_facts(catalogue)
        self._window_ms = profile.window_ms
        self._devices = device_dimensions(organisation)
        self._services = organisation.applications
        self._shared = shared_devices(organisation)

    def windows(self, items: Iterable[Item]) -> dict[oracle.Key, oracle.Sums]:
        """Return the windows that these items add up to."""
        return oracle.expected_windows(
            (item.body for item in items if item.path == "telemetry"),
            self._facts,
            window_ms=self._window_ms,
            devices=self._devices,
            services=self._services,
            shared=self._shared,
        )


def surviving(accepted: Iterable[tuple[Item, Receipt]], reach: Reach, current: UUID) -> list[Item]:
    """Return the acknowledged items that the warehouse can hold: all of the present log, and of a lost one what was
    read.
    """
    return [
        item
        for item, receipt in accepted
        if receipt.incarnation == current or receipt.offset < reach.get((receipt.incarnation, receipt.partition), 0)
    ]


@dataclass(frozen=True, slots=True)
class LostRange:
    """Acknowledged records of a log that died before they were read: offsets `[first, end)`."""

    incarnation: UUID
    partition: int
    first: int
    end: int


def lost_ranges(accepted: Iterable[tuple[Item, Receipt]], reach: Reach, current: UUID) -> list[LostRange]:
    """Return what the senders had acknowledged and the warehouse cannot have, per partition of logs that are gone."""
    ends: dict[tuple[UUID, int], int] = {}
    for item, receipt in accepted:
        if item.path == "telemetry" and receipt.incarnation != current:
            place = (receipt.incarnation, receipt.partition)
            ends[place] = max(ends.get(place, 0), receipt.offset + 1)
    return [
        LostRange(*place, reach.get(place, 0), end) for place, end in sorted(ends.items()) if end > reach.get(place, 0)
    ]


class Stored:
    """The warehouse's side of the comparison."""

    def __init__(self, warehouse: Warehouse, generation: int) -> None:
        self._warehouse = warehouse
        self._generation = generation

    def reach(self) -> dict[tuple[UUID, int], int]:
        """Return how far each log is read; rows count too, which are written before their audit row."""
        rows = self._warehouse.ask(_REACH, {"generation": self._generation})
        return {(incarnation, partition): hi for incarnation, partition, hi in rows}

    def sums(self, tenant: str, metrics: Sequence[str]) -> dict[oracle.Key, oracle.Sums]:
        """Return a tenant's windows of some metrics over all logs, late readings included."""
        given = {"generation": self._generation, "tenant": tenant, "metrics": list(metrics)}
        rows = self._warehouse.ask(_SUMS, given)
        return {_key(row): oracle.Sums(*row[_KEY_COLUMNS:]) for row in rows}

    def windows(self, incarnation: UUID) -> dict[tuple[oracle.Key, bool], oracle.Window]:
        """Return all windows of one log in full."""
        rows = self._warehouse.ask(_WINDOWS, {"generation": self._generation, "incarnation": str(incarnation)})
        return {(_key(row), bool(row[_KEY_COLUMNS])): _window(row[_KEY_COLUMNS + 1 :]) for row in rows}

    def audits(self, incarnation: UUID) -> tuple[dict[tuple[int, int], oracle.Audit], dict[int, int]]:
        """Return the audit of each tile of one log, and where each partition's newest tile ends."""
        rows = self._warehouse.ask(_AUDITS, {"generation": self._generation, "incarnation": str(incarnation)})
        ends: dict[int, int] = {}
        for partition, _, hi, *_ in rows:
            ends[partition] = max(ends.get(partition, 0), hi)
        return {(partition, tile): oracle.Audit(*counts) for partition, tile, _, *counts in rows}, ends


_KEY_COLUMNS = 3 + len(oracle.DIMENSIONS) + 1


def _key(row: Sequence[Any]) -> oracle.Key:
    tenant, metric, start_s, *rest = row[:_KEY_COLUMNS]
    return oracle.Key(tenant, metric, tuple(rest[:-1]), bool(rest[-1]), start_s * 1000)


def _window(row: Sequence[Any]) -> oracle.Window:
    *sums, squares, (buckets, counts), devices = row
    return oracle.Window(oracle.Sums(*sums), squares, tuple(zip(buckets, counts, strict=True)), tuple(devices))


_DIMENSIONS = ", ".join(f"t.{name}" for name in oracle.DIMENSIONS)
_GROUP = f"t.tenant, t.metric, toUnixTimestamp(t.window_start), {_DIMENSIONS}, t.shared"
_FIGURES = "sum(t.n), sum(t.sum), min(t.min), max(t.max), sum(t.good_ms), sum(t.attempted_ms)"
_SUMS = (
    f"SELECT {_GROUP}, {_FIGURES} FROM tiles AS t FINAL WHERE t.generation = {{generation:UInt16}} "  # noqa: S608
    f"AND t.tenant = {{tenant:String}} AND t.metric IN {{metrics:Array(String)}} GROUP BY {_GROUP}"
)
_WINDOWS = (
    f"SELECT {_GROUP}, t.late, {_FIGURES}, sum(t.sum_squares), sumMap(t.hist_bucket, t.hist_count), "  # noqa: S608
    "arraySlice(arraySort(arrayDistinct(arrayFlatten(groupArray(t.devices)))), 1, 256) FROM tiles AS t FINAL "
    "WHERE t.generation = {generation:UInt16} AND t.incarnation = {incarnation:UUID} "
    f"GROUP BY {_GROUP}, t.late"
)
_AUDITS = (
    "SELECT partition, tile, hi, n_in, n_valid, n_invalid, n_duplicate, n_late, n_tick FROM tile_audit FINAL "
    "WHERE generation = {generation:UInt16} AND incarnation = {incarnation:UUID}"
)
_REACH = (
    "SELECT incarnation, partition, max(hi) FROM (SELECT incarnation, partition, hi FROM tile_audit "
    "WHERE generation = {generation:UInt16} UNION ALL SELECT incarnation, partition, hi FROM tiles "
    "WHERE generation = {generation:UInt16}) GROUP BY incarnation, partition"
)
