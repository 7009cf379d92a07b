"""The topics: their names, how a key finds its partition, and what the cluster says about them."""

from __future__ import annotations

import zlib
from base64 import b64decode
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.errors import ConfigError, DeliveryError

TELEMETRY: Final = "telemetry"
RECORDS: Final = "records"
TARGETS: Final = "targets"
ALERTS: Final = "alerts"

LOCAL_PARTITIONS: Final[Mapping[str, int]] = {TELEMETRY: 4, RECORDS: 1, TARGETS: 1, ALERTS: 1}
"""Topics and partitions of an installation on one machine."""

INPUT_TOPICS: Final = (TELEMETRY, RECORDS)
"""Topics whose partitions get ticks."""

_CONFIG: Final[Mapping[str, dict[str, str]]] = {TARGETS: {"retention.ms": "-1", "retention.bytes": "-1"}}
"""Target versions are kept for ever: they are read from the beginning."""

_UNKNOWN: Final = KafkaError.UNKNOWN_TOPIC_OR_PART
_EXISTS: Final = KafkaError.TOPIC_ALREADY_EXISTS


@dataclass(frozen=True, slots=True)
class TopicState:
    """What the cluster says about one topic.

    Attributes:
        incarnation: Kafka's topic id; a topic that is deleted and created again has another one.
        partitions: How many it has.
    """

    incarnation: UUID
    partitions: int


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key: CRC-32 modulo the number of partitions, the same in every process and language.

    Example:
        >>> partition_of(b"PC-17", 4)
        3
    """
    return zlib.crc32(key) % partitions


def _uuid(text: str) -> UUID:
    """Return the id that Kafka writes as 22 characters of base64."""
    return UUID(bytes=b64decode(f"{text}=="))


class Cluster:
    """Asks a Kafka cluster about topics, and creates them. Blocks; use it from a thread or at a start."""

    def __init__(self, brokers: str, *, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._brokers = brokers
        self._admin = AdminClient(
            {
                "bootstrap.servers": brokers,
                "socket.timeout.ms": int(timeout_s * 1000),
                "reconnect.backoff.max.ms": 1000,
                "log_level": 0,  # each failure comes back as an exception
            }
        )

    def states(self, topics: Iterable[str]) -> dict[str, TopicState]:
        """Return the state of each topic that exists; asking never creates one.

        Raises:
            DeliveryError: The cluster does not answer; may be tried again.
        """
        wanted = list(topics)
        asked = self._admin.describe_topics(TopicCollection(wanted), request_timeout=self._timeout_s)
        found: dict[str, TopicState] = {}
        for topic, answer in asked.items():
            told = self._result(answer, besides=_UNKNOWN)
            if told is not None:
                found[topic] = TopicState(_uuid(str(told.topic_id)), len(told.partitions))
        return found

    def ensure(self, topics: Mapping[str, int]) -> None:
        """Create the topics that are missing, with the broker's default replication.

        Raises:
            ConfigError: A topic exists with another number of partitions.
            DeliveryError: The cluster does not answer or refuses; may be tried again.
        """
        missing = set(topics) - set(self.states(topics))
        new = [NewTopic(t, topics[t], replication_factor=-1, config=_CONFIG.get(t, {})) for t in sorted(missing)]
        for answer in self._admin.create_topics(new, request_timeout=self._timeout_s).values() if new else ():
            self._result(answer, besides=_EXISTS)  # somebody else may be quicker
        self._check(topics)

    def remove_misshapen(self, topics: Mapping[str, int]) -> list[str]:
        """Delete the topics that exist with another number of partitions; return their names.

        Only for the embedded broker, right after a start: it makes up topics that anybody asks for.

        Raises:
            DeliveryError: The cluster does not answer or refuses; may be tried again.
        """
        wrong = sorted(t for t, state in self.states(topics).items() if state.partitions != topics[t])
        for answer in self._admin.delete_topics(wrong, request_timeout=self._timeout_s).values() if wrong else ():
            self._result(answer, besides=_UNKNOWN)
        return wrong

    def _check(self, topics: Mapping[str, int]) -> None:
        for topic, state in self.states(topics).items():
            if state.partitions != topics[topic]:
                raise ConfigError(f"topic {topic} has {state.partitions} partitions; expected {topics[topic]}")

    def _result(self, answer: Future[Any], *, besides: int) -> Any:
        """Return what the cluster answered; None if it refused with the code `besides`."""
        try:
            return answer.result(timeout=self._timeout_s + 1)
        except TimeoutError as error:
            raise self._away("time-out") from error
        except KafkaException as error:
            if error.args[0].code() == besides:
                return None
            raise self._away(error.args[0].name()) from error

    def _away(self, reason: str) -> DeliveryError:
        return DeliveryError(f"the broker at {self._brokers} did not answer: {reason}", is_retryable=True)


def ensure_topics(brokers: str, topics: Mapping[str, int]) -> None:
    """Create the topics of `{name: partitions}` that are missing.

    A broker that creates topics by itself when a client asks for one (the embedded one does, with 4 partitions) must
    be asked here before any worker runs.

    Raises:
        ConfigError: A topic exists with another number of partitions.
        DeliveryError: The cluster does not answer; may be tried again.
    """
    Cluster(brokers).ensure(topics)


def topic_state(brokers: str, topic: str) -> TopicState:
    """Return what the cluster says about a topic.

    Raises:
        ConfigError: There is no such topic.
        DeliveryError: The cluster does not answer; may be tried again.
    """
    found = Cluster(brokers).states([topic])
    if topic not in found:
        raise ConfigError(f"topic {topic} does not exist on {brokers}; `xpulse up` or an administrator creates it")
    return found[topic]


def topic_incarnation(brokers: str, topic: str) -> UUID:
    """Return Kafka's id of a topic; raises what `topic_state` raises."""
    return topic_state(brokers, topic).incarnation


def partition_count(brokers: str, topic: str) -> int:
    """Return the number of a topic's partitions; raises what `topic_state` raises."""
    return topic_state(brokers, topic).partitions
