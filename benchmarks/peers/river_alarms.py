"""river's detectors over streams of numbers. Runs in river's own environment, so it imports nothing of xpulse.

Arguments: a JSON file {detector: {"kind", "options", "quantile"}} and an .npz of arrays, one stream to a row. Writes
{detector: {array: [[positions of alarms] of each row]}} as JSON to standard output. A detector that gives scores alarms
where its score lies above the given quantile of the scores before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from river import anomaly, drift, stats

CHANGES = {"ADWIN": drift.ADWIN, "KSWIN": drift.KSWIN, "PageHinkley": drift.PageHinkley}
SCORES = {"HalfSpaceTrees": anomaly.HalfSpaceTrees}


def main() -> None:
    detectors = json.loads(Path(sys.argv[1]).read_text())
    streams = np.load(sys.argv[2])
    json.dump({name: {key: rows(job, streams[key]) for key in streams} for name, job in detectors.items()}, sys.stdout)


def rows(job: dict, array: np.ndarray) -> list[list[int]]:
    alarms = scored if job["kind"] in SCORES else changed
    return [list(alarms(job, row.tolist())) for row in np.atleast_2d(array)]


def changed(job: dict, values: list[float]) -> Iterator[int]:
    detector = CHANGES[job["kind"]](**job["options"])
    for place, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            yield place


def scored(job: dict, values: list[float]) -> Iterator[int]:
    model, limit = SCORES[job["kind"]](**job["options"]), stats.Quantile(job["quantile"])
    for place, value in enumerate(values):
        score = model.score_one({"value": value})
        if place > 0 and score > limit.get():
            yield place
        limit.update(score)
        model.learn_one({"value": value})


if __name__ == "__main__":
    main()
