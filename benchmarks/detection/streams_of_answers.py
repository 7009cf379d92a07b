"""Detectors that read answers or blocks one after the other: xpulse's, and the CUSUM that knows what will come."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from benchmarks.detection.columns import Column, DriftColumn, SumColumn, answers_until
from benchmarks.detection.cusum import tuned
from benchmarks.detection.setting import OBJECTIVE, UNITS, YEAR_DAYS, Row, Setting, law_at, world_of
from streams.detect.edetector import Bets
from streams.plan.paths import Trial, run_length

OURS, BEST = "e-detector", "CUSUM tuned to the drop"
MOST = 50_000
WARM = 256
"""Observations on target before the drop; a detector that alarms in them begins again."""

_BETS = Bets(mean=OBJECTIVE)


def rows(setting: Setting) -> Iterator[Row]:
    """Yield ours, and at the same realised run length the CUSUM that is tuned to the very drop."""
    for unit, size in UNITS.items():
        for volume in setting.volumes:
            asked = float(YEAR_DAYS * volume)
            came = realised(unit, asked)
            for drop in setting.drops:
                ours = _delay(_ours(unit, asked, setting.runs), unit, drop, setting)
                yield _row(OURS, unit, drop, volume, ours, asked, came)
                best = tuned(law_at(0, unit), law_at(drop, unit), came / size)
                column = SumColumn(best.weights, height=best.height, runs=setting.runs)
                yield _row(BEST, unit, drop, volume, _delay(column, unit, drop, setting), came, size * best.run_length)


@lru_cache
def realised(unit: str, asked: float) -> float:
    """Return the answers to a false alarm of ours, as `xpulse targets plan` predicts them."""
    size = UNITS[unit]
    return size * run_length(law_at(0, unit), _BETS, asked / size, Trial(most=20_000))


def _ours(unit: str, asked: float, runs: int) -> DriftColumn:
    return DriftColumn(world_of(law_at(0, unit)), _BETS, level=asked / UNITS[unit], runs=runs)


def _delay(column: Column, unit: str, drop: int, setting: Setting) -> float | None:
    """Return the median number of answers from the drop to the alarm."""
    calm, low, runs = world_of(law_at(0, unit)), world_of(law_at(drop, unit)), setting.runs
    paths = calm.runs(runs, setting.seed)
    for _ in range(WARM):
        column.restart(column.see(paths.step()))
    waited = answers_until(column, low.runs(runs, setting.seed + 1), low.answers, runs=runs, most=MOST)
    middle = float(np.median(waited))
    return middle if middle < MOST * UNITS[unit] else None


def _row(detector: str, unit: str, drop: int, volume: int, delay: float | None, asked: float, came: float) -> Row:
    return Row(
        detector=detector,
        unit=unit,
        drop=drop,
        answers_a_day=volume,
        delay_answers=delay,
        delay_days=None if delay is None else delay / volume,
        false_alerts_a_year=YEAR_DAYS * volume / came,
        configured_run_length=asked,
        realised_run_length=came,
    )
