"""Seeded telemetry of a made-up organisation, and the truth about it, kept apart from everything that is measured.

An event is what the gateway writes: the canonical struct as JSON, with pseudonyms and all dimensions. The truth is
counted in integers while the events are made.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from benchmarks.job import WINDOW_MS, Group, Sums
from streams.codecs import encode_json
from streams.events import Telemetry

TENANT = "acme"
SKEW = 0.7
"""Weights fall as 1 / rank ** SKEW, for countries and for applications."""
MAX_DELAY_MS = 2_000
"""Events reach the gateway up to this long after they happened."""

Record = tuple[bytes, bytes, int]
"""Key, value, timestamp in ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many different things there are; their product is the number of keys in a window.

    Attributes:
        windows: Over how many windows the events are spread.
    """

    countries: int
    applications: int
    metrics: int
    devices: int = 5_000
    windows: int = 10

    @property
    def keys(self) -> int:
        return self.countries * self.applications * self.metrics


WIDE = Shape(countries=12, applications=50, metrics=8)
"""About 45,000 groups: 4,800 keys, 10 windows."""
NARROW = Shape(countries=5, applications=5, metrics=4)
"""1,000 groups."""


@dataclass(slots=True)
class Truth:
    """n, sum, min, max per group of all events that were made; thousandths."""

    groups: dict[Group, list[int]] = field(default_factory=dict)

    def add(self, key: str, window_ms: int, value: int) -> None:
        sums = self.groups.setdefault((key, window_ms), [0, 0, value, value])
        sums[0] += 1
        sums[1] += value
        sums[2] = min(sums[2], value)
        sums[3] = max(sums[3], value)

    def totals(self) -> dict[Group, Sums]:
        return {group: (n, total, low, high) for group, (n, total, low, high) in self.groups.items()}


@dataclass(frozen=True, slots=True)
class _Device:
    id: str
    person: str
    country: str
    site: str
    business_unit: str
    model: str
    os_version: str


def _weights(count: int) -> list[float]:
    return list(accumulate(1 / rank**SKEW for rank in range(1, count + 1)))


class Source:
    """Makes the same events for the same seed, shape and start.

    Args:
        start_ms: Begin of the first window; a multiple of `WINDOW_MS`.
        total: How many events the windows are spread over.
    """

    def __init__(self, shape: Shape, *, seed: int, start_ms: int, total: int) -> None:
        self._rng = random.Random(seed)
        self._shape = shape
        self._start_ms = start_ms
        self._total = total
        self._countries = _weights(shape.countries)
        self._applications = _weights(shape.applications)
        self._devices = [self._device() for _ in range(shape.devices)]
        self._run = f"{self._rng.getrandbits(32):08x}"

    def _device(self) -> _Device:
        rng, country = self._rng, f"C{self._rank(self._countries):02d}"
        return _Device(
            id=f"{rng.getrandbits(128):032x}",
            person=f"{rng.getrandbits(128):032x}",
            country=country,
            site=f"{country}-{rng.randrange(6)}",
            business_unit=f"unit-{rng.randrange(10)}",
            model=f"model-{rng.randrange(12)}",
            os_version=f"11.{rng.randrange(8)}",
        )

    def _rank(self, weights: Sequence[float]) -> int:
        return bisect(weights, self._rng.random() * weights[-1])

    def records(self, count: int, truth: Truth) -> Iterator[Record]:
        """Yield the first `count` events of the sequence and add them to the truth."""
        span_ms = self._shape.windows * WINDOW_MS - MAX_DELAY_MS
        for i in range(count):
            at_ms = self._start_ms + i * span_ms // self._total + self._rng.randrange(MAX_DELAY_MS)
            yield self._record(i, at_ms, self._start_ms + i * span_ms // self._total + MAX_DELAY_MS, truth)

    def now(self, number: int, at_ms: int) -> Record:
        """Return one event that happens, and is received, at `at_ms`."""
        return self._record(number, at_ms, at_ms, None)

    def _record(self, number: int, at_ms: int, stamp_ms: int, truth: Truth | None) -> Record:
        rng = self._rng
        device = self._devices[int(rng.random() * len(self._devices))]
        application = self._rank(self._applications)
        value = int(rng.lognormvariate(12.5, 0.9)) + 1  # thousandths of a millisecond: some 270 ms
        event = Telemetry(
            event_id=f"{self._run}-{number:08d}",
            tenant=TENANT,
            source="agent",
            event_time_ms=at_ms,
            device=device.id,
            metric=f"app.metric_{int(rng.random() * self._shape.metrics)}",
            value=value / 1000,
            person=device.person,
            covers_ms=5000,
            country=device.country,
            site=device.site,
            business_unit=device.business_unit,
            service=f"service-{application // 2:02d}",
            application=f"application-{application:02d}",
            device_model=device.model,
            os_version=device.os_version,
        )
        if truth is not None:
            key = f"{TENANT}|{event.metric}|{event.country}|{event.service}|{event.application}"
            truth.add(key, at_ms - at_ms % WINDOW_MS, value)
        return device.id.encode(), encode_json(event), stamp_ms
