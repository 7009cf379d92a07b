"""Topics on the embedded broker, which makes up those that anybody asks for."""

from __future__ import annotations

import uuid

import pytest
from confluent_kafka.admin import AdminClient

from agents.topics import Cluster
from streams.errors import ConfigError

pytestmark = pytest.mark.integration


def test_a_topic_that_the_broker_made_up_is_replaced_by_one_of_the_right_shape(broker: str) -> None:
    wanted = {f"made-up-{uuid.uuid4().hex}": 1}
    (topic,) = wanted
    AdminClient({"bootstrap.servers": broker}).list_topics(topic, timeout=10)
    cluster = Cluster(broker)
    before = cluster.states(wanted)[topic]
    assert before.partitions == 4
    with pytest.raises(ConfigError, match="4 partitions"):
        cluster.ensure(wanted)
    assert cluster.remove_misshapen(wanted) == [topic]
    cluster.ensure(wanted)
    after = cluster.states(wanted)[topic]
    assert after.partitions == 1
    assert after.incarnation != before.incarnation


def test_a_topic_of_the_right_shape_stays(broker: str) -> None:
    wanted = {f"wanted-{uuid.uuid4().hex}": 2}
    cluster = Cluster(broker)
    cluster.ensure(wanted)
    before = cluster.states(wanted)
    assert cluster.remove_misshapen(wanted) == []
    assert cluster.states(wanted) == before
