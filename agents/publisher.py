"""Producing to Kafka: an answer only after all in-sync replicas have the records.

One producer per process. A thread polls it; a batch's future is resolved once, when the last of its records is
acknowledged or given up. Idempotence is off: the embedded broker knows no `InitProducerId`, and a repeated event is
recognised by its id anyway. One request is in flight per broker, so a retry cannot overtake: per partition, records lie
in the order in which they were handed over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Sequence
from functools import partial
from threading import Event, Lock, Thread
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.metrics import counter, gauge, histogram
from agents.topics import Cluster, TopicState, partition_of
from streams.errors import Backpressure, DeliveryError

Outgoing = tuple[bytes, bytes, int, int | None]
"""Key, value, timestamp (ms), and the partition; None = by the key."""
Receipt = tuple[int, int]
"""Partition and offset."""

MAX_IN_FLIGHT: Final = 50_000
"""Records that may wait for acknowledgement before further batches are refused."""
_RESERVE: Final = 10_000
"""Room above it for urgent batches, so that a full queue never stops the clock."""
_POLL_S: Final = 0.1
_LOG_EVERY_S: Final = 10.0
_QUEUE_FULL: Final = KafkaError._QUEUE_FULL  # noqa: SLF001  # public, named like all of librdkafka's own codes
_HOPELESS: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_TIMESTAMP, KafkaError.INVALID_RECORD})
"""What the broker will refuse the next time as well."""

log = logging.getLogger(__name__)


class _Batch:
    """Collects the delivery reports of one batch: the polling thread reports, the event loop waits."""

    __slots__ = ("_left", "_lock", "_loop", "error", "future", "receipts")

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()
        self._loop = asyncio.get_running_loop()
        self.error: KafkaError | None = None
        self.receipts: list[Receipt] = [(0, 0)] * size
        self.future: asyncio.Future[None] = self._loop.create_future()

    def report(self, index: int, error: KafkaError | None, message: Message[bytes, bytes]) -> None:
        if error is None:
            self.receipts[index] = (message.partition(), message.offset())  # type: ignore[assignment]  # known by now
            self._done(1)
        else:
            self.fail(error, 1)

    def fail(self, error: KafkaError, records: int) -> None:
        """Take note that so many records were not acknowledged."""
        self.error = self.error or error
        self._done(records)

    def _done(self, records: int) -> None:
        with self._lock:
            self._left -= records
            is_last = self._left == 0
        if is_last:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(self.future.set_result, None)


def _undelivered(topic: str, error: KafkaError) -> DeliveryError:
    return DeliveryError(f"topic {topic}: not acknowledged: {error.name()}", is_retryable=error.code() not in _HOPELESS)


class Publisher:
    """Sends batches of records and says where they lie.

    Args:
        brokers: `host:port[,host:port…]`.
        timeout_s: Longest wait for the acknowledgement of a record; seconds. The broker is asked again and again
            within it.
        max_in_flight: Records that may wait for acknowledgement at the same time.
    """

    def __init__(self, brokers: str, *, timeout_s: float = 10.0, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self._cluster = Cluster(brokers, timeout_s=min(timeout_s, 5.0))
        self._max = max_in_flight
        self._in_flight = 0
        self._states: dict[str, tuple[int, TopicState]] = {}
        self._asking: dict[str, asyncio.Future[TopicState]] = {}
        self._outages = 0
        self._logged_at = float("-inf")
        self._stop = Event()
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "acks": "all",
                "enable.idempotence": False,
                "max.in.flight.requests.per.connection": 1,
                "linger.ms": 2,
                "message.timeout.ms": int(timeout_s * 1000),
                "reconnect.backoff.max.ms": 1000,
                "queue.buffering.max.messages": max_in_flight + _RESERVE,
                "queue.buffering.max.kbytes": 1 << 20,
                # The embedded broker would create a missing topic with its own number of partitions.
                "allow.auto.create.topics": False,
                "log_level": 0,
                "error_cb": self._outage,
            }
        )
        self._thread = Thread(target=self._poll, name="publisher", daemon=True)
        self._thread.start()

    async def publish(self, topic: str, batch: Sequence[Outgoing], *, urgent: bool = False) -> list[Receipt]:
        """Send records and wait until all of them are acknowledged by all in-sync replicas.

        Args:
            topic: An existing topic.
            batch: Records in order.
            urgent: Use the reserve that is kept for a full queue.

        Returns:
            Partition and offset of each record, in the order of the batch.

        Raises:
            Backpressure: Too many records wait already; nothing was sent.
            DeliveryError: Some record was not acknowledged in time. Others may have been, and even this one may have
                arrived: send the whole batch again, repeated events are recognised by their ids.
        """
        if not batch:
            return []
        self._reserve(len(batch), self._max + (_RESERVE if urgent else 0))
        started = time.monotonic()
        try:
            receipts = await self._send(topic, batch)
        except DeliveryError:
            counter("xpulse_publish_failures_total").labels(topic=topic).inc()
            raise
        histogram("xpulse_publish_seconds").labels(topic=topic).observe(time.monotonic() - started)
        return receipts

    def _reserve(self, records: int, limit: int) -> None:
        if self._in_flight + records > limit:
            raise Backpressure(f"{self._in_flight} records wait for the broker", retry_after_s=1.0)
        self._in_flight += records
        gauge("xpulse_publish_in_flight_records").set(self._in_flight)

    def _release(self, records: int) -> None:
        self._in_flight -= records
        gauge("xpulse_publish_in_flight_records").set(self._in_flight)

    async def _send(self, topic: str, batch: Sequence[Outgoing]) -> list[Receipt]:
        try:
            before = await self.state(topic)
        except BaseException:
            self._release(len(batch))
            raise
        waiting = _Batch(len(batch))
        waiting.future.add_done_callback(lambda _: self._release(len(batch)))
        self._hand_over(topic, batch, before.partitions, waiting)
        # Shielded: when a caller gives up, its records still take room until they are settled.
        await asyncio.shield(waiting.future)
        if waiting.error is not None:
            raise _undelivered(topic, waiting.error)
        # Acknowledgements of two logs may be mixed: what the lost one acknowledged is gone with it.
        if (await self.state(topic)).incarnation != before.incarnation:
            raise DeliveryError(f"topic {topic}: created anew while records were on their way", is_retryable=True)
        return waiting.receipts

    def _hand_over(self, topic: str, batch: Sequence[Outgoing], partitions: int, waiting: _Batch) -> None:
        produce, report = self._producer.produce, waiting.report
        for index, (key, value, timestamp_ms, partition) in enumerate(batch):
            to = partition_of(key, partitions) if partition is None else partition
            try:
                produce(topic, value, key, to, partial(report, index), timestamp=timestamp_ms)
            except BufferError:
                return waiting.fail(KafkaError(_QUEUE_FULL), len(batch) - index)
            except KafkaException as error:
                return waiting.fail(error.args[0], len(batch) - index)
        return None

    async def state(self, topic: str) -> TopicState:
        """Return a topic's id and number of partitions, read again after the connection was lost.

        Raises:
            DeliveryError: The broker does not answer, or has no such topic; may be tried again.
        """
        outages, state = self._states.get(topic, (-1, None))
        if state is not None and outages == self._outages:
            return state
        if topic not in self._asking:
            self._asking[topic] = asyncio.ensure_future(self._ask(topic))
        return await asyncio.shield(self._asking[topic])

    async def _ask(self, topic: str) -> TopicState:
        """Ask once for all who wait."""
        try:
            found = await self.refresh([topic])
        finally:
            del self._asking[topic]
        if topic not in found:
            raise DeliveryError(f"topic {topic} does not exist", is_retryable=True)
        return found[topic]

    async def refresh(self, topics: Iterable[str]) -> dict[str, TopicState]:
        """Ask the broker about topics; those that do not exist are left out.

        Raises:
            DeliveryError: The broker does not answer; may be tried again.
        """
        outages = self._outages
        found = await asyncio.to_thread(self._cluster.states, list(topics))
        self._states.update({topic: (outages, state) for topic, state in found.items()})
        return found

    def close(self, timeout_s: float = 5.0) -> None:
        """Wait for what is on its way, give up the rest, and end the polling thread. Blocks up to `timeout_s`."""
        self._producer.flush(timeout_s)
        self._producer.purge()
        self._producer.flush(_POLL_S)
        self._stop.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(_POLL_S)

    def _outage(self, error: KafkaError) -> None:
        """Note that a connection was lost: when it is back, topics may be others."""
        self._outages += 1
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            log.warning("broker_away reason=%s", error.name())
