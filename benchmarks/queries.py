"""What the public views take for the questions of a screen and of an analyst, at the design size, over HTTP."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from agents.warehouse.client import Client, Warehouse
from agents.warehouse.migrate import public_of
from benchmarks.design_size import DAY_LENGTH_S, DAY_S, READINGS, Size, fill, keys_of
from benchmarks.services import BenchmarkError, clickhouse
from benchmarks.sink import database

WARM_UPS, RUNS = 2, 9
TWO_HOURS_MS, DAY_MS = 100.0, 1_000.0
"""Aims: a service's last two hours, and the overview of a day."""
SERVICE, METRIC = "service-3", "app.metric_0"

_SERIES = """SELECT metric, window_start, sum(good_ms) / sum(attempted_ms), sum(n) AS readings FROM telemetry
WHERE service = {service:String} AND window_start >= toDateTime({since:UInt32}, 'UTC')
GROUP BY metric, window_start ORDER BY metric, window_start"""
_ONE_METRIC = """SELECT window_start, sum(good_ms) / sum(attempted_ms), sum(n) AS readings FROM telemetry
WHERE tenant = 'acme' AND metric = {metric:String} AND service = {service:String}
AND window_start >= toDateTime({since:UInt32}, 'UTC') GROUP BY window_start ORDER BY window_start"""
_OVERVIEW = """SELECT service, sum(good_ms) / sum(attempted_ms), sum(n) AS readings FROM {view:Identifier}
WHERE window_start >= toDateTime({since:UInt32}, 'UTC') AND window_start < toDateTime({before:UInt32}, 'UTC')
GROUP BY service ORDER BY service"""


@dataclass(frozen=True, slots=True)
class Question:
    """One statement.

    Attributes:
        aim_ms: The median may take so long.
        readings: What the last column of the answer must add up to.
    """

    name: str
    sql: str
    parameters: Mapping[str, Any]
    aim_ms: float
    readings: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What a question took.

    Attributes:
        median_ms: From asking to the last row; wall time.
        server_cpu_ms: User and system time of the ClickHouse process for one question, in the mean.
        plan_cpu_ms: The part of it that goes to planning: what EXPLAIN takes.
        rows_read: From tables, as the server counts them.
    """

    median_ms: float
    server_cpu_ms: float
    plan_cpu_ms: float
    rows_read: int
    aim_ms: float


def measure(folder: Path, size: Size | None = None) -> dict[str, Taken]:
    """Fill a warehouse and ask.

    Raises:
        BenchmarkError: An answer is wrong.
    """
    size = size or Size()
    folder.mkdir(parents=True)
    with clickhouse(folder) as server, database(server) as own:
        fill(own, size)
        warehouse = Warehouse(server.address(public_of(own.name)))
        process = psutil.Process(server.pid)
        with warehouse.lend() as client:
            taken = {question.name: _ask(client, question, process) for question in questions(size)}
        warehouse.close()
        return taken


def questions(size: Size) -> Iterator[Question]:
    """Yield what is asked: first what a screen asks all day long, then a day's overview."""
    two_hours = {"service": SERVICE, "metric": METRIC, "since": size.end_s - 7_200}
    minutes = 120 * READINGS
    ours, of_metric = keys_of(size, service=SERVICE), keys_of(size, service=SERVICE, metric=METRIC)
    yield Question("two hours of a service", _SERIES, two_hours, TWO_HOURS_MS, ours * minutes)
    yield Question("two hours of a service, one metric", _ONE_METRIC, two_hours, TWO_HOURS_MS, of_metric * minutes)
    of_day = size.keys * 1440 * READINGS
    sealed = {"since": DAY_S, "before": DAY_S + DAY_LENGTH_S}
    for view in ("telemetry_15m", "telemetry_1d"):
        yield Question(f"a sealed day from {view}", _OVERVIEW, {**sealed, "view": view}, DAY_MS, of_day)
    today = {"since": size.end_s - DAY_LENGTH_S, "before": size.end_s, "view": "telemetry_15m"}
    yield Question("the last 24 hours from telemetry_15m", _OVERVIEW, today, DAY_MS, of_day)


def _ask(client: Client, question: Question, process: psutil.Process) -> Taken:
    def ask(sql: str) -> Any:
        return client.query(sql, parameters=dict(question.parameters))

    answer = [ask(question.sql) for _ in range(WARM_UPS)][-1]
    _check(question, answer.result_rows)
    times, cpu_ms = _runs(lambda: ask(question.sql), process)
    _, plan_cpu_ms = _runs(lambda: ask(f"EXPLAIN {question.sql}"), process)
    taken = Taken(median(times), cpu_ms, plan_cpu_ms, int(answer.summary["read_rows"]), question.aim_ms)
    print(f"  {question.name:38} {taken.median_ms:8.1f} ms", file=sys.stderr, flush=True)
    return taken


def _runs(call: Callable[[], object], process: psutil.Process) -> tuple[list[float], float]:
    """Return how long each of `RUNS` calls took, and the processor time that the server used for one; ms."""
    before = _cpu_ms(process)
    times = [_timed_ms(call) for _ in range(RUNS)]
    return times, (_cpu_ms(process) - before) / RUNS


def _check(question: Question, rows: Sequence[Sequence[Any]]) -> None:
    found = sum(row[-1] for row in rows)
    if found != question.readings:
        raise BenchmarkError(f"{question.name}: {found} readings in the answer instead of {question.readings}")


def _cpu_ms(process: psutil.Process) -> float:
    times = process.cpu_times()
    return 1000 * (times.user + times.system)


def _timed_ms(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begin)


def lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a Markdown table of what is in the JSON as `queries_ms`."""
    yield "| question | median ms | server CPU ms | of it planning | rows read | aim ms |"
    yield "|---|---|---|---|---|---|"
    for name, q in found.items():
        word = "kept" if q["median"] <= q["aim"] else "missed"
        cells = (name, q["median"], q["server_cpu"], q["plan_cpu"], f"{q['rows_read']:,}", f"{q['aim']:g}: {word}")
        yield f"| {' | '.join(map(str, cells))} |"


def as_json(taken: Mapping[str, Taken]) -> dict[str, dict[str, float]]:
    """Return the figures as they are written."""
    return {
        name: {
            "median": round(t.median_ms, 1),
            "server_cpu": round(t.server_cpu_ms, 1),
            "plan_cpu": round(t.plan_cpu_ms, 1),
            "rows_read": t.rows_read,
            "aim": t.aim_ms,
        }
        for name, t in taken.items()
    }
