"""The tables of sealed periods: what is sealed, and each step of sealing one more.

Every step may be run again and may be the last one: readers count the rows of a period's newest committed seal only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from agents.warehouse.client import Warehouse
from agents.warehouse.manifest import publish
from streams.catalogue import DIMENSIONS

BASE, QUARTER, DAY = "sealed_60s", "sealed_15m", "sealed_1d"
TABLES = (BASE, QUARTER, DAY)
_SIZES_S: Mapping[str, int] = {QUARTER: 900, DAY: 86_400}
HOUR_S, DAY_S = 3_600, 86_400
_STEP_S = HOUR_S
"""How much of a period is merged at once: modest with memory, and well within the time of one answer."""
_STAGED = "sealing_"

_KEY = ", ".join(("tenant", "metric", *DIMENSIONS, "shared"))
_COLUMNS = (
    f"period_start, generation, seal, window_start, window_s, {_KEY}, "
    "n, late_n, sum, sum_squares, min, max, good_ms, attempted_ms, hist_bucket, hist_count, devices"
)
_MERGED = """sum(t.sum), sum(t.sum_squares), min(t.min), max(t.max), sum(t.good_ms), sum(t.attempted_ms),
    tupleElement(sumMap(t.hist_bucket, t.hist_count), 1), tupleElement(sumMap(t.hist_bucket, t.hist_count), 2),
    arraySlice(arraySort(groupUniqArrayArray(t.devices)), 1, 256)"""

_CUT = """
SELECT p.name, c.generation, p.window_s, p.period_s, toUnixTimestamp64Milli(c.closed_before)
FROM telemetry_closed AS c CROSS JOIN current_profile AS p
"""
_DAYS = """
SELECT toUInt32(partition) AS day, max(max_block_number) FROM system.parts
WHERE database = currentDatabase() AND table = 'tiles' AND active GROUP BY day ORDER BY day
"""
_FINGERPRINTS = """
SELECT intDiv(toUnixTimestamp(window_start), {period:UInt32}) * {period:UInt32} AS start, sum(t.hi)
FROM tiles AS t FINAL
WHERE generation = {generation:UInt16} AND window_s = {window_s:UInt32}
  AND window_start >= toDateTime({begin:UInt32}, 'UTC') AND window_start < toDateTime({end:UInt32}, 'UTC')
GROUP BY start ORDER BY start
"""
_COMMITTED = """
SELECT toUnixTimestamp(period_start), generation, seal, toUnixTimestamp64Milli(sealed_at) FROM seals_committed
WHERE period_s = {period:UInt32}
"""
_COMING = """
SELECT uniqExact(generation) FROM tiles
WHERE toYYYYMMDD(window_start) = {day:UInt32} AND generation > {generation:UInt16} AND window_s = {window_s:UInt32}
"""
# Short: it lacks the beginning of a log that an earlier generation read. Then it holds all from when each of its
# partitions had something.
_WHOLE_FROM = """
SELECT max(is_short), (
    SELECT max(reached) FROM (
        SELECT min(toUnixTimestamp64Milli(arrival)) AS reached FROM tile_audit
        WHERE generation = {generation:UInt16} GROUP BY partition
    )
)
FROM
(
    SELECT countIf(generation = {generation:UInt16} AND start = 0) = 0 AS is_short
    FROM
    (
        SELECT incarnation, partition, generation, min(first) AS start FROM tile_audit
        GROUP BY incarnation, partition, generation
    )
    GROUP BY incarnation, partition
    HAVING countIf(generation < {generation:UInt16}) > 0
)
"""
_PLACED_ROWS = """
SELECT count(), sum(s.n) FROM sealed_60s AS s
WHERE period_start = toDateTime({start:UInt32}, 'UTC') AND generation = {generation:UInt16} AND seal = {version:UInt64}
"""
_PARTITIONS = """
SELECT DISTINCT table, partition FROM system.parts
WHERE database = currentDatabase() AND table IN {tables:Array(String)} AND active ORDER BY table, partition
"""
_FOREIGN = """
SELECT toUnixTimestamp(period_start), generation, seal FROM seals AS s
WHERE (s.profile, s.period_s) NOT IN (
    SELECT name, arrayJoin(if(period_s = 86400, [period_s, 3600], [period_s])) FROM current_profile
)
"""
_ABANDONED = """
SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {staged:String})
  AND metadata_modification_time < toDateTime({before:UInt32}, 'UTC')
