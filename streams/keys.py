"""Group keys of telemetry as small numbers, and what the metric catalogue says about each.

A reading's raw dimensions are cut down to those by which its metric is grouped, so cardinality is bounded by design.
The
numbers are private to a process: they never reach a row.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.catalogue import DIMENSIONS, Catalogue, Metric
from streams.events import Telemetry

OTHER = "__other__"
"""The value of all grouped dimensions once a tile holds more keys than allowed."""
UNKNOWN_METRIC = -1
MAX_REMEMBERED = 200_000
"""Raw dimension tuples remembered; beyond, the memory is emptied and built again."""

Raw = tuple[str, str, str, str, str, str, str, str, str, bool]


@dataclass(frozen=True, slots=True)
class Key:
    """What a group is: `dimensions` in the order of `DIMENSIONS`, empty where the metric is not grouped by it."""

    tenant: str
    metric: str
    dimensions: tuple[str, ...]
    shared: bool


def raw_key(event: Telemetry) -> Raw:
    """Return everything of an event that can decide its group."""
    e = event
    return (
        e.tenant, e.metric, e.country, e.site, e.business_unit, e.service, e.application, e.device_model, e.os_version,
        e.shared,
    )  # fmt: skip


class Keys:
    """Numbers keys from 0 in the order of their appearance.

    Attributes:
        keys: By number.
        edition: Counts the times that numbers were given anew (`compact`).
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._by_raw: dict[Raw, int] = {}
        self._by_key: dict[Key, int] = {}
        self._rules: list[tuple[int, int, int]] = []
        self._rule_table = np.zeros((0, 3), np.int64)
        self.keys: list[Key] = []
        self.edition = 0

    def code(self, raw: Raw) -> int:
        """Return the number of a reading's group; `UNKNOWN_METRIC` if the catalogue does not list its metric."""
        code = self._by_raw.get(raw)
        return self._learn(raw) if code is None else code

    def _learn(self, raw: Raw) -> int:
        if len(self._by_raw) >= MAX_REMEMBERED:
            self._by_raw.clear()
        tenant, name, *values, shared = raw
        metric = self._catalogue.metrics.get(name)
        if metric is None:
            return UNKNOWN_METRIC
        grouped = tuple(
            str(value) if dimension in metric.group_by else ""
            for dimension, value in zip(DIMENSIONS, values, strict=True)
        )
        code = self._by_raw[raw] = self._number(Key(tenant, name, grouped, bool(shared)), metric)
        return code

    def _number(self, key: Key, metric: Metric) -> int:
        code = self._by_key.setdefault(key, len(self.keys))
        if code == len(self.keys):
            self.keys.append(key)
            self._rules.append(_rule(metric))
        return code

    def compact(self, live: Collection[int]) -> NDArray[np.int64]:
        """Forget all keys but the live ones, which are numbered anew.

        Returns:
            Old number -> new number; -1 for a forgotten key.
        """
        kept = sorted(live)
        numbers = np.full(len(self.keys), -1, np.int64)
        numbers[kept] = np.arange(len(kept))
        self.keys = [self.keys[code] for code in kept]
        self._rules = [self._rules[code] for code in kept]
        self._rule_table = np.zeros((0, 3), np.int64)
        self._by_key = {key: code for code, key in enumerate(self.keys)}
        self._by_raw.clear()
        self.edition += 1
        return numbers

    def overflow(self, code: int) -> int:
        """Return the number of the key that takes what a tile cannot hold beside `code`."""
        key = self.keys[code]
        metric = self._catalogue.metrics[key.metric]
        other = tuple(OTHER if dimension in metric.group_by else "" for dimension in DIMENSIONS)
        return self._number(Key(key.tenant, key.metric, other, key.shared), metric)

    def rules(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return rows (sense, limit, covers) per code.

        Sense: 1 good at most `limit`, -1 good at least `limit`, 0 no rule. Limit: milli-units. Covers: milliseconds
        that a reading stands for unless it says so itself.
        """
        if len(self._rule_table) < len(self._rules):
            self._rule_table = np.array(self._rules, np.int64)
        return self._rule_table[codes]


def _rule(metric: Metric) -> tuple[int, int, int]:
    good = metric.good
    if good is None:
        return 0, 0, 0
    if good.at_most is not None:
        return 1, round(good.at_most * 1000), metric.covers_ms
    if good.at_least is not None:
        return -1, round(good.at_least * 1000), metric.covers_ms
    return 0, 0, 0
