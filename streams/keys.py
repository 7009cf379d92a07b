"""Group keys of telemetry as small numbers, and what the metric catalogue says about each.

A reading's raw dimensions are cut down to those by which its metric is grouped, so cardinality is bounded by design.
The numbers are private to a process: they never reach a row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from streams.catalogue import DIMENSIONS, Catalogue, Metric
from streams.events import Telemetry

OTHER = "__other__"
"""The value of all grouped dimensions once a tile holds more keys than allowed."""
UNKNOWN_METRIC = -1
SEPARATOR = "\x1f"
"""Joins names for a look-up: one string is cheaper to find than a tuple of them. No name can hold it: decoders refuse
control characters (`streams.checks`)."""
_UNLISTED = ""
"""Stands for all events whose metric is not in the catalogue."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a group is: `dimensions` in the order of `DIMENSIONS`, empty where the metric is not grouped by it."""

    tenant: str
    metric: str
    dimensions: tuple[str, ...]
    shared: bool


class _Names(dict[str, Callable[[Telemetry], tuple[str, ...]]]):
    """Metric -> what of an event decides its group, besides `shared`."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(
            (m, attrgetter("tenant", "metric", *metric.group_by)) for m, metric in catalogue.metrics.items()
        )

    def __missing__(self, metric: str) -> Callable[[Telemetry], tuple[str, ...]]:
        return lambda _event: (_UNLISTED,)


class Keys:
    """Numbers keys from 0 in the order of their appearance.

    Attributes:
        keys: By number.
        edition: Counts the times that numbers were given anew (`compact`).
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._names = _Names(catalogue)
        self._by_name = _no_names()
        self._by_key: dict[Key, int] = {}
        self._rules: list[tuple[int, int, int]] = []
        self._rule_table = np.zeros((0, 3), np.int64)
        self.keys: list[Key] = []
        self.edition = 0

    def codes(self, events: Sequence[Telemetry]) -> list[int]:
        """Return the numbers of the readings' groups; `UNKNOWN_METRIC` where the catalogue does not list the metric."""
        names, join = self._names, SEPARATOR.join
        known = [by_name.get for by_name in self._by_name]
        codes = [known[e.shared](join(names[e.metric](e))) for e in events]
        if None not in codes:
            return codes  # type: ignore[return-value]  # just checked
        return [self._learn(e) if code is None else code for e, code in zip(events, codes, strict=True)]

    def _learn(self, event: Telemetry) -> int:
        metric = self._catalogue.metrics[event.metric]
        dimensions = tuple(getattr(event, name) if name in metric.group_by else "" for name in DIMENSIONS)
        code = self._number(Key(event.tenant, event.metric, dimensions, event.shared), metric)
        self._by_name[event.shared][SEPARATOR.join(self._names[event.metric](event))] = code
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
        self._by_name = _no_names()
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
        known = len(self._rule_table)
        if known < len(self._rules):
            self._rule_table = np.concatenate((self._rule_table, np.array(self._rules[known:], np.int64)))
        return self._rule_table[codes]


def _no_names() -> tuple[dict[str, int], dict[str, int]]:
    """Name -> number, of devices that are somebody's and of shared ones."""
    return {_UNLISTED: UNKNOWN_METRIC}, {_UNLISTED: UNKNOWN_METRIC}


def _rule(metric: Metric) -> tuple[int, int, int]:
    good = metric.good
    if good is None:
        return 0, 0, 0
    if good.at_most is not None:
        return 1, round(good.at_most * 1000), metric.covers_ms
    if good.at_least is not None:
        return -1, round(good.at_least * 1000), metric.covers_ms
    return 0, 0, 0
