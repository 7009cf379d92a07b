"""Looks at the running system all the time: how far it is, and whether each commit keeps its promise.

The promise: a committed offset of the telemetry lane is a boundary of tiles, and every tile below it, and the duplicate
horizon above it, is complete in the warehouse; a committed offset of the records lane has been stored.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from agents.topics import RECORDS, TELEMETRY, topic_incarnation
from agents.warehouse.client import Warehouse
from streams.errors import XPulseError
from streams.profile import Profile
from tests.chaos.hostile import PARTITIONS

LOOK_EVERY_S = 0.4
ANSWER_WITHIN_S = 5.0


@dataclass(slots=True)
class Seen:
    """What was seen so far.

    Attributes:
        samples: Committed offsets that were checked.
        violations: Those that broke the promise, in words.
        stored: (topic, partition) -> offset below which everything is in the warehouse.
    """

    samples: int = 0
    violations: list[str] = field(default_factory=list)
    stored: dict[tuple[str, int], int] = field(default_factory=dict)


class Watch(threading.Thread):
    """Looks until told to stop; broker and ClickHouse may be away meanwhile.

    Args:
        brokers: `host:port`.
        warehouse: A connection of its own, not through a gate.
        groups: Topic -> how the name of the consumer group begins whose commits are checked.
    """

    def __init__(self, brokers: str, warehouse: Warehouse, groups: Mapping[str, str], profile: Profile) -> None:
        super().__init__(name="watch", daemon=True)
        self.seen = Seen()
        self._brokers = brokers
        self._warehouse = warehouse
        self._groups = groups
        self._profile = profile
        self._incarnations = {topic: str(topic_incarnation(brokers, topic)) for topic in groups}
        self._ending = threading.Event()
        self._consumers: dict[str, Consumer] = {}

    def run(self) -> None:
        """Look, again and again."""
        try:
            while not self._ending.wait(LOOK_EVERY_S):
                for topic in self._groups:
                    self._look(topic)
        finally:
            for consumer in self._consumers.values():
                consumer.close()

    def stop(self) -> None:
        """Stop looking."""
        self._ending.set()
        self.join(timeout=30)

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            {"bootstrap.servers": self._brokers, "group.id": group, "enable.auto.commit": False, "log_level": 0}
        )

    def _look(self, topic: str) -> None:
        try:
            # In this order: what is stored only grows, so a commit that was kept is never taken for a broken one.
            committed = self._committed(topic)
            check = self._check_tiles if topic == TELEMETRY else self._check_records
            check({partition: offset for partition, offset in committed.items() if offset > 0})
        except (KafkaException, XPulseError):
            return  # away; look again

    def _committed(self, topic: str) -> dict[int, int]:
        consumer = self._consumers.get(topic) or self._join(topic)
        if consumer is None:
            return {}
        partitions = [TopicPartition(topic, p) for p in range(PARTITIONS[topic])]
        return {tp.partition: tp.offset for tp in consumer.committed(partitions, timeout=ANSWER_WITHIN_S)}

    def _join(self, topic: str) -> Consumer | None:
        """Find the group, once its workers have made it, and ask in its name; nothing is subscribed."""
        admin = AdminClient({"bootstrap.servers": self._brokers, "log_level": 0})
        known = admin.list_consumer_groups(request_timeout=ANSWER_WITHIN_S).result(timeout=2 * ANSWER_WITHIN_S).valid
        names = [str(group.group_id) for group in known if group.group_id.startswith(self._groups[topic])]
        if not names:
            return None
        consumer = self._consumers[topic] = self._consumer(names[0])
        return consumer

    def _check_tiles(self, committed: Mapping[int, int]) -> None:
        rows = self._warehouse.ask(_TILES, {"incarnation": self._incarnations[TELEMETRY]})
        closed = {partition: set(tiles) for partition, _, tiles in rows}
        self.seen.stored |= {(TELEMETRY, partition): hi for partition, hi, _ in rows}
        size, horizon = self._profile.tile_size, self._profile.horizon
        for partition, offset in committed.items():
            missing = sorted(set(range(offset // size + horizon)) - closed.get(partition, set()))
            self._note(
                f"{TELEMETRY}/{partition} committed at {offset}: "
                + ("not a boundary of tiles" if offset % size else f"tiles {missing[:5]} are not complete"),
                is_broken=bool(offset % size or missing),
            )

    def _check_records(self, committed: Mapping[int, int]) -> None:
        stored = dict(self._warehouse.ask(_RECORDS, {"incarnation": self._incarnations[RECORDS]}))
        self.seen.stored |= {(RECORDS, partition): hi for partition, hi in stored.items()}
        for partition, offset in committed.items():
            hi = stored.get(partition, 0)
            self._note(f"{RECORDS}/{partition} committed at {offset}, stored up to {hi}", is_broken=offset > hi)

    def _note(self, words: str, *, is_broken: bool) -> None:
        self.seen.samples += 1
        if is_broken:
            self.seen.violations.append(f"{time.strftime('%H:%M:%S')} {words}")


_TILES = (
    "SELECT partition, max(hi), groupUniqArrayIf(tile, closed = 1) FROM tile_audit "
    "WHERE incarnation = {incarnation:UUID} GROUP BY partition"
)
_RECORDS = "SELECT partition, max(hi) FROM records_progress WHERE incarnation = {incarnation:UUID} GROUP BY partition"
