"""Windows of telemetry of a simulated month: drawn by the minute, merged exactly to longer ones, told as aggregates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.aggregates import Groups, Ints
from streams.simulate.month import DAY_S, HEALTHY, HOUR_S, Effect
from streams.simulate.month_cells import (
    LEVELS,
    MERGED,
    SLOTS,
    VARIANTS,
    Cells,
    Words,
    cell_base,
    counts_of,
    mask_base,
)
from streams.simulate.month_keys import BITS, KeyGroup
from streams.simulate.names import COUNTRIES
from streams.simulate.rhythm import PEAK_HOUR

MINUTE_S, QUARTER_S = 60, 900
SWING, WEEKEND = 0.95, 0.35
"""How much quieter a night is, and what is left of it all at weekends."""
WORLD_SWING = 0.35
"""The same for keys of the whole world, which never sleeps."""
THURSDAY = 4
"""1970-01-01 was the fourth day of its week."""


@dataclass(frozen=True, slots=True)
class Course:
    """What decides a month's telemetry beside its keys.

    Attributes:
        start_s: When the month begins; seconds since the epoch.
        countries: In the order of the keys' places.
    """

    seed: int
    start_s: int
    countries: Sequence[str]
    effects: Sequence[Effect]
    cells: Cells


@dataclass(frozen=True, slots=True)
class Windows:
    """Consecutive windows of the keys of one metric.

    Attributes:
        first_s: Start of the first window; seconds since the epoch.
        window_s: Length of a window.
        counts: Readings by value; (windows, keys, `SLOTS`).
        masks: Devices as bits; (windows, keys).
    """

    first_s: int
    window_s: int
    counts: NDArray[np.integer]
    masks: Words

    def __len__(self) -> int:
        return self.masks.size


def minutes(group: KeyGroup, course: Course, first_s: int, until_s: int) -> tuple[Words, Words]:
    """Return counts and devices of the base windows in some whole hours, or in a part of the last one.

    Args:
        group: The keys.
        course: What decides.
        first_s: A whole hour; seconds since the epoch.
        until_s: A whole minute.

    Returns:
        Packed counts (windows, keys, 2) and masks (windows, keys).
    """
    hours = [_hour(group, course, at_s) for at_s in range(first_s, until_s, HOUR_S)]
    rows = (until_s - first_s) // MINUTE_S
    return tuple(np.concatenate(parts)[:rows] for parts in zip(*hours, strict=True))  # type: ignore[return-value]


def _hour(group: KeyGroup, course: Course, at_s: int) -> tuple[Words, Words]:
    rng = np.random.default_rng([course.seed, 2, group.number, at_s])
    luck = rng.integers(0, VARIANTS, (2, HOUR_S // MINUTE_S, len(group)), np.uint8)
    level = _levels(course.countries, at_s)[:, group.place]
    cells = cell_base(_condition(group, course, at_s), group.rate, level) + luck[0]
    return course.cells.words[cells], course.cells.masks[mask_base(group.panel, group.rate, level) + luck[1]]


def _levels(countries: Sequence[str], at_s: int) -> Ints:
    """Return the level of each minute of an hour, by place; the last place is the world."""
    at_h = at_s / HOUR_S + np.arange(HOUR_S // MINUTE_S) / 60
    columns = [_activity(at_h + COUNTRIES[country], SWING, WEEKEND) for country in countries]
    columns.append(_activity(at_h, WORLD_SWING, 1.0))
    activity = np.stack(columns, axis=1) / (1 + SWING)
    return np.clip((activity * LEVELS).astype(np.int64), 0, LEVELS - 1)


def _activity(local_h: NDArray[np.float64], swing: float, weekend: float) -> NDArray[np.float64]:
    wave = 1 + swing * np.cos((local_h - PEAK_HOUR) * (math.tau / 24))
    weekday = (np.floor(local_h / 24).astype(np.int64) + THURSDAY - 1) % 7
    return np.asarray(wave * np.where(weekday >= 5, weekend, 1.0))


def _condition(group: KeyGroup, course: Course, at_s: int) -> Ints:
    condition = np.full((HOUR_S // MINUTE_S, len(group)), HEALTHY, np.int64)
    at = at_s - course.start_s + np.arange(HOUR_S // MINUTE_S) * MINUTE_S
    for effect in course.effects:
        if group.metric in effect.metrics and effect.from_s < at_s - course.start_s + HOUR_S:
            is_on = (at >= effect.from_s) & (at < effect.until_s)
            condition[np.ix_(is_on, group.where(effect.where))] = effect.condition
    return condition


def base_windows(group: KeyGroup, words: Words, masks: Words, first_s: int) -> Windows:
    """Return base windows as they are."""
    return Windows(first_s, MINUTE_S, _ascending(group, counts_of(words)), masks)


def quarters(group: KeyGroup, words: Words, masks: Words, first_s: int) -> Windows:
    """Return the windows of 15 minutes that base windows make up; whole ones."""
    keys = len(group)
    added = words.reshape(-1, MERGED, keys, SLOTS // 8).sum(axis=1, dtype=np.uint64)
    joined = np.bitwise_or.reduce(masks.reshape(-1, MERGED, keys), axis=1)
    return Windows(first_s, QUARTER_S, _ascending(group, counts_of(added)), joined)


def days(merged: Windows) -> Windows:
    """Return the day that windows of 15 minutes make up."""
    counts = merged.counts.sum(axis=0, dtype=np.int64, keepdims=True)
    return Windows(merged.first_s, DAY_S, counts, np.bitwise_or.reduce(merged.masks, axis=0, keepdims=True))


def _ascending(group: KeyGroup, counts: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return counts in the order of the values; the last of a cell is the worst."""
    return counts[..., ::-1] if group.is_reversed else counts


