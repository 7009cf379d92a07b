"""A broker that tests may kill, and a plain reader of what lies on a topic."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0)])
    found: list[Read] = []
    deadline = time.monotonic() + WITHIN_S
    try:
        while len(found) < count:
            if time.monotonic() > deadline:
                pytest.fail(f"{topic}/{partition} has {len(found)} of {count} records")
            for message in consumer.consume(count - len(found), timeout=0.2):
                assert message.error() is None
                offset = message.offset()
                assert offset is not None
                found.append((offset, message.key(), message.value(), message.timestamp()[1]))
    finally:
        consumer.close()
    return found
