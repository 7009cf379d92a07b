"""What the telemetry worker tells Prometheus, whatever the order in which flushes are acknowledged."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from agents.telemetry import TOPIC, Changes
from agents.telemetry_metrics import PrometheusObserver
from streams.fold import PartitionFold
from streams.keys import Keys
from tests.agents.test_telemetry_worker import chunk
from tests.streams.tile_world import CATALOGUE, RULES


@pytest.fixture
def observer() -> Iterator[PrometheusObserver]:
    made = PrometheusObserver()
    yield made
    REGISTRY.unregister(made.freshness)


def read_up_to(hi: int) -> Changes:
    """What a worker stores that has read the first `hi` records."""
    fold, records = PartitionFold(RULES, Keys(CATALOGUE), None), chunk(0, hi)
    fold.push(0, records.values, records.stamps)
    return [(0, rows) for rows in fold.changes()]


def folded() -> float:
    return REGISTRY.get_sample_value("xpulse_events_folded_total", {"topic": TOPIC}) or 0.0


def test_each_record_counts_once_while_a_tile_fills(observer: PrometheusObserver) -> None:
    before = folded()
    for hi in (1, 3, 3):
        observer.stored(read_up_to(hi), 0.1)
    assert folded() - before == 3


def test_an_old_flush_that_is_acknowledged_after_its_partition_began_again_takes_nothing_back(
    observer: PrometheusObserver,
) -> None:
    before = folded()
    observer.dropped()
    observer.stored(read_up_to(3), 0.1)  # was on its way when the partition was taken away
    observer.stored(read_up_to(1), 0.1)  # the same partition again, from its last commit
    observer.stored(read_up_to(4), 0.1)
    assert folded() - before >= 4
