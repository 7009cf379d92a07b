"""The chunks that an agent gets hold what a plain consumer reads: values, timestamps and offsets, batch by batch."""

import random

import pytest

from agents.transport import MAX_CHUNK
from tests.agents.brokers import read_partition
from tests.kafka.behaviour import Kafka, OnApache, OnEmbedded, Record
from tests.kafka.reader import reading

pytestmark = pytest.mark.integration

NOW_MS = 1_772_440_867_123
CODECS = ("gzip", "snappy", "lz4", "zstd")


def events(count: int, seed: int) -> list[Record]:
    """Values of an event's size with timestamps that go forth and back."""
    rng = random.Random(seed)
    return [
        (b'{"signal":"telemetry","n":%d,"fill":"%s"}' % (n, b"x" * rng.randrange(300)), NOW_MS + rng.randrange(9_000))
        for n in range(count)
    ]


def fill(kafka: Kafka, topic: str) -> dict[int, int]:
    """Write each shape to a partition of its own; return partition -> how many records."""
    shapes: list[tuple[list[Record], dict[str, object]]] = [
        (events(40, 0), {"batch_num_messages": 1}),
        (events(3_000, 1), {"batch_num_messages": 10_000, "batch_size": 1_000_000}),
        ([(None, NOW_MS), (b"", NOW_MS + 1), (b"\x00", NOW_MS - 5), (None, NOW_MS), (b"\xff" * 3, 1)], {}),
        ([(bytes([n]) * 300_000, NOW_MS + n) for n in range(8)], {}),
    ]
    shapes += [(events(700, 2), {"compression_type": name}) for name in CODECS]
    for partition, (records, settings) in enumerate(shapes):
        kafka.produce(topic, partition, records, **settings)
    return {partition: len(records) for partition, (records, _) in enumerate(shapes)}


class ChunkBehaviour:
    def test_chunks_hold_what_a_plain_consumer_reads(self, kafka: Kafka) -> None:
        topic = kafka.topics.new(partitions=4 + len(CODECS))
        counts = fill(kafka, topic)
        with reading(kafka.bootstrap, topic, topic, kafka.folder) as reader:
            reader.read(counts)
        for partition, count in counts.items():
            plain = [(o, v, t) for o, _, v, t in read_partition(kafka.bootstrap, topic, partition, count)]
            assert list(reader.records(partition)) == plain, f"partition {partition}"
        assert max(len(chunk.values) for chunk in reader.chunks) <= MAX_CHUNK
        assert min(len(chunk.values) for chunk in reader.chunks) >= 1


class TestEmbeddedChunks(OnEmbedded, ChunkBehaviour):
    pass


class TestApacheChunks(OnApache, ChunkBehaviour):
    pass
