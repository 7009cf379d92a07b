"""From a record's timestamp to the moment its row can be queried, at a steady pace, by the worker's own metrics."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.demo.exposition import Buckets, quantile, read_buckets
from agents.freshness import NAME
from agents.telemetry import TOPIC
from agents.topics import ensure_topics
from benchmarks.services import broker, clickhouse, running, wait_until
from benchmarks.sink import database
from benchmarks.workers import Worker, worker

PARTITIONS = 4
WARM_UP_S = 5
"""Paced, but not counted: joining the group, learning the keys."""


def freshness_p99_s(folder: Path, rate: int, seconds: int) -> float:
    """Return the 99th percentile at `rate` events a second over `seconds`."""
    folder.mkdir(parents=True)
    with broker(folder) as address, clickhouse(folder) as server, database(server) as own:
        ensure_topics(address, {TOPIC: PARTITIONS})
        with worker(folder, address, own) as each, _pacer(folder, address, rate, seconds) as pacer:
            wait_until(lambda: _count(_buckets(each)) >= rate * WARM_UP_S, "first records stored", within_s=90)
            before = _buckets(each)
            pacer.wait(timeout=seconds + 120)
            time.sleep(2 * 1.0)  # two flushes: what was sent last is stored
            return quantile(_since(before, _buckets(each)), 0.99) or 0.0


@contextmanager
def _pacer(folder: Path, address: str, rate: int, seconds: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "benchmarks.pacer", address, str(rate), str(seconds + 2 * WARM_UP_S)]
    with running(command, folder / "pacer.log") as process:
        yield process


def _buckets(each: Worker) -> Buckets:
    return read_buckets(each.page(), NAME)


def _count(buckets: Buckets) -> float:
    return buckets[-1][1] if buckets else 0.0


def _since(before: Buckets, after: Buckets) -> Buckets:
    known = dict(before)
    return [(bound, count - known.get(bound, 0.0)) for bound, count in after]
