"""Base windows of telemetry drawn from stock: a cell says how many readings of which value a window holds, and from
which devices.

The readings of a window lie on at most 16 values of its key, so one byte per value counts them all and a window is two
64-bit words; its devices are a subset of at most 64, one more word. Windows are merged by adding words and by joining
bits, exactly, and any window can be told reading by reading (`month_readings`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.errors import InvariantError

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Index = NDArray[np.int64]

SLOTS = 16
"""Values that a key has; the last one is the worst."""
LEVELS = 8
"""From the quietest hour to the busiest."""
VARIANTS = 256
"""Cells of the same kind."""
BUSY, USUAL, SPARSE = range(3)
READINGS = (
    (5, 6, 7, 8, 9, 10, 12, 14),
    (3, 4, 5, 5, 6, 6, 7, 8),
    (2, 2, 2, 2, 2, 2, 2, 2),
)
"""Readings of a base window by rate and level."""
PANELS = (4, 12, 16, 24, 48, 64)
"""How many devices a key can have."""
MERGED = 15
"""Base windows that may be merged in words."""
WEIGHTS = (
    (1.0,) * 12 + (0.8, 0.6, 0.35, 0.22),
    (0.6,) * 8 + (1.0,) * 5 + (1.6, 1.6, 1.0),
    (0.4,) * 10 + (1.0,) * 4 + (2.5, 6.0),
)
"""How frequent the values are by condition."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The stock.

    Attributes:
        words: Counts by value, a byte each; (cells, 2).
        masks: Devices as bits; (cells of devices,).
    """

    words: Words
    masks: Words

    def __post_init__(self) -> None:
        if max(map(max, READINGS)) * MERGED > 255:
            raise InvariantError("a byte cannot count the readings of merged windows")


def build_cells(seed: int) -> Cells:
    """Return the stock of a seed."""
    rng = np.random.default_rng([seed, 1])
    counts = [_counts(rng, weights, n) for weights in WEIGHTS for levels in READINGS for n in levels]
    masks = [_masks(rng, panel, n) for panel in PANELS for levels in READINGS for n in levels]
    words = np.concatenate(counts).view("<u8").reshape(-1, SLOTS // 8)
    return Cells(words.astype(np.uint64), np.concatenate(masks))


def cell_base(condition: Index, rate: int, level: Index) -> Index:
    """Return the place of the first of `VARIANTS` cells of a kind."""
    return ((condition * len(READINGS) + rate) * LEVELS + level) * VARIANTS


def mask_base(panel: Index, rate: int, level: Index) -> Index:
    """Return the place of the first of `VARIANTS` sets of devices; `panel` is an index into `PANELS`."""
    return ((panel * len(READINGS) + rate) * LEVELS + level) * VARIANTS


def counts_of(words: Words) -> Bytes:
    """Return the counts by value that words hold; one more axis of `SLOTS`."""
    packed = np.ascontiguousarray(words).astype("<u8", copy=False)
    return packed.view(np.uint8).reshape(*words.shape[:-1], SLOTS)


def _counts(rng: np.random.Generator, weights: tuple[float, ...], n: int) -> Bytes:
    shares = np.array(weights) / sum(weights)
    return rng.multinomial(n, shares, size=VARIANTS).astype(np.uint8)


def _masks(rng: np.random.Generator, panel: int, n: int) -> Words:
    """Draw as many different devices as there are readings, if the panel has them."""
    order = np.argsort(rng.random((VARIANTS, panel)), axis=1)[:, : min(n, panel)].astype(np.uint64)
    joined: Words = np.bitwise_or.reduce(np.left_shift(np.uint64(1), order), axis=1)
    return joined
