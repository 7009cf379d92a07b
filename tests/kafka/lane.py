"""The telemetry lane as it runs in production: a broker, the worker's process, ClickHouse, and somebody who sends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from agents.cli.worker import telemetry_group
from agents.demo.check import Stored
from agents.publisher import Outgoing, Publisher, Receipt
from agents.settings import Settings
from agents.tile_store import Origin
from agents.topics import TELEMETRY
from agents.warehouse.client import Address, Warehouse
from streams.errors import DeliveryError
from streams.profile import DEMO
from tests.kafka.topics import Topics

BATCH = 75


class Lane:
    """One group of telemetry workers on one broker and one database."""

    def __init__(self, bootstrap: str, address: Address, folder: Path, partitions: int) -> None:
        self.bootstrap = bootstrap
        self.partitions = partitions
        self.topics = Topics(bootstrap)
        self.topics.create(TELEMETRY, partitions)
        state = self.topics.state(TELEMETRY)
        assert state is not None
        self.incarnation = state.incarnation
        self.warehouse = Warehouse(address)
        self.stored = Stored(self.warehouse, DEMO.generation)
        self.restarts = 0
        self._log = folder / "worker.log"
        self._environment = _environment(bootstrap, address, folder)
        origin = Origin(
            topic=TELEMETRY,
            incarnation=state.incarnation,
            partitions=partitions,
            generation=DEMO.generation,
            window_ms=DEMO.window_ms,
        )
        self._group = telemetry_group(self._environment["XPULSE_GROUP_PREFIX"], origin)
        self._process: subprocess.Popen[bytes] | None = None

    def start_worker(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "agents.cli", "worker", "telemetry"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)

    def kill_worker(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def keep_worker(self) -> None:
        """Start it again if it ended by itself, as a supervisor does."""
        if self._process is None or self._process.poll() is not None:
            self.restarts += 1
            self.start_worker()

    def committed(self) -> dict[int, int]:
        found = self.topics.committed(self._group, TELEMETRY, self.partitions)
        return {partition: offset or 0 for partition, offset in found.items()}

    def reach(self) -> dict[int, int]:
        """Return how far each partition stands in the warehouse."""
        return {p: hi for (incarnation, p), hi in self.stored.reach().items() if incarnation == self.incarnation}

    def last_words(self) -> str:
        return self._log.read_text()[-3_000:]

    def close(self) -> None:
        if self._process is not None:
            self.kill_worker()
        self.warehouse.close()


def _environment(bootstrap: str, address: Address, folder: Path) -> dict[str, str]:
    (folder / "password").write_text(address.password)
    settings = Settings(
        profile=DEMO.name,
        brokers=bootstrap,
        group_prefix=f"lane-{os.getpid()}",
        clickhouse_port=address.port,
        clickhouse_database=address.database,
        clickhouse_password_file=str(folder / "password"),
        data_dir=str(folder),
    )
    others = {name: value for name, value in os.environ.items() if not name.startswith("XPULSE_")}
    return {**others, **settings.environment()}


class Feed:
    """Sends records in small batches from a thread of its own, each until it is acknowledged."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.acknowledged: list[tuple[Outgoing, Receipt]] = []
        self.refusals = 0
        self.error: BaseException | None = None
        self._topic = topic
        self._publisher = Publisher(bootstrap, timeout_s=5)
        self._given_up = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self, records: Sequence[Outgoing], *, pace_s: float = 0.0) -> None:
        """Begin to send; `join` waits."""
        self._thread = threading.Thread(target=self._run, args=(records, pace_s), daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def join(self, within_s: float) -> None:
        """Wait until everything is acknowledged."""
        assert self._thread is not None
        self._thread.join(within_s)
        assert not self._thread.is_alive(), f"{len(self.acknowledged)} records were acknowledged"
        assert self.error is None, self.error

    def close(self) -> None:
        self._given_up.set()
        if self._thread is not None:
            self._thread.join(30)
        self._publisher.close()

    def _run(self, records: Sequence[Outgoing], pace_s: float) -> None:
        try:
            asyncio.run(self._send(records, pace_s))
        except BaseException as error:  # noqa: BLE001 - `join` raises it where the test sees it
            self.error = error

    async def _send(self, records: Sequence[Outgoing], pace_s: float) -> None:
        for begin in range(0, len(records), BATCH):
            batch = records[begin : begin + BATCH]
            while not await self._is_acknowledged(batch):
                assert not self._given_up.is_set(), "given up"
            await asyncio.sleep(pace_s)

    async def _is_acknowledged(self, batch: Sequence[Outgoing]) -> bool:
        with suppress(DeliveryError):
            receipts = await self._publisher.publish(self._topic, batch)
            self.acknowledged += zip(batch, receipts, strict=True)
            return True
        self.refusals += 1
        return False


@contextmanager
def running_lane(bootstrap: str, address: Address, folder: Path, partitions: int) -> Iterator[tuple[Lane, Feed]]:
    """Make the topic; whatever is started on it is gone at the end."""
    lane = Lane(bootstrap, address, folder, partitions)
    feed = Feed(bootstrap, TELEMETRY)
    try:
        yield lane, feed
    finally:
        feed.close()
        lane.close()