"""
_SEAL_COLUMNS = ("profile", "period_s", "period_start", "generation", "seal", "windows", "n", "sealed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is in force: which periods there are, of which generation, and up to when they are closed."""

    profile: str
    generation: int
    window_s: int
    period_s: int
    closed_before_ms: int

    @property
    def hours(self) -> Cut | None:
        """The same for the hours of a day that is under way; None where a period is shorter than a day anyway."""
        return replace(self, period_s=HOUR_S) if self.period_s == DAY_S else None

    def closed_end_s(self, day: int) -> int:
        """Return the end of the last closed period of a day (YYYYMMDD); seconds since the epoch."""
        begin_s = midnight_s(day)
        # Strictly before, as in the views.
        passed_s = (self.closed_before_ms - 1) // 1000 // self.period_s * self.period_s
        return max(begin_s, min(begin_s + 86_400, passed_s))


@dataclass(frozen=True, slots=True, order=True)
class Seal:
    """One state of one period.

    Attributes:
        start_s: Start of the period, seconds since the epoch.
        version: Sum of `hi` over the tiles that it is built from: grows with every row added or replaced.
    """

    start_s: int
    generation: int
    version: int

    @property
    def partition(self) -> str:
        """The partition of its rows, as ClickHouse writes it."""
        return f"({self.start_s},{self.generation},{self.version})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A seal that readers count, and since when; ms since the epoch."""

    seal: Seal
    at_ms: int


