"""Where the microseconds of an event go inside the fold: each of its stages timed, from raw bytes to encoded rows.

The stages follow one another and none contains another; what is left over is the fold's own bookkeeping.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar
from unittest.mock import patch
from uuid import UUID

from agents.tile_store import ClickHouseTiles, Origin
from agents.warehouse.client import Address, Warehouse
from benchmarks.contestants.worker import CATALOGUE
from benchmarks.pacer import templates
from streams import columns, tiles
from streams.catalogue import parse_catalogue
from streams.fold import PartitionFold
from streams.keys import Keys
from streams.profile import MINUTE_MS, STANDARD
from streams.tiles import Rules

EVENTS = 10 * STANDARD.tile_size
CHUNK = 2_400
"""Records that a worker with a backlog gets at a time."""
RATE = 2_500
"""Events a second of one partition."""
START_MS = 29_000_000 * MINUTE_MS
ORIGIN = Origin(topic="telemetry", incarnation=UUID(int=1), partitions=4, generation=1, window_ms=STANDARD.window_ms)

STAGES = ("decode", "keys", "ids", "columns", "aggregate", "encode")
ALL = "all"

P = ParamSpec("P")
R = TypeVar("R")


class Stopwatch:
    """Adds up processor time by stage."""

    def __init__(self) -> None:
        self.ns: Counter[str] = Counter()

    def around(self, stage: str, call: Callable[P, R]) -> Callable[P, R]:
        """Return `call`, timed as this stage."""

        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            begin = time.process_time_ns()
            result = call(*args, **kwargs)
            self.ns[stage] += time.process_time_ns() - begin
            return result

        return timed


class _Nowhere(Warehouse):
    """Takes encoded rows and lets them go."""

    def insert_native(self, table: str, block: bytes, rows: int) -> None:
        """Acknowledge everything."""


def costs(events: int = EVENTS) -> dict[str, float]:
    """Return microseconds of processor time per event by stage; `all` is the whole."""
    watch = Stopwatch()
    keys = Keys(parse_catalogue(CATALOGUE.read_text(), source=str(CATALOGUE)))
    store = ClickHouseTiles(_Nowhere(Address(host="", port=0, user="")), keys, ORIGIN)
    partition = PartitionFold(_rules(), keys, None)
    prepared = [value for _, value in templates()]
    with _timed_stages(watch, partition, keys):
        for first in range(0, events, CHUNK):
            stamps = [START_MS + number * 1000 // RATE for number in range(first, min(first + CHUNK, events))]
            values = [prepared[n % len(prepared)] % (n, at_ms) for n, at_ms in enumerate(stamps, first)]
            watch.around(ALL, partition.push)(first, values, stamps)
            if (first + len(values)) // STANDARD.tile_size > first // STANDARD.tile_size:
                watch.around(ALL, _flush)(watch, partition, store)
    us = {stage: ns / 1000 / events for stage, ns in watch.ns.items()}
    return {**{stage: us[stage] for stage in STAGES}, "the rest": 2 * us[ALL] - sum(us.values()), ALL: us[ALL]}


def _flush(watch: Stopwatch, partition: PartitionFold, store: ClickHouseTiles) -> None:
    changes = partition.changes()
    watch.around("encode", store.store)([(0, rows) for rows in changes])
    partition.acknowledge(changes)


@contextmanager
def _timed_stages(watch: Stopwatch, partition: PartitionFold, keys: Keys) -> Iterator[None]:
    places: list[tuple[str, object, str]] = [
        ("decode", columns, "decode_telemetry"),
        ("keys", keys, "codes"),
        ("ids", partition, "_fresh"),
        ("columns", partition, "_readings"),
        ("aggregate", tiles, "aggregate"),
    ]
    with ExitStack() as stack:
        for stage, owner, name in places:
            stack.enter_context(patch.object(owner, name, watch.around(stage, getattr(owner, name))))
        yield


def _rules() -> Rules:
    return Rules(
        tile_size=STANDARD.tile_size,
        horizon=STANDARD.horizon,
        window_ms=STANDARD.window_ms,
        grace_ms=STANDARD.grace_ms,
        max_keys=STANDARD.max_keys,
    )


def lines(found: Mapping[str, float]) -> Iterator[str]:
    """Yield a Markdown table of the stages."""
    yield "| stage of the fold | CPU µs per event |"
    yield "|---|---|"
    for stage, us in found.items():
        yield f"| {stage} | {us:.2f} |"
