"""What is tried: a target of happiness 60, answers of which a tenth is neutral, exactly on target until the drop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmarks.detection.worlds import World
from streams.plan.laws import Law, block_law
from streams.scores import HAPPINESS

OBJECTIVE = HAPPINESS.share(60.0)
K = 5
UNITS: Mapping[str, int] = {"answers": 1, "blocks": K}
"""What a detector is shown at once -> answers in it."""
YEAR_DAYS = 365


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How much is tried.

    Attributes:
        drops: In points of happiness.
        volumes: Answers a day.
        runs: Simulated drops behind each median.
        peer_runs: The same for detectors that take one answer at a time.
        peer_answers: Answers on target to count a peer's false alarms in.
        with_peers: Whether river's detectors take part.
    """

    drops: tuple[int, ...] = (5, 10, 20, 40)
    volumes: tuple[int, ...] = (5, 30, 100, 1_000)
    runs: int = 1_000
    peer_runs: int = 100
    peer_answers: int = 1_000_000
    with_peers: bool = True
    seed: int = field(default=20_261_122)


QUICK = Setting(runs=300, peer_runs=25, peer_answers=200_000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One detector, drop and volume.

    Attributes:
        detector: Its name.
        unit: What it is shown: "answers", "blocks", or "days" for rules that look once a day.
        drop: Points below the target.
        answers_a_day: In the mean.
        delay_answers: Median from the drop to the first alarm; None = not found in half of the runs.
        delay_days: The same in days.
        false_alerts_a_year: On target.
        configured_run_length: Answers to a false alarm that were asked for; None = it cannot be asked.
        realised_run_length: Answers to a false alarm that came, in the mean; None = there was none.
    """

    detector: str
    unit: str
    drop: int
    answers_a_day: int
    delay_answers: float | None
    delay_days: float | None
    false_alerts_a_year: float
    configured_run_length: float | None
    realised_run_length: float | None


def law_at(drop: float, unit: str) -> Law:
    """Return what is seen `drop` points below the target."""
    return block_law(OBJECTIVE - drop / 200, UNITS[unit])


def world_of(law: Law) -> World:
    """Return the law as a world."""
    return World(observations=law.observations, chances=law.weights[np.newaxis])
