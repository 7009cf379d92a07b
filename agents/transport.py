"""A Faust transport that hands an agent one chunk of raw records per fetch, and commits only what it is told.

`xpulse://host:port` is Faust's own aiokafka driver with four changes:

1. fetching builds no object per record: a chunk holds values and timestamps of consecutive offsets of a partition;
2. Faust acknowledges nothing (`acks=False`): only `ChunkConsumer.commit_exact` ever commits;
3. `ChunkConsumer.start_at` keeps where each partition was started from (None: nothing was committed yet);
4. who stops leaves its group only if `app.leaves_group` (`agents.app.make_app`) says so.

The first change reaches into aiokafka: its fetcher looks up the class `PartitionRecords` in its own module. So do the
second, for each commit is made in the name of one generation, and the last. Both libraries are pinned exactly; tests
compare chunks with what a plain consumer reads, let members of passed generations commit, and ask the broker who left.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiokafka
import faust
from aiokafka.consumer import fetcher
from aiokafka.errors import (
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

SCHEME = "xpulse"
MAX_CHUNK = 16_384
"""Records per chunk at most; bounds the time an agent holds the event loop."""
COMMIT_AGAIN_S = 0.1
"""Pause before a commit is tried again that the broker could not take."""

_MOVED_ON = (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one partition.

    Attributes:
        generation: The consumer group's generation under which they were fetched.
        first: Offset of the first record; the others follow without a hole.
        values: Raw values; None for a null value.
        stamps: Record timestamps, ms since the epoch; as long as `values`.
        rebalances: How many this process had seen when they were fetched: a member that joins again may be told the
            generation that it had.
    """

    topic: str
    partition: int
    generation: int
    first: int
    values: Sequence[bytes | None]
    stamps: Sequence[int]
    rebalances: int = 0

    @property
    def tp(self) -> TP:
        """Topic and partition as Faust names them."""
        return TP(self.topic, self.partition)

    @property
    def end(self) -> int:
        """Offset after the last record."""
        return self.first + len(self.values)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records of one record batch as the log holds them; offsets may have holes."""

    offsets: Sequence[int]
    stamps: Sequence[int]
    values: Sequence[bytes | None]


def as_chunk(value: bytes) -> bytes:
    """Mark a consumer as reading chunks; aiokafka hands its value deserializer to every `PartitionRecords`."""
    return value


class _ChunkRecords(fetcher.PartitionRecords):
    """Yields one `_Batch` per record batch for consumers marked with `as_chunk`, plain records for all others."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        if self._value_deserializer is not as_chunk:
            yield from super()._unpack_records()
            return
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise fetcher.Errors.CorruptRecordException(f"Invalid CRC - {self._tp}")
            start, self.next_fetch_offset = self.next_fetch_offset, batch.next_offset
            if not batch.is_control_batch:
                yield from _read_batch(batch, start)


def _read_batch(records: Iterable[Any], start: int) -> Iterator[_Batch]:
    """Yield the records at or after `start`, if any: a fetch may begin in the middle of a batch."""
    offsets: list[int] = []
    stamps: list[int] = []
    values: list[bytes | None] = []
    # Three appends cost half as much as a tuple per record, which the garbage collector would follow, too.
    add_offset, add_stamp, add_value = offsets.append, stamps.append, values.append
    for record in records:
        add_offset(record.offset)
        add_stamp(record.timestamp)
        add_value(record.value)
    known = bisect_left(offsets, start)
    if known < len(offsets):
        yield _Batch(offsets[known:], stamps[known:], values[known:]) if known else _Batch(offsets, stamps, values)


def chunks(tp: TP, batches: Iterable[_Batch], generation: int, rebalances: int = 0) -> Iterator[Chunk]:
    """Join small batches into chunks of at most about `MAX_CHUNK` records; a hole in the offsets starts a new chunk."""
    offsets: list[int] = []
    stamps: list[int] = []
    values: list[bytes | None] = []
    for batch in batches:
        if offsets and (len(offsets) + len(batch.offsets) > MAX_CHUNK):
            yield from _without_holes(tp, generation, rebalances, offsets, stamps, values)
            offsets, stamps, values = [], [], []
        offsets += batch.offsets
        stamps += batch.stamps
        values += batch.values
    if offsets:
        yield from _without_holes(tp, generation, rebalances, offsets, stamps, values)


