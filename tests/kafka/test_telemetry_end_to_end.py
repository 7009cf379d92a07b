"""The telemetry worker as a process on both brokers: whatever is killed, every window is exact."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from agents.declared import read_catalogue
from agents.demo.check import compare, metric_facts
from agents.settings import Settings
from agents.topics import TELEMETRY
from agents.warehouse import migrate
from agents.warehouse.client import Address, Warehouse
from streams.profile import DEMO
from streams.simulate.oracle import Record, fold_topic
from tests.agents.local.services import ClickHouse, running_broker, wait_until
from tests.kafka.apache import ApacheKafka
from tests.kafka.hostile import hostile, tick
from tests.kafka.lane import Feed, Lane, running_lane

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

log = logging.getLogger(__name__)

PARTITIONS = 2
RECORDS, BEFORE_FAULTS = 5_600, 3_400
DRAINED_WITHIN_S = 90.0
Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def address(clickhouse: ClickHouse) -> Iterator[Address]:
    """A migrated database; logs do not meet in it, as every row carries its log's id."""
    server = Address(
        host=clickhouse.host, port=clickhouse.port, user=clickhouse.user, password=clickhouse.password, database="lanes"
    )  # fmt: skip
    system = Warehouse(replace(server, database="system"))
    with system.lend() as client:
        assert list(migrate.apply(client, server.database))
    yield server
    for database in (server.database, migrate.public_of(server.database)):
        system.command(f"DROP DATABASE IF EXISTS `{database}` SYNC")
    system.close()


def test_windows_are_exact_on_the_embedded_broker(address: Address, tmp_path: Path) -> None:
    with running_broker(tmp_path) as bootstrap, running_lane(bootstrap, address, tmp_path, PARTITIONS) as (lane, feed):
        run_with_faults(lane, feed, nullcontext, begin=0)


def test_windows_are_exact_on_apache_kafka_though_it_dies_too(
    apache_kafka: ApacheKafka, address: Address, tmp_path: Path
) -> None:
    with running_lane(apache_kafka.bootstrap, address, tmp_path, PARTITIONS) as (lane, feed):
        run_with_faults(lane, feed, apache_kafka.outage, begin=shortened_log(lane, feed))
    apache_kafka.topics.delete(TELEMETRY)


def shortened_log(lane: Lane, feed: Feed) -> int:
    """Let the log begin inside a tile, as retention leaves it; return the first offset that a worker may store.

    It begins with the next whole tile, and stores from where it knows the ids of a whole duplicate horizon. Up to there
    the log holds ticks, which nothing depends on.
    """
    first_whole_tile = 2 * DEMO.tile_size
    begin = first_whole_tile + DEMO.horizon * DEMO.tile_size
    feed.send([(b"", tick(1), 1, n % PARTITIONS) for n in range(begin * PARTITIONS)])
    feed.join(60)
    lane.topics.forget_before(TELEMETRY, dict.fromkeys(range(PARTITIONS), first_whole_tile - 300))
    return begin


def run_with_faults(lane: Lane, feed: Feed, outage: Outage, *, begin: int) -> None:
    lane.start_worker()
    records = hostile(11, RECORDS, PARTITIONS)
    feed.send(records[:BEFORE_FAULTS])
    feed.join(60)
    wait_until(lambda: min(lane.committed().values()) > begin, "a commit in every partition")

    feed.send(records[BEFORE_FAULTS:], pace_s=0.05)
    before = begin * PARTITIONS + BEFORE_FAULTS
    wait_until(lambda: sum(lane.reach().values()) > before, "rows of the second half")
    assert feed.is_busy
    lane.kill_worker()
    killed_at = time.monotonic()
    lane.start_worker()
    with outage():
        assert feed.is_busy
    feed.join(60)
    feed.send([(b"", tick(records[-1][2]), records[-1][2], partition) for partition in range(PARTITIONS)])
    feed.join(60)

    ends = {p: 1 + max(o for _, (q, o) in feed.acknowledged if p == q) for p in range(PARTITIONS)}
    wait_until(lambda: _is_drained(lane, ends), f"all rows of {ends}", within_s=DRAINED_WITHIN_S)
    log.info("complete seconds_after_kill=%.1f restarts=%d", time.monotonic() - killed_at, lane.restarts)
    check(lane, feed, begin, ends)


def _is_drained(lane: Lane, ends: dict[int, int]) -> bool:
    lane.keep_worker()
    assert lane.restarts < 10, lane.last_words()
    return lane.reach() == ends


def check(lane: Lane, feed: Feed, begin: int, ends: dict[int, int]) -> None:
    topic = lane.topics.read(TELEMETRY, begin, ends)
    by_place = {(record.partition, record.offset): record for record in topic}
    for (_, value, stamp_ms, _), (partition, offset) in feed.acknowledged:
        if offset >= begin:
            assert by_place[partition, offset] == Record(partition, offset, stamp_ms, value), "as its receipt says"

    windows, audits = fold_topic(
        topic, metric_facts(read_catalogue(Settings())), tile=DEMO.tile_size, horizon=DEMO.horizon,
        window_ms=DEMO.window_ms, grace_ms=DEMO.grace_ms,
    )  # fmt: skip
    found = compare(windows, lane.stored.windows(lane.incarnation))
    assert found.wrong == 0, found.examples
    assert found.exact == len(windows) > 100
    assert lane.stored.audits(lane.incarnation) == (audits, ends)
    totals = [sum(counts) for counts in zip(*audits.values(), strict=True)]
    assert min(totals) > 50, "each fate was met often"

    rejected = "SELECT partition, offset, raw FROM quarantine FINAL WHERE incarnation = {i:UUID}"
    quarantine = {(p, o): raw for p, o, raw in lane.warehouse.ask(rejected, {"i": str(lane.incarnation)})}
    assert len(quarantine) == sum(audit.invalid for audit in audits.values())

    for partition, offset in lane.committed().items():
        assert offset % DEMO.tile_size == 0
        assert begin < offset <= (ends[partition] // DEMO.tile_size - DEMO.horizon) * DEMO.tile_size
