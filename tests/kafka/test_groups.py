"""Consumer groups as the workers use them: takeover within a bound, and no commit by who lost its partitions."""

import logging
import time

import pytest
from confluent_kafka import KafkaException

from tests.kafka.behaviour import Kafka, OnApache, OnEmbedded, Record
from tests.kafka.reader import reading

pytestmark = pytest.mark.integration

log = logging.getLogger(__name__)

NOW_MS = 1_772_440_867_123
TAKEN_OVER_WITHIN_S = 36.0
"""Session time-out (6 s), rebalance time-out (8 s), and what the broker adds; measured: docs/brokers.md."""
CODECS = ("none", "gzip", "none")
SENT: list[Record] = [(b"%d" % n, NOW_MS + n) for n in range(600)]


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


class TestEmbeddedGroups(OnEmbedded, GroupBehaviour):
    pass


class TestApacheGroups(OnApache, GroupBehaviour):
    pass
