"""Sealing: periods of telemetry that every partition has passed become plain rows; what is past its life is dropped.

A round may be ended anywhere, run again, and run twice at once. It builds a period's rows in tables of its own, puts
them in place by atomic `REPLACE PARTITION`s, commits them by one row of `seals` and publishes them by one row of the
manifest. A reader counts the rows of the seals in the newest manifest only, so it sees no period missing or double:
until then it reads the tiles or the seal before, afterwards the new rows; and what it may still be reading is dropped
a while later. See ADR 0006.

Where a period is a day, the hours of the day under way are sealed in the same way, so that readers merge tiles of an
hour at most; the seal of the day takes the place of them all.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import faust

from agents.app import aborting
from agents.metrics import counter, gauge, histogram
from agents.retry import backoff_s
from agents.seal_tables import BASE, HOUR_S, QUARTER, Committed, Cut, Seal, SealTables, day_of, midnight_s
from agents.warehouse.client import WarehouseError
from agents.warehouse.lifetimes import keep_ms
from streams.profile import DAY_MS, HOUR_MS, MINUTE_MS

READER_MS = MINUTE_MS
"""How long a reader may have been reading what was replaced; ms. An answer takes no longer."""
ABANDONED_MS = HOUR_MS
"""Age at which tables in which a period was being built belong to nobody; ms."""
SEALINGS_PER_PERIOD = 6
"""A sealed period is sealed again at most so often in its own length, for late rows come in drops."""
LONGEST_PAUSE_S = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long each size is kept after its period, in the time of the log; ms. Days are kept for ever.

    Attributes:
        base_ms: Sealed base windows.
        quarter_ms: Sealed windows of 15 minutes.
        tiles_ms: Tiles: longer than the 14 days by which an event may be late, so that its period can be built anew.
    """

    base_ms: int = keep_ms("sealed_60s")
    quarter_ms: int = keep_ms("sealed_15m")
    tiles_ms: int = keep_ms("tiles")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did.

    Attributes:
        sealed: Periods that were sealed, or sealed again.
        waiting: Periods with late rows that are sealed again later.
        dropped: Partitions that were dropped.
    """

    sealed: int = 0
    waiting: int = 0
    dropped: int = 0


class Sealer:
    """Decides what is sealed and dropped; for one thread at a time. All methods block and raise `WarehouseError`.

    Args:
        tables: What is sealed, and each step of sealing more.
        retention: How long what is kept.
        monotonic_s: Measures how long a round has taken; seconds.
    """

    def __init__(
        self,
        tables: SealTables,
        retention: Retention | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tables = tables
        self._retention = retention or Retention()
        self._monotonic_s = monotonic_s
        self._settled: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._published_late_ms = -READER_MS

    def run(self, now_ms: int) -> Round:
        """Seal what is due, drop what was replaced and what is past its life.

        Args:
            now_ms: Time now, ms since the epoch.
        """
        clock_ms = self._going_on_from(now_ms)
        cut = self._tables.cut()
        if cut is None:
            return Round()
        if self._tables.publish():
            # A round ended between a commit and its publication: what was replaced has been read until now.
            self._published_late_ms = clock_ms()
        expired = self._tables.expired()
        sealed, waiting = self._seal_days(cut, clock_ms, expired)
        if cut.hours:
            hours, later = self._seal_days(cut.hours, clock_ms, expired | self._whole(cut))
            sealed, waiting = sealed + hours, waiting + later
        return Round(sealed=sealed, waiting=waiting, dropped=self.sweep(now_ms) + self.expire(now_ms))

    def _going_on_from(self, now_ms: int) -> Callable[[], int]:
        began_s = self._monotonic_s()
        return lambda: now_ms + int((self._monotonic_s() - began_s) * 1000)

    def _seal_days(self, cut: Cut, clock_ms: Callable[[], int], done: Collection[int]) -> tuple[int, int]:
        sealed, waiting, now_ms = 0, 0, clock_ms()
        for day, block in self._tables.days().items():
            # Nothing of a day is read while nothing was written into it and no more of it is closed. Into a day that is
            # under way something is written all the time: there, late rows are looked for as often as they are sealed.
            news = now_ms // _rest_ms(cut) if cut.period_s == HOUR_S else block
            mark = (cut.generation, news, cut.closed_end_s(day))
            if day in done or self._settled.get((cut.period_s, day)) == mark:
                continue
            due, later = self.due(cut, day, now_ms)
            for seal in due:
                self.seal(cut, seal, clock_ms)
            sealed, waiting = sealed + len(due), waiting + later
            if not later:
                self._settled[cut.period_s, day] = mark
        return sealed, waiting

    def due(self, cut: Cut, day: int, now_ms: int) -> tuple[list[Seal], int]:
        """Return the seals that a day (YYYYMMDD) needs now, and how many more it needs later."""
        committed = self._tables.committed(cut)
        stale = self._stale(cut, day, committed)
        rested_ms = now_ms - _rest_ms(cut)
        due = [s for s in stale if s.start_s not in committed or committed[s.start_s].at_ms <= rested_ms]
        return due, len(stale) - len(due)

    def _stale(self, cut: Cut, day: int, committed: Mapping[int, Committed]) -> list[Seal]:
        found = self._tables.fingerprints(cut, day)
        known = {start_s: c.seal for start_s, c in committed.items()}
        new = [seal for seal in found if seal.start_s not in known]
        grown = [seal for seal in found if seal.start_s in known and _has_grown(seal, known[seal.start_s])]
        before = [s for s in found if s.start_s in known and known[s.start_s].generation < s.generation]
        # A period of an earlier generation gives way only to one that holds all of it.
        whole_s = self._tables.whole_from_s(cut.generation) if before else 0
        return sorted([*new, *grown, *(seal for seal in before if seal.start_s >= whole_s)])

    def seal(self, cut: Cut, seal: Seal, clock_ms: Callable[[], int]) -> None:
        """Build, place and commit one seal; it is as old as its commit, which may be long after the round began."""
        stage = uuid.uuid4().hex
        with histogram("xpulse_seal_seconds").time():
            try:
                self._tables.build(cut, seal, stage)
                self._tables.place(seal, stage)
            finally:
                self._tables.discard(stage)
            self._tables.commit(cut, seal, clock_ms())
        counter("xpulse_seals_total").labels("ok").inc()
        log.info("period_sealed start_s=%s generation=%s", seal.start_s, seal.generation)

    def sweep(self, now_ms: int) -> int:
        """Drop rows of replaced seals that nobody can be reading any more, and what ended attempts left behind.

        Returns:
            How many partitions were dropped.
        """
        self._tables.discard_abandoned(now_ms - ABANDONED_MS)
        cut = self._tables.cut()
        if cut is None or now_ms < self._published_late_ms + READER_MS:
            return 0
        placed = self._tables.placed()
        old = self._replaced(cut, {seal for _, seal in placed}, now_ms - READER_MS) - self._tables.foreign()
        replaced = [(table, seal) for table, seal in placed if seal in old]
        for table, seal in replaced:
            self._tables.drop(table, seal)
        if cut.hours:
            for day in {day_of(seal.start_s) for _, seal in replaced} & self._whole(cut):
                self._tables.forget(cut.hours, day)
        return len(replaced)

    def _whole(self, cut: Cut) -> set[int]:
        """Return the days that are sealed as such."""
        return {day_of(start_s) for start_s in self._tables.committed(cut)}

    def _replaced(self, cut: Cut, placed: set[Seal], before_ms: int) -> set[Seal]:
        """Return those that were replaced before then, by a seal that has more or by that of their day."""
        periods, hours = (self._settled_before(one, before_ms) if one else {} for one in (cut, cut.hours))
        days = {day_of(start_s) for start_s in periods} if cut.hours else set()
        return {
            seal
            for seal in placed - set(periods.values())
            if seal < max(periods.get(seal.start_s, seal), hours.get(seal.start_s, seal))
            or (day_of(seal.start_s) in days and seal.start_s not in periods)
        }

    def _settled_before(self, cut: Cut, before_ms: int) -> dict[int, Seal]:
        return {start: one.seal for start, one in self._tables.committed(cut).items() if one.at_ms <= before_ms}

    def expire(self, now_ms: int) -> int:
        """Drop sealed rows and tiles that are past their life; tiles only after all their periods are sealed.

        The clock is the log's, so a worker that lags behind cannot lose what it has not read. Lives end at midnight,
        so that no longer window is ever shown in part.

        Args:
            now_ms: Time now, ms since the epoch; the time of the log counts if it is earlier.

        Returns:
            How many partitions were dropped.
        """
        cut = self._tables.cut()
        if cut is None:
            return 0
        log_ms, keep = min(now_ms, cut.closed_before_ms), self._retention
        first = {BASE: _first_kept_s(log_ms, keep.base_ms), QUARTER: _first_kept_s(log_ms, keep.quarter_ms)}
        old = [(table, seal) for table, seal in self._tables.placed() if seal.start_s < first.get(table, 0)]
        for table, seal in old:
            self._tables.drop(table, seal)
        days = [day for day in self._tables.days() if midnight_s(day) < _first_kept_s(log_ms, keep.tiles_ms)]
        return len(old) + sum(self._expire_tiles(cut, day, now_ms) for day in days)

    def _expire_tiles(self, cut: Cut, day: int, now_ms: int) -> bool:
        if day not in self._tables.expired():
            stale = self._stale(cut, day, self._tables.committed(cut))
            if stale or self._tables.coming(cut, day):
                log.info("tiles_kept day=%s unsealed=%s", day, len(stale))
                return False
        self._tables.expire(day, now_ms)
        return True


def _rest_ms(cut: Cut) -> int:
    return cut.period_s * 1000 // SEALINGS_PER_PERIOD


def _has_grown(seal: Seal, known: Seal) -> bool:
    return seal.generation == known.generation and seal.version > known.version


def _first_kept_s(log_ms: int, life_ms: int) -> int:
    """Return the midnight before which everything is past its life; seconds since the epoch."""
    return (log_ms - life_ms) // DAY_MS * DAY_MS // 1000


async def run(sealer: Sealer, *, period_ms: int, is_mine: Callable[[], bool]) -> None:
    """Seal until cancelled.

    Args:
        sealer: Does the rounds.
        period_ms: Length of a period; a round is due four times in it, and every 30 s at least.
        is_mine: Says whether this process is the one that seals; two at once would do the same work twice.
    """
    failures = 0
    while True:
        await asyncio.sleep(backoff_s(failures) if failures else min(LONGEST_PAUSE_S, period_ms / 4000))
        if is_mine():
            failures = 0 if await _try_round(sealer) else failures + 1


async def _try_round(sealer: Sealer) -> bool:
    try:
        done = await asyncio.to_thread(sealer.run, int(time.time() * 1000))
    except WarehouseError as error:
        counter("xpulse_seals_total").labels("failed").inc()
        log.warning("seal_failed error=%s code=%s", type(error).__name__, error.code)
        return False
    gauge("xpulse_seals_waiting").set(done.waiting)
    return True


def register(app: faust.App, sealer: Sealer, *, period_ms: int, is_mine: Callable[[], bool]) -> None:
    """Register the sealing as a task of `app`; the arguments are those of `run`."""

    async def seal_periods(_app: faust.App) -> None:
        with aborting():
            await run(sealer, period_ms=period_ms, is_mine=is_mine)

    app.task(seal_periods)
