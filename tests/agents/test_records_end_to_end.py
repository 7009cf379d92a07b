"""Records and release as a real process between a broker and ClickHouse, both of which leave it alone at times."""

import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.settings import Settings
from agents.topics import ensure_topics, topic_state
from agents.warehouse.client import Address, Warehouse
from streams.codecs import encode_json
from streams.events import Feedback, Tick
from streams.profile import DEMO
from tests.agents.local.services import wait_until
from tests.agents.switch import Switch, switchable

pytestmark = pytest.mark.integration

RANK = {"partial": 0, "final": 1, "retracted": 2}
_numbers = itertools.count(1)
T0 = 1_780_000_000_000 // DEMO.epoch_ms * DEMO.epoch_ms


def answer(number: int, **changes: Any) -> Feedback:
    known: dict[str, Any] = {"revision": 0, "state": "final", "score": 9, "person": f"p{number}"}
    return Feedback(
        event_id=f"e{number}", tenant="t", source="s", event_time_ms=T0, response_id=f"r{number}",
        country="NO", service="mail", channel="chat", **{**known, **changes},
    )  # fmt: skip


class Lane:
    """One topic, what was written to it, and the process that reads it."""

    def __init__(self, broker: str, address: Address, folder: Path, partitions: int) -> None:
        self.topic = self.group = f"records-{next(_numbers)}-{os.getpid()}"
        self.partitions = partitions
        self.log: dict[tuple[int, int], tuple[int, bytes]] = {}
        self._broker = broker
        ensure_topics(broker, {self.topic: partitions})
        self._producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
        self._onlooker = Consumer({"bootstrap.servers": broker, "group.id": self.group})
        self._folder = folder
        (folder / "password").write_text(address.password)
        settings = Settings(
            profile="demo",
            brokers=broker,
            group_prefix=self.group,
            clickhouse_port=address.port,
            clickhouse_database=address.database,
            clickhouse_password_file=str(folder / "password"),
            data_dir=str(folder),
        )
        mine = {name: value for name, value in os.environ.items() if not name.startswith("XPULSE_")}
        self._environment = {**mine, **settings.environment()}

    def write(self, stamp_ms: int, raw: bytes, partition: int = 0) -> None:
        def remember(error: Any, message: Any) -> None:
            assert error is None
            self.log[message.partition(), message.offset()] = (stamp_ms, raw)

        self._producer.produce(self.topic, raw, partition=partition, timestamp=stamp_ms, on_delivery=remember)
        self._producer.poll(0)

    def tick(self, at_ms: int) -> None:
        for partition in range(self.partitions):
            self.write(at_ms, encode_json(Tick(gateway="g", at_ms=at_ms)), partition)
        assert self._producer.flush(20) == 0

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "tests.agents.records_process", self.topic]
        with (self._folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def close(self) -> None:
        self._onlooker.close()

    def ends(self) -> dict[int, int]:
        return {p: 1 + max(offset for q, offset in self.log if q == p) for p in range(self.partitions)}

    def committed(self) -> dict[int, int]:
        tps = [TopicPartition(self.topic, partition) for partition in range(self.partitions)]
        return {tp.partition: tp.offset for tp in self._onlooker.committed(tps, timeout=20)}

    def stored(self, store: Warehouse) -> dict[int, int]:
        incarnation = topic_state(self._broker, self.topic).incarnation
        sql = "SELECT partition, max(hi) FROM records_progress WHERE incarnation = {i:UUID} GROUP BY partition"
        return dict(store.ask(sql, {"i": str(incarnation)}))


@pytest.fixture
def switch(migrated: Address) -> Iterator[Switch]:
    with switchable(migrated.host, migrated.port) as opened:
        yield opened


@pytest.fixture
def lane(broker: str, migrated: Address, switch: Switch, tmp_path: Path) -> Iterator[Lane]:
    with closing(Lane(broker, replace(migrated, port=switch.port), tmp_path, partitions=2)) as opened:
        yield opened


def expected_rows(lane: Lane) -> dict[str, tuple[Any, ...]]:
    """The state that each answer must end in, by the order that the design states."""
    best: dict[str, tuple[Any, ...]] = {}
    for (_, offset), (stamp_ms, raw) in lane.log.items():
        if raw.startswith(b'{"signal":"feedback"'):
            event = json.loads(raw)
            rank = (event["revision"], RANK[event["state"]], stamp_ms, offset)
            best[event["response_id"]] = max(
                best.get(event["response_id"], (rank,)), (rank, event["state"], event["score"])
            )
    return {name: (rank[0], state, score, rank[2]) for name, (rank, state, score) in best.items()}


def stored_rows(store: Warehouse) -> dict[str, tuple[Any, ...]]:
    sql = "SELECT response_id, revision, state, score, toUnixTimestamp64Milli(log_time) FROM feedback FINAL"
    return {name: tuple(rest) for name, *rest in store.ask(sql)}


def test_nothing_is_lost_and_nothing_counts_twice_whatever_dies(lane: Lane, switch: Switch, store: Warehouse) -> None:
    chance = random.Random(5)
    at_ms = T0

    def some(count: int) -> None:
        nonlocal at_ms
        for _ in range(count):
            at_ms += chance.randrange(20)
            number = chance.randrange(60)
            event = answer(
                number, revision=chance.randrange(3), state=chance.choice(list(RANK)), score=chance.randrange(11)
            )
            raw = encode_json(event) if chance.random() < 0.9 else chance.choice([b"{", b"", b'{"signal":"nope"}'])
            lane.write(at_ms, raw, number % 2)  # all deliveries of an answer lie in one partition
        lane.tick(at_ms)

    for fault in ("kill", "away", "none"):
        with lane.worker() as process:
            some(150)
            wait_until(lambda: sum(lane.stored(store).values()) >= sum(lane.ends().values()) - 100, "some rows")
            assert all(lane.committed()[p] <= hi for p, hi in lane.stored(store).items())
            some(150)
            if fault == "away":
                switch.off()
                some(100)
                time.sleep(1.0)  # the outage itself; nothing is concluded from its length
                switch.on()
            if fault == "kill":
                process.kill()
                process.wait()
            else:
                wait_until(lambda: lane.committed() == lane.ends(), "everything committed")
    assert stored_rows(store) == expected_rows(lane)
    rejected = {(p, offset): raw for (p, offset), (_, raw) in lane.log.items() if not raw.startswith(b'{"signal":"f')}
    rejected = {place: raw for place, raw in rejected.items() if b"tick" not in raw}
    quarantined = store.ask("SELECT partition, offset, hex(raw), topic FROM quarantine FINAL WHERE reason != ''")
    assert {(p, offset): (raw, topic) for p, offset, raw, topic in quarantined} == {
        place: (raw.hex().upper(), lane.topic) for place, raw in rejected.items()
    }


def test_an_answer_sent_corrected_retracted_and_sent_again_late(lane: Lane, store: Warehouse) -> None:
    """Ends as one row in the right state, and is published as that state says."""
    first, corrected = answer(0, score=2), answer(0, revision=1, score=10)
    retracted, again = answer(1, revision=1, state="retracted"), answer(1, revision=0)
    others = [answer(number) for number in range(2, 7)]
    for offset, event in enumerate([corrected, first, *others, retracted, again, first, corrected, again]):
        lane.write(T0 + offset, encode_json(event))
    lane.tick(T0 + 3 * DEMO.epoch_ms)
    released = f"SELECT n, promoters, detractors FROM {store.address.database}_pub.feedback_released"
    with lane.worker():
        wait_until(lambda: bool(store.ask(released)), "released feedback")
        check_final_state(store)
        for offset, event in enumerate([first, corrected, answer(1, revision=0, score=0)]):
            lane.write(T0 + 3 * DEMO.epoch_ms + offset, encode_json(event))
        lane.tick(T0 + 30 * DEMO.epoch_ms)
        wait_until(lambda: lane.committed() == lane.ends(), "everything committed")
        later = f"SELECT max(epoch) > fromUnixTimestamp64Milli({T0 + 4 * DEMO.epoch_ms}) FROM release_marks"
        wait_until(lambda: store.ask(later) == [(1,)], "a later mark")
    check_final_state(store)
    assert store.ask(released) == [(6, 6, 0)]


def check_final_state(store: Warehouse) -> None:
    rows = stored_rows(store)
    assert len(rows) == 7
    assert (rows["r0"][:3], rows["r1"][:2]) == ((1, "final", 10), (1, "retracted"))
