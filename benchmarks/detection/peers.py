"""river's detectors: called in an environment of their own, and what they do on answers.

They have no target: they find that a level changed, whichever it was, and are given their defaults. So there is no run
length to ask them for, and none depends on how many answers a day there are.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.setting import YEAR_DAYS, Row, Setting, law_at
from benchmarks.detection.worlds import Floats
from benchmarks.environments import python_of, version_of
from benchmarks.services import BenchmarkError
from streams.scores import PPM

WARM = 2_000
"""Answers on target before the drop."""
MOST = 20_000
"""Answers after it."""
ON_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "ADWIN (river)": {"kind": "ADWIN", "options": {}},
    "Page-Hinkley (river)": {"kind": "PageHinkley", "options": {"mode": "down"}},
}
WITHIN_S = 900.0

Alarms = Mapping[str, Mapping[str, list[list[int]]]]
"""Detector -> array -> positions of alarms in each of its rows."""


def alarms(detectors: Mapping[str, Mapping[str, Any]], streams: Mapping[str, Floats]) -> Alarms:
    """Return where river's detectors alarm.

    Args:
        detectors: Name -> kind, options, and quantile for those that score (`benchmarks.peers.river_alarms`).
        streams: Name -> one stream, or one per row.

    Raises:
        BenchmarkError: river cannot be installed, or failed.
    """
    script = Path(__file__).parent.parent / "peers" / "river_alarms.py"
    with tempfile.TemporaryDirectory(prefix="xpulse-river-") as folder:
        job, data = Path(folder) / "detectors.json", Path(folder) / "streams.npz"
        job.write_text(json.dumps(detectors))
        np.savez(data, **{name: np.asarray(one) for name, one in streams.items()})  # type: ignore[arg-type]
        command = [python_of("river"), str(script), str(job), str(data)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    if ended.returncode:
        raise BenchmarkError(f"river failed: {ended.stderr.strip()[-500:]}")
    found: Alarms = json.loads(ended.stdout)
    return found


def version() -> str:
    """Return river's version."""
    return version_of(python_of("river"), "river")


def possible(setting: Setting) -> Setting:
    """Return the setting without river where it cannot be installed, and say so."""
    try:
        if setting.with_peers:
            version()
    except BenchmarkError as error:
        print(f"river is left out: {error}", file=sys.stderr)
        return replace(setting, with_peers=False)
    return setting


def rows(setting: Setting) -> Iterator[Row]:
    """Yield the delays and false alarms of river's detectors on answers."""
    drops = {str(drop): _drawn(drop, setting) for drop in setting.drops}
    calm = _shares(0, setting.peer_answers, np.random.default_rng(setting.seed))
    found = alarms(ON_ANSWERS, {"calm": calm, **drops})
    for name, by_stream in found.items():
        false = len(by_stream["calm"][0])
        for drop in setting.drops:
            delay = _delay(by_stream[str(drop)])
            for volume in setting.volumes:
                yield _row(name, drop, volume, delay, false / setting.peer_answers)


def _drawn(drop: int, setting: Setting) -> Floats:
    rng = np.random.default_rng(setting.seed + drop)
    runs = [np.concatenate([_shares(0, WARM, rng), _shares(drop, MOST, rng)]) for _ in range(setting.peer_runs)]
    return np.stack(runs)


def _shares(drop: int, count: int, rng: np.random.Generator) -> Floats:
    law = law_at(drop, "answers")
    shares = np.array([seen[0][0] / PPM for seen in law.observations])
    return np.asarray(rng.choice(shares, size=count, p=law.weights))


def _delay(positions: list[list[int]]) -> float | None:
    firsts = [next((place - WARM + 1.0 for place in row if place >= WARM), np.inf) for row in positions]
    middle = float(np.median(firsts))
    return middle if np.isfinite(middle) else None


def _row(name: str, drop: int, volume: int, delay: float | None, rate: float) -> Row:
    return Row(
        detector=name,
        unit="answers",
        drop=drop,
        answers_a_day=volume,
        delay_answers=delay,
        delay_days=None if delay is None else delay / volume,
        false_alerts_a_year=rate * YEAR_DAYS * volume,
        configured_run_length=None,
        realised_run_length=1 / rate if rate else None,
    )
