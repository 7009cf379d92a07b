"""An always-valid interval for a mean of bounded values: true at every look at once, by betting against each mean.

Two gamblers bet on every observation, one that the mean is below `m`, one that it is above; a mean stays in the
interval as long as neither has multiplied the stake by 2/alpha (Ville's inequality). The stakes are fixed beforehand,
so the wealth is a product that needs counts only: mergeable, and blind to the order.

Shares that are not 0, 1/2 or 1 are split between two fixed nodes so that their sum is kept exactly. The logarithm is
concave, so splitting can only lower the wealth: the interval stays valid and gets hardly wider.

The interval must start at a moment fixed beforehand (a calendar period, a target version), never slide.

References:
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B, 2024.
"""

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from math import exp, log, log1p

from streams.detect.observation import Observation
from streams.scores import PPM, Interval

STAKES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
NODES = (*range(0, 900_000, 100_000), *range(900_000, 990_000, 10_000), *range(990_000, PPM + 1, 1_000))
"""Where shares are kept, parts per million; finer where good time usually lies. Holds 0, 1/2 and 1."""

UNIT = 100_000
"""Weight of one whole observation; every cell's width divides it."""

Weights = tuple[tuple[int, int], ...]
"""(node in parts per million, weight in 1/UNIT) pairs, sorted, weights > 0."""

_STEPS = 24  # halvings: the ends are known to 2^-24, i.e. 0.00001 points of happiness


def weigh(weights: Weights, observations: Iterable[Observation]) -> Weights:
    """Return the weights with the observations' shares added.

    Example:
        >>> weigh((), [((500_000, 2),), ((995_000, 1),)])
        ((500000, 200000), (995000, 100000))
    """
    sums = dict(weights)
    for observation in observations:
        for share_ppm, count in observation:
            for node, weight in _split(share_ppm):
                sums[node] = sums.get(node, 0) + weight * count
    return tuple(sorted((node, weight) for node, weight in sums.items() if weight))


def _split(share_ppm: int) -> tuple[tuple[int, int], ...]:
    right = bisect_right(NODES, share_ppm)
    low = NODES[right - 1]
    if low == share_ppm:
        return ((low, UNIT),)
    high = NODES[right]
    scale = UNIT // (high - low)
    return ((low, (high - share_ppm) * scale), (high, (share_ppm - low) * scale))


@lru_cache(maxsize=8192)
def always_valid(weights: Weights, *, alpha: float = 0.05) -> Interval:
    """Return the interval of the mean share, 0 to 1; the whole range without data.

    Args:
        weights: From `weigh`, of everything since the fixed start.
        alpha: Probability that the true mean is ever outside, at any look; 0 < alpha < 1. Holds if each value's mean
            given the past is the same throughout.

    Returns:
        Ends rounded outwards to a multiple of 2^-24.
    """
    limit = log(2.0 / alpha)
    terms = [(node / PPM, weight / UNIT) for node, weight in weights]
    mirrored = [(1.0 - share, weight) for share, weight in terms]
    return Interval(lower=_lower_end(terms, limit), upper=1.0 - _lower_end(mirrored, limit))


def _lower_end(terms: list[tuple[float, float]], limit: float) -> float:
    """Return the largest grid point that is proven to be below the mean; 0.0 if none is."""
    rejected, kept = 0, 1 << _STEPS
    while kept - rejected > 1:
        middle = (rejected + kept) // 2
        if _log_wealth(terms, middle / (1 << _STEPS)) >= limit:
            rejected = middle
        else:
            kept = middle
    return rejected / (1 << _STEPS)


def _log_wealth(terms: list[tuple[float, float]], mean: float) -> float:
    """Return the log of the wealth of a gambler who bets that the mean is above `mean` (0 < mean < 1)."""
    logs = [sum([weight * log1p(stake * (share - mean) / mean) for share, weight in terms]) for stake in STAKES]
    top = max(logs)
    return top + log(sum(exp(one - top) for one in logs) / len(logs))
