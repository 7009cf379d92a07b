"""One run: start everything, disturb it, let it heal, compare."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.declared import read_catalogue
from agents.local.paths import DataFolder
from agents.topics import RECORDS, TELEMETRY
from agents.warehouse.client import WarehouseError
from streams.errors import ConfigError
from tests.chaos import disk
from tests.chaos.brokers import Broker
from tests.chaos.faults import FAULTS, HIT_WITHIN_S, Terms
from tests.chaos.hostile import PARTITIONS, hostile
from tests.chaos.judgement import Judge
from tests.chaos.parts import Role
from tests.chaos.plan import Act, classes_for, plan
from tests.chaos.report import Report
from tests.chaos.sender import Sender
from tests.chaos.stage import PROFILE, Stage
from tests.chaos.watch import Watch

ATTEMPTS = 4
AT_ONCE = 3
"""Faults that may overlap, `away` not counted."""
BEGIN_WITHIN_S = 90.0
RECOVER_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to run.

    Attributes:
        events: Records to produce, both lanes and ticks.
        faults: How many.
        classes: Which; empty = all that can be made here.
        away_s: How long ClickHouse is away in the class `away`.
        telemetry_workers: How many; 2 or more share the partitions.
        has_control: Whether the records lane runs, too.
        mutant: Name of a broken worker; None for the real one.
    """

    seed: int
    events: int
    faults: int
    classes: tuple[str, ...] = ()
    away_s: float = 120.0
    telemetry_workers: int = 2
    has_control: bool = True
    mutant: str | None = None

    def lanes(self) -> list[Role]:
        """Return the roles of the workers."""
        return [*(["telemetry"] * self.telemetry_workers), *(["control"] * self.has_control)]  # type: ignore[list-item]


def run(
    options: Options, make_broker: Callable[[Path], Broker], folder: Path, tell: Callable[[str], None] | None = None
) -> Report:
    """Run in the main thread and return what was found; nothing is left running.

    Args:
        options: What to run.
        make_broker: Makes a broker that is not started, in a folder.
        folder: Where everything happens; empty.
        tell: Told of what happens, in lines; None = nobody.

    Raises:
        ConfigError: A class that cannot be made here was asked for.
    """
    with _quiet("clickhouse_connect", "urllib3"):
        return asyncio.run(_Run(options, make_broker, folder, tell or (lambda _line: None)).play())


