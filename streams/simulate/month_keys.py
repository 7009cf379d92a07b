"""The telemetry keys of a simulated month: which there are, which values each takes, and which devices report it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from streams.aggregates import Ints, bucket, device_hash
from streams.catalogue import DIMENSIONS, Catalogue, Metric
from streams.errors import ConfigError
from streams.simulate.month_cells import BUSY, PANELS, SLOTS, SPARSE, USUAL, WEIGHTS
from streams.simulate.names import RESPONSE_TIME
from streams.simulate.organisation import Device, Organisation

WORLD = -1
"""Place of a key without a country."""
BITS = 64
_DEVICE_DIMENSIONS = ("country", "site", "business_unit", "device_model", "os_version")


@dataclass(frozen=True, slots=True)
class Law:
    """Which values a metric takes; in its unit.

    Attributes:
        middle: Median.
        spread: Standard deviation of the logarithm; of the value itself if `is_even`.
        worst: The value that is rare on good days; None = the tail of the law.
        is_even: A normal law; else a lognormal one.
    """

    middle: float
    spread: float
    worst: float | None = None
    is_even: bool = False


LAWS: Mapping[str, Law] = {
    RESPONSE_TIME: Law(330, 0.5, 5_200),
    "app.start_time": Law(4, 0.5, 25),
    "device.boot_time": Law(33, 0.35, 95),
    "device.login_time": Law(14, 0.4, 60),
    "device.cpu_utilization": Law(0.3, 0.12, 0.93, is_even=True),
    "device.memory_utilization": Law(0.55, 0.1, 0.95, is_even=True),
    "device.disk_free": Law(0.45, 0.12, 0.04, is_even=True),
    "device.battery_health": Law(0.86, 0.04, 0.52, is_even=True),
    "network.latency": Law(28, 0.5, 420),
    "network.wifi_signal": Law(-58, 4, -79, is_even=True),
    "system.cpu.idle": Law(0.7, 0.08, 0.1, is_even=True),
    "system.memory.used": Law(6_200, 0.2),
}
"""Metric -> law."""
OTHER_LAW, OTHER_SHARE = Law(12, 0.6), Law(0.3, 0.07, is_even=True)


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """The keys of one metric, in the order of their dimensions.

    Attributes:
        number: Of the metric, among all groups.
        keys: Values in the order of `DIMENSIONS`, and whether the devices are nobody's.
        values: Milli-units, ascending; (keys, `SLOTS`).
        buckets: Histogram buckets of the different values; (keys, different values).
        starts: Slots at which another value begins.
        good: Slots whose value is good; (keys, `SLOTS`).
        covers_ms: Use time of a reading; 0 = not judged.
        is_reversed: The last slot holds the best value.
        hashes: Of the devices, ascending; (keys, `BITS`), zero beyond the panel.
        names: Devices of each key, in the order of their hashes.
        panel: Index into `PANELS`; (keys,).
        place: Index of the country, or `WORLD`; (keys,).
        rate: Of the readings.
    """

    number: int
    metric: str
    keys: tuple[tuple[tuple[str, ...], bool], ...]
    values: Ints
    buckets: Ints
    starts: Ints
    good: NDArray[np.bool_]
    covers_ms: int
    is_reversed: bool
    hashes: NDArray[np.uint64]
    names: tuple[tuple[str, ...], ...]
    panel: Ints
    place: Ints
    rate: int

    def __len__(self) -> int:
        return len(self.keys)

    def where(self, wanted: Mapping[str, str]) -> Ints:
        """Return the places of the keys with some values."""
        at = [(DIMENSIONS.index(name), value) for name, value in wanted.items()]
        return np.array([i for i, (dims, _) in enumerate(self.keys) if all(dims[j] == v for j, v in at)], np.int64)


def build_groups(
    organisation: Organisation,
    catalogue: Catalogue,
    keys: int,
    seed: int,
    *,
    named: Callable[[str], str] = str,
) -> list[KeyGroup]:
    """Return the first `keys` keys, metric by metric in the order of the catalogue.

    Args:
        organisation: Its countries, devices and applications.
        catalogue: By which dimensions metrics are grouped, and what is good.
        keys: How many; at least one.
        seed: Draws which devices report.
        named: Turns a device's id into what telemetry carries: its pseudonym.

    Raises:
        ConfigError: The organisation has not so many.
    """
    maker, groups, left = _Maker(organisation, seed, named), [], keys
    for number, metric in enumerate(catalogue.metrics.values()):
        found = sorted(maker.profiles(metric).items())[:left]
        if found:
            groups.append(maker.group(number, metric, found))
        left -= len(found)
    if left:
        raise ConfigError(f"month: keys is {keys}; allowed: 1 to {keys - left} in an organisation of this size")
    return groups


Profile = tuple[tuple[str, ...], bool]


class _Maker:
    def __init__(self, organisation: Organisation, seed: int, named: Callable[[str], str]) -> None:
        self._organisation = organisation
        self._seed = seed
        self._named = named
        self._hashes: dict[str, tuple[int, str]] = {}

    def profiles(self, metric: Metric) -> dict[Profile, tuple[Sequence[Device], str]]:
        """Return the keys of a metric, each with the devices that may report it and the application."""
        is_shared = metric.name.startswith("process.")
        mine = [name for name in metric.group_by if name in _DEVICE_DIMENSIONS]
        devices: dict[tuple[str, ...], list[Device]] = {}
        for device in self._organisation.devices:
            if device.shared == is_shared:
                devices.setdefault(tuple(_of(device, name) for name in mine), []).append(device)
        found: dict[Profile, tuple[Sequence[Device], str]] = {}
        for values, some in devices.items():
            for application, service in self._applications(metric):
                known = {**dict(zip(mine, values, strict=True)), "application": application, "service": service}
                dims = tuple(known.get(name, "") if name in metric.group_by else "" for name in DIMENSIONS)
                found[dims, is_shared] = (some, application)
        return found

    def _applications(self, metric: Metric) -> Sequence[tuple[str, str]]:
        if {"application", "service"} & set(metric.group_by):
            return list(self._organisation.applications.items())
        return [("", "")]

    def group(
        self, number: int, metric: Metric, found: Sequence[tuple[Profile, tuple[Sequence[Device], str]]]
    ) -> KeyGroup:
        rng = random.Random(f"{self._seed}/keys/{metric.name}")
        panels = [self._panel(rng, metric, dims, *source) for (dims, _), source in found]
        values = np.array([_values(rng, metric) for _ in found], np.int64)
        starts = np.flatnonzero(np.append(True, values[0, 1:] != values[0, :-1]))
        hashes = np.zeros((len(found), BITS), np.uint64)
        for row, panel in zip(hashes, panels, strict=True):
            row[: len(panel)] = [number for number, _ in panel]
        countries = {country: i for i, country in enumerate(self._organisation.countries)}
        return KeyGroup(
            number=number,
            metric=metric.name,
            keys=tuple(profile for profile, _ in found),
            values=values,
            buckets=bucket(values[:, starts]),
            starts=starts,
            good=_is_good(metric, values),
            covers_ms=metric.covers_ms if metric.good is not None else 0,
            is_reversed=metric.worse == "lower",
            hashes=hashes,
            names=tuple(tuple(name for _, name in panel) for panel in panels),
            panel=np.array([_panel_index(len(panel)) for panel in panels], np.int64),
            place=np.array([countries.get(dims[0], WORLD) for (dims, _), _ in found], np.int64),
            rate=SPARSE if metric.name.startswith("process.") else BUSY if metric.name == RESPONSE_TIME else USUAL,
        )

    def _panel(
        self, rng: random.Random, metric: Metric, dims: tuple[str, ...], devices: Sequence[Device], application: str
    ) -> list[tuple[int, str]]:
        """Return hash and name of the devices that report a key, ascending by hash."""
        wanted = _wanted(metric, dims, self._organisation)
        able = devices
        if application and not devices[0].shared:
            able = [device for device in _few(rng, devices, 6 * wanted) if application in device.applications]
        chosen = {device.id for device in _few(rng, able, wanted)}
        size = max((panel for panel in PANELS if panel <= len(chosen)), default=len(chosen))
        return sorted(self._known(name) for name in sorted(chosen)[:size])

    def _known(self, device: str) -> tuple[int, str]:
        if device not in self._hashes:
            name = self._named(device)
            self._hashes[device] = (device_hash(name), name)
        return self._hashes[device]


def _few(rng: random.Random, devices: Sequence[Device], most: int) -> Sequence[Device]:
    return devices if len(devices) <= most else rng.sample(devices, most)


def _of(device: Device, dimension: str) -> str:
    return str({"device_model": device.model}.get(dimension) or getattr(device, dimension))


def _wanted(metric: Metric, dims: tuple[str, ...], organisation: Organisation) -> int:
    """Return how many devices report a key: more in large countries."""
    if metric.name.startswith("process."):
        return PANELS[0]
    if "site" in metric.group_by:
        return PANELS[2]
    if not dims[0]:
        return PANELS[-1]
    rank = organisation.countries.index(dims[0]) / len(organisation.countries)
    return PANELS[4] if rank < 1 / 3 else PANELS[3] if rank < 2 / 3 else PANELS[1]


def _panel_index(size: int) -> int:
    """Return the largest panel that a key with so many devices can fill."""
    return max(i for i, panel in enumerate(PANELS) if panel <= max(size, PANELS[0]))


def _values(rng: random.Random, metric: Metric) -> list[int]:
    """Return the values of one key, milli-units, ascending: quantiles of the metric's law, and its worst value."""
    if metric.kind == "event":
        return [1000] * SLOTS
    if metric.kind == "state":
        return [0] + [1000] * (SLOTS - 1)
    law = LAWS.get(metric.name, OTHER_SHARE if metric.name.endswith("utilization") else OTHER_LAW)
    factor = rng.uniform(0.88, 1.14)
    found = sorted(round(1000 * factor * value) for value in _quantiles(law))
    if law.worst is not None:
        worst = round(1000 * law.worst * rng.uniform(0.95, 1.02))
        found = [worst, *found[1:]] if metric.worse == "lower" else [*found[:-1], worst]
    return _apart(found)


def _quantiles(law: Law) -> Iterator[float]:
    weights, below = WEIGHTS[0], 0.0
    for weight in weights:
        z = NormalDist().inv_cdf((below + weight / 2) / sum(weights))
        yield law.middle + law.spread * z if law.is_even else law.middle * 2.718281828 ** (law.spread * z)
        below += weight


def _apart(values: list[int]) -> list[int]:
    """Return ascending values of which no two share a bucket of the histogram."""
    for i in range(1, len(values)):
        values[i] = max(values[i], values[i - 1] + abs(values[i - 1]) // 40 + 1)
    return values


def _is_good(metric: Metric, values: Ints) -> NDArray[np.bool_]:
    good = metric.good
    if good is None:
        return np.zeros(values.shape, np.bool_)
    if good.at_most is not None:
        return values <= round(good.at_most * 1000)
    return values >= round((good.at_least or 0.0) * 1000)
