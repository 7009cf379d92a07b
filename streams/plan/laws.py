"""What is seen at a given level, as far as a plan has to assume it: a finite law of whole observations.

A block of answers is `k` independent answers, one in ten neutral; a window's share of good time is that of independent
uses, each good or bad. Real answers lean on each other and real windows have their hours, so what a plan says is for
this law; the bound on false alerts holds for any.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import NDArray

from streams.detect.observation import Observation, block_of, observed, window_of
from streams.scores import PPM, Counts

NEUTRALS = 0.1
"""Share of neutral answers, as far as the level leaves room."""

USES = 20
"""Independent uses that make up a window's share of good time."""


@dataclass(frozen=True)
class Law:
    """Observations and how probable each is.

    Attributes:
        observations: All that may be seen at once.
        chances: Their probabilities, in that order; sum 1.
    """

    observations: tuple[Observation, ...]
    chances: tuple[float, ...]

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The probabilities as an array that sums to 1."""
        chances = np.array(self.chances, dtype=np.float64)
        weights: NDArray[np.float64] = chances / chances.sum()
        return weights

    def shares(self) -> Iterator[tuple[int, float]]:
        """Return (share in parts per million, expected count in one observation) pairs; shares may repeat."""
        for observation, chance in zip(self.observations, self.chances, strict=True):
            for share_ppm, count in observation:
                yield share_ppm, count * chance

    @property
    def mean(self) -> float:
        """Expected share; 0 to 1."""
        pairs = list(self.shares())
        return sum(share * weight for share, weight in pairs) / PPM / sum(weight for _, weight in pairs)


BuildLaw = Callable[[float, int], Law]
"""Mean share and answers to an observation -> law."""


def block_law(mean: float, size: int) -> Law:
    """Return the law of a block of `size` independent answers.

    Args:
        mean: Expected share of one answer; 0 to 1.
        size: Answers in a block; >= 1.
    """
    neutral = min(NEUTRALS, mean, 1.0 - mean)
    bad, good = 1.0 - mean - neutral / 2, mean - neutral / 2
    blocks = [(d, u, size - d - u) for d in range(size + 1) for u in range(size + 1 - d)]
    return Law(
        observations=tuple(block_of(Counts(detractors=d, neutrals=u, promoters=p)) for d, u, p in blocks),
        chances=tuple(comb(size, d) * comb(size - d, u) * bad**d * neutral**u * good**p for d, u, p in blocks),
    )


def window_law(mean: float, size: int) -> Law:
    """Return the law of a window's share of good time; `size` is 1: a window is one share.

    Args:
        mean: Expected share; 0 to 1.
        size: Shares in an observation.
    """
    if size != 1:
        raise ValueError("a window is one share")
    return Law(
        observations=tuple(window_of(good, USES) for good in range(USES + 1)),
        chances=tuple(comb(USES, good) * mean**good * (1.0 - mean) ** (USES - good) for good in range(USES + 1)),
    )


def bundle_law(mean: float, size: int) -> Law:
    """Return the law of `size` independent answers of a bundle, each all good or all bad.

    For shares that is what they are; lost minutes with a cap are judged as if they were (`lost_minutes`).

    Args:
        mean: Expected share of one answer; 0 to 1.
        size: Answers in a bundle that count; >= 1.
    """
    return Law(
        observations=tuple(observed(((0, size - good), (PPM, good))) for good in range(size + 1)),
        chances=tuple(comb(size, good) * mean**good * (1.0 - mean) ** (size - good) for good in range(size + 1)),
    )


LAWS: Mapping[str, BuildLaw] = {"windows": window_law, "bundles": bundle_law}
"""What an indicator reads -> its law; where nothing is said, blocks of answers."""

_ANSWERS = f"independent answers in whole blocks, {NEUTRALS:.0%} of them neutral; slices of equal volume"
_BUNDLES = "independent answers in whole bundles, each good or bad; slices of equal volume"
_WINDOWS = f"independent windows of {USES} uses each; slices of equal volume"


_ASSUMED: Mapping[BuildLaw, str] = {window_law: _WINDOWS, bundle_law: _BUNDLES}


def assumed(reads: str) -> str:
    """Return in words what the law of an indicator assumes."""
    return _ASSUMED.get(LAWS.get(reads, block_law), _ANSWERS)


def law_of(reads: str, mean: float, size: int) -> Law:
    """Return the law of what an indicator reads.

    Args:
        reads: `Measure.reads`.
        mean: Expected share; 0 to 1.
        size: Answers in an observation: k for blocks, 1 for windows.
    """
    return LAWS.get(reads, block_law)(mean, size)
