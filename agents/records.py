"""The records agent: chunks in, entity rows stored, offsets committed.

The intakes are pure (`streams.intake`); this module owns their lives. Everything runs on the event loop but the
storing, which has a thread of its own, one flush at a time. While ClickHouse is away the same rows are offered again
and again, and once enough records wait, fetching pauses. An intake is dropped when its partition is revoked: the next
owner starts from the committed offset, and rows that a former owner still writes change nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import faust
from faust.types import TP

from agents.app import aborting
from agents.backpressure import Backpressure
from agents.metrics import counter, gauge, histogram
from agents.transport import Chunk, chunked, is_current, positions
from agents.warehouse.client import Warehouse
from agents.watchdog import Progress
from streams.errors import InvariantError
from streams.events import Invitation
from streams.intake import Intake, Sealed
from streams.records import TABLES, TIMES, TIMES_COLUMNS, Row, times_row

TOPIC = "records"
MAX_PENDING = 20_000
"""Records that may wait for storage, over all partitions, before fetching pauses."""

COLUMNS = {table.name: table.columns for table in TABLES.values()}
QUARANTINE_COLUMNS = ("topic", "incarnation", "partition", "offset", "recorded_at", "reason", "raw")
PROGRESS_COLUMNS = ("incarnation", "partition", "partitions", "hi", "n_valid", "n_invalid", "arrival")

log = logging.getLogger(__name__)

Work = Sequence[tuple[int, Sealed]]
"""(partition, what is to be stored)."""


class RecordStore(Protocol):
    """Where rows go.

    `store` returns only after everything was acknowledged; whatever it raises, the outcome is unknown and the caller
    offers the same again.
    """

    def store(self, work: Work) -> None:
        """Store rows, rejects and, last, the progress. Blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which log the records are of.

    Attributes:
        incarnation: The topic's id: another log has another one.
        partitions: How many partitions the topic has.
    """

    incarnation: UUID
    partitions: int
    topic: str = TOPIC


class ClickHouseRecords:
    """Stores with one insert per table and flush, the progress last: whoever reads it finds all rows below it."""

    def __init__(self, warehouse: Warehouse, origin: Origin) -> None:
        self._warehouse = warehouse
        self._origin = origin

    def store(self, work: Work) -> None:
        """Store the work of one flush.

        Raises:
            WarehouseError: Not acknowledged.
        """
        for table, columns in COLUMNS.items():
            rows: list[Row] = [row for _, sealed in work for row in sealed.batch.rows.get(table, ())]
            self._warehouse.insert_rows(table, columns, rows)
        self._warehouse.insert_rows(TIMES, TIMES_COLUMNS, self._times(work))
        self._warehouse.insert_rows("quarantine", QUARANTINE_COLUMNS, self._rejects(work))
        self._warehouse.insert_rows("records_progress", PROGRESS_COLUMNS, self._progress(work))

    @staticmethod
    def _times(work: Work) -> list[Row]:
        rows = (row for _, sealed in work for row in sealed.batch.rows.get(TABLES[Invitation].name, ()))
        return [times for row in rows if (times := times_row(row)) is not None]

    def _rejects(self, work: Work) -> list[Row]:
        origin = self._origin
        return [
            (origin.topic, origin.incarnation, partition, reject.offset, reject.stamp_ms, reject.reason, reject.raw)
            for partition, sealed in work
            for reject in sealed.batch.rejects
        ]

    def _progress(self, work: Work) -> list[Row]:
        origin = self._origin
        return [
            (origin.incarnation, partition, origin.partitions, p.hi, p.n_valid, p.n_invalid, p.arrival_ms)
            for partition, p in ((partition, sealed.progress) for partition, sealed in work)
        ]


class RecordsWorker:
    """Takes in the partitions that this process owns, and stores and commits what came.

    Args:
        app: An application from `agents.app.make_app`.
        store: Where rows go.
        flush_s: Longest wait before rows are stored; seconds.
        max_pending: Records that may wait for storage before fetching pauses.
    """

    def __init__(self, app: faust.App, store: RecordStore, *, flush_s: float, max_pending: int = MAX_PENDING) -> None:
        self._app = app
        self._store = store
        self._max_pending = max_pending
        self._intakes: dict[TP, Intake] = {}
        self._pressure = Backpressure(flush_s)

    def stored_ms(self, partition: int = 0) -> int | None:
        """Return up to when a partition is stored; ms since the epoch, None if this process does not own it."""
        return next((intake.stored_ms for tp, intake in self._intakes.items() if tp.partition == partition), None)

    async def take(self, chunk: Chunk) -> None:
        """Take in one chunk; waits while too much is waiting for storage."""
        if not is_current(self._app, chunk):
            return
        with aborting():
            intake = self._intake(chunk.tp)
            new = intake.push(chunk.first, chunk.values, chunk.stamps)
        counter("xpulse_events_in_total").labels(TOPIC).inc(new)
        while self._pending() >= self._max_pending and self._intakes.get(chunk.tp) is intake:
            await self._pressure.wait_for_room()
        await asyncio.sleep(0)

    def _intake(self, tp: TP) -> Intake:
        if tp not in self._intakes:
            start = self._app.consumer.start_at.get(tp)
            self._intakes[tp] = Intake(start)
            log.info("partition_started topic=%s partition=%s offset=%s", tp.topic, tp.partition, start)
        return self._intakes[tp]

    def _pending(self) -> int:
        return sum(intake.pending for intake in self._intakes.values())

    def drop(self) -> None:
        """Forget all intakes: their partitions may be somebody else's now."""
        self._intakes.clear()
        self._pressure.give_room()
        counter("xpulse_revocations_total").labels(TOPIC).inc()

    def progress(self) -> Progress:
        """Return where this worker stands; may be called from another thread."""
        known = {tp: intake.expected for tp, intake in dict(self._intakes).items()}
        reached = {tp: offset for tp, offset in known.items() if offset is not None}
        return Progress(positions=positions(self._app, TOPIC, reached), is_waiting=self._pressure.is_felt)

    async def run(self) -> None:
        """Store and commit until the application stops."""
        failures = 0
        while not self._app.should_stop:
            await self._pressure.pause(failures)
            failures = 0 if await self.flush() else failures + 1

    async def flush(self) -> bool:
        """Store what came and commit what is stored; False if the store did not acknowledge."""
        generation = self._app.consumer_generation_id
        intakes = dict(self._intakes)
        sealed = {tp: work for tp, intake in intakes.items() if (work := intake.seal())}
        if sealed and not await self._write([(tp.partition, work) for tp, work in sealed.items()]):
            return False
        for tp in sealed:
            intakes[tp].acknowledge()
        gauge("xpulse_pending_records").labels(TOPIC).set(self._pending())
        self._pressure.give_room()
        await self._commit(intakes, generation)
        return True

    async def _write(self, work: Work) -> bool:
        started = time.monotonic()
        try:
            await asyncio.to_thread(self._store.store, work)
        except InvariantError:
            raise
        except Exception as error:  # noqa: BLE001 - the agent's boundary: any outcome but an answer is unknown
            # Never its text: ClickHouse may quote what it was sent.
            log.warning(
                "flush_failed topic=%s error=%s code=%s", TOPIC, type(error).__name__, getattr(error, "code", None)
            )
            counter("xpulse_flushes_total").labels(TOPIC, "failed").inc()
            return False
        histogram("xpulse_flush_seconds").labels(TOPIC).observe(time.monotonic() - started)
        _count(work)
        return True

    async def _commit(self, intakes: dict[TP, Intake], generation: int) -> None:
        mine = [(tp, intake) for tp, intake in intakes.items() if self._intakes.get(tp) is intake]
        offsets = {tp: offset for tp, intake in mine if (offset := intake.commit_offset()) is not None}
        if offsets and await self._app.consumer.commit_exact(offsets, generation):
            for tp, offset in offsets.items():
                intakes[tp].committed(offset)


