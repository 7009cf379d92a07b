"""The records worker's promises, with a store that fails when told to and an application that only keeps offsets."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from agents.records import RecordsWorker, Work
from agents.transport import Chunk
from agents.watchdog import Progress
from streams.codecs import encode_json
from streams.events import Feedback, Tick

T0 = 1_780_000_000_000
RECORDS = TP("records", 0)


def answer(number: int) -> bytes:
    return encode_json(
        Feedback(
            event_id="e", tenant="t", source="s", event_time_ms=T0, revision=0,
            response_id=f"r{number}", state="final", person="p", score=7,
        )
    )  # fmt: skip


def chunk(first: int, count: int, *, generation: int = 1, partition: int = 0) -> Chunk:
    values = [answer(number) for number in range(first, first + count)]
    return Chunk("records", partition, generation, first, values, [T0 + first + n for n in range(count)])


@dataclass
class Store:
    """Keeps what it is given, or fails."""

    fails: bool = False
    tries: int = 0
    offered: list[list[int]] = field(default_factory=list)
    stored: dict[int, int] = field(default_factory=dict)

    def store(self, work: Work) -> None:
        self.tries += 1
        self.offered.append([sealed.progress.hi for _, sealed in work])
        if self.fails:
            raise ConnectionError
        for partition, sealed in work:
            self.stored[partition] = sealed.progress.hi


class World:
    """The parts of a Faust application that the worker touches."""

    def __init__(self, *, max_pending: int = 1_000, flush_s: float = 0.01) -> None:
        self.consumer_generation_id = 1
        self.rebalancing = False
        self.rebalancing_count = 0
        self.should_stop = False
        self.commits: list[tuple[dict[TP, int], int]] = []
        self.start_at = {RECORDS: 0, TP("records", 1): 0}
        self.consumer = self._consumer = SimpleNamespace(
            start_at=self.start_at,
            commit_exact=self.commit_exact,
            share=lambda: {*self.start_at, TP("targets", 0)},
        )
        self.store = Store()
        self.worker = RecordsWorker(self, self.store, flush_s=flush_s, max_pending=max_pending)

    async def commit_exact(self, offsets: dict[TP, int], generation: int) -> bool:
        for tp, offset in offsets.items():
            assert offset <= self.store.stored[tp.partition], "committed before it was stored"
        self.commits.append((dict(offsets), generation))
        return generation == self.consumer_generation_id


async def until(is_done: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def play(story: Callable[[World], Awaitable[Any]], **options: Any) -> World:
    world = World(**options)

    async def run() -> None:
        flushing = asyncio.create_task(world.worker.run())
        try:
            await story(world)
        finally:
            world.should_stop = True
            await flushing

    asyncio.run(run())
    return world


def test_rows_are_stored_then_committed() -> None:
    async def story(world: World) -> None:
        await world.worker.take(chunk(0, 5))
        await until(lambda: bool(world.commits))
        await world.worker.take(chunk(5, 2))
        await until(lambda: len(world.commits) == 2)

    world = play(story)
    assert world.commits == [({RECORDS: 5}, 1), ({RECORDS: 7}, 1)]
    assert world.worker.stored_ms() == T0 + 6


def test_progress_tells_of_the_records_partitions_and_of_no_other_topic() -> None:
    async def story(world: World) -> None:
        world.start_at[TP("records", 1)] = 40
        await world.worker.take(chunk(0, 5))
        assert world.worker.progress() == Progress(positions={0: 5, 1: 40}, is_waiting=False)

    play(story)


def test_a_failed_flush_is_offered_again_unchanged_until_it_succeeds() -> None:
    async def story(world: World) -> None:
        world.store.fails = True
        await world.worker.take(chunk(0, 5))
        await until(lambda: world.store.tries >= 2)
        await world.worker.take(chunk(5, 3))
        await until(lambda: world.store.tries >= 3)
        assert world.commits == []
        world.store.fails = False
        await until(lambda: len(world.commits) == 2)

    world = play(story)
    assert world.store.offered[:3] == [[5], [5], [5]]
    assert world.commits == [({RECORDS: 5}, 1), ({RECORDS: 8}, 1)]


def test_failures_are_not_retried_in_a_busy_loop() -> None:
    async def story(world: World) -> None:
        world.store.fails = True
        await world.worker.take(chunk(0, 5))
        await until(lambda: world.store.tries >= 2)
        started, cpu = time.monotonic(), time.process_time()
        before = world.store.tries
        await asyncio.sleep(1.0)
        assert world.store.tries - before <= 6
        assert time.process_time() - cpu < 0.5 * (time.monotonic() - started)
        world.store.fails = False

    play(story)


def test_fetching_pauses_while_too_much_waits() -> None:
    async def story(world: World) -> None:
        world.store.fails = True
        taking = asyncio.create_task(world.worker.take(chunk(0, 12)))
        await until(lambda: world.store.tries >= 2)
        assert not taking.done()
        world.store.fails = False
        await asyncio.wait_for(taking, 10)

    assert play(story, max_pending=10).store.stored == {0: 12}


def test_whoever_waits_for_room_is_let_go_when_partitions_are_lost() -> None:
    async def story(world: World) -> None:
        world.store.fails = True
        taking = asyncio.create_task(world.worker.take(chunk(0, 12)))
        await until(lambda: world.store.tries >= 1)
        world.worker.drop()
        await asyncio.wait_for(taking, 10)
        assert world.worker.stored_ms() is None

    assert play(story, max_pending=10).commits == []


def test_chunks_of_another_generation_are_ignored() -> None:
    async def story(world: World) -> None:
        await world.worker.take(chunk(0, 5, generation=0))
        await world.worker.take(chunk(0, 3, generation=1))
        await until(lambda: bool(world.commits))

    assert play(story).commits == [({RECORDS: 3}, 1)]


def test_nothing_is_committed_for_partitions_that_were_lost_during_the_flush() -> None:
    async def story(world: World) -> None:
        await world.worker.take(chunk(0, 5))
        storing = world.store.store

        def lose(work: Work) -> None:
            storing(work)
            world.worker.drop()

        world.store.store = lose  # type: ignore[method-assign]
        await until(lambda: bool(world.store.stored))
        await asyncio.sleep(0.05)

    assert play(story).commits == []


def test_all_partitions_go_in_one_flush() -> None:
    async def story(world: World) -> None:
        await world.worker.take(chunk(0, 5))
        await world.worker.take(chunk(0, 4, partition=1))
        await until(lambda: bool(world.commits))

    world = play(story, flush_s=0.3)
    assert world.store.offered == [[5, 4]]
    assert world.commits == [({RECORDS: 5, TP("records", 1): 4}, 1)]


def test_ticks_alone_move_time_on() -> None:
    async def story(world: World) -> None:
        ticks = [encode_json(Tick(gateway="g", at_ms=T0))] * 2
        await world.worker.take(Chunk("records", 0, 1, 0, ticks, [T0, T0 + 1_000]))
        await until(lambda: world.worker.stored_ms() == T0 + 1_000)

    assert play(story).store.stored == {0: 2}
