"""The telemetry agent: chunks in, tiles stored, tile boundaries committed.

The folds are pure (`streams.tiles`); this module owns their lives. Everything runs on the event loop but the storing,
which has a thread of its own, one flush at a time. A fold is dropped when its partition is revoked: whoever owns the
partition next starts from the committed boundary, and rows that a former owner still writes change nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import faust
from faust.types import TP

from agents.app import aborting
from agents.backpressure import Backpressure
from agents.transport import Chunk, chunked, is_current, positions
from agents.watchdog import Progress
from streams.errors import InvariantError
from streams.fold import PartitionFold
from streams.keys import Keys
from streams.tiles import Rules, TileRows

TOPIC = "telemetry"
MAX_PENDING = 262_144
"""Records folded but not stored, over all partitions, above which fetching waits."""

MAX_KEYS = 100_000
"""Group keys remembered; above, those of no open tile are forgotten."""

log = logging.getLogger(__name__)

Changes = Sequence[tuple[int, TileRows]]


class TileStore(Protocol):
    """Where changed rows go.

    `store` returns only after everything was acknowledged; whatever it raises, the outcome is unknown and the caller
    offers the same rows, or newer ones, again.
    """

    def store(self, changes: Changes) -> None:
        """Store rows of (partition, changed tile), audit rows last. Blocks."""


class Observer(Protocol):
    """Who is told what happened; counts only, no dimension values."""

    def folded(self, chunk: Chunk, new: int) -> None:
        """`new` records of a chunk were folded."""

    def stored(self, changes: Changes, seconds: float) -> None:
        """A flush was acknowledged after so many seconds."""

    def failed(self, error: Exception) -> None:
        """A flush did not succeed; it will be tried again."""

    def dropped(self) -> None:
        """All folds were dropped: partitions were revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often rows are written.

    Attributes:
        flush_s: Longest wait before changed rows are stored; seconds.
        max_pending: Records that may wait for storage before fetching pauses.
    """

    flush_s: float
    max_pending: int = MAX_PENDING


class TelemetryWorker:
    """Folds the partitions that this process owns, and stores and commits what they say."""

    def __init__(
        self, app: faust.App, rules: Rules, keys: Keys, store: TileStore, observer: Observer, pace: Pace
    ) -> None:
        self._app = app
        self._rules = rules
        self._keys = keys
        self._store = store
        self._observer = observer
        self._pace = pace
        self._folds: dict[TP, PartitionFold] = {}
        self._pressure = Backpressure(pace.flush_s)

    async def take(self, chunk: Chunk) -> None:
        """Fold one chunk; waits while too much is waiting for storage."""
        if not is_current(self._app, chunk):
            return
        with aborting():
            fold = self._folds.get(chunk.tp) or await self._begin(chunk)
            if fold is None:
                return
            new = fold.push(chunk.first, chunk.values, chunk.stamps)
        self._observer.folded(chunk, new)
        while self._pending() >= self._pace.max_pending and self._folds.get(chunk.tp) is fold:
            await self._pressure.wait_for_room()
        await asyncio.sleep(0)

    async def _begin(self, chunk: Chunk) -> PartitionFold | None:
        """Return a new fold for the chunk's partition; None if the partition was lost meanwhile."""
        tp, start = chunk.tp, self._app.consumer.start_at.get(chunk.tp)
        if start is None and await self._is_shortened(chunk):
            start = -(-chunk.first // self._rules.tile_size) * self._rules.tile_size
            # Committed at once: who restarts must not begin later, should the log be even shorter by then.
            if not await self._app.consumer.commit_exact({tp: start}, chunk.generation):
                return None
        if not is_current(self._app, chunk):
            return None  # lost while the broker was asked
        fold = self._folds[tp] = PartitionFold(self._rules, self._keys, start)
        log.info("partition_started partition=%s offset=%s", tp.partition, fold.expected)
        return fold

    async def _is_shortened(self, chunk: Chunk) -> bool:
        """Whether the log really begins with this chunk: retention took the rest before anybody read it."""
        if chunk.first == 0:
            return False
        earliest = (await self._app.consumer.earliest_offsets(chunk.tp))[chunk.tp]
        log.warning("log_is_shortened partition=%s earliest=%s first=%s", chunk.partition, earliest, chunk.first)
        return bool(earliest == chunk.first)

    def _pending(self) -> int:
        return sum(fold.pending for fold in self._folds.values())

    def drop(self) -> None:
        """Forget all folds: their partitions may be somebody else's now."""
        self._folds.clear()
        self._pressure.give_room()
        self._observer.dropped()

    def progress(self) -> Progress:
        """Return where this worker stands; may be called from another thread."""
        reached = {tp: fold.expected for tp, fold in dict(self._folds).items()}
        return Progress(positions=positions(self._app, TOPIC, reached), is_waiting=self._pressure.is_felt)

    async def run(self) -> None:
        """Store and commit until the application stops."""
        failures = 0
        while not self._app.should_stop:
            await self._pressure.pause(failures)
            failures = 0 if await self.flush() else failures + 1

    async def flush(self) -> bool:
        """Store what changed and commit what may be; False if the store did not acknowledge."""
        generation = self._app.consumer_generation_id
        folds = dict(self._folds)
        changed = {tp: changes for tp, fold in folds.items() if (changes := fold.changes())}
        if changed and not await self._write([(tp.partition, rows) for tp in changed for rows in changed[tp]]):
            return False
        for tp, changes in changed.items():
            folds[tp].acknowledge(changes)
        self._pressure.give_room()
        await self._commit(folds, generation)
        self._forget_old_keys()
        return True

    def _forget_old_keys(self) -> None:
        """Bound the memory of keys. Nothing is being stored now, so no row under way carries an old number."""
        if len(self._keys.keys) > MAX_KEYS:
            live = {code for fold in self._folds.values() for code in fold.live_codes()}
            numbers = self._keys.compact(live)
            for fold in self._folds.values():
                fold.renumber(numbers)

    async def _write(self, changes: Changes) -> bool:
        started = time.monotonic()
        try:
            await asyncio.to_thread(self._store.store, changes)
        except InvariantError:
            raise
        except Exception as error:  # noqa: BLE001 - the agent's boundary: any outcome but an answer is unknown
            log.warning("flush_failed error=%s", type(error).__name__)
            self._observer.failed(error)
            return False
        self._observer.stored(changes, time.monotonic() - started)
        return True

    async def _commit(self, folds: dict[TP, PartitionFold], generation: int) -> None:
        mine = [(tp, fold) for tp, fold in folds.items() if self._folds.get(tp) is fold]
        offsets = {tp: offset for tp, fold in mine if (offset := fold.commit_offset()) is not None}
        if offsets and await self._app.consumer.commit_exact(offsets, generation):
            for tp, offset in offsets.items():
                folds[tp].committed(offset)


def register(app: faust.App, worker: TelemetryWorker, topic: str = TOPIC) -> None:
    """Register the agent, its flush task and its reaction to a rebalance on `app`.

    Args:
        app: An application from `agents.app.make_app`.
        worker: Folds, stores and commits.
        topic: Topic to read.
    """

    async def telemetry(stream: Any) -> None:
        async for chunk in stream:
            await worker.take(chunk)

    async def revoked(*_args: Any, **_kwargs: Any) -> None:
        worker.drop()

    async def flush(_app: faust.App) -> None:
        with aborting():
            await worker.run()

    app.agent(chunked(app, topic), name="xpulse.telemetry", concurrency=1)(telemetry)
    app.on_partitions_revoked.connect(revoked)
    app.task(flush)
