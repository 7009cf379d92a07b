"""Apache Kafka beside the embedded broker: one of each per test session."""

import os
from collections.abc import Iterator

import pytest

from tests.kafka.apache import ApacheKafka, running_apache
from tests.kafka.jars import KafkaMissing, class_path
from tests.needs import REQUIRED


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """A running Apache Kafka; the test is skipped with the reason where Maven or Java are missing."""
    with running_apache(tmp_path_factory.mktemp("kafka"), _needed_class_path()) as kafka:
        yield kafka


def _needed_class_path() -> str:
    try:
        return class_path()
    except KafkaMissing as missing:
        if "kafka" in os.environ.get(REQUIRED, "").split(","):
            pytest.fail(f"Apache Kafka is required here ({REQUIRED}): {missing}")
        pytest.skip(f"no Apache Kafka: {missing}")
