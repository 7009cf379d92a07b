"""A plain librdkafka consumer, as the contestants share it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from confluent_kafka import Consumer, Message

from benchmarks.job import BATCH, Job, Meter

GIVE_UP_S = 60.0


def batches(job: Job, meter: Meter) -> Iterator[list[Message]]:
    """Yield all records of the topic in batches; the clock starts with the first one."""
    consumer = Consumer(
        {
            "bootstrap.servers": job.brokers,
            "group.id": f"bench-{uuid4().hex}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6_000,
        }
    )
    consumer.subscribe([job.topic])
    left, size = job.events, 1  # the first alone: a full batch would be fetched before the clock starts
    while left:
        batch = consumer.consume(min(size, left), GIVE_UP_S)
        if not batch:
            raise TimeoutError(f"{left} records did not come within {GIVE_UP_S:g} s")
        meter.first()
        left, size = left - len(batch), BATCH
        yield batch
    consumer.close()


def values_of(batch: list[Message]) -> list[bytes]:
    """Return the values of a batch.

    Raises:
        ValueError: A record is an error or has no value.
    """
    values = [message.value() for message in batch]
    if any(value is None for value in values) or any(message.error() for message in batch):
        raise ValueError("a record of the topic could not be read")
    return values  # type: ignore[return-value]  # just checked
