"""Exact aggregates of readings, column by column.

Everything is an integer: values in milli-units, times in milliseconds, devices as 48-bit hashes. So the result does not
depend on the processor, the numpy build or the order of merging. Groups are built by sorting packed 64-bit keys, which
is the cheapest correct way that was measured (half the cost of dictionaries of small lists).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Unsigned = NDArray[np.uint64]

INDEX_BITS = 16
"""A packed key ends in the row's position: at most 65,536 rows at once."""
MAX_DEVICES = 256
"""Distinct devices kept per group: the smallest hashes. Exact below, an estimate above (`estimate_devices`)."""
HASH_BITS = 48
SUBBUCKET_BITS = 6
"""Histogram buckets per power of two, as bits: 64, so a bucket is at most 1/64 = 1.6 % wide, its middle 0.8 % off."""
_MANTISSA_SHIFT = 52 - SUBBUCKET_BITS
_EXPONENT_BIAS = 1023 << SUBBUCKET_BITS
_BUCKET_SPAN = 1 << 18
_LOW_64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Readings:
    """Columns of equal length; one row per accepted reading.

    Attributes:
        code: Number of the group's key (`streams.keys`), >= 0.
        window: Window index.
        late: 0 or 1.
        value: Milli-units; magnitude at most 2**53.
        device: 48-bit hash.
        good, attempted: Milliseconds.
    """

    code: Ints
    window: Ints
    late: Ints
    value: Ints
    device: Ints
    good: Ints
    attempted: Ints

    def __len__(self) -> int:
        return len(self.code)


def concatenate(parts: Sequence[Readings]) -> Readings:
    """Return the rows of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    return Readings(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Readings)))


@dataclass(frozen=True, slots=True)
class Groups:
    """Aggregates, one row per (code, window, late), in order of window, code, late.

    128-bit sums are pairs of words: `low` unsigned, `high` signed. Ragged columns are flat with lengths per row.

    Attributes:
        n: Readings; count.
        total, squares: Sum of values (milli-units) and of their squares, as (low, high).
        bucket, bucket_count, bucket_length: Sparse histogram, ascending buckets.
        device, device_length: The smallest distinct device hashes, ascending, at most `MAX_DEVICES` per row.
    """

    code: Ints
    window: Ints
    late: Ints
    n: Ints
    total: tuple[Unsigned, Ints]
    squares: tuple[Unsigned, Ints]
    minimum: Ints
    maximum: Ints
    good: Ints
    attempted: Ints
    bucket: Ints
    bucket_count: Ints
    bucket_length: Ints
    device: Ints
    device_length: Ints

    def __len__(self) -> int:
        return len(self.n)


def bucket(value: Ints) -> Ints:
    """Return the log-linear histogram bucket of milli-values.

    0 for 0; positive values: exponent and the upper six bits of the mantissa, plus one; negative values mirrored. Exact
    bit arithmetic: a logarithm would differ between processors.

    Example:
        >>> bucket(np.array([0, 1, 2, -2])).tolist()
        [0, 1, 65, -65]
    """
    bits = np.abs(value).astype(np.float64).view(np.int64)
    magnitude = (bits >> _MANTISSA_SHIFT) - _EXPONENT_BIAS + 1
    return np.where(value == 0, 0, np.where(value > 0, magnitude, -magnitude))


def device_hash(device: str) -> int:
    """Return the 48-bit hash by which distinct devices are counted (BLAKE2b, big endian)."""
    return int.from_bytes(hashlib.blake2b(device.encode(), digest_size=HASH_BITS // 8).digest(), "big")


def estimate_devices(hashes: Sequence[int]) -> int:
    """Return the number of distinct devices behind a group's smallest hashes.

    Exact below `MAX_DEVICES`; else the k-minimum-values estimate (k - 1) / (largest of the k, as a fraction of all
    hashes).

    References:
        Bar-Yossef et al., "Counting distinct elements in a data stream", 2002.

    Example:
        >>> estimate_devices([3, 9, 27])
        3
    """
    if len(hashes) < MAX_DEVICES:
        return len(hashes)
    return int((MAX_DEVICES - 1) * (1 << HASH_BITS) / max(hashes))


def aggregate(readings: Readings, *, changed_from: int = 0) -> Groups:
    """Aggregate all groups that own a row at or after `changed_from`.

    Args:
        readings: 1 to 65,536 rows in the order of their offsets.
        changed_from: Rows before it are known to the reader already; groups without a newer row are left out.

    Returns:
        Absolute aggregates over *all* rows of those groups.
    """
    order, start, count = _grouped(readings, changed_from)
    group = np.repeat(np.arange(len(start), dtype=np.int64), count)
    value = readings.value[order]
    head = order[start]
    return Groups(
        code=readings.code[head],
        window=readings.window[head],
        late=readings.late[head],
        n=count,
        total=_wide_sum(value, start, group, squared=False),
        squares=_wide_sum(value, start, group, squared=True),
        minimum=np.minimum.reduceat(value, start),
        maximum=np.maximum.reduceat(value, start),
        good=np.add.reduceat(readings.good[order], start),
        attempted=np.add.reduceat(readings.attempted[order], start),
        **_histogram(group, value, len(start)),
        **_devices(group, readings.device[order], len(start)),
    )


def _grouped(readings: Readings, changed_from: int) -> tuple[Ints, Ints, Ints]:
    """Row order that puts groups together (stable), the groups' first positions, their lengths."""
    order, first = _sorted_rows(readings)
    start = np.flatnonzero(first)
    count = np.diff(np.append(start, len(order)))
    if changed_from:
        keep = order[start + count - 1] >= changed_from
        order, count = order[np.repeat(keep, count)], count[keep]
        start = np.cumsum(count) - count
    return order, start, count


