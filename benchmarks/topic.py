"""A broker with one topic, filled once, that any number of contestants read from its beginning."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from agents.telemetry import TOPIC
from agents.topics import ensure_topics, partition_of
from benchmarks.events import Record, Shape, Source, Truth
from benchmarks.job import WINDOW_MS, Group, Sums
from benchmarks.services import BenchmarkError, broker

FLUSH_WITHIN_S = 300.0
MINUTES_AGO = 15
"""The first window begins so long before now: recent enough for any table's retention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A filled topic.

    Attributes:
        truth: What every contestant must find; empty if it was not counted.
    """

    brokers: str
    partitions: int
    events: int
    bytes_per_event: float
    truth: dict[Group, Sums]
    topic: str = TOPIC


@contextmanager
def filled_topic(
    folder: Path, shape: Shape, *, events: int, of: int, seed: int = 1, partitions: int = 4
) -> Iterator[Filled]:
    """Run a broker with the first `events` of a sequence of `of` events over all windows of `shape`."""
    start_ms = int(time.time() * 1000) // WINDOW_MS * WINDOW_MS - MINUTES_AGO * WINDOW_MS
    source, truth = Source(shape, seed=seed, start_ms=start_ms, total=of), Truth()
    folder.mkdir(parents=True, exist_ok=True)
    with broker(folder) as address:
        ensure_topics(address, {TOPIC: partitions})
        size = fill(address, source.records(events, truth), partitions)
        yield Filled(
            brokers=address,
            partitions=partitions,
            events=events,
            bytes_per_event=size / events,
            truth=truth.totals(),
        )


def fill(address: str, records: Iterable[Record], partitions: int) -> int:
    """Produce records; return how many bytes their values have."""
    producer, size = bulk_producer(address), 0
    for key, value, stamp_ms in records:
        send(producer, key, value, stamp_ms, partitions)
        size += len(value)
    if producer.flush(FLUSH_WITHIN_S):
        raise BenchmarkError("the broker did not take all records")
    return size


def bulk_producer(address: str, linger_ms: int = 50) -> Producer:
    """Return a producer that sends large batches."""
    return Producer(
        {
            "bootstrap.servers": address,
            "linger.ms": linger_ms,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1 << 20,
        }
    )


def send(producer: Producer, key: bytes, value: bytes, stamp_ms: int, partitions: int) -> None:
    """Hand one record over, waiting while the producer's queue is full; its partition is found as the gateway does."""
    while True:
        try:
            producer.produce(TOPIC, value, key, partition_of(key, partitions), timestamp=stamp_ms)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return
