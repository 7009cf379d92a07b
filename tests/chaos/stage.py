"""Everything that a run happens on: broker, ClickHouse, workers with their gates, and who looks after them.

One thread owns all processes and runs the event loop: a process dies with the thread that started it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from agents.app import EXIT_INVARIANT
from agents.local.paths import DataFolder
from agents.local.ports import free_port
from agents.local.process import ending
from agents.settings import Settings
from agents.topics import LOCAL_PARTITIONS, RECORDS, TELEMETRY, ensure_topics
from agents.warehouse.client import Address, Warehouse
from streams.profile import DEMO
from tests.chaos.brokers import Broker
from tests.chaos.gate import HOST, Gate, Write
from tests.chaos.hostile import START_MS
from tests.chaos.parts import ClickHouseServer, Entry, Role, Worker

PROFILE = DEMO
READY_WITHIN_S = 90.0
STOP_WITHIN_S = 30.0
LOOK_S = 0.1


@dataclass
class Writes:
    """What of the tiles reached ClickHouse, in the order of the acknowledgements.

    Attributes:
        stale: How often an older version of a tile came after a newer one: late, or from a zombie.
    """

    log: list[Write] = field(default_factory=list)
    stale: int = 0
    _reached: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def add(self, write: Write) -> None:
        """Note a write."""
        self.log.append(write)
        for row in write.rows:
            place = (write.table, row.partition, row.tile)
            reached = self._reached.get(place, 0)
            self.stale += row.hi < reached
            self._reached[place] = max(reached, row.hi)

    def since(self, at_s: float, worker: str) -> set[int]:
        """Return the partitions that a worker wrote from then on."""
        return {
            row.partition for write in self.log if write.at_s >= at_s and write.worker == worker for row in write.rows
        }


class Stage:
    """The parts of one run.

    Args:
        folder: A prepared data folder.
        broker: Not started.
        rng: Draws what gates do.
        lanes: Roles to run; a telemetry worker more than once.
        mutant: Name of a broken worker; None for the real one.
        tell: Told of what happens, in lines.
    """

    def __init__(
        self,
        folder: DataFolder,
        broker: Broker,
        rng: random.Random,
        lanes: Sequence[Role],
        mutant: str | None,
        tell: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.broker = broker
        self.lanes = lanes
        self.settings = Settings(
            profile=PROFILE.name, brokers=broker.address, leaves_group=broker.leaves_group,
            clickhouse_port=free_port(), data_dir=str(folder.run),
            clickhouse_password_file=str(folder.writer_password_file), key_file=str(folder.key_file),
        )  # fmt: skip
        self.clickhouse = ClickHouseServer(self.settings, folder)
        self.workers: list[Worker] = []
        self.gates: list[Gate] = []
        self.writes = Writes()
        self.notes: list[str] = []
        self.surprises: list[str] = []
        self.crashes: list[str] = []
        self.is_clickhouse_ours = False
        self.is_away = False
        self._entry = Entry(self.settings, folder, mutant)
        self._rng = rng
        self._numbers = itertools.count(1)
        self._tell = tell
        self._began_s = time.monotonic()
        # Starting it takes seconds, and it dies with the thread that started it: it gets one of its own.
        self._broker_thread = ThreadPoolExecutor(1, thread_name_prefix="broker")

    async def on_broker(self, work: Callable[[], None]) -> None:
        """Do something to the broker, beside the event loop."""
        await asyncio.get_running_loop().run_in_executor(self._broker_thread, work)

    # Beginning and end.

    async def start(self) -> None:
        """Start everything; returns once the workers are started, not yet ready."""
        await self.on_broker(self.broker.start)
        self.clickhouse.start()
        await asyncio.to_thread(ensure_topics, self.broker.address, LOCAL_PARTITIONS)
        await self.until(lambda: asyncio.to_thread(self.clickhouse.migrate, START_MS), "ClickHouse", READY_WITHIN_S)
        for role in self.lanes:
            await self.start_worker(role)

    async def start_worker(self, role: Role) -> Worker:
        """Start one more worker behind a gate of its own."""
        name = f"{role}-{next(self._numbers)}"
        gate = Gate(name, self.clickhouse.port, random.Random(self._rng.random()), self.writes.add)
        await gate.open()
        self.gates.append(gate)
        if self.is_away:
            gate.refuse()
        worker = self._entry.start(name, role, gate)
        self.workers.append(worker)
        return worker

    async def stop_workers(self) -> None:
        """Ask all workers to end, and kill those that do not."""
        for worker in self.workers:
            self.let_end(worker)
        await self.wait(lambda: not any(worker.is_alive for worker in self.workers), STOP_WITHIN_S)
        for worker in self.workers:
            if worker.is_alive:
                self.note(f"{worker.name} did not end within {STOP_WITHIN_S:g} s of SIGTERM")
                worker.kill()

    def let_end(self, worker: Worker) -> None:
        """Send SIGTERM."""
        worker.is_ours = True
        if worker.is_alive:
            worker.signal(signal.SIGCONT)
            worker.signal(signal.SIGTERM)

    async def close(self) -> None:
        """End whatever is left."""
        for worker in self.workers:
            if worker.is_alive:
                worker.kill()
        for gate in self.gates:
            await gate.close()
        self.clickhouse.kill()
        await self.on_broker(self.broker.stop)
        self._broker_thread.shutdown()

    # Looking after it.

    async def tend(self) -> None:
        """Start again what ended by itself, as a supervisor does, and note it; until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            for worker in [w for w in self.workers if not w.is_ours and not w.is_alive]:
                last = worker.process.last_lines(1)
                self._surprise(f"{worker.name} ended by itself: {ending(worker.process.exit_code() or 0)}: {last}")
                if worker.process.exit_code() == EXIT_INVARIANT:
                    self.crashes.append(f"{worker.name} met what cannot be: {last}")
                worker.is_ours = True
                await self.start_worker(worker.role)
            if not self.clickhouse.is_alive and not self.is_clickhouse_ours:
                self._surprise(f"ClickHouse ended by itself: {self.clickhouse.last_lines()}")
                self.crashes.append("ClickHouse ended by itself")
                self.clickhouse.start()

    def _surprise(self, words: str) -> None:
        self.surprises.append(words)
        self.note(words)

    def note(self, words: str) -> None:
        """Keep a line for the report."""
        self.notes.append(f"{time.monotonic() - self._began_s:6.1f} {words}")
        self._tell(self.notes[-1])

    def working(self, role: Role = TELEMETRY) -> list[Worker]:
        """Return the workers of a lane that faults may choose from."""
        return [worker for worker in self.workers if worker.role == role and worker.is_working]

    def count(self, what: str) -> int:
        """Return how often the gates did something."""
        return sum(gate.counts[what] for gate in self.gates)

    def failures(self) -> int:
        """Return how many flushes failed so far, over all workers that ever were."""
        return sum(worker.failures() for worker in self.workers)

    def starts(self) -> int:
        """Return how often a telemetry worker started to read a partition so far: each rebalance adds some."""
        return sum(len(worker.starts()) for worker in self.workers if worker.role == TELEMETRY)

    def warehouse(self) -> Warehouse:
        """Return a connection of one's own that passes no gate."""
        s = self.settings
        return Warehouse(
            Address(
                host=HOST, port=s.clickhouse_port, user=s.clickhouse_user, password=s.clickhouse_password(),
                database=s.clickhouse_database,
            )
        )  # fmt: skip

    def groups(self) -> dict[str, str]:
        """Return topic -> how the name of its consumer group begins, of the lanes that run."""
        prefix = self.settings.group_prefix
        groups = {TELEMETRY: f"{prefix}-telemetry-"}
        return groups | ({RECORDS: f"{prefix}-control"} if "control" in self.lanes else {})

    # Waiting.

    async def wait(self, is_done: Callable[[], bool], within_s: float) -> bool:
        """Poll until it is done; False if it is not in time."""
        deadline = time.monotonic() + within_s
        while not is_done():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    async def until(self, is_done: Callable[[], Awaitable[bool]], what: str, within_s: float) -> None:
        """Poll something slow until it is done."""
        deadline = time.monotonic() + within_s
        while not await is_done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} not within {within_s:g} s")
            await asyncio.sleep(LOOK_S)
