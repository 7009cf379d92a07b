"""The telemetry worker's own duties: waiting for the store, keeping what was not acknowledged, committing in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from agents.telemetry import Changes, Pace, TelemetryWorker
from agents.transport import Chunk
from streams.errors import InvariantError
from streams.keys import Keys
from tests.streams.tile_world import CATALOGUE, RULES

TP0 = TP("telemetry", 0)


def chunk(first: int, count: int) -> Chunk:
    values = [
        json.dumps(
            {
                "signal": "telemetry", "event_id": str(first + i), "tenant": "t", "source": "s", "metric": "wait",
                "event_time_ms": 1_000_000, "device": "d", "value": 3.0, "country": "NO",
            }
        ).encode()
        for i in range(count)
    ]  # fmt: skip
    return Chunk("telemetry", 0, 1, first, values, [1_000_000] * count)


@dataclass
class FakeConsumer:
    """Faust's consumer as far as the worker needs it."""

    start_at: dict[TP, int | None] = field(default_factory=dict)
    commits: list[tuple[int, int]] = field(default_factory=list)

    def share(self) -> set[TP] | None:
        return {TP0}

    async def commit_exact(self, offsets: Mapping[TP, int], generation: int) -> bool:
        self.commits += [(offset, generation) for offset in offsets.values()]
        return True


@dataclass
class FakeStore:
    """Takes rows, or fails as often as told."""

    failures: list[Exception] = field(default_factory=list)
    stored: list[Changes] = field(default_factory=list)

    def store(self, changes: Changes) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.stored.append(changes)


class Silent:
    def folded(self, chunk: Chunk, new: int) -> None: ...
    def stored(self, changes: Changes, seconds: float) -> None: ...
    def failed(self, error: Exception) -> None: ...
    def dropped(self) -> None: ...


def make(failures: Sequence[Exception] = (), max_pending: int = 1_000) -> tuple[TelemetryWorker, Any, FakeStore]:
    consumer = FakeConsumer()
    app: Any = SimpleNamespace(
        consumer_generation_id=1,
        rebalancing=False,
        rebalancing_count=0,
        should_stop=False,
        consumer=consumer,
        _consumer=consumer,
    )
    store = FakeStore(list(failures))
    pace = Pace(flush_s=0.01, max_pending=max_pending)
    return TelemetryWorker(app, RULES, Keys(CATALOGUE), store, Silent(), pace), app, store


def totals(changes: Changes) -> int:
    return sum(int(rows.groups.n.sum()) for _, rows in changes if rows.groups is not None)


def test_rows_of_an_unknown_outcome_are_offered_again_and_nothing_is_committed_before() -> None:
    worker, app, store = make([OSError("reset")])

    async def scenario() -> None:
        await worker.take(chunk(0, 20))
        assert not await worker.flush()
        assert app.consumer.commits == []
        await worker.take(chunk(20, 4))
        assert await worker.flush()

    asyncio.run(scenario())
    assert totals(store.stored[0]) == 24
    assert app.consumer.commits == [(16, 1)]  # six tiles are stored, the last two are the duplicate horizon


def test_fetching_waits_while_too_much_is_not_stored_and_goes_on_afterwards() -> None:
    worker, _, store = make([OSError("away")], max_pending=10)

    async def scenario() -> None:
        waiting = asyncio.create_task(worker.take(chunk(0, 12)))
        await asyncio.sleep(0)
        assert worker.progress().is_waiting
        assert not await worker.flush()
        await asyncio.sleep(0)
        assert not waiting.done()
        assert await worker.flush()
        await asyncio.wait_for(waiting, 5)
        assert not worker.progress().is_waiting

    asyncio.run(scenario())
    assert totals(store.stored[0]) == 12


def test_a_revocation_ends_the_wait_and_drops_the_state() -> None:
    worker, _, store = make(max_pending=10)

    async def scenario() -> None:
        waiting = asyncio.create_task(worker.take(chunk(0, 12)))
        await asyncio.sleep(0)
        worker.drop()
        await asyncio.wait_for(waiting, 5)
        assert await worker.flush()

    asyncio.run(scenario())
    assert store.stored == []


def test_another_log_ends_the_worker_instead_of_being_tried_again() -> None:
    worker, _, _ = make([InvariantError("topic was replaced")])

    async def scenario() -> None:
        await worker.take(chunk(0, 5))
        with pytest.raises(InvariantError):
            await worker.flush()

    asyncio.run(scenario())


def test_progress_names_partitions_that_never_brought_anything() -> None:
    worker, app, _ = make()
    app.consumer.start_at = {TP0: 64}
    assert worker.progress().positions == {0: 64}


def test_who_asks_for_progress_early_makes_no_consumer() -> None:
    worker, app, _ = make()
    app._consumer = None
    del app.consumer  # Faust's would be made here, in the thread of who asks
    assert worker.progress().positions is None


def test_progress_is_unknown_while_the_group_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, app, _ = make()
    monkeypatch.setattr(app.consumer, "share", lambda: None)
    assert worker.progress().positions is None


@pytest.mark.parametrize("change", [{"rebalancing": True}, {"rebalancing_count": 1}, {"consumer_generation_id": 2}])
def test_a_chunk_that_was_fetched_before_a_rebalance_is_ignored(change: dict[str, Any]) -> None:
    worker, app, store = make()
    vars(app).update(change)

    async def scenario() -> None:
        await worker.take(chunk(40, 5))  # offset 40 without those before it would be a gap
        assert await worker.flush()

    asyncio.run(scenario())
    assert store.stored == []


def test_a_partition_that_is_lost_while_the_broker_is_asked_is_not_begun() -> None:
    worker, app, store = make()

    async def earliest_offsets(tp: TP) -> dict[TP, int]:
        app.rebalancing_count += 1
        return {tp: 40}

    async def scenario() -> None:
        app.consumer.earliest_offsets = earliest_offsets
        await worker.take(chunk(40, 5))
        await worker.take(replace(chunk(0, 5), rebalances=1))
        assert await worker.flush()

    asyncio.run(scenario())
    assert totals(store.stored[0]) == 5
