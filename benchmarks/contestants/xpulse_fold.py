"""xpulse without its sink: the telemetry worker, its rows encoded for ClickHouse and kept in a file.

Chunks, validation, duplicates, lateness, histograms, devices, good time, tiles, commits: everything but sending. The
file of rows is what gets checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, cast

from agents.cli import worker
from agents.warehouse.client import Warehouse
from benchmarks.contestants.worker import run_measured
from benchmarks.job import ROWS, read_job


class File:
    """Takes the place of the connection to ClickHouse: blocks of tiles go to a file, all others nowhere."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def insert_native(self, table: str, block: bytes, _rows: int) -> None:
        """Keep a block as ClickHouse would have got it."""
        if table == "tiles":
            self._out.write(block)


def main() -> None:
    job = read_job()
    with (Path(job.out) / ROWS).open("wb", buffering=0) as out:
        file = cast("Warehouse", File(out))
        vars(worker)["warehouse"] = lambda _settings: file
        run_measured(job, generation="1")  # there is no warehouse to ask for the one in force


if __name__ == "__main__":
    main()
