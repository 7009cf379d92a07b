"""A log that retention shortened before anybody read it: the worker begins with its first whole tile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from faust.types import TP

from agents import telemetry
from agents.telemetry import TelemetryWorker
from streams.errors import InvariantError
from tests.agents.test_telemetry_worker import FakeConsumer, FakeStore, chunk, make, totals
from tests.streams.tile_world import RULES

TILE = RULES.tile_size


@dataclass
class Shortened(FakeConsumer):
    """A consumer of a log whose first record is at `earliest`."""

    earliest: int = 0
    is_member: bool = True

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, self.earliest)

    async def commit_exact(self, offsets: Mapping[TP, int], generation: int) -> bool:
        return self.is_member and await super().commit_exact(offsets, generation)


def worker_on(consumer: Shortened) -> tuple[TelemetryWorker, FakeStore]:
    worker, app, store = make()
    app.consumer = consumer
    return worker, store


def run(worker: TelemetryWorker, first: int, count: int) -> None:
    async def scenario() -> None:
        await worker.take(chunk(first, count))
        assert await worker.flush()

    asyncio.run(scenario())


def test_it_begins_at_the_next_boundary_and_stores_after_a_whole_horizon() -> None:
    consumer = Shortened(earliest=2 * TILE - 2)
    worker, store = worker_on(consumer)
    begin = (2 + RULES.horizon) * TILE
    run(worker, 2 * TILE - 2, begin + 2 * TILE + 2 - (2 * TILE - 2))
    assert totals(store.stored[0]) == 2 * TILE + 2
    assert [offset for offset, _ in consumer.commits] == [2 * TILE, 4 * TILE]


def test_a_log_that_begins_at_a_boundary_loses_nothing_more() -> None:
    consumer = Shortened(earliest=3 * TILE)
    worker, store = worker_on(consumer)
    run(worker, 3 * TILE, (RULES.horizon + 1) * TILE)
    assert totals(store.stored[0]) == TILE
    assert consumer.commits[0] == (3 * TILE, 1)


def test_who_lost_the_partition_meanwhile_folds_nothing() -> None:
    worker, store = worker_on(Shortened(earliest=5, is_member=False))
    run(worker, 5, 40)
    assert store.stored == []


def test_a_gap_that_is_not_the_logs_beginning_stays_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "aborting", contextlib.nullcontext)
    worker, _ = worker_on(Shortened(earliest=0))
    with pytest.raises(InvariantError, match="gap"):
        run(worker, 5, 40)


def test_a_log_that_was_shortened_beyond_the_committed_offset_stops_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telemetry, "aborting", contextlib.nullcontext)
    worker, _ = worker_on(Shortened(earliest=3 * TILE, start_at={TP("telemetry", 0): TILE}))
    with pytest.raises(InvariantError, match="gap"):
        run(worker, 3 * TILE, 40)