@contextlib.contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Keep clients from telling of each broken connection: here that is daily business."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class _Run:
    def __init__(
        self, options: Options, make_broker: Callable[[Path], Broker], folder: Path, tell: Callable[[str], None]
    ) -> None:
        self._options = options
        self._folder = _data(folder)
        self._folder.prepare()
        self._broker = make_broker(folder)
        self._disk = self._small_disk()
        classes = self._classes()
        self._plan = plan(options.seed, classes, options.faults)
        self._report = Report(seed=options.seed, events=options.events, plan=[act.fault for act in self._plan])
        rng = random.Random(options.seed)
        self._stage = Stage(self._folder, self._broker, rng, options.lanes(), options.mutant, tell)

    def _small_disk(self) -> disk.SmallDisk | None:
        wanted = self._options.classes
        return disk.mount(self._folder.clickhouse) if not wanted or "disk_full" in wanted else None

    def _classes(self) -> list[str]:
        possible = classes_for(
            keeps_its_log=self._broker.keeps_its_log, has_control=self._options.has_control,
            has_small_disk=self._disk is not None,
        )  # fmt: skip
        unknown = [name for name in self._options.classes if name not in possible]
        if unknown:
            raise ConfigError(f"classes that cannot be made here: {', '.join(unknown)}; allowed: {', '.join(possible)}")
        return list(self._options.classes) or possible

    async def play(self) -> Report:
        began_s = time.monotonic()
        try:
            async with self._running() as (sender, watch):
                await self._disturb()
                await self._heal(sender, watch)
            self._report.seen = watch.seen
            await asyncio.to_thread(self._judge, sender)
        finally:
            self._gather()
            self._report.seconds = time.monotonic() - began_s
            await self._stage.close()
            if self._disk is not None:
                self._disk.unmount()
        return self._report

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[tuple[Sender, Watch]]:
        stage, options = self._stage, self._options
        tenant = f"chaos-{options.seed}"
        preparing = asyncio.create_task(asyncio.to_thread(lambda: list(hostile(options.seed, options.events, tenant))))
        await stage.start()
        letters = await preparing
        if not options.has_control:
            letters = [letter for letter in letters if letter.topic == TELEMETRY]
        sender = Sender(self._broker.address, letters, self._seconds())
        watch = Watch(self._broker.address, stage.warehouse(), stage.groups(), PROFILE)
        tending = asyncio.create_task(stage.tend())
        sender.start()
        watch.start()
        try:
            await self._wait_for_begin(watch)
            yield sender, watch
        finally:
            sender.finish()
            tending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await tending
            await stage.stop_workers()
            await asyncio.to_thread(watch.stop)

    def _seconds(self) -> float:
        """About as long as the faults will take: they are under input all the time."""
        return 10.0 + 5.0 * len(self._plan) + (self._options.away_s if "away" in self._report.plan else 0.0)

    async def _wait_for_begin(self, watch: Watch) -> None:
        """Every partition is being read and stored."""
        wanted = {(topic, p) for topic in self._stage.groups() for p in range(PARTITIONS[topic])}
        if not await self._stage.wait(lambda: wanted <= watch.seen.stored.keys(), BEGIN_WITHIN_S):
            said = "\n".join(worker.process.last_lines(5) for worker in self._stage.workers)
            raise TimeoutError(f"only {sorted(watch.seen.stored)} are read after {BEGIN_WITHIN_S:g} s: {said}")
        self._stage.note("every partition is read")

    async def _disturb(self) -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        terms = Terms(away_s=self._options.away_s, disk=self._disk)
        async with asyncio.TaskGroup() as group:
            for act in self._plan:
                if act.fault == "away":
                    group.create_task(self._play(act, terms, asyncio.Semaphore(1)))
                else:
                    await slots.acquire()
                    slots.release()
                    group.create_task(self._play(act, terms, slots))
                await asyncio.sleep(act.pause_s)

    async def _play(self, act: Act, terms: Terms, slots: asyncio.Semaphore) -> None:
        async with slots:
            for attempt in range(ATTEMPTS):
                if attempt:  # most classes show only where ClickHouse can be reached
                    await self._stage.wait(lambda: not self._stage.is_away, self._options.away_s + HIT_WITHIN_S)
                self._stage.note(f"{act.fault} …")
                hit = await FAULTS[act.fault](self._stage, random.Random(f"{act.seed}/{attempt}"), terms)
                self._stage.note(f"{act.fault}: {hit or 'no hit'}")
                if hit:
                    self._report.hits[act.fault] += 1
                    return

    async def _heal(self, sender: Sender, watch: Watch) -> None:
        """No trouble any more: wait until everything that was produced is stored."""
        stage = self._stage
        for gate in stage.gates:
            gate.calm()
        while len(stage.working()) < 1:
            await stage.start_worker("telemetry")
        sender.finish()
        healed_s = time.monotonic()
        stage.note("healed")
        await stage.wait(lambda: not sender.is_alive(), RECOVER_WITHIN_S)
        if sender.error is not None or sender.is_alive():
            raise RuntimeError(f"the producer did not get rid of its records: {sender.error}")
        ends = {place: end for place, end in sender.ends.items() if place[0] in stage.groups()}
        await stage.wait(lambda: watch.seen.stored == ends, RECOVER_WITHIN_S)
        if watch.seen.stored == ends:
            self._report.recovered_s = time.monotonic() - healed_s
        stage.note(f"stored {watch.seen.stored}, produced {ends}")
        await stage.wait(lambda: not any(gate.under_way for gate in stage.gates), 30.0)

    def _judge(self, sender: Sender) -> None:
        self._read_everything()
        judge = Judge(self._broker.address, self._stage.warehouse(), read_catalogue(self._stage.settings), PROFILE)
        judge.telemetry(self._report.judgement, _ends(sender, TELEMETRY))
        if self._options.has_control:
            judge.records(self._report.judgement, _ends(sender, RECORDS))
            judge.sealed(self._report.judgement, now_ms=int(time.time() * 1000))

    def _read_everything(self) -> None:
        """Find unreadable parts: the embedded ClickHouse tells the first reader, mends them for the next."""
        warehouse = self._stage.warehouse()
        for (table,) in warehouse.ask(_TABLES):
            try:
                warehouse.ask(f"SELECT sum(cityHash64(*)) FROM {table}")
            except WarehouseError as error:
                self._stage.surprises.append(f"{table} held what could not be read: {error}"[:200])

    def _gather(self) -> None:
        """Keep what the stage knows."""
        stage, report = self._stage, self._report
        report.notes, report.surprises, report.crashes = stage.notes, stage.surprises, stage.crashes
        report.stale = stage.writes.stale
        for name in ("inserts", "refused", "broken", "lost", "late", "slow", "held"):
            report.gates[name] = stage.count(name)
        report.failures = stage.failures()
        report.problems = sorted({gate.problem for gate in stage.gates if gate.problem})


_TABLES = (
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree') ORDER BY name"
)


def _ends(sender: Sender, topic: str) -> dict[int, int]:
    return {partition: end for (name, partition), end in sender.ends.items() if name == topic}


def _data(folder: Path) -> DataFolder:
    return DataFolder(folder / "data")


def logs_of(folder: Path) -> Path:
    """Return where the processes of a run in `folder` wrote their logs."""
    return _data(folder).logs


def temporary() -> contextlib.AbstractContextManager[str]:
    """Return a folder that is deleted afterwards."""
    return tempfile.TemporaryDirectory(prefix="xpulse-chaos-", ignore_cleanup_errors=True)


def describe(acts: Sequence[Act]) -> str:
    """Return a plan on one line."""
    return ", ".join(act.fault for act in acts)
