import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.ports import free_port
from agents.publisher import Outgoing, Publisher
from agents.topics import (
    Cluster,
    ensure_topics,
    partition_count,
    partition_of,
    topic_incarnation,
)
from streams.errors import Backpressure, ConfigError, DeliveryError
from tests.agents.brokers import MortalBroker, mortal_broker, read_partition

NOW_MS = 1_772_440_867_123


@given(st.binary(max_size=50), st.integers(1, 200))
def test_a_key_has_one_partition(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == partition_of(bytes(bytearray(key)), partitions)
    assert 0 <= partition_of(key, partitions) < partitions


def test_partitions_are_those_of_crc32() -> None:
    # Reference values: CRC-32 (ISO-HDLC) of "123456789" is 0xCBF43926.
    assert partition_of(b"123456789", 1 << 32) == 0xCBF43926


def outgoing(count: int, *, first: int = 0, partition: int | None = None) -> list[Outgoing]:
    return [(b"key-%d" % n, b"value-%d" % n, NOW_MS + n, partition) for n in range(first, first + count)]


@pytest.fixture
def topic(broker: str) -> str:
    name = f"publisher-{uuid4().hex[:8]}"
    ensure_topics(broker, {name: 3})
    return name


@pytest.fixture
def publisher(broker: str) -> Iterator[Publisher]:
    publisher = Publisher(broker, timeout_s=30)
    yield publisher
    publisher.close()


@pytest.mark.integration
def test_receipts_say_where_each_record_lies(broker: str, topic: str, publisher: Publisher) -> None:
    sent = outgoing(500)
    receipts = asyncio.run(publisher.publish(topic, sent))
    assert {partition for partition, _ in receipts} == {0, 1, 2}
    for number in range(3):
        mine = [(o, *r[:3]) for (p, o), r in zip(receipts, sent, strict=True) if p == number]
        assert read_partition(broker, topic, number, len(mine)) == mine
        assert all(partition_of(key, 3) == number for _, key, _, _ in mine)


@pytest.mark.integration
def test_an_explicit_partition_wins(topic: str, publisher: Publisher) -> None:
    assert asyncio.run(publisher.publish(topic, outgoing(3, partition=2))) == [(2, 0), (2, 1), (2, 2)]


@pytest.mark.integration
def test_batches_at_the_same_time_do_not_mix(broker: str, topic: str, publisher: Publisher) -> None:
    async def all_at_once() -> list[list[tuple[int, int]]]:
        batches = [outgoing(40, first=100 * n, partition=1) for n in range(20)]
        return await asyncio.gather(*(publisher.publish(topic, batch) for batch in batches))

    answers = asyncio.run(all_at_once())
    stored = {offset: value for offset, _, value, _ in read_partition(broker, topic, 1, 800)}
    for n, receipts in enumerate(answers):
        assert [stored[offset] for _, offset in receipts] == [b"value-%d" % (100 * n + i) for i in range(40)]


@pytest.mark.integration
def test_nothing_to_send_needs_no_broker() -> None:
    publisher = Publisher("127.0.0.1:1", timeout_s=1)
    assert asyncio.run(publisher.publish("any", [])) == []
    publisher.close()


@pytest.mark.integration
def test_a_full_queue_refuses_the_whole_batch_and_sends_nothing(broker: str, topic: str) -> None:
    publisher = Publisher(broker, max_in_flight=100)

    async def crowd() -> list[list[tuple[int, int]] | BaseException]:
        first = publisher.publish(topic, outgoing(80, partition=0))
        second = publisher.publish(topic, outgoing(21, first=80, partition=0))
        urgent = publisher.publish(topic, outgoing(30, first=200, partition=0), urgent=True)
        return list(await asyncio.gather(first, second, urgent, return_exceptions=True))

    first, second, urgent = asyncio.run(crowd())
    assert isinstance(second, Backpressure)
    assert second.retry_after_s > 0
    assert not isinstance(first, BaseException)
    assert not isinstance(urgent, BaseException)
    after = asyncio.run(publisher.publish(topic, outgoing(1, first=300, partition=0)))
    assert after == [(0, 110)]  # what was refused took no offset, and its room was never taken
    publisher.close()


@pytest.mark.integration
def test_a_caller_that_leaves_frees_its_room_only_when_its_records_are_settled(broker: str, topic: str) -> None:
    publisher = Publisher(broker, max_in_flight=100)

    async def leave() -> None:
        await publisher.publish(topic, outgoing(1, partition=0))
        gone = asyncio.ensure_future(publisher.publish(topic, outgoing(100, first=1, partition=0)))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        with pytest.raises(Backpressure):
            await publisher.publish(topic, outgoing(1, first=500, partition=0))
        deadline = time.monotonic() + 30
        while publisher._in_flight:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert await publisher.publish(topic, outgoing(1, first=501, partition=0)) == [(0, 101)]

    asyncio.run(leave())
    publisher.close()


@pytest.mark.integration
def test_a_record_that_is_too_large_is_not_worth_a_retry(topic: str, publisher: Publisher) -> None:
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(publisher.publish(topic, [(b"k", b"x" * 2_000_000, NOW_MS, 0)]))
    assert not caught.value.is_retryable


@pytest.mark.integration
def test_a_missing_topic_is_not_created(broker: str, publisher: Publisher) -> None:
    missing = f"missing-{uuid4().hex[:8]}"
    with pytest.raises(DeliveryError, match=missing) as caught:
        asyncio.run(publisher.publish(missing, outgoing(1)))
    assert caught.value.is_retryable
    assert Cluster(broker).states([missing]) == {}


@pytest.mark.integration
def test_no_broker_is_said_in_time() -> None:
    address = f"127.0.0.1:{free_port()}"
    publisher = Publisher(address, timeout_s=1)
    with pytest.raises(DeliveryError, match=address) as caught:
        asyncio.run(publisher.publish("telemetry", outgoing(1)))
    assert caught.value.is_retryable
    publisher.close()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[MortalBroker]:
    with mortal_broker(tmp_path, {"telemetry": 2}) as broker:
        yield broker


@pytest.mark.integration
def test_a_broker_that_comes_back_is_another_one(mortal: MortalBroker) -> None:
    publisher = Publisher(mortal.address, timeout_s=3)

    async def life() -> None:
        assert await publisher.publish("telemetry", outgoing(5, partition=1)) == [(1, n) for n in range(5)]
        before = await publisher.state("telemetry")
        mortal.kill()
        with pytest.raises(DeliveryError) as caught:
            await publisher.publish("telemetry", outgoing(1))
        assert caught.value.is_retryable
        mortal.start({"telemetry": 2})
        receipts = await _until_acknowledged(publisher)
        after = await publisher.state("telemetry")
        assert receipts == [(0, 0)]
        assert after.incarnation == topic_incarnation(mortal.address, "telemetry") != before.incarnation

    asyncio.run(life())
    publisher.close()


async def _until_acknowledged(publisher: Publisher) -> list[tuple[int, int]]:
    deadline = time.monotonic() + 60
    while True:
        try:
            return await publisher.publish("telemetry", outgoing(1, partition=0))
        except DeliveryError:
            assert time.monotonic() < deadline


@pytest.mark.integration
def test_topics_are_created_once_and_counted(broker: str) -> None:
    name = f"topics-{uuid4().hex[:8]}"
    ensure_topics(broker, {name: 2})
    first = topic_incarnation(broker, name)
    ensure_topics(broker, {name: 2})
    assert topic_incarnation(broker, name) == first
    assert partition_count(broker, name) == 2


@pytest.mark.integration
def test_another_number_of_partitions_is_an_error(broker: str) -> None:
    name = f"topics-{uuid4().hex[:8]}"
    ensure_topics(broker, {name: 2})
    with pytest.raises(ConfigError, match=f"{name} has 2 partitions; expected 3"):
        ensure_topics(broker, {name: 3})


@pytest.mark.integration
def test_a_topic_that_does_not_exist_is_named(broker: str) -> None:
    with pytest.raises(ConfigError, match="no-such-topic"):
        topic_incarnation(broker, "no-such-topic")
