"""Interleaved rounds over the same topic, and what comes out: medians per contestant."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from benchmarks import environments
from benchmarks.contest import check, run
from benchmarks.events import Shape
from benchmarks.job import Result
from benchmarks.roster import Entry
from benchmarks.services import BenchmarkError, ClickHouse, clickhouse
from benchmarks.sink import database
from benchmarks.topic import Filled, filled_topic


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians of a contestant over its rounds."""

    cpu_s_per_million: float
    events_per_s: float
    rss_mb: float
    runs: int
    notes: dict[str, float]


@dataclass(slots=True)
class Field:
    """A topic for each number of events, and ClickHouse if anybody needs it; started when first asked for."""

    folder: Path
    shape: Shape
    events: int
    stack: ExitStack
    _topics: dict[int, Filled] = field(default_factory=dict)
    _server: ClickHouse | None = None
    _runs: int = 0

    def topic(self, limit: int | None) -> Filled:
        events = min(self.events, limit or self.events)
        if events not in self._topics:
            folder = self.folder / f"topic-{events}"
            made = filled_topic(folder, self.shape, events=events, of=self.events)
            self._topics[events] = self.stack.enter_context(made)
        return self._topics[events]

    def server(self) -> ClickHouse:
        if self._server is None:
            self._server = self.stack.enter_context(clickhouse(self.folder))
        return self._server

    def run(self, entry: Entry) -> Result:
        """Run a contestant once; its totals are checked."""
        self._runs += 1
        topic, folder = self.topic(entry.limit), self.folder / f"run-{self._runs}"
        contestant = entry.contestant
        if entry.peer:
            contestant = replace(contestant, python=environments.python_of(entry.peer))
        if not entry.sink:
            return run(contestant, topic, folder)
        with database(self.server()) as own:
            options = own.options() if entry.sink == "worker" else own.client_options() | {entry.sink: "yes"}
            result = run(contestant, topic, folder, options)
            check(entry.name, own.totals(of_loop=entry.sink != "worker"), topic.truth)
            return result


@contextmanager
def field_of(folder: Path, shape: Shape, events: int) -> Iterator[Field]:
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        yield Field(folder, shape, events, stack)


def measure(ground: Field, entries: Iterable[Entry], rounds: int, *, must_all: bool) -> dict[str, Figures]:
    """Run all entries in interleaved rounds.

    Args:
        must_all: A contestant that fails is an error; else it is reported and left out.

    Raises:
        BenchmarkError: One failed, or its totals are wrong.
    """
    results: dict[str, list[Result]] = {}
    left_out: set[str] = set()
    for number in range(rounds):
        for entry in entries:
            if number >= (entry.rounds or rounds) or entry.name in left_out:
                continue
            try:
                result = ground.run(entry)
            except BenchmarkError as error:
                if must_all or entry.in_quick:
                    raise
                print(f"{entry.name} is left out: {error}", file=sys.stderr, flush=True)
                left_out.add(entry.name)
                continue
            results.setdefault(entry.name, []).append(result)
            print(f"  {entry.name:26} {_cpu(result):8.2f} CPU s per million events", file=sys.stderr, flush=True)
    return {name: _medians(runs) for name, runs in results.items()}


def _cpu(result: Result) -> float:
    return result.cpu_s / result.events * 1e6


def _medians(runs: list[Result]) -> Figures:
    return Figures(
        cpu_s_per_million=median(map(_cpu, runs)),
        events_per_s=median(run.events / run.wall_s for run in runs),
        rss_mb=max(run.rss_mb for run in runs),
        runs=len(runs),
        notes={name: median(run.notes[name] for run in runs) for name in runs[0].notes},
    )