def _without_holes(
    tp: TP, generation: int, rebalances: int, offsets: list[int], stamps: list[int], values: list[bytes | None]
) -> Iterator[Chunk]:
    if offsets[-1] - offsets[0] + 1 == len(offsets):
        yield Chunk(tp.topic, tp.partition, generation, offsets[0], values, stamps, rebalances)
        return
    begin = 0
    for i in range(1, len(offsets) + 1):
        if i == len(offsets) or offsets[i] != offsets[i - 1] + 1:
            yield Chunk(
                tp.topic, tp.partition, generation, offsets[begin], values[begin:i], stamps[begin:i], rebalances
            )
            begin = i


class _ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer in its own thread, with a commit that is tied to one generation."""

    async def on_start(self) -> None:
        """Start the consumer."""
        await super().on_start()
        if not self.app.leaves_group:
            coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - pinned exactly; see above

            async def stay() -> None:
                coordinator.reset_generation()  # as aiokafka does once it has left

            coordinator._maybe_leave_group = stay  # noqa: SLF001

    async def commit_under(self, offsets: Mapping[TP, int], generation: int) -> bool:
        """Commit as a member of one generation; False if the group moved on. Called from the application's thread."""
        return bool(await self.call_thread(self._commit_under, offsets, generation))

    async def _commit_under(self, offsets: Mapping[TP, int], generation: int) -> bool:
        while not self.should_stop:
            try:
                return await self._commit_once(offsets, generation)
            except _MOVED_ON:
                return False
            except KafkaError as error:
                if not error.retriable:
                    await self.crash(error)
                    return False
            await asyncio.sleep(COMMIT_AGAIN_S)
        return False

    async def _commit_once(self, offsets: Mapping[TP, int], generation: int) -> bool:
        # aiokafka's own commit goes out in the name of whatever generation it has by then, also after waiting for a
        # coordinator or between two tries. Here nothing is awaited between the check and the making of the request.
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - pinned exactly; see above
        wanted = {driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        await coordinator.ensure_coordinator_known()
        async with coordinator._commit_lock:  # noqa: SLF001
            if coordinator.generation != generation:
                return False
            await asyncio.shield(coordinator._do_commit_offsets(None, wanted))  # noqa: SLF001
        self.tp_last_committed_at.update(dict.fromkeys(offsets, time.monotonic()))  # Faust complains without
        return True

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._value_deserializer = as_chunk  # noqa: SLF001 - the one mark that reaches `_ChunkRecords`
        return consumer


class ChunkConsumer(driver.Consumer):
    """Faust's consumer, reading chunks and committing nothing by itself."""

    start_at: dict[TP, int | None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.start_at = {}

    def _new_consumer_thread(self) -> _ChunkConsumerThread:
        return _ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the committed offsets, without one to the beginning, and remember them in `start_at`."""
        committed: Mapping[TP, int] = await super().seek_to_committed()
        self.start_at = {TP(tp.topic, tp.partition): offset for tp, offset in committed.items()}
        # aiokafka stays where it is in these, also if something was fetched meanwhile and given back.
        if unread := [tp for tp, offset in committed.items() if not offset]:
            with contextlib.suppress(IllegalStateError):  # lost again: the next assignment seeks, too
                await self._thread.seek_to_beginning(*unread)
        return committed

    def share(self) -> set[TP] | None:
        """Return what the group has given this consumer, which may be nothing; None while it has not said."""
        consumer = self._thread._consumer  # noqa: SLF001 - pinned exactly; see above
        if consumer is None or consumer._subscription.reassignment_in_progress:  # noqa: SLF001
            return None
        if consumer._coordinator.need_rejoin(consumer._subscription.subscription):  # noqa: SLF001
            return None
        share: set[TP] = self.assignment()
        return share

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - as Faust
        """Yield one message per chunk; what was fetched while a rebalance began is given back by seeking."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        rebalances = self.app.rebalancing_count
        records, active = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        if not self.flow_active or self.app.rebalancing_count != rebalances:
            await self._give_back()
            return
        for tp, batches in records.items():
            if active is not None and tp not in active and tp not in self._buffered_partitions:
                continue
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            for chunk in chunks(tp, batches, self.app.consumer_generation_id, rebalances):
                if not self.flow_active or self.app.rebalancing_count != rebalances:
                    return
                yield tp, _message(chunk)

    async def _give_back(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - whatever it is, the rebalance decides
            # Faust's own getmany tolerates this too: the rebalance under way seeks again.
            self.log.warning("seek while the flow is stopped failed: %r", error)

    async def commit_exact(self, offsets: Mapping[TP, int], generation: int) -> bool:
        """Commit exactly these offsets, or nothing.

        Args:
            offsets: Partition -> offset of the next record to read.
            generation: The group generation under which the caller's rows were folded.

        Returns:
            False if the group moved on: the caller's state is stale.
        """
        if self.app.consumer_generation_id != generation or self.app.rebalancing:
            return False
        assigned = self.assignment()
        mine = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        if not mine or not await self._thread.commit_under(mine, generation):
            return False
        self._committed_offset.update(mine)
        self.app.monitor.on_tp_commit(mine)
        return True


def is_current(app: faust.App, chunk: Chunk) -> bool:
    """Whether a chunk was fetched under the assignment that is in force: what was dropped with an older one is gone.

    An agent may have taken a chunk from its queue before the queue was emptied.
    """
    return (
        not app.rebalancing
        and chunk.rebalances == app.rebalancing_count
        and chunk.generation == app.consumer_generation_id
    )


def positions(app: faust.App, topic: str, reached: Mapping[TP, int]) -> dict[int, int] | None:
    """Return where an application stands in the partitions that its group has given it; None while it has not said.

    May be called from any thread. `app.consumer` may not: asked too early it makes a consumer, of the wrong thread.

    Args:
        app: From `agents.app.make_app`.
        topic: The topic to tell of.
        reached: Topic and partition -> offset of the next record, of those that were begun.
    """
    consumer = app._consumer  # noqa: SLF001 - see above
    share = None if consumer is None else consumer.share()
    if share is None:
        return None
    return {tp.partition: reached.get(tp, consumer.start_at.get(tp) or 0) for tp in share if tp.topic == topic}


def _message(chunk: Chunk) -> ConsumerMessage:
    return ConsumerMessage(
        chunk.topic,
        chunk.partition,
        chunk.end - 1,
        chunk.stamps[-1] / 1000.0,
        0,
        (),
        None,
        chunk,
        None,
        0,
        0,
        chunk.tp,
        generation_id=chunk.generation,
    )


class Transport(driver.Transport):
    """Faust's aiokafka transport with the chunk consumer."""

    Consumer = ChunkConsumer


class _ChunkSchema(faust.Schema):
    """Passes a chunk to the agent as it is: decoding is the fold's work."""

    def compile(self, app: faust.App, **_options: Any) -> Callable[..., Awaitable[Any]]:
        create_event = app.create_event

        async def decode(message: ConsumerMessage, *, propagate: bool = False) -> Any:  # noqa: ARG001 - as Faust
            return create_event(message.key, message.value, message.headers, message)

        return decode


def chunked(app: faust.App, topic: str) -> Any:
    """Return the topic whose agent receives a `Chunk` per fetch; Faust never acknowledges it."""
    return app.topic(topic, acks=False, schema=_ChunkSchema(key_type=bytes, value_type=bytes))


def install() -> None:
    """Register the scheme with Faust and let aiokafka's fetcher build chunks for consumers that ask for them."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
    fetcher.PartitionRecords = _ChunkRecords
