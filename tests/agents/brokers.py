"""A broker that tests may kill, and a plain reader of what lies on a topic."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from agents.local.broker import broker_command, is_broker_ready
from agents.local.ports import free_port
from agents.topics import ensure_topics

WITHIN_S = 60.0


class MortalBroker:
    """An embedded broker of one's own, to be killed and started again on the same port; it comes back empty."""

    def __init__(self, log: Path) -> None:
        self._port = free_port()
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._port}"

    def start(self, topics: Mapping[str, int]) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(broker_command(self._port), stdout=out, stderr=out)
        deadline = time.monotonic() + WITHIN_S
        while not is_broker_ready(self.address):
            if time.monotonic() > deadline:
                pytest.fail(f"the broker is not ready: {self._log.read_text()[-2000:]}")
            time.sleep(0.02)
        ensure_topics(self.address, topics)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def mortal_broker(folder: Path, topics: Mapping[str, int]) -> Iterator[MortalBroker]:
    broker = MortalBroker(folder / "broker.log")
    broker.start(topics)
    try:
        yield broker
    finally:
        broker.kill()


Read = tuple[int, bytes | None, bytes | None, int]
"""Offset, key, value, timestamp (ms)."""


def read_partition(brokers: str, topic: str, partition: int, count: int) -> list[Read]:
    """Return the first `count` records of a partition; fail if they do not come."""
    records = _records(brokers, topic, partition)
    return list(islice(records, count))


def find_record(brokers: str, topic: str, partition: int, matches: Callable[[bytes], bool]) -> Read:
    """Return the first record of a partition whose value matches; fail if none comes."""
    return next(record for record in _records(brokers, topic, partition) if record[2] and matches(record[2]))


def _records(brokers: str, topic: str, partition: int) -> Iterator[Read]:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0)])
    deadline = time.monotonic() + WITHIN_S
    try:
        while time.monotonic() < deadline:
            for message in consumer.consume(500, timeout=0.2):
                offset = message.offset()
                assert message.error() is None
                assert offset is not None
                yield offset, message.key(), message.value(), message.timestamp()[1]
    finally:
        consumer.close()
    pytest.fail(f"{topic}/{partition} has no further records")
