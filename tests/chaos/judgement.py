"""Compares the warehouse with the truth, with `==`: windows, tiles, sums, quarantine, entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agents.demo.check import Comparison, Stored, compare, metric_facts
from agents.demo.topic import read_topic
from agents.topics import RECORDS, TELEMETRY, topic_incarnation
from agents.warehouse.client import Warehouse
from streams.catalogue import Catalogue
from streams.profile import Profile
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
    """

    comparisons: dict[str, Comparison] = field(default_factory=dict)
    sums: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

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

    def telemetry(self, judgement: Judgement, ends: Ends) -> None:
        """Compare windows, audits and quarantine of the telemetry lane."""
        records = read_topic(self._brokers, TELEMETRY, ends)
        windows, audits = self._fold(records)
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


_REJECTS = (
    "SELECT partition, offset, toUnixTimestamp64Milli(recorded_at), hex(raw) FROM quarantine FINAL "
    "WHERE topic = {topic:String} AND incarnation = {incarnation:UUID}"
)
