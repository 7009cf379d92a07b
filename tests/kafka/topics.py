"""What tests do to topics: make, shorten, delete and make again; the same calls on every broker."""

import itertools
import os
from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from agents.topics import Cluster, TopicState
from streams.simulate.oracle import Record
from tests.agents.local.services import wait_until

WITHIN_S = 30.0
_numbers = itertools.count(1)


class Topics:
    """The topics and groups of one broker."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def _admin(self) -> AdminClient:
        # A fresh one each time: a broker that came back is asked, not remembered. Hold on to it until the answer is
        # there: it takes its unanswered questions along when it goes.
        return AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})

    def create(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        new = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        admin = self._admin()
        admin.create_topics([new], request_timeout=WITHIN_S)[name].result(WITHIN_S)
        wait_until(lambda: self.state(name) is not None, f"topic {name} is there")
        return name

    def new(self, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """Create a topic under a name of its own."""
        return self.create(f"topic-{os.getpid()}-{next(_numbers)}", partitions, config)

    def delete(self, name: str) -> None:
        """Delete a topic and wait until nobody knows it any more."""
        admin = self._admin()
        admin.delete_topics([name], request_timeout=WITHIN_S)[name].result(WITHIN_S)
        wait_until(lambda: self.state(name) is None, f"topic {name} is gone")

    def recreate(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """Delete a topic and create it again: the same name, another log."""
        self.delete(name)
        return self.create(name, partitions, config)

    def configure(self, name: str, **settings: str) -> None:
        """Change settings of a topic; `_` stands for `.` in their names."""
        entries = [
            ConfigEntry(key.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for key, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        admin = self._admin()
        admin.incremental_alter_configs([resource])[resource].result(WITHIN_S)

    def forget_before(self, name: str, offsets: Mapping[int, int]) -> None:
        """Delete all records below an offset per partition, as retention does in its own time."""
        to = [TopicPartition(name, partition, offset) for partition, offset in offsets.items()]
        admin = self._admin()
        for deleted in admin.delete_records(to).values():
            deleted.result(WITHIN_S)

    def state(self, name: str) -> TopicState | None:
        """Return a topic's id and number of partitions; None if there is none."""
        return Cluster(self._bootstrap).states([name]).get(name)

    def span(self, name: str, partition: int = 0) -> tuple[int, int]:
        """Return the first offset of a partition and the one after its last; the embedded broker is wrong about it."""
        place, found = TopicPartition(name, partition), list[tuple[int, int]]()
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": "span", "log_level": 0})
        try:
            wait_until(lambda: _ask_span(consumer, place, found), f"the span of {name}/{partition}", within_s=WITHIN_S)
        finally:
            consumer.close()
        return found[0]

    def read(self, name: str, begin: int, ends: Mapping[int, int]) -> list[Record]:
        """Return the records of partitions from an offset on up to another one, by partition and offset."""
        settings = {"bootstrap.servers": self._bootstrap, "group.id": "onlooker", "enable.auto.commit": False}
        consumer, found, wanted = Consumer(settings), list[Record](), sum(end - begin for end in ends.values())
        consumer.assign([TopicPartition(name, partition, begin) for partition in ends])
        try:
            wait_until(lambda: _take(consumer, ends, found) == wanted, f"{wanted} records of {name}")
        finally:
            consumer.close()
        return sorted(found)

    def commit(self, group: str, name: str, offsets: Mapping[int, int]) -> None:
        """Commit as a plain client does that is no member."""
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": group, "log_level": 0})
        places = [TopicPartition(name, partition, offset) for partition, offset in offsets.items()]
        try:
            answers = consumer.commit(offsets=places, asynchronous=False)
        finally:
            consumer.close()
        assert all(tp.error is None for tp in answers or ())

    def committed(self, group: str, name: str, partitions: int = 1) -> dict[int, int | None]:
        """Return what a group has committed; None where nothing."""
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": group, "log_level": 0})
        try:
            answers = consumer.committed([TopicPartition(name, p) for p in range(partitions)], timeout=WITHIN_S)
        finally:
            consumer.close()
        return {tp.partition: tp.offset if tp.offset >= 0 else None for tp in answers}


def _ask_span(consumer: Consumer, place: TopicPartition, found: list[tuple[int, int]]) -> bool:
    """Ask once; a partition that was just made may have no leader yet."""
    try:
        low, high = consumer.get_watermark_offsets(place, timeout=WITHIN_S)
    except KafkaException:
        return False
    found.append((low, high))
    return True


def _take(consumer: Consumer, ends: Mapping[int, int], found: list[Record]) -> int:
    """Read on; return how many there are by now."""
    for message in consumer.consume(5_000, timeout=0.2):
        place = message.partition(), message.offset()
        assert message.error() is None, message.error()
        assert place[0] is not None
        assert place[1] is not None
        if place[1] < ends[place[0]]:
            found.append(Record(place[0], place[1], message.timestamp()[1], message.value()))
    return len(found)
