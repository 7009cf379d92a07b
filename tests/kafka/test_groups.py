"""Consumer groups as the workers use them: takeover within a bound, and no commit by who lost its partitions."""

import asyncio
import logging
import time

import pytest
from confluent_kafka import KafkaException

from tests.kafka.behaviour import Kafka, OnApache, OnEmbedded, Record
from tests.kafka.membership import UNKNOWN_MEMBER_ID, Member, connected
from tests.kafka.reader import Reader, reading

pytestmark = pytest.mark.integration

log = logging.getLogger(__name__)

NOW_MS = 1_772_440_867_123
TAKEN_OVER_WITHIN_S = 36.0
"""Session time-out (6 s), rebalance time-out (8 s), and what the broker adds; measured: docs/brokers.md."""
CODECS = ("none", "gzip", "none")
SENT: list[Record] = [(b"%d" % n, NOW_MS + n) for n in range(600)]
STAYS_BLOCKED_S = 15.0
"""Well above the session time-out: by then whoever is only silent has been replaced."""


def everywhere(offset: int) -> dict[int, int]:
    return dict.fromkeys(range(len(CODECS)), offset)


class GroupBehaviour:
    def test_who_stalls_is_replaced_and_cannot_commit_any_more(self, kafka: Kafka) -> None:
        topic = group = kafka.topics.new(len(CODECS))
        for partition, codec in enumerate(CODECS):
            kafka.produce(topic, partition, SENT, compression_type=codec, linger_ms=1_000)
        with reading(kafka.bootstrap, group, topic, kafka.folder) as first:
            first.read(everywhere(600))
            assert first.chunks[0].start_at == dict.fromkeys(everywhere(0)), "nothing was committed"
            generation = first.generation
            assert first.commit(everywhere(100), generation)
            assert not first.commit(everywhere(200), generation - 1)
            assert not first.commit(everywhere(200), generation + 1)
            assert not first.commit(everywhere(200), generation - 1, is_behind=True)
            with pytest.raises(KafkaException, match="UNKNOWN_MEMBER_ID"):
                kafka.topics.commit(group, topic, everywhere(200))
            assert kafka.topics.committed(group, topic, len(CODECS)) == everywhere(100)

            first.freeze()
            stalled_at = time.monotonic()
            with reading(kafka.bootstrap, group, topic, kafka.folder) as second:
                second.read(everywhere(600))
                taken_over_s = time.monotonic() - stalled_at
                log.info("taken_over seconds=%.1f", taken_over_s)
                assert taken_over_s < TAKEN_OVER_WITHIN_S
                assert second.chunks[0].start_at == everywhere(100)
                for partition in everywhere(0):  # from inside a batch, compressed or not
                    assert list(second.records(partition)) == [(n, *SENT[n]) for n in range(100, 600)]
                assert second.generation > generation
                assert second.commit(everywhere(200), second.generation)

                # Who stalled still believes in its generation; the first refusal makes it join anew.
                first.send_commit(everywhere(600), generation)
                first.send_commit(everywhere(600), generation, is_behind=True)
                first.thaw()
                assert [first.committed(), first.committed()] == [False, False]
                assert kafka.topics.committed(group, topic, len(CODECS)) == everywhere(200)

    def test_what_is_given_back_comes_again_from_the_commit_or_from_the_beginning(self, kafka: Kafka) -> None:
        topic = group = kafka.topics.new(3)
        for partition in range(3):
            kafka.produce(topic, partition, SENT, linger_ms=1_000)
        with reading(kafka.bootstrap, group, topic, kafka.folder) as reader:
            reader.read({0: 600, 1: 600, 2: 600})
            assert reader.commit({1: 0, 2: 100}, reader.generation)
            before = len(reader.chunks)
            reader.give_back()
            reader.read({0: 600, 1: 600, 2: 600}, after=before)
            again = {chunk.partition: chunk.first for chunk in reversed(reader.chunks[before:])}
            assert again == {0: 0, 1: 0, 2: 100}

    def test_who_gets_nothing_is_told_so_and_takes_over_later(self, kafka: Kafka) -> None:
        topic = group = kafka.topics.new(1)
        kafka.produce(topic, 0, SENT)
        with reading(kafka.bootstrap, group, topic, kafka.folder) as first:
            first.read({0: 600})
            with reading(kafka.bootstrap, group, topic, kafka.folder) as second:
                spare, owner = spare_and_owner(first, second)
                before = len(spare.chunks)
                owner.kill()
                spare.read({0: 600}, after=before)
                assert spare.share() == [0]

    def test_a_leader_that_falls_silent_while_the_group_forms_is_replaced(self, kafka: Kafka) -> None:
        asyncio.run(self._silent_leader(kafka))

    async def _silent_leader(self, kafka: Kafka) -> None:
        async with connected(kafka.bootstrap) as one, connected(kafka.bootstrap) as another:
            await forming(Member(one, "silent"), follower := Member(another, "silent"))
            assert await is_led(follower, TAKEN_OVER_WITHIN_S)

    @pytest.mark.parametrize("leaves_group", ["yes", "no"])
    def test_who_is_asked_to_end_leaves_its_group_only_if_the_setting_says_so(
        self, kafka: Kafka, leaves_group: str
    ) -> None:
        topic = group = kafka.topics.new(len(CODECS))
        kafka.produce(topic, 0, SENT)
        asyncio.run(self._somebody_came_and_went(kafka, group))  # aiokafka says nothing in a group's generation 0
        with reading(kafka.bootstrap, group, topic, kafka.folder, leaves_group=leaves_group) as reader:
            reader.read({0: 600})
            reader.end()
            is_gone = asyncio.run(self._heartbeat(kafka, group, reader.member, reader.generation)) == UNKNOWN_MEMBER_ID
            assert is_gone == (leaves_group == "yes")

    async def _somebody_came_and_went(self, kafka: Kafka, group: str) -> None:
        async with connected(kafka.bootstrap) as connection:
            member = Member(connection, group)
            await member.ask_in()
            assert await member.take()
            await member.leave()

    async def _heartbeat(self, kafka: Kafka, group: str, member: str, generation: int) -> int:
        async with connected(kafka.bootstrap) as connection:
            return await Member(connection, group, member, generation).heartbeat()


