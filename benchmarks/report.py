"""What is printed and written: figures, ratios, machine, versions."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import columns, environments, queries, stages, tile_settings
from benchmarks.growth import Point
from benchmarks.rounds import Figures

AIMS: Sequence[tuple[str, str, float]] = (
    ("xpulse_fold", "faust_table", 1 / 50),
    ("xpulse_fold", "quixstreams", 1 / 20),
    ("xpulse_fold", "arroyo", 1 / 2),
    ("xpulse_fold", "confluent_loop", 1.3),
    ("xpulse", "confluent_loop_sink", 1.0),
    ("xpulse", "confluent_loop_sink_lean", 1.0),
    ("xpulse", "discard", 4.0),
)
"""Contestant, whom it is compared with, and how much of its cost it may have."""

OURS = (
    "faust-streaming",
    "aiokafka",
    "confluent-kafka",
    "msgspec",
    "orjson",
    "numpy",
    "clickhouse-connect",
    "chdb-core",
)
PEERS = {
    "quixstreams": ("quixstreams", "quixstreams"),
    "arroyo": ("arroyo", "sentry-arroyo"),
    "bytewax": ("bytewax", "bytewax"),
    "pathway": ("pathway", "pathway"),
    **{name: ("columns", name) for name in columns.PEERS},
}
"""What is measured -> its environment and its distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a run measured; empty = not asked for."""

    figures: Mapping[str, Figures]
    narrow: Mapping[str, Figures]
    freshness: Mapping[str, float]
    growth: Sequence[Point]
    queries: Mapping[str, queries.Taken]
    tiles: Sequence[tile_settings.Point]
    columns: columns.Costs
    stages: Mapping[str, float]


def document(found: Findings) -> dict[str, Any]:
    """Return everything as it is written as JSON."""
    figures = found.figures
    rows = {name: f.notes["rows_per_event"] for name, f in figures.items() if "rows_per_event" in f.notes}
    return {
        "cpu_s_per_million": {name: round(f.cpu_s_per_million, 2) for name, f in figures.items()},
        "events_per_s": {name: round(f.events_per_s) for name, f in figures.items()},
        "rss_mb": {name: round(f.rss_mb) for name, f in figures.items()},
        "runs": {name: f.runs for name, f in figures.items()},
        "rows_per_event": round(rows.get("xpulse", rows.get("xpulse_fold", 0.0)), 3),
        "freshness_p99_s": {rate: round(seconds, 2) for rate, seconds in found.freshness.items()},
        "ratios": {f"{a}/{b}": {"is": round(ratio, 3), "aim": round(aim, 3)} for a, b, aim, ratio in _ratios(figures)},
        "cpu_s_per_million_1000_groups": {name: round(f.cpu_s_per_million, 2) for name, f in found.narrow.items()},
        "growth": {name: {"cpu_s_per_million": round(cpu, 2), "rss_mb": round(rss)} for name, cpu, rss in found.growth},
        "queries_ms": queries.as_json(found.queries),
        "tiles": tile_settings.as_json(found.tiles),
        "columns_us": found.columns,
        "stages_us": {stage: round(us, 3) for stage, us in found.stages.items()},
        "machine": machine(),
        "versions": versions([*figures, *columns.PEERS] if found.columns else list(figures)),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _ratios(figures: Mapping[str, Figures]) -> Iterator[tuple[str, str, float, float]]:
    for a, b, aim in AIMS:
        if a in figures and b in figures:
            yield a, b, aim, figures[a].cpu_s_per_million / figures[b].cpu_s_per_million


def machine() -> dict[str, Any]:
    """Return what the figures depend on; the load is that of everybody on the machine."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions(measured: Collection[str]) -> dict[str, str]:
    """Return the versions of what was measured."""
    peers = {
        distribution: environments.version_of(environments.python_of(peer), distribution)
        for name, (peer, distribution) in PEERS.items()
        if name in measured
    }
    return {"python": platform.python_version(), **{name: version(name) for name in OURS}, **peers}


def lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield a Markdown page of the figures."""
    if result["cpu_s_per_million"]:
        yield from _contestants(result)
    tables = {
        "queries_ms": queries.lines,
        "tiles": tile_settings.lines,
        "columns_us": columns.lines,
        "stages_us": stages.lines,
    }
    for name, table in tables.items():
        if result[name]:
            yield from (*table(result[name]), "")
    for pair, ratio in result["ratios"].items():
        word = "kept" if ratio["is"] <= ratio["aim"] else "missed"
        yield f"- {pair}: {ratio['is']:.3f} (aim: at most {ratio['aim']:.3f}: {word})"
    for name, cpu in result["cpu_s_per_million_1000_groups"].items():
        yield f"- {name}, 1,000 groups: {cpu:.2f}"
    for name, point in result["growth"].items():
        yield f"- {name}: {point['cpu_s_per_million']:.2f} CPU s per million events, {point['rss_mb']} MB"
    for rate, seconds in result["freshness_p99_s"].items():
        yield f"- freshness p99 at {int(rate):,} events/s: {seconds:.2f} s"
    if result["rows_per_event"]:
        yield f"- rows per event sent: {result['rows_per_event']}"
    yield f"- {result['date']}, {result['machine']}"
    yield "- " + ", ".join(f"{name} {number}" for name, number in result["versions"].items())


def _contestants(result: Mapping[str, Any]) -> Iterator[str]:
    yield "| contestant | CPU s per million events | events/s | MB | runs |"
    yield "|---|---|---|---|---|"
    for name, cpu in result["cpu_s_per_million"].items():
        rate, rss, runs = (result[figure][name] for figure in ("events_per_s", "rss_mb", "runs"))
        yield f"| {name} | {cpu:.2f} | {rate:,} | {rss} | {runs} |"
    yield ""
