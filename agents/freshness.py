"""How old records are when they can be queried, counted for every single record at the price of one per flush.

prometheus-client observes one value at a time; a flush brings thousands at once, so the buckets are filled by numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from agents.metrics import BUCKETS, MEANINGS

NAME: Final = "xpulse_freshness_seconds"


class Freshness(Collector):
    """The metric `xpulse_freshness_seconds` of one topic; register it with a prometheus registry."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._bounds = BUCKETS[NAME]
        self._counts = np.zeros(len(self._bounds) + 1, np.int64)
        self._sum_s = 0.0
        self._lock = Lock()

    def observe(self, ages_s: NDArray[np.float64]) -> None:
        """Count ages; seconds."""
        places = np.searchsorted(self._bounds, ages_s, side="left")
        with self._lock:
            self._counts += np.bincount(places, minlength=len(self._counts))
            self._sum_s += float(ages_s.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram as Prometheus wants it: counts at or below each bound."""
        with self._lock:
            counts, sum_s = self._counts.tolist(), self._sum_s
        names = [*map(str, self._bounds), "+Inf"]
        family = HistogramMetricFamily(NAME, MEANINGS[NAME].help, labels=MEANINGS[NAME].labels)
        family.add_metric([self._topic], list(zip(names, map(float, accumulate(counts)), strict=True)), sum_s)
        yield family
