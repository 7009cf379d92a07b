"""What only Apache Kafka does to a log: its own clock, transactions, and retention."""

import pytest
from confluent_kafka import Producer

from tests.agents.brokers import read_partition
from tests.kafka.behaviour import Kafka, OnApache, Record
from tests.kafka.reader import reading

pytestmark = pytest.mark.integration

NOW_MS = 1_772_440_867_123
SENT: list[Record] = [(b"%d" % n, NOW_MS + n) for n in range(400)]
PLAIN, GZIP, IN_TRANSACTIONS, SHORTENED, OVERTAKEN = range(5)


def send_in_transactions(kafka: Kafka, topic: str) -> None:
    """100 records that are committed, 100 that are not, 200 more: each transaction leaves a marker in the log."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "linger.ms": 100})
    producer.init_transactions(60)
    for begin, end, is_kept in ((0, 100, True), (100, 200, False), (200, 400, True)):
        producer.begin_transaction()
        for value, stamp_ms in SENT[begin:end]:
            producer.produce(topic, value, partition=IN_TRANSACTIONS, timestamp=stamp_ms)
        producer.flush(60)
        (producer.commit_transaction if is_kept else producer.abort_transaction)(60)


class TestApacheOnly(OnApache):
    def test_chunks_tell_of_holes_and_of_a_log_that_begins_late(self, kafka: Kafka) -> None:
        topic = group = kafka.topics.new(5, {"message.timestamp.type": "LogAppendTime"})
        kafka.produce(topic, PLAIN, SENT)
        kafka.produce(topic, GZIP, SENT, compression_type="gzip")
        send_in_transactions(kafka, topic)
        kafka.produce(topic, SHORTENED, SENT)
        kafka.produce(topic, OVERTAKEN, SENT)
        kafka.topics.commit(group, topic, {OVERTAKEN: 100})
        kafka.topics.forget_before(topic, {SHORTENED: 150, OVERTAKEN: 250})
        assert kafka.topics.span(topic, OVERTAKEN) == (250, 400)

        with reading(kafka.bootstrap, group, topic, kafka.folder) as reader:
            reader.read({PLAIN: 400, GZIP: 400, IN_TRANSACTIONS: 402, SHORTENED: 400, OVERTAKEN: 400})
        for partition in (PLAIN, GZIP):
            plain = [(o, v, t) for o, _, v, t in read_partition(kafka.bootstrap, topic, partition, 400)]
            assert list(reader.records(partition)) == plain
            assert min(t for _, _, t in plain) > NOW_MS + 10_000, "the broker's clock, not the producer's"
        offsets = [offset for offset, _, _ in reader.records(IN_TRANSACTIONS)]
        assert offsets == sorted(set(range(402)) - {100, 201}), "each transaction's end is a hole"
        assert [v for _, v, _ in reader.records(IN_TRANSACTIONS)] == [v for v, _ in SENT]
        starts = reader.chunks[0].start_at
        assert {p: (starts[p], next(reader.records(p))[0]) for p in (SHORTENED, OVERTAKEN)} == {
            SHORTENED: (None, 150), OVERTAKEN: (100, 250),
        }  # fmt: skip
