"""xpulse without its sink: the telemetry agent as it runs, its rows encoded for ClickHouse and kept in a file.

Chunks, validation, duplicates, lateness, histograms, devices, good time, tiles, commits: everything but sending. The
file of rows is what gets checked.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO, NoReturn, cast
from uuid import uuid4

from agents.app import make_app
from agents.cli.worker import fold_rules
from agents.incarnation import IncarnationGuard
from agents.processes import run
from agents.telemetry import Changes, Pace, TelemetryWorker, register
from agents.telemetry_metrics import PrometheusObserver
from agents.tile_store import ClickHouseTiles, Origin
from agents.topics import topic_state
from agents.transport import Chunk
from agents.warehouse.client import Warehouse
from benchmarks.job import Job, Meter, read_job
from streams.catalogue import parse_catalogue
from streams.keys import Keys
from streams.profile import STANDARD

CATALOGUE = Path(__file__).parents[1] / "metrics.yaml"
ROWS = "tiles.native"


class File:
    """Takes the place of the connection to ClickHouse: blocks of tiles go to a file, all others nowhere."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.rows = 0

    def insert_native(self, table: str, block: bytes, rows: int) -> None:
        """Keep a block as ClickHouse would have got it."""
        if table == "tiles":
            self._out.write(block)
            self.rows += rows


class Worker(TelemetryWorker):
    """The worker, ended when all records are folded, stored and committed as far as they may be."""

    meter: Meter
    job: Job
    file: File
    seen = 0

    async def take(self, chunk: Chunk) -> None:
        self.meter.first()
        self.seen += len(chunk.values)
        await super().take(chunk)
        if self.seen >= self.job.events:
            self._wake.set()  # nothing more will come: do not idle until the next flush is due

    async def flush(self) -> bool:
        is_stored = await super().flush()
        if is_stored and self.seen >= self.job.events and not self._pending():
            self.meter.last()
            self._end()
        return is_stored

    def _end(self) -> NoReturn:
        self.meter.report(self.seen, rows_per_event=self.file.rows / self.seen)
        os._exit(0)  # Faust takes seconds to stop, and nothing is left to do


def main() -> None:
    job = read_job()
    with (Path(job.out) / ROWS).open("wb", buffering=0) as out:
        keys, file = Keys(parse_catalogue(CATALOGUE.read_text(), source=str(CATALOGUE))), File(out)
        app = make_app(f"bench-{uuid4().hex}", brokers=job.brokers, data_dir=Path(tempfile.gettempdir()))
        origin = _origin(job)
        guard = IncarnationGuard(job.brokers, job.topic, origin.incarnation)
        store = ClickHouseTiles(cast(Warehouse, file), keys, origin, guard)
        pace = Pace(flush_s=STANDARD.flush_ms / 1000)
        worker = Worker(app, fold_rules(STANDARD), keys, store, PrometheusObserver(), pace)
        worker.meter, worker.job, worker.file = Meter(job), job, file
        register(app, worker, job.topic)
        run(app)


def _origin(job: Job) -> Origin:
    state = topic_state(job.brokers, job.topic)
    return Origin(
        topic=job.topic,
        incarnation=state.incarnation,
        partitions=state.partitions,
        generation=STANDARD.generation,
        window_ms=STANDARD.window_ms,
    )


if __name__ == "__main__":
    main()
