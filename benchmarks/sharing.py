"""What the same events cost when several workers of one group share the partitions, by their processes together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from agents.demo.exposition import read_total
from agents.telemetry import TOPIC
from agents.topics import ensure_topics
from agents.warehouse.client import Warehouse
from benchmarks.contest import check
from benchmarks.events import WIDE, Source, Truth
from benchmarks.job import WINDOW_MS
from benchmarks.services import broker, clickhouse, wait_until
from benchmarks.sink import Database, database
from benchmarks.topic import FLUSH_WITHIN_S, MINUTES_AGO, bulk_producer, fill
from benchmarks.workers import Worker, worker
from streams.codecs import encode_json
from streams.events import Tick

PARTITIONS = 4
JOINED_WITHIN_S = 120.0
STORED_WITHIN_S = 300.0
_STORED = "SELECT sum(a.n_valid) FROM tile_audit AS a FINAL"


def cost(folder: Path, count: int, events: int) -> tuple[float, float]:
    """Let `count` workers share a topic that is filled once they are at work; the totals are checked.

    Returns:
        CPU seconds per million events of all workers together, MB resident of the largest.

    Raises:
        BenchmarkError: They did not share, did not store everything in time, or the totals are wrong.
    """
    folder.mkdir(parents=True)
    start_ms = int(time.time() * 1000) // WINDOW_MS * WINDOW_MS - MINUTES_AGO * WINDOW_MS
    truth = Truth()
    records = list(Source(WIDE, seed=1, start_ms=start_ms, total=events).records(events, truth))
    with broker(folder) as address, clickhouse(folder) as server, database(server) as own, ExitStack() as stack:
        ensure_topics(address, {TOPIC: PARTITIONS})
        workers = [stack.enter_context(worker(folder / f"worker-{n}", address, own)) for n in range(count)]
        wait_until(lambda: _share(address, workers, start_ms), f"{count} workers", within_s=JOINED_WITHIN_S)
        before = _cpu_s(workers)
        fill(address, records, PARTITIONS)
        _wait_for(own, events)
        spent_s = _cpu_s(workers) - before
        check(f"{count} workers", own.totals(of_loop=False), truth.totals())
        return spent_s / events * 1e6, max(each.rss_mb() for each in workers)


def _share(address: str, workers: Sequence[Worker], at_ms: int) -> bool:
    """Send one tick to each partition; return whether each worker took the same number of them."""
    before = [_taken(each) for each in workers]
    producer, tick = bulk_producer(address, linger_ms=5), encode_json(Tick(gateway="benchmark", at_ms=at_ms))
    for partition in range(PARTITIONS):
        producer.produce(TOPIC, tick, b"", partition, timestamp=at_ms)
    producer.flush(FLUSH_WITHIN_S)
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if all(_taken(each) - b == PARTITIONS / len(workers) for each, b in zip(workers, before, strict=True)):
            return True
    return False


def _taken(each: Worker) -> float:
    return read_total(each.page(), "xpulse_events_in_total")


def _cpu_s(workers: Sequence[Worker]) -> float:
    return sum(each.cpu_s() for each in workers)


def _wait_for(own: Database, events: int) -> None:
    warehouse = Warehouse(own.server.address(own.name))

    def is_stored() -> bool:
        time.sleep(0.2)  # asking more often would keep the warehouse from storing
        ((found,),) = warehouse.ask(_STORED)
        return bool(found >= events)

    wait_until(is_stored, f"{events} events stored", within_s=STORED_WITHIN_S)
    warehouse.close()
