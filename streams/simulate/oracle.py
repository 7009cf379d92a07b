"""What the warehouse must hold, worked out a second time in plain Python, one event after the other.

Shares nothing with the folds it checks: no numpy, no msgspec, none of their modules (`wire` reads the records); the
catalogue and the directory come in as plain values. Slow, short, and meant to be read.

A reading counts in milli-units, `round(value * 1000)`: the product is an IEEE double, halves go to the even neighbour,
which is what `numpy.rint(value * 1000)` gives, too. Goodness compares milli-units with the milli-units of the limit.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from streams.simulate.wire import DIMENSIONS, parse

__all__ = [
    "DIMENSIONS", "Audit", "Facts", "Key", "Record", "Sums", "Window", "expected_feedback", "expected_windows",
    "fold_topic", "milli",
]  # fmt: skip

MAX_AHEAD_MS, MAX_BEHIND_MS = 5 * 60_000, 14 * 86_400_000
DEVICES_KEPT = 256


class Facts(NamedTuple):
    """What the catalogue says of a metric.

    Attributes:
        good: ("at_most" | "at_least", limit in the metric's unit); None = no rule, so no good or attempted time.
        covers_ms: Use time of a reading that does not say its own.
    """

    group_by: tuple[str, ...]
    good: tuple[Literal["at_most", "at_least"], float] | None
    covers_ms: int


class Key(NamedTuple):
    """A window; `dims` in the order of `DIMENSIONS`, empty where the metric is not grouped by it."""

    tenant: str
    metric: str
    dims: tuple[str, ...]
    shared: bool
    window_start_ms: int


class Sums(NamedTuple):
    """What is compared with the senders' truth; milli-units and milliseconds."""

    n: int
    sum: int
    min: int
    max: int
    good_ms: int
    attempted_ms: int


class Window(NamedTuple):
    """What is compared with the topic's own records; `histogram` is (bucket, count), `devices` the smallest hashes."""

    sums: Sums
    sum_squares: int
    histogram: tuple[tuple[int, int], ...]
    devices: tuple[int, ...]


class Audit(NamedTuple):
    """What became of a tile's records; `late` ones are valid, too."""

    n_in: int
    valid: int
    invalid: int
    duplicate: int
    late: int
    tick: int


class Record(NamedTuple):
    """A record of the topic."""

    partition: int
    offset: int
    stamp_ms: int
    raw: bytes | None


def expected_windows(
    bodies: Iterable[Mapping[str, Any]],
    facts: Mapping[str, Facts],
    *,
    window_ms: int,
    devices: Mapping[str, Mapping[str, str]],
    services: Mapping[str, str],
    shared: Container[str],
) -> dict[Key, Sums]:
    """Return all windows, late readings included, of what senders had acknowledged.

    Args:
        bodies: Telemetry as sent, with raw identities; a repeated event id counts once.
        facts: By metric.
        window_ms: Length of a window.
        devices: Device -> dimensions, as the directory has them.
        services: Application -> service.
        shared: Devices that are nobody's.
    """
    readings: dict[Key, list[tuple[int, int, int]]] = {}
    seen: set[tuple[str, str]] = set()
    for body in bodies:
        if (body["tenant"], body["event_id"]) in seen:
            continue
        seen.add((body["tenant"], body["event_id"]))
        application = body.get("application", "")
        known = {
            **devices.get(body["device"], {}),
            "application": application,
            "service": services.get(application, ""),
        }
        key = _key({**body, **known, "shared": body["device"] in shared}, facts, window_ms)
        readings.setdefault(key, []).append(_reading(body, facts))
    return {key: _sums(group) for key, group in readings.items()}


def fold_topic(
    records: Iterable[Record], facts: Mapping[str, Facts], *, tile: int, horizon: int, window_ms: int, grace_ms: int
) -> tuple[dict[tuple[Key, bool], Window], dict[tuple[int, int], Audit]]:
    """Return windows by (key, late) and audits by (partition, tile) of the JSON records of a topic.

    The limit on keys per tile is not modelled: keep below it.

    Args:
        records: Ascending offsets within each partition.
        facts: By metric.
        tile: Offsets per tile (C).
        horizon: Tiles before the current one in which repeats are dropped and arrival is remembered (D).
        window_ms: Length of a window.
        grace_ms: How long after its end a window accepts events.
    """
    readings: dict[tuple[Key, bool], list[tuple[int, int, int]]] = {}
    hashes: dict[tuple[Key, bool], set[int]] = {}
    audits: dict[tuple[int, int], Counter[str]] = {}
    stamps: dict[tuple[int, int], int] = {}
    last_offset: dict[tuple[int, str, str], int] = {}
    for partition, offset, stamp_ms, raw in records:
        number = offset // tile
        stamps[partition, number] = max(stamp_ms, stamps.get((partition, number), 0))
        arrival = max(stamps.get((partition, n), 0) for n in range(number - horizon, number + 1))
        audit = audits.setdefault((partition, number), Counter())
        audit["in"] += 1
        event = parse(raw)
        if event is not None and event["signal"] == "tick":
            audit["tick"] += 1
            continue
        if event is None or not _is_believed(event, stamp_ms, facts):
            audit["invalid"] += 1
            continue
        name = (partition, event["tenant"], event["event_id"])
        before, last_offset[name] = last_offset.get(name, -1), offset
        if before >= max(0, number - horizon) * tile:
            audit["duplicate"] += 1
            continue
        key = _key(event, facts, window_ms)
        late = arrival > key.window_start_ms + window_ms + grace_ms
        audit.update({"valid": 1, "late": int(late)})
        readings.setdefault((key, late), []).append(_reading(event, facts))
        hashes.setdefault((key, late), set()).add(_hash(event["device"]))
    windows = {key: _window(group, hashes[key]) for key, group in readings.items()}
    return windows, {key: _audit(counts) for key, counts in audits.items()}


def expected_feedback(bodies: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the delivery that stands, by (tenant, response id).

    Args:
        bodies: All acknowledged deliveries. The largest (revision, state) stands, whatever the order of arrival; of
            equal ones the last.
    """
    states = ("partial", "final", "retracted")
    standing: dict[tuple[str, str], Mapping[str, Any]] = {}
    for body in bodies:
        name = (body["tenant"], body["response_id"])
        old = standing.get(name, body)
        if (body["revision"], states.index(body["state"])) >= (old["revision"], states.index(old["state"])):
            standing[name] = body
    return standing


def milli(value: float) -> int:
    """Return a value in milli-units: the double product, halves to even.

    Example:
        >>> milli(0.0005), milli(0.0015), milli(-2.5)
        (0, 2, -2500)
    """
    return round(float(value) * 1000)


def _key(event: Mapping[str, Any], facts: Mapping[str, Facts], window_ms: int) -> Key:
    grouped = facts[event["metric"]].group_by
    dims = tuple(event.get(name, "") if name in grouped else "" for name in DIMENSIONS)
    start = event["event_time_ms"] // window_ms * window_ms
    return Key(event["tenant"], event["metric"], dims, event.get("shared", False), start)


def _reading(event: Mapping[str, Any], facts: Mapping[str, Facts]) -> tuple[int, int, int]:
    """(milli-value, good ms, attempted ms)."""
    value, (_, rule, covers) = milli(event["value"]), facts[event["metric"]]
    if rule is None:
        return value, 0, 0
    attempted = event.get("covers_ms") or covers
    good = value <= milli(rule[1]) if rule[0] == "at_most" else value >= milli(rule[1])
    return value, attempted if good else 0, attempted


def _sums(readings: list[tuple[int, int, int]]) -> Sums:
    values, good, attempted = zip(*readings, strict=True)
    return Sums(len(values), sum(values), min(values), max(values), sum(good), sum(attempted))


def _window(readings: list[tuple[int, int, int]], hashes: set[int]) -> Window:
    values = [value for value, _, _ in readings]
    histogram = Counter(_bucket(value) for value in values)
    return Window(
        _sums(readings), sum(value * value for value in values), tuple(sorted(histogram.items())),
        tuple(sorted(hashes)[:DEVICES_KEPT]),
    )  # fmt: skip


def _audit(counts: Counter[str]) -> Audit:
    return Audit(*(counts[name] for name in ("in", "valid", "invalid", "duplicate", "late", "tick")))


def _bucket(value: int) -> int:
    """64 buckets per power of two; 0 for 0; negative values mirrored."""
    if value == 0:
        return 0
    mantissa, exponent = math.frexp(abs(value))
    bucket = (exponent - 1) * 64 + int((2 * mantissa - 1) * 64) + 1
    return bucket if value > 0 else -bucket


def _hash(device: str) -> int:
    return int(hashlib.blake2b(device.encode(), digest_size=6).hexdigest(), 16)


def _is_believed(event: Mapping[str, Any], stamp_ms: int, facts: Mapping[str, Facts]) -> bool:
    age = stamp_ms - event["event_time_ms"]
    return -MAX_AHEAD_MS <= age <= MAX_BEHIND_MS and event["metric"] in facts