class SealTables:
    """Asks and changes by one connection; for one thread at a time. All methods block and raise `WarehouseError`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def cut(self) -> Cut | None:
        """Return what is in force; None before anything is closed."""
        rows = self._warehouse.ask(_CUT)
        if not rows:
            return None
        generation, window_s, period_s, closed_ms = map(int, rows[0][1:])
        return Cut(
            profile=str(rows[0][0]),
            generation=generation,
            window_s=window_s,
            period_s=period_s,
            closed_before_ms=closed_ms,
        )

    def days(self) -> dict[int, int]:
        """Return the days (YYYYMMDD) that have tiles, oldest first, with the newest block written into each."""
        return {int(day): int(block) for day, block in self._warehouse.ask(_DAYS)}

    def fingerprints(self, cut: Cut, day: int) -> list[Seal]:
        """Return the seals that the tiles of a day's closed periods ask for."""
        asked = {"period": cut.period_s, "generation": cut.generation, "window_s": cut.window_s}
        bounds = {"begin": midnight_s(day), "end": cut.closed_end_s(day)}
        rows = self._warehouse.ask(_FINGERPRINTS, {**asked, **bounds})
        return [Seal(int(start_s), cut.generation, int(version)) for start_s, version in rows]

    def committed(self, cut: Cut) -> dict[int, Committed]:
        """Return the committed seals of periods of that length, by the start of their period."""
        rows = [tuple(map(int, row)) for row in self._warehouse.ask(_COMMITTED, {"period": cut.period_s})]
        return {start: Committed(seal=Seal(start, *rest), at_ms=at_ms) for start, *rest, at_ms in rows}

    def whole_from_s(self, generation: int) -> int:
        """Return from when on a generation holds all that came in; seconds since the epoch, 0 = everything."""
        [(is_short, from_ms)] = self._warehouse.ask(_WHOLE_FROM, {"generation": generation})
        return -(-int(from_ms) // 1000) if is_short else 0

    def coming(self, cut: Cut, day: int) -> int:
        """Return how many generations above the one in force have tiles of a day."""
        asked = {"day": day, "generation": cut.generation, "window_s": cut.window_s}
        [(found,)] = self._warehouse.ask(_COMING, asked)
        return int(found)

    def build(self, cut: Cut, seal: Seal, stage: str) -> None:
        """Merge a period's tiles into tables that belong to this attempt alone."""
        for table in TABLES:
            self._warehouse.command(f"CREATE TABLE {_staged(stage, table)} AS {table}")
        end_s = seal.start_s + cut.period_s
        for begin, end in pairwise([*range(seal.start_s, end_s, _STEP_S), end_s]):
            self._warehouse.command(_from_tiles(seal, cut.window_s, _staged(stage, BASE), begin, end))
            self._warehouse.command(_from_smaller(seal, stage, QUARTER, BASE, begin, end))
        self._warehouse.command(_from_smaller(seal, stage, DAY, QUARTER, 0, end_s))

    def place(self, seal: Seal, stage: str) -> None:
        """Put what was built in place: per table one atomic step, and doing it again changes nothing."""
        for table in TABLES:
            source = _staged(stage, table)
            self._warehouse.command(f"ALTER TABLE {table} REPLACE PARTITION {seal.partition} FROM {source}")

    def commit(self, cut: Cut, seal: Seal, now_ms: int) -> None:
        """Make a seal the one that readers count."""
        asked = {"start": seal.start_s, "generation": seal.generation, "version": seal.version}
        [placed] = self._warehouse.ask(_PLACED_ROWS, asked)
        row = (cut.profile, cut.period_s, seal.start_s, seal.generation, seal.version, *placed, now_ms)
        self._warehouse.insert_rows("seals", _SEAL_COLUMNS, [row])
        self.publish()

    def publish(self) -> bool:
        """Let readers count what is committed; return whether anything was."""
        with self._warehouse.lend() as client:
            return publish(client, self._warehouse.address.database)

    def discard(self, stage: str) -> None:
        """Drop the tables of one attempt."""
        for table in TABLES:
            self._warehouse.command(f"DROP TABLE IF EXISTS {_staged(stage, table)} SYNC")

    def discard_abandoned(self, before_ms: int) -> None:
        """Drop the tables of attempts that began before then; ms since the epoch."""
        for (name,) in self._warehouse.ask(_ABANDONED, {"staged": _STAGED, "before": before_ms // 1000}):
            self._warehouse.command(f"DROP TABLE IF EXISTS {name} SYNC")

    def placed(self) -> list[tuple[str, Seal]]:
        """Return which seals have rows in which table."""
        found = self._warehouse.ask(_PARTITIONS, {"tables": list(TABLES)})
        return [(table, Seal(*map(int, re.findall(r"\d+", partition)))) for table, partition in found]

    def foreign(self) -> set[Seal]:
        """Return the seals of other profiles."""
        return {Seal(*map(int, row)) for row in self._warehouse.ask(_FOREIGN)}

    def drop(self, table: str, seal: Seal) -> None:
        """Drop a seal's rows."""
        self._warehouse.command(f"ALTER TABLE {table} DROP PARTITION {seal.partition}")

    def forget(self, hours: Cut, day: int) -> None:
        """Delete the commits of a day's hours, so that readers take its own seal, or its tiles where it has none."""
        which = f"period_s = {hours.period_s} AND toYYYYMMDD(period_start) = {day}"
        self._warehouse.command(f"ALTER TABLE seals DELETE WHERE {which} SETTINGS mutations_sync = 1")
        self.publish()

    def expired(self) -> set[int]:
        """Return the days whose tiles were dropped."""
        return {int(day) for (day,) in self._warehouse.ask("SELECT day FROM tiles_expired FINAL")}

    def expire(self, day: int, now_ms: int) -> None:
        """Drop the tiles of a day; what was sealed of it stays as it is, since it could be built in part only."""
        self._warehouse.insert_rows("tiles_expired", ("day", "expired_at"), [(day, now_ms)])
        self._warehouse.command(f"ALTER TABLE tiles DROP PARTITION {day}")


def midnight_s(day: int) -> int:
    """Return the start of a day (YYYYMMDD, UTC); seconds since the epoch."""
    return int(datetime.strptime(f"{day}+0000", "%Y%m%d%z").astimezone(UTC).timestamp())


def day_of(at_s: int) -> int:
    """Return the day (YYYYMMDD, UTC) of an instant; seconds since the epoch."""
    return int(f"{datetime.fromtimestamp(at_s, UTC):%Y%m%d}")


def _staged(stage: str, table: str) -> str:
    return f"{_STAGED}{stage}_{table}"


def _from_tiles(seal: Seal, window_s: int, into: str, begin_s: int, end_s: int) -> str:
    head = f"INSERT INTO {into} ({_COLUMNS}) SELECT {_id(seal)}, t.window_start, t.window_s, {_KEY}"
    return f"""{head}, sum(t.n), sumIf(t.n, t.late = 1), {_MERGED}
FROM tiles AS t FINAL
WHERE t.generation = {seal.generation} AND t.window_s = {window_s} AND {_between(begin_s, end_s)}
GROUP BY {_KEY}, t.window_start, t.window_s"""


def _from_smaller(seal: Seal, stage: str, table: str, source: str, begin_s: int, end_s: int) -> str:
    size = _SIZES_S[table]
    start = f"toDateTime(intDiv(toUnixTimestamp(t.window_start), {size}) * {size}, 'UTC')"
    head = f"INSERT INTO {_staged(stage, table)} ({_COLUMNS}) SELECT {_id(seal)}, {start} AS begin, {size}, {_KEY}"
    return f"""{head}, sum(t.n), sum(t.late_n), {_MERGED}
FROM {_staged(stage, source)} AS t
WHERE {_between(begin_s, end_s)}
GROUP BY {_KEY}, begin"""


def _id(seal: Seal) -> str:
    return f"toDateTime({seal.start_s}, 'UTC'), {seal.generation}, {seal.version}"


def _between(begin_s: int, end_s: int) -> str:
    return f"t.window_start >= toDateTime({begin_s}, 'UTC') AND t.window_start < toDateTime({end_s}, 'UTC')"
