"""xpulse's telemetry worker as `xpulse worker telemetry` runs it, measured from its first chunk to its last row."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from agents import telemetry
from agents.cli import worker as command
from agents.settings import PREFIX
from agents.telemetry import TelemetryWorker, TileStore
from agents.transport import Chunk
from benchmarks.job import MAX_KEYS, Job, Meter
from streams.tiles import TileRows

CATALOGUE = Path(__file__).parents[1] / "metrics.yaml"


class CountedStore:
    """Counts the rows on their way to a store."""

    def __init__(self, store: TileStore) -> None:
        self._store = store
        self.rows = 0

    def store(self, changes: Sequence[tuple[int, TileRows]]) -> None:
        self._store.store(changes)
        self.rows += sum(len(rows.groups) for _, rows in changes if rows.groups is not None)


def run_measured(job: Job, *, at_end: Callable[[], None] = lambda: None, **settings: str) -> NoReturn:
    """Run the worker until it has read the whole topic, and its rows are stored and committed as far as they may be.

    Args:
        at_end: Called once the clock has stopped.
        settings: Of the worker, besides those of the job.
    """
    meter = Meter(job)

    class Measured(TelemetryWorker):
        def __init__(self, app: Any, rules: Any, keys: Any, store: TileStore, *more: Any) -> None:
            self._counted = CountedStore(store)
            self._seen = 0
            super().__init__(app, rules, keys, self._counted, *more)

        async def take(self, chunk: Chunk) -> None:
            meter.first()
            await super().take(chunk)
            self._seen = sum(fold.expected for fold in self._folds.values())
            if self._seen >= job.events:
                self._pressure.hurry()  # nothing more will come: do not idle until the next flush is due

        async def flush(self) -> bool:
            is_stored = await super().flush()
            if is_stored and self._seen >= job.events and not self._pending():
                meter.last()
                at_end()
                meter.report(self._seen, rows_per_event=self._counted.rows / self._seen)
                os._exit(0)  # Faust takes seconds to stop, and nothing is left to do
            return is_stored

    os.environ.update(_settings(job, settings))
    vars(telemetry)["TelemetryWorker"] = Measured  # the one that the command makes
    if MAX_KEYS in job.options:
        _admit(int(job.options[MAX_KEYS]))
    command.run_telemetry()


def _admit(max_keys: int) -> None:
    usual = command.fold_rules
    vars(command)["fold_rules"] = lambda profile: replace(usual(profile), max_keys=max_keys)


def _settings(job: Job, more: Mapping[str, str]) -> dict[str, str]:
    known = {
        "brokers": job.brokers,
        "group_prefix": f"bench-{uuid4().hex[:12]}",
        "catalogue_file": str(CATALOGUE),
        "data_dir": job.out,
        "log_level": "WARNING",
        **job.options,
        **more,
    }
    return {f"{PREFIX}{name.upper()}": value for name, value in known.items() if name != MAX_KEYS}
