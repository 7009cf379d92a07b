"""xpulse without its sink: the telemetry worker, its rows encoded for ClickHouse and kept.

Chunks, validation, duplicates, lateness, histograms, devices, good time, tiles, commits: everything but sending. What
was kept is written to a file when the clock has stopped, and checked.
"""

from __future__ import annotations

from pathlib import Path

from agents.cli import worker
from benchmarks.contestants.worker import run_measured
from benchmarks.job import ROWS, read_job


class Rows:
    """Takes the place of the connection to ClickHouse: keeps blocks of tiles, and lets all others go."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def insert_native(self, table: str, block: bytes, _rows: int) -> None:
        """Keep a block as ClickHouse would have got it."""
        if table == "tiles":
            self._blocks.append(block)

    def save(self, folder: Path) -> None:
        """Write what was kept, once the clock has stopped."""
        (folder / ROWS).write_bytes(b"".join(self._blocks))


def main() -> None:
    job, rows = read_job(), Rows()
    vars(worker)["warehouse"] = lambda _settings: rows
    # There is no warehouse to ask for the generation in force.
    run_measured(job, at_end=lambda: rows.save(Path(job.out)), generation="1")


if __name__ == "__main__":
    main()
