"""The e-detector of Shiryaev-Roberts kind: drift with a guaranteed mean number of observations to a false alarm.

    M_j(0) = 0;  M_j(t) = (M_j(t-1) + 1) * product over the observation's shares y of (1 + lambda_j (m0 - y))
    alarm when the mean of the M_j reaches the level

While each share's mean, given everything before, is on the good side of m0, the mean number of observations to an alarm
is at least the level, for any distribution and any dependence. Polarity is stated: `worse="lower"` finds a fall below
m0, `worse="higher"` a rise above it (lambda_j = c_j / m0 and y - m0).

Only +, * and scaling by powers of two are used, never `pow` or `log`: a replay gives the same bits on any machine with
IEEE doubles, and products cannot overflow on the way.

References:
    Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
    New England Journal of Statistics in Data Science, 2023.
"""

from dataclasses import dataclass
from math import frexp, ldexp
from typing import Literal

from streams.detect.observation import Observation
from streams.scores import PPM

STAKES = (0.05, 0.1, 0.2, 0.35, 0.5)
CAP = 1e300
"""Largest value of an M; far above any level, so a capped M always alarms (and is then reset)."""

Products = tuple[float, ...]
"""The M_j, in the order of `STAKES`."""

ZERO: Products = (0.0,) * len(STAKES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bets:
    """What an e-detector bets on.

    Attributes:
        mean: m0, the target's mean share; 0 < mean < 1.
        worse: Direction of the change that is looked for.
    """

    mean: float
    worse: Literal["lower", "higher"] = "lower"

    def factor(self, stake: float, share_ppm: int) -> float:
        """Return what a stake is multiplied by when it sees this share; > 0, its mean is <= 1 on target."""
        share = share_ppm / PPM
        if self.worse == "lower":
            return 1.0 + stake * ((self.mean - share) / (1.0 - self.mean))
        return 1.0 + stake * ((share - self.mean) / self.mean)


def advance(products: Products, observation: Observation, bets: Bets) -> Products:
    """Return the M_j after one more observation (a block, or a window)."""
    return tuple(
        multiplied(before + 1.0, observation, stake, bets) for before, stake in zip(products, STAKES, strict=True)
    )


def evidence(products: Products) -> float:
    """Return the mean of the M_j, which is compared with the level."""
    return min(CAP, sum(one / len(products) for one in products))


def multiplied(value: float, observation: Observation, stake: float, bets: Bets) -> float:
    """Return the value times the factors of the observation's shares, at most `CAP`; value >= 0."""
    mantissa, exponent = frexp(value)
    for share_ppm, count in observation:
        factor, twos = _power(bets.factor(stake, share_ppm), count)
        mantissa, more = frexp(mantissa * factor)
        exponent += twos + more
    return CAP if exponent > 990 else min(CAP, ldexp(mantissa, exponent))


def _power(base: float, count: int) -> tuple[float, int]:
    """Return base**count as (mantissa, exponent of two), by squaring; base > 0, count >= 0."""
    mantissa, exponent = 1.0, 0
    square, square_exponent = frexp(base)
    while count:
        if count & 1:
            mantissa, more = frexp(mantissa * square)
            exponent += square_exponent + more
        square, more = frexp(square * square)
        square_exponent = 2 * square_exponent + more
        count >>= 1
    return mantissa, exponent
