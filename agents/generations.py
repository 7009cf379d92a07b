"""Generations of the fold: which one is in force, how far one has come, and whether two say the same.

A generation is one meaning of the fold. Its rows lie beside those of the others; the profile says which one counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents.retry import backoff_s
from agents.warehouse.client import Warehouse, WarehouseError
from agents.warehouse.migrate import newest_generation
from streams.catalogue import DIMENSIONS
from streams.profile import Profile

AHEAD_MS = 300_000
"""How far an event may be ahead of its arrival; the fold refuses more."""
MOST = 10_000
"""Differing windows that are remembered by name; more than that are counted only."""
_NOT_MIGRATED = frozenset({60, 81})
"""ClickHouse error codes: no such table, no such database."""

_POSITIONS = """
SELECT partition, max(hi) FROM tile_audit
WHERE generation = {generation:UInt16} AND incarnation = {incarnation:UUID} GROUP BY partition
"""
# What both hold: from where both have all of the log, to where both are closed.
_HELD = """
SELECT max(if(start = 0, 0, began)), min(reached), count()
FROM
(
    SELECT min(first) AS start, min(toUnixTimestamp64Milli(arrival)) AS began,
        max(toUnixTimestamp64Milli(arrival)) AS reached
    FROM tile_audit
    WHERE generation IN {both:Array(UInt16)} AND incarnation = {incarnation:UUID}
    GROUP BY generation, partition
)
"""
_HOURS = """
SELECT DISTINCT toUnixTimestamp(toStartOfHour(window_start)) AS hour FROM tiles
WHERE generation IN {both:Array(UInt16)} AND incarnation = {incarnation:UUID}
  AND toYYYYMMDD(window_start) NOT IN (SELECT day FROM tiles_expired)
  AND window_start >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND window_start < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
ORDER BY hour
"""
_KEY = ("tenant", "metric", "window_start", "window_s", *DIMENSIONS, "shared")
_SUMS = ("n", "sum", "sum_squares", "good_ms", "attempted_ms")


def _figures(side: str) -> str:
    sums = ", ".join(f"sumIf(t.{name}, t.generation = {{{side}:UInt16}})" for name in _SUMS)
    return (
        f"({sums}, minIf(t.min, t.generation = {{{side}:UInt16}}), maxIf(t.max, t.generation = {{{side}:UInt16}}), "
        f"countIf(t.generation = {{{side}:UInt16}}) > 0)"
    )


_WINDOWS = f"""
SELECT {", ".join(_KEY)}, {_figures("old")} AS left, {_figures("new")} AS right
FROM tiles AS t FINAL
WHERE t.generation IN ({{old:UInt16}}, {{new:UInt16}}) AND t.incarnation = {{incarnation:UUID}}
  AND t.window_start >= toDateTime({{hour:UInt32}}, 'UTC')
  AND t.window_start < toDateTime({{hour:UInt32}} + 3600, 'UTC')
  AND t.window_start >= fromUnixTimestamp64Milli({{from_ms:Int64}}, 'UTC')
  AND t.window_start + toIntervalSecond(t.window_s) < fromUnixTimestamp64Milli({{to_ms:Int64}}, 'UTC')
GROUP BY {", ".join(_KEY)}
"""  # noqa: S608 - names of our own
_COUNTS = f"SELECT countIf(left = right), countIf(left != right) FROM ({_WINDOWS})"  # noqa: S608 - as above
_DIFFERENT = f"SELECT * FROM ({_WINDOWS}) WHERE left != right LIMIT {{most:UInt32}}"  # noqa: S608 - as above

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two generations of one log.

    Attributes:
        incarnation: The topic's id.
        partitions: How many partitions the topic has.
        grace_ms: How long after its end a window accepts events.
    """

    old: int
    new: int
    incarnation: UUID
    partitions: int
    grace_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Windows that both generations hold.

    Attributes:
        lines: Key of a window that differs -> a line for people: dimensions and totals, no identities.
    """

    equal: int
    different: int
    lines: Mapping[tuple[Any, ...], str]

    @property
    def is_complete(self) -> bool:
        """Whether every window that differs is known by name."""
        return len(self.lines) == self.different

    def narrowed(self, before: Comparison) -> Comparison:
        """Return this comparison with those windows only as different that were so before: both are complete."""
        lines = {key: line for key, line in self.lines.items() if key in before.lines}
        return Comparison(equal=self.equal + self.different - len(lines), different=len(lines), lines=lines)


def generation_in_force(warehouse: Warehouse, profile: Profile) -> int:
    """Return the generation to fold: the code's, or a larger one that the warehouse was switched to.

    Waits as long as the warehouse does not answer: to guess would mix two generations.

    Raises:
        WarehouseError: It refuses to say.
    """
    failures = 0
    while True:
        try:
            with warehouse.lend() as client:
                return newest_generation(client, warehouse.address.database, profile)
        except WarehouseError as error:
            if error.code in _NOT_MIGRATED:
                return profile.generation  # nothing was ever stored
            if not error.is_retryable:
                raise
            failures += 1
            log.warning("generation_unknown error=%s code=%s", type(error).__name__, error.code)
            time.sleep(backoff_s(failures))


def positions(warehouse: Warehouse, generation: int, incarnation: UUID) -> dict[int, int]:
    """Return partition -> first offset that a generation has not stored."""
    rows = warehouse.ask(_POSITIONS, {"generation": generation, "incarnation": incarnation})
    return {int(partition): int(offset) for partition, offset in rows}


def missing(there: Mapping[int, int], here: Mapping[int, int]) -> int:
    """Return how many records `here` is behind `there`.

    Example:
        >>> missing({0: 10, 1: 5}, {0: 7, 1: 9})
        3
    """
    return sum(max(0, offset - here.get(partition, 0)) for partition, offset in there.items())


def compare(warehouse: Warehouse, pair: Pair) -> Comparison:
    """Compare two generations window by window, late events included, where both hold the log and are closed."""
    equal = different = 0
    lines: dict[tuple[Any, ...], str] = {}
    for asked in _slices(warehouse, pair):
        [(same, other)] = warehouse.ask(_COUNTS, asked)
        equal, different = equal + int(same), different + int(other)
        if other and len(lines) < MOST:
            rows = warehouse.ask(_DIFFERENT, {**asked, "most": MOST - len(lines)})
            lines |= {row[:-2]: _line(row, pair) for row in rows}
    return Comparison(equal=equal, different=different, lines=lines)


def _slices(warehouse: Warehouse, pair: Pair) -> Iterator[dict[str, Any]]:
    """Yield what to ask for, an hour after the other: modest with memory."""
    both = {"both": [pair.old, pair.new], "incarnation": pair.incarnation}
    [(began_ms, reached_ms, speaking)] = warehouse.ask(_HELD, both)
    if speaking < 2 * pair.partitions:
        return
    span = {"from_ms": int(began_ms) + AHEAD_MS if began_ms else 0, "to_ms": int(reached_ms) - pair.grace_ms}
    for (hour,) in warehouse.ask(_HOURS, {**both, **span}):
        yield {"old": pair.old, "new": pair.new, "incarnation": pair.incarnation, "hour": hour, **span}


def _line(row: tuple[Any, ...], pair: Pair) -> str:
    *key, left, right = row
    place = " ".join(f"{name}={value}" for name, value in zip(_KEY, key, strict=True) if value != "")
    return f"{place}: n {left[0]} in generation {pair.old}, {right[0]} in {pair.new}; sum {left[1]}, {right[1]}"
