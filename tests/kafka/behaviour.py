"""What every behaviour suite here runs on: the embedded broker always, Apache Kafka where it can be had."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.kafka.apache import ApacheKafka
from tests.kafka.topics import Topics

Record = tuple[bytes | None, int]
"""Value and timestamp (ms)."""


@dataclass(frozen=True)
class Kafka:
    """A broker as the suites see it."""

    bootstrap: str
    topics: Topics
    folder: Path
    """For what a test's processes write."""

    def produce(self, topic: str, partition: int, records: list[Record], **settings: object) -> None:
        """Send records to one partition, in order, with librdkafka's settings (`_` for `.`); all are acknowledged."""
        given = {name.replace("_", "."): value for name, value in settings.items()}
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all", "linger.ms": 200, **given})
        failures: list[object] = []
        for value, stamp_ms in records:
            producer.produce(
                topic, value, partition=partition, timestamp=stamp_ms,
                on_delivery=lambda error, _: failures.append(error) if error else None,
            )  # fmt: skip
            producer.poll(0)
        assert producer.flush(60) == 0
        assert failures == []


class OnEmbedded:
    """Runs a suite on the session's embedded broker."""

    @pytest.fixture
    def kafka(self, broker: str, tmp_path: Path) -> Kafka:
        return Kafka(broker, Topics(broker), tmp_path)


class OnApache:
    """Runs a suite on Apache Kafka."""

    @pytest.fixture
    def kafka(self, apache_kafka: ApacheKafka, tmp_path: Path) -> Kafka:
        return Kafka(apache_kafka.bootstrap, apache_kafka.topics, tmp_path)
