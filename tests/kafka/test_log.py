"""What xpulse takes for granted of a broker's log, topics and committed offsets."""

import asyncio
import itertools
import os

import pytest

from agents.publisher import Publisher
from tests.agents.brokers import read_partition
from tests.kafka.behaviour import Kafka, OnApache, OnEmbedded

pytestmark = pytest.mark.integration

NOW_MS = 1_772_440_867_123
DAY_MS = 86_400_000
_numbers = itertools.count(1)


def fresh_group() -> str:
    return f"group-{os.getpid()}-{next(_numbers)}"


class LogBehaviour:
    def test_a_records_time_is_its_producers(self, kafka: Kafka) -> None:
        topic = kafka.topics.new()
        stamps = [NOW_MS, NOW_MS - 14 * DAY_MS, NOW_MS - 1, NOW_MS, 1]
        kafka.produce(topic, 0, [(b"%d" % n, stamp) for n, stamp in enumerate(stamps)])
        assert [(o, v, t) for o, _, v, t in read_partition(kafka.bootstrap, topic, 0, len(stamps))] == [
            (n, b"%d" % n, stamp) for n, stamp in enumerate(stamps)
        ]

    def test_receipts_are_positions_and_partitions_are_those_asked_for(self, kafka: Kafka) -> None:
        topic = kafka.topics.new(partitions=3)
        sent = [(b"k%d" % n, b"v%d" % n, NOW_MS + n, (0, 2, 2)[n % 3]) for n in range(900)]
        publisher = Publisher(kafka.bootstrap, timeout_s=60)
        receipts = asyncio.run(publisher.publish(topic, sent[:500]))
        receipts += asyncio.run(publisher.publish(topic, sent[500:]))
        publisher.close()
        for partition in (0, 2):
            mine = [(o, *s[:3]) for (p, o), s in zip(receipts, sent, strict=True) if p == partition]
            assert [offset for offset, *_ in mine] == list(range(len(mine)))
            assert read_partition(kafka.bootstrap, topic, partition, len(mine)) == mine
        assert {partition for partition, _ in receipts} == {0, 2}

    def test_asking_for_a_topic_does_not_create_it(self, kafka: Kafka) -> None:
        assert kafka.topics.state("never-made") is None
        assert kafka.topics.state("never-made") is None

    def test_a_topic_made_again_is_another_one(self, kafka: Kafka) -> None:
        topic, group = kafka.topics.new(partitions=2), fresh_group()
        before = kafka.topics.state(topic)
        kafka.produce(topic, 0, [(b"old", NOW_MS)] * 5)
        kafka.topics.commit(group, topic, {0: 3})
        assert kafka.topics.state(topic) == before
        kafka.topics.recreate(topic, partitions=3)
        after = kafka.topics.state(topic)
        assert before is not None
        assert after is not None
        assert before.incarnation != after.incarnation
        assert (before.partitions, after.partitions) == (2, 3)
        assert kafka.topics.committed(group, topic) == {0: None}, "an offset of the old log means nothing in the new"
        kafka.produce(topic, 0, [(b"new", NOW_MS)])
        assert read_partition(kafka.bootstrap, topic, 0, 1) == [(0, None, b"new", NOW_MS)]

    def test_committed_offsets_come_back_per_group(self, kafka: Kafka) -> None:
        topic, one, other = kafka.topics.new(partitions=3), fresh_group(), fresh_group()
        kafka.topics.commit(one, topic, {0: 512, 2: 1024})
        kafka.topics.commit(other, topic, {0: 7})
        kafka.topics.commit(one, topic, {2: 512})
        assert kafka.topics.committed(one, topic, 3) == {0: 512, 1: None, 2: 512}
        assert kafka.topics.committed(other, topic, 3) == {0: 7, 1: None, 2: None}


class TestEmbeddedLog(OnEmbedded, LogBehaviour):
    pass


class TestApacheLog(OnApache, LogBehaviour):
    pass