def aggregates(group: KeyGroup, windows: Windows) -> Groups:
    """Return the aggregates of windows, one row per window and key, as `streams.aggregates.aggregate` has them."""
    counts = windows.counts.astype(np.int64)
    at, keys = counts.shape[:2]
    n = counts.sum(axis=-1).ravel()
    total = np.einsum("wks,ks->wk", counts, group.values).ravel()
    squares = np.einsum("wks,ks->wk", counts, group.values * group.values).ravel()
    is_there = counts > 0
    lowest, highest = is_there.argmax(axis=-1), SLOTS - 1 - is_there[..., ::-1].argmax(axis=-1)
    rows = np.arange(keys)
    by_value = np.add.reduceat(counts, group.starts, axis=-1) if len(group.starts) < SLOTS else counts
    found = by_value > 0
    bits = device_bits(windows.masks)
    first = windows.first_s // windows.window_s
    return Groups(
        code=np.tile(rows, at),
        window=np.repeat(np.arange(first, first + at), keys),
        late=np.zeros(at * keys, np.int64),
        n=n,
        total=_wide(total),
        squares=_wide(squares),
        minimum=group.values[rows, lowest].ravel(),
        maximum=group.values[rows, highest].ravel(),
        good=group.covers_ms * np.einsum("wks,ks->wk", counts, group.good.astype(np.int64)).ravel(),
        attempted=group.covers_ms * n,
        bucket=np.broadcast_to(group.buckets, found.shape)[found],
        bucket_count=by_value[found],
        bucket_length=found.sum(axis=-1).ravel(),
        device=np.broadcast_to(group.hashes, bits.shape)[bits].astype(np.int64),
        device_length=bits.sum(axis=-1).ravel(),
    )


def device_bits(masks: Words) -> NDArray[np.bool_]:
    """Return masks bit by bit, the lowest first; one more axis of `BITS`."""
    packed = np.ascontiguousarray(masks).astype("<u8", copy=False).view(np.uint8).reshape(*masks.shape, BITS // 8)
    return np.unpackbits(packed, axis=-1, bitorder="little").astype(np.bool_)


def _wide(narrow: Ints) -> tuple[NDArray[np.uint64], Ints]:
    return narrow.astype(np.uint64), narrow >> 63