def _sorted_rows(readings: Readings) -> tuple[Ints, NDArray[np.bool_]]:
    window = readings.window - readings.window.min()
    code_bits, window_bits = int(readings.code.max()).bit_length(), int(window.max()).bit_length()
    if window_bits + code_bits + 1 + INDEX_BITS > 63:
        return _sorted_by_columns(readings)
    key = ((window << code_bits) | readings.code) << 1 | readings.late
    packed = (key << INDEX_BITS) | np.arange(len(key))
    packed.sort()
    key = packed >> INDEX_BITS
    return packed & ((1 << INDEX_BITS) - 1), np.append(True, key[1:] != key[:-1])


def _sorted_by_columns(readings: Readings) -> tuple[Ints, NDArray[np.bool_]]:
    order = np.lexsort((readings.late, readings.code, readings.window))
    keys = np.stack((readings.window[order], readings.code[order], readings.late[order]))
    return order, np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0))


def _wide_sum(value: Ints, start: Ints, group: Ints, *, squared: bool) -> tuple[Unsigned, Ints]:
    """Sum of values, or of their squares, per group in 128 bits; one word is used where it suffices."""
    largest = int(np.abs(value).max())
    if (largest * largest if squared else largest) * len(value) < 2**63:
        narrow = np.add.reduceat(value * value if squared else value, start)
        return narrow.astype(np.uint64), narrow >> 63
    sums = [0] * len(start)
    for g, x in zip(group.tolist(), value.tolist(), strict=True):
        sums[g] += x * x if squared else x
    low = np.array([total & _LOW_64 for total in sums], np.uint64)
    return low, np.array([total >> 64 for total in sums], np.int64)


def _histogram(group: Ints, value: Ints, groups: int) -> dict[str, Ints]:
    packed = group * _BUCKET_SPAN + bucket(value) + _BUCKET_SPAN // 2
    packed.sort()
    first = np.flatnonzero(np.append(True, packed[1:] != packed[:-1]))
    count = np.diff(np.append(first, len(packed)))
    packed = packed[first]
    return {
        "bucket": packed % _BUCKET_SPAN - _BUCKET_SPAN // 2,
        "bucket_count": count,
        "bucket_length": np.bincount(packed // _BUCKET_SPAN, minlength=groups),
    }


def _devices(group: Ints, device: Ints, groups: int) -> dict[str, Ints]:
    packed = (group.astype(np.uint64) << np.uint64(HASH_BITS)) | device.astype(np.uint64)
    packed.sort()
    packed = packed[np.append(True, packed[1:] != packed[:-1])]
    length = np.bincount((packed >> np.uint64(HASH_BITS)).astype(np.int64), minlength=groups)
    if length.max() > MAX_DEVICES:
        rank = np.arange(len(packed)) - np.repeat(np.cumsum(length) - length, length)
        packed, length = packed[rank < MAX_DEVICES], np.minimum(length, MAX_DEVICES)
    return {"device": (packed & np.uint64((1 << HASH_BITS) - 1)).astype(np.int64), "device_length": length}
