"""Reads a topic back as it lies on the broker, for the comparison at the end."""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition

from streams.errors import InvariantError
from streams.simulate.oracle import Record

BATCH = 10_000
WITHIN_S = 60.0


def read_topic(brokers: str, topic: str, ends: Mapping[int, int]) -> list[Record]:
    """Return all records of a topic up to an offset per partition, by partition and offset.

    Args:
        brokers: `host:port`.
        topic: Name.
        ends: Partition -> offset after the last record wanted.

    Raises:
        InvariantError: The broker did not hand them all over within a minute.
    """
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "demo-check", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
    try:
        return sorted(_read(consumer, dict(ends)))
    finally:
        consumer.close()


def _read(consumer: Consumer, ends: dict[int, int]) -> list[Record]:
    found: list[Record] = []
    wanted, deadline = sum(ends.values()), time.monotonic() + WITHIN_S
    while len(found) < wanted:
        if time.monotonic() > deadline:
            raise InvariantError(f"the broker handed over {len(found)} of {wanted} records")
        for message in consumer.consume(BATCH, timeout=0.5):
            if message.error() is None and (message.offset() or 0) < ends[message.partition() or 0]:
                stamp_ms = message.timestamp()[1]
                found.append(Record(message.partition() or 0, message.offset() or 0, stamp_ms, message.value()))
    return found
