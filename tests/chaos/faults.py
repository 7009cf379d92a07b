"""The classes of faults: what each does, and by what evidence it counts as a hit.

A fault that found nothing to hit (no insert while ClickHouse was away, no takeover from a stalled worker) returns None
and is tried again; a class that never hit fails the run.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from agents.topics import TELEMETRY
from tests.chaos.disk import SmallDisk
from tests.chaos.gate import Trouble
from tests.chaos.parts import KILLED, Role, Worker
from tests.chaos.stage import Stage

SESSION_S = 6.0
"""After this silence the broker gives a worker's partitions to others."""
TAKEN_OVER_WITHIN_S = 40.0
HIT_WITHIN_S = 45.0
JOINED_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a run allows.

    Attributes:
        away_s: How long ClickHouse is away in the class `away`.
        disk: The small disk that ClickHouse's folder is on; None if it is on an ordinary one.
    """

    away_s: float
    disk: SmallDisk | None = None


Strike = Callable[[Stage, random.Random, Terms], Awaitable[str | None]]


async def worker_kill(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """SIGKILL one telemetry worker that reads, or all of them; others start a little later."""
    reading = await _reading(stage)
    victims = reading if rng.random() < 0.25 else rng.sample(reading, min(1, len(reading)))
    ends = [worker.kill() for worker in victims]
    await asyncio.sleep(rng.uniform(0.2, 4.0))
    for _ in victims:
        await stage.start_worker(TELEMETRY)
    return f"killed {', '.join(worker.name for worker in victims)}" if KILLED in ends else None


async def _reading(stage: Stage, role: Role = TELEMETRY) -> list[Worker]:
    """Return the workers of a lane that have partitions; waits for the first."""

    def reading() -> list[Worker]:
        return [worker for worker in stage.working(role) if worker.starts()]

    await stage.wait(lambda: bool(reading()), HIT_WITHIN_S)
    return reading()


async def control_kill(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """SIGKILL the control worker while it reads."""
    reading = await _reading(stage, "control")
    if not reading or reading[0].kill() != KILLED:
        return None
    await asyncio.sleep(rng.uniform(0.2, 4.0))
    await stage.start_worker("control")
    return f"killed {reading[0].name}"


async def clickhouse_kill(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """SIGKILL ClickHouse; it comes back on its folder after at least one exchange with it has failed."""
    if stage.is_clickhouse_ours:
        return None
    stage.is_clickhouse_ours = True
    before = stage.count("broken")
    code = stage.clickhouse.kill()
    await asyncio.sleep(rng.uniform(0.5, 5.0))
    was_missed = await stage.wait(lambda: stage.count("broken") > before, HIT_WITHIN_S)
    stage.clickhouse.start()
    stage.is_clickhouse_ours = False
    return f"killed, {stage.count('broken') - before} exchanges broke" if code == KILLED and was_missed else None


async def broker_kill(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """SIGKILL the broker, and start it again on the log that it left."""
    await stage.on_broker(stage.broker.kill)
    await asyncio.sleep(rng.uniform(0.5, 8.0))
    await stage.on_broker(stage.broker.start)
    return "killed, and started on the same log"


async def zombie(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """SIGSTOP a worker for longer than its session, until others read its partitions; then SIGCONT.

    A hit needs a write of the former owner after that. Often an insert of it is on its way while it is stopped.
    """
    reading = await _reading(stage)
    if not reading:
        return None
    worker = rng.choice(reading)
    if len(stage.working()) == 1:
        await stage.start_worker(TELEMETRY)
    worker.is_stopped = True  # no other fault chooses it from here on
    if rng.random() < 0.7:
        held = worker.gate.counts["held"]
        worker.gate.hold()
        await stage.wait(lambda: worker.gate.counts["held"] > held, HIT_WITHIN_S)
    mine = set(worker.starts())
    worker.signal(signal.SIGSTOP)
    try:
        taken = await _taken_over(stage, worker, mine, rng.uniform(1.3, 2.2) * SESSION_S)
    finally:
        starts, at_s = len(worker.starts()), time.monotonic()
        worker.signal(signal.SIGCONT)
        worker.gate.release()
    wrote = await _wrote_as_zombie(stage, worker, taken, starts, at_s)
    worker.is_stopped = False
    return f"{worker.name} wrote to partitions {sorted(wrote)} of others" if wrote else None


async def _taken_over(stage: Stage, worker: Worker, mine: set[int], least_s: float) -> set[int]:
    """Wait until others have started to read partitions of a stopped worker; return these."""
    before = {other.name: len(other.starts()) for other in stage.workers}

    def taken() -> set[int]:
        others = [other for other in stage.workers if other is not worker]
        return {p for other in others for p in other.starts()[before.get(other.name, 0) :]} & mine

    await asyncio.sleep(least_s)
    await stage.wait(lambda: bool(taken()), TAKEN_OVER_WITHIN_S)
    return taken()


async def _wrote_as_zombie(stage: Stage, worker: Worker, taken: set[int], starts: int, at_s: float) -> set[int]:
    """Wait until the worker knows that it lost its partitions; return those that it wrote until then."""

    def wrote() -> set[int]:
        return stage.writes.since(at_s, worker.name) & (taken - set(worker.starts()[starts:]))

    await stage.wait(lambda: bool(wrote()) or len(worker.starts()) > starts or not worker.is_alive, HIT_WITHIN_S)
    return wrote()


async def lost_answers(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """Cut off the answers of inserts that were carried out."""
    return await _trouble(stage, rng, Trouble(lost=rng.uniform(0.3, 0.9)), "lost")


async def late_inserts(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """Cut clients off, and carry their inserts out seconds later, after newer ones."""
    return await _trouble(stage, rng, Trouble(late=rng.uniform(0.3, 0.7)), "late")


async def slow_answers(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """Let answers come seconds late."""
    return await _trouble(stage, rng, Trouble(slow=rng.uniform(0.3, 0.9)), "slow")


async def _trouble(stage: Stage, rng: random.Random, trouble: Trouble, what: str) -> str | None:
    before, enough = stage.count(what), rng.randrange(2, 8)
    for worker in stage.workers:
        worker.gate.trouble = trouble
    await asyncio.sleep(rng.uniform(1.0, 5.0))
    await stage.wait(lambda: stage.count(what) - before >= enough, HIT_WITHIN_S)
    for worker in stage.workers:
        if worker.gate.trouble is trouble:
            worker.gate.trouble = Trouble()
    hits = stage.count(what) - before
    return f"{hits} inserts" if hits else None


async def storm(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """Workers join and leave, some politely and some not; a hit needs two that moved partitions."""
    rebalances, joiners = 0, rng.randrange(3, 6)
    for _ in range(joiners):
        before = stage.starts()
        worker = await stage.start_worker(TELEMETRY)
        worker.is_stopped = True  # no other fault chooses it
        # Whether it gets a partition is up to the assignment; that the others start anew shows that it joined.
        rebalances += await stage.wait(lambda before=before: stage.starts() > before, JOINED_WITHIN_S)  # type: ignore[misc]
        await asyncio.sleep(rng.uniform(0.0, 2.0))
        if rng.random() < 0.6:
            stage.let_end(worker)
        else:
            worker.kill()
    return f"{joiners} workers came and went, {rebalances} rebalances" if rebalances >= 2 else None


async def away(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """ClickHouse cannot be reached by any worker for long."""
    before = stage.failures()
    stage.is_away = True
    for gate in stage.gates:
        gate.refuse()
    try:
        await asyncio.sleep(terms.away_s)
        await stage.wait(lambda: stage.failures() > before, HIT_WITHIN_S)
    finally:
        stage.is_away = False
        for gate in stage.gates:
            await gate.open()
    failed = stage.failures() - before
    return f"{failed} flushes failed within {terms.away_s:g} s" if failed else None


async def disk_full(stage: Stage, rng: random.Random, terms: Terms) -> str | None:
    """Fill the disk of ClickHouse until it refuses inserts; then make room again."""
    if terms.disk is None:
        raise RuntimeError("there is no small disk to fill")
    before = stage.count("refused")
    await asyncio.to_thread(terms.disk.fill)
    try:
        await asyncio.sleep(rng.uniform(1.0, 8.0))
        await stage.wait(lambda: stage.count("refused") > before, HIT_WITHIN_S)
    finally:
        terms.disk.make_room()
    refused = stage.count("refused") - before
    return f"{refused} inserts were refused" if refused else None


FAULTS: Mapping[str, Strike] = {
    "worker_kill": worker_kill,
    "zombie": zombie,
    "clickhouse_kill": clickhouse_kill,
    "lost_answers": lost_answers,
    "late_inserts": late_inserts,
    "slow_answers": slow_answers,
    "storm": storm,
    "away": away,
    "control_kill": control_kill,
    "disk_full": disk_full,
    "broker_kill": broker_kill,
}
"""Name of the class -> what it does. A new class is one function and one line here."""
