"""The telemetry detector on labelled real series, beside river's detectors and one that never alarms.

One setting for all series, chosen beforehand: no series was looked at. Ours: one false alarm in thirty days of windows,
which is about what a series of the benchmark is long; its other constants come from theory and made-up series
(`streams/detect/robust.py`, `tests/streams/detect/test_robust.py`). A second row has the setting for paging, one in a
year. river's have their defaults, scores alarm above the 99.9 % quantile of those before. Detectors that need a scale
get one from the learning part of each series: Page-Hinkley median and spread, the others its range. As ours latches and
they do not, each has a second row in which its alarms within a day of the last one that counted are left out.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection import peers
from benchmarks.detection.nab_score import Window, learning_rows, normalised, scored
from benchmarks.detection.worlds import Floats
from streams.detect import SERIES_DETECTORS
from streams.detect.robust import RobustDetector
from streams.judging.life_cycle import POLICIES
from streams.judging.shift import ASPECTS, HOURS

VARIABLE = "XPULSE_TEST_DATA"
DAY_MS = 86_400_000
OURS: Mapping[str, int] = {
    "xpulse robust, one false alarm in 30 days": 30,
    "xpulse robust, one false alarm in 365 days": 365,
}
"""Name -> days to a false alarm."""
JUDGED = "xpulse robust as judging asks it: falls and spread that last, one in 365 days"
NULL = "null detector"
HELD = ", held for a day"

PEERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ADWIN (river)": ("range", {"kind": "ADWIN", "options": {}}),
    "Page-Hinkley (river)": ("spread", {"kind": "PageHinkley", "options": {}}),
    "KSWIN (river)": ("range", {"kind": "KSWIN", "options": {"seed": 1}}),
    "Half-space trees (river)": ("range", {"kind": "HalfSpaceTrees", "options": {"seed": 1}, "quantile": 0.999}),
}
"""Name -> how its input is scaled, and what it is."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One labelled series; times in ms UTC, windows as rows."""

    name: str
    at_ms: tuple[int, ...]
    values: Floats
    windows: tuple[Window, ...]


def figures(*, with_peers: bool) -> dict[str, Any]:
    """Return what each detector reaches, or why it was left out."""
    place = os.environ.get(VARIABLE)
    if not place:
        return {"left_out": f"{VARIABLE} does not name a folder that holds nab/"}
    series = list(read(Path(place) / "nab"))
    found: dict[str, dict[str, list[int]]] = {NULL: {one.name: [] for one in series}}
    found |= {name: _ours(series, days) for name, days in OURS.items()}
    found[JUDGED] = {one.name: list(shifts_of(one, 365)) for one in series}
    if with_peers:
        found |= _theirs(series)
    return {"detectors": {name: _figures(series, alarms) for name, alarms in found.items()}}


def read(folder: Path) -> Iterator[Series]:
    """Yield the series that `windows.json` labels, by name."""
    for name, windows in sorted(json.loads((folder / "windows.json").read_text()).items()):
        rows = list(csv.DictReader((folder / name).read_text().splitlines()))
        at_ms = tuple(_instant(row["timestamp"]) for row in rows)
        yield Series(
            name=name,
            at_ms=at_ms,
            values=np.array([float(row["value"]) for row in rows]),
            windows=tuple((_row(at_ms, begin), _row(at_ms, end)) for begin, end in windows),
        )


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def _row(at_ms: Sequence[int], text: str) -> int:
    return at_ms.index(_instant(text))


def _ours(series: Sequence[Series], days: int) -> dict[str, list[int]]:
    return {one.name: list(alarms_of(one, days)) for one in series}


def alarms_of(series: Series, days: int) -> Iterator[int]:
    """Yield the rows at which the telemetry detector raises a drift; `days` to a false alarm."""
    unit_ms = int(np.median(np.diff(series.at_ms)))
    detector = SERIES_DETECTORS["robust"](run_length=days * DAY_MS / unit_ms, unit_ms=unit_ms)
    state = detector.fresh()
    for row, (at_ms, value) in enumerate(zip(series.at_ms, series.values.tolist(), strict=True)):
        watched = detector.watch(state, [value], at_ms=at_ms)
        state = watched.state
        if watched.detection is not None and watched.detection.turn == "drift":
            yield row


def shifts_of(series: Series, days: int) -> Iterator[int]:
    """Yield the rows at which a shift would call (`streams.judging.shift`); `days` to a false alarm."""
    unit_ms, hold = int(np.median(np.diff(series.at_ms))), POLICIES["shift"].pending
    detector = RobustDetector(run_length=days * DAY_MS / unit_ms, unit_ms=unit_ms, aspects=ASPECTS, hours=HOURS)
    state, held = detector.fresh(), 0
    for row, (at_ms, value) in enumerate(zip(series.at_ms, series.values.tolist(), strict=True)):
        state = detector.watch(state, [value], at_ms=at_ms).state
        is_shifted = state.since_ms is not None and bool(detector.beyond(state))
        held = held + 1 if is_shifted else 0
        if held == hold + 1:
            yield row


def _theirs(series: Sequence[Series]) -> dict[str, dict[str, list[int]]]:
    found = {}
    for scale in ("range", "spread"):
        jobs = {name: job for name, (wanted, job) in PEERS.items() if wanted == scale}
        streams = {str(number): SCALES[scale](one.values) for number, one in enumerate(series)}
        for name, rows in peers.alarms(jobs, streams).items():
            found[name] = {one.name: rows[str(number)][0] for number, one in enumerate(series)}
            found[name + HELD] = {one.name: held(found[name][one.name], one.at_ms) for one in series}
    return found


def held(rows: Sequence[int], at_ms: Sequence[int]) -> list[int]:
    """Return the alarms that are a day or more behind the last one that is returned."""
    kept: list[int] = []
    for row in rows:
        if not kept or at_ms[row] - at_ms[kept[-1]] >= DAY_MS:
            kept.append(row)
    return kept


def by_range(values: Floats) -> Floats:
    """Return the values with the learning part between 0 and 1, the rest cut to that."""
    learnt = values[: learning_rows(len(values))]
    width = float(learnt.max() - learnt.min()) or 1.0
    return np.asarray(np.clip((values - learnt.min()) / width, 0.0, 1.0))


def by_spread(values: Floats) -> Floats:
    """Return the values with the learning part's median at 0 and its spread at 1."""
    learnt = values[: learning_rows(len(values))]
    middle = float(np.median(learnt))
    return np.asarray((values - middle) / (1.4826 * float(np.median(np.abs(learnt - middle))) or 1.0))


SCALES = {"range": by_range, "spread": by_spread}


def _figures(series: Sequence[Series], alarms: Mapping[str, Sequence[int]]) -> dict[str, float]:
    every = [scored(alarms[one.name], one.windows, len(one.values)) for one in series]
    return {
        "score": round(normalised(every), 2),
        "found": sum(one.found for one in every),
        "windows": sum(one.windows for one in every),
        "false": sum(one.false for one in every),
        "series": len(every),
    }