def spare_and_owner(*readers: Reader) -> list[Reader]:
    """Wait until one of two readers has the only partition and the other one knows that it has none."""
    deadline = time.monotonic() + TAKEN_OVER_WITHIN_S
    while sorted(shares := [share for reader in readers if (share := reader.share()) is not None]) != [[], [0]]:
        assert time.monotonic() < deadline, shares
        time.sleep(0.2)
    return list(readers) if shares == [[], [0]] else list(reversed(readers))


async def forming(leader: Member, follower: Member) -> None:
    """Bring a group into the state in which its leader has not yet heard that somebody else asked in."""
    await leader.ask_in()
    assert await leader.take()
    await follower.ask_in()


async def is_led(follower: Member, within_s: float) -> bool:
    """Whether the follower gets a share in time, however often it has to join."""
    deadline = time.monotonic() + within_s
    while not await follower.take():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


async def is_replaced_after_leaving(kafka: Kafka, within_s: float) -> bool:
    async with connected(kafka.bootstrap) as one, connected(kafka.bootstrap) as another:
        await forming(leader := Member(one, "leaving"), follower := Member(another, "leaving"))
        await leader.leave()
        return await is_led(follower, within_s)


class TestEmbeddedGroups(OnEmbedded, GroupBehaviour):
    def test_a_leader_that_leaves_while_the_group_forms_blocks_it(self, kafka: Kafka) -> None:
        """Why workers on the embedded broker stay in their group; once this fails, they need not any more."""
        assert not asyncio.run(is_replaced_after_leaving(kafka, STAYS_BLOCKED_S))


class TestApacheGroups(OnApache, GroupBehaviour):
    def test_a_leader_that_leaves_while_the_group_forms_is_replaced(self, kafka: Kafka) -> None:
        assert asyncio.run(is_replaced_after_leaving(kafka, TAKEN_OVER_WITHIN_S))
