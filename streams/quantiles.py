"""Quantiles from the histograms that telemetry is kept in.

A bucket holds the values that share a binary exponent and six bits of the mantissa, so it is at most 1.6 % wide. Its
middle stands for all of them: exact up to 127 thousandths of a unit, at most 0.8 % off beyond.
"""

import math
import struct
from collections.abc import Sequence
from itertools import accumulate

from streams.aggregates import SUBBUCKET_BITS

_SHIFT = 52 - SUBBUCKET_BITS
_BIAS = 1023 << SUBBUCKET_BITS


def bucket_value(bucket: int) -> float:
    """Return the value that stands for a bucket: the middle of the whole numbers in it.

    Args:
        bucket: As `streams.aggregates.bucket` numbers them; negative for negative values, 0 for 0.

    Returns:
        In thousandths of the metric's unit, as the numbers that were put in.

    Example:
        >>> bucket_value(1), bucket_value(65), bucket_value(-65), bucket_value(577)
        (1.0, 2.0, -2.0, 515.5)
    """
    if bucket == 0:
        return 0.0
    size = abs(bucket)
    middle = (_least(size) + math.ceil(_least(size + 1)) - 1) / 2
    return math.copysign(middle, bucket)


def quantile(buckets: Sequence[int], counts: Sequence[int], percent: int) -> float | None:
    """Return the value that at least `percent` % of the readings do not exceed; None without readings.

    The nearest-rank quantile of the buckets' values, in whole numbers up to the last step.

    Args:
        buckets: Ascending, each once.
        counts: Readings in each bucket.
        percent: 1 to 100.

    Example:
        >>> quantile([1, 65, 577], [50, 49, 1], 50), quantile([1, 65, 577], [50, 49, 1], 99)
        (1.0, 2.0)
    """
    n = sum(counts)
    reached = accumulate(counts)
    return next((bucket_value(b) for b, c in zip(buckets, reached, strict=True) if n and 100 * c >= percent * n), None)


def _least(size: int) -> float:
    bits = (size - 1 + _BIAS) << _SHIFT
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])
