"""Scores with their uncertainty: happiness from three counts, means of shares, and the trend between two spans.

Everything here is additive underneath: counts and moments merge by `+`, scores are never averaged.
An answer or a window is a *share* between 0 (all bad) and 1 (all good), held as an integer in parts per million,
so that merging is exact and a score does not depend on the order in which its parts came.
"""

from dataclasses import dataclass
from math import sqrt

from streams.events.judging import Trend

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""

PPM = 1_000_000
_PSEUDO_N, _PSEUDO_SUM, _PSEUDO_SQUARES = 3.0, 1.5, 1.125  # 3/4 at 0, 3/2 at 1/2, 3/4 at 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A closed interval; the unit is that of whoever made it."""

    lower: float
    upper: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Answers by category on the 0 to 10 scale; counts >= 0.

    Attributes:
        detractors: Answers 0 to 6.
        neutrals: Answers 7 and 8.
        promoters: Answers 9 and 10.
    """

    detractors: int = 0
    neutrals: int = 0
    promoters: int = 0

    @property
    def n(self) -> int:
        """All answers; count."""
        return self.detractors + self.neutrals + self.promoters

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            detractors=self.detractors + other.detractors,
            neutrals=self.neutrals + other.neutrals,
            promoters=self.promoters + other.promoters,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """Sums over shares, enough for a mean and its spread.

    Attributes:
        n: Number of answers or windows.
        total: Sum of the shares; parts per million.
        squares: Sum of the squared shares; parts per million squared.
    """

    n: int = 0
    total: int = 0
    squares: int = 0

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(n=self.n + other.n, total=self.total + other.total, squares=self.squares + other.squares)

    def add(self, share_ppm: int, count: int = 1) -> "Moments":
        """Return the moments with `count` more shares of `share_ppm` (0 to 1,000,000)."""
        return Moments(
            n=self.n + count, total=self.total + count * share_ppm, squares=self.squares + count * share_ppm * share_ppm
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """The unit of a score: where share 0 and share 1 lie.

    Attributes:
        lowest: Score of share 0, e.g. -100 for happiness.
        highest: Score of share 1, e.g. 100; less than `lowest` where a small score is good.
    """

    lowest: int
    highest: int

    def score(self, moments: Moments) -> float | None:
        """Return the mean as a score; None without data. One division of integers, hence correctly rounded."""
        if moments.n == 0:
            return None
        units = self.lowest * moments.n * PPM + (self.highest - self.lowest) * moments.total
        return units / (moments.n * PPM)

    def at(self, share: float) -> float:
        """Return the score of a share in 0 to 1."""
        return self.lowest + (self.highest - self.lowest) * share

    def share(self, score: float) -> float:
        """Return the share of a score; the inverse of `at`."""
        return (score - self.lowest) / (self.highest - self.lowest)

    def interval(self, shares: Interval) -> Interval:
        """Return an interval of shares as an interval of scores; where share 1 is the least score, its ends swap."""
        lower, upper = sorted((self.at(shares.lower), self.at(shares.upper)))
        return Interval(lower=lower, upper=upper)


HAPPINESS = Scale(lowest=-100, highest=100)
PERCENT = Scale(lowest=0, highest=100)


def moments_of(counts: Counts) -> Moments:
    """Return the moments of answers: a detractor is share 0, a neutral 1/2, a promoter 1."""
    return Moments().add(0, counts.detractors).add(PPM // 2, counts.neutrals).add(PPM, counts.promoters)


def happiness(counts: Counts) -> float | None:
    """Return promoters minus detractors in percent of all answers; -100 to 100, None without answers.

    References:
        HappySignals, "How are happiness and lost time values calculated".

    Example:
        >>> happiness(Counts(promoters=30, neutrals=4, detractors=6))
        60.0
    """
    return HAPPINESS.score(moments_of(counts))


def standard_error(counts: Counts) -> float | None:
    """Return the plain standard error of happiness in points; None without answers.

    It is 0 for unanimous answers, however few: use `display_interval` on screens.
    """
    if counts.n == 0:
        return None
    return 200 * sqrt(_variance(moments_of(counts)) / counts.n)


def plain_interval(counts: Counts, *, z: float = Z95) -> Interval | None:
    """Return the textbook interval of happiness in points, clamped to -100 and 100; None without answers."""
    score, error = happiness(counts), standard_error(counts)
    if score is None or error is None:
        return None
    return Interval(lower=max(-100.0, score - z * error), upper=min(100.0, score + z * error))


def display_interval(counts: Counts, *, z: float = Z95) -> Interval | None:
    """Return the adjusted-Wald interval of happiness in points; None without answers.

    For display only: it is not valid for being looked at again and again (`streams.detect.confidence` is).

    References:
        Rocks, "Interval Estimation for the Net Promoter Score", The American Statistician, 2016.
    """
    shares = mean_interval(moments_of(counts), z=z)
    return None if shares is None else HAPPINESS.interval(shares)


def mean_interval(moments: Moments, *, z: float = Z95) -> Interval | None:
    """Return the adjusted-Wald interval of a mean share, clamped to 0 and 1; None without data.

    Three pseudo-observations (3/4 at 0, 3/2 at 1/2, 3/4 at 1) keep it honest for few or unanimous shares. On answers
    it is exactly the adjusted Wald interval of happiness.
    """
    if moments.n == 0:
        return None
    mean, error = _adjusted(moments)
    return Interval(lower=max(0.0, mean - z * error), upper=min(1.0, mean + z * error))


def trend(earlier: Moments, later: Moments, *, least: int = 5, z: float = Z95) -> Trend:
    """Return where the mean went between two adjacent halves of a display window.

    Args:
        earlier: The older half.
        later: The newer half.
        least: Shares that each half needs; count. Below it the trend is unknown.
        z: Normal quantile of the interval on the difference.

    Returns:
        "up" or "down" if the interval on the difference excludes zero, "flat" if it does not.
    """
    if min(earlier.n, later.n) < least:
        return "unknown"
    (before, before_error), (after, after_error) = _adjusted(earlier), _adjusted(later)
    change, margin = after - before, z * sqrt(before_error**2 + after_error**2)
    if abs(change) <= margin:
        return "flat"
    return "up" if change > 0 else "down"


def _adjusted(moments: Moments) -> tuple[float, float]:
    """Return mean share and standard error with the pseudo-observations added."""
    n = moments.n + _PSEUDO_N
    mean = (moments.total / PPM + _PSEUDO_SUM) / n
    square = (moments.squares / PPM**2 + _PSEUDO_SQUARES) / n
    return mean, sqrt(max(0.0, square - mean * mean) / n)


def _variance(moments: Moments) -> float:
    spread = moments.n * moments.squares - moments.total * moments.total  # exact: integers
    return spread / (moments.n * moments.n * PPM**2)