def _count(work: Work) -> None:
    counter("xpulse_flushes_total").labels(TOPIC, "ok").inc()
    for partition, sealed in work:
        counter("xpulse_events_invalid_total").labels(TOPIC).inc(len(sealed.batch.rejects))
        counter("xpulse_ticks_in_total").labels(TOPIC).inc(sealed.batch.n_tick)
        lag_s = max(0.0, time.time() - sealed.progress.arrival_ms / 1000)
        gauge("xpulse_lag_seconds").labels(TOPIC, str(partition)).set(lag_s)


def register(app: faust.App, worker: RecordsWorker, topic: str = TOPIC) -> None:
    """Register the agent, its flush task and its reaction to a rebalance on `app`.

    Args:
        app: An application from `agents.app.make_app`.
        worker: Takes in, stores and commits.
        topic: Topic to read.
    """

    async def records(stream: Any) -> None:
        async for chunk in stream:
            await worker.take(chunk)

    async def revoked(*_args: Any, **_kwargs: Any) -> None:
        worker.drop()

    async def flush(_app: faust.App) -> None:
        with aborting():
            await worker.run()

    app.agent(chunked(app, topic), name="xpulse.records", concurrency=1)(records)
    app.on_partitions_revoked.connect(revoked)
    app.task(flush)
