"""How much of a change is mix: the same parts, each as good as before, in another proportion. That is not drift.

The twin score keeps the earlier mixture (`streams.why.contributions`). What it moved is the change *within*; the rest
is mix.

Whether nobody need be called is another question, and it is asked carefully, because a wrong yes would hide a drift:

1. The promise was kept before, and the later mixture of parts that are as good as before would not keep it. (If it
   would, what a drift has found is within its budget of false alerts. Intervals that hold at one look have none, so
   what only they show, such as a watermelon, is not asked this.)
2. That mixture is at least half of the change, as far as the change is supported: up to the mild end of an interval.
3. That parts got worse is not supported: the bets that raise a drift, now against each part's own usual mean and over
   the later span, have won less than a drift has to win, and less than they win against the promise.

An alarm chooses its moment, and with it what chance has done until then. An error of 1 % at that moment is more than
1 % of the alarms; bets keep theirs: if parts are as before, they reach the drift's level hardly more often than the
target's budget of false alerts says, wherever the span begins and ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import exp, log, log1p

from streams.detect.edetector import STAKES
from streams.scores import PPM, Moments, mean_interval
from streams.why.contributions import split
from streams.why.figures import NOTHING, Row, Sums, parted, total

LEAST_COVERED = Fraction(1, 2)
"""Earlier weight of the parts that both spans contain, below which coarser parts are taken."""
LEAST_WON = log(20.0)
"""Bets that have won less support nothing: by chance they win twentyfold in at most one case of twenty."""
_PSEUDO_N = 3.0  # as in `streams.scores`


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a change is held against.

    Attributes:
        objective: The promised mean share, 0 < objective < 1.
        level: What the bets of a drift have to win: observations to a false alarm, at least; >= 1.
        has_budget: Whether what found the change has a stated run length while the promise is kept.
    """

    objective: float
    level: float
    has_budget: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A change, told as mix and within; shares of good (1 = all of the scale).

    Attributes:
        names: Dimensions by whose values the parts were formed; empty = nothing could be told apart.
        twin: The later mean at the earlier mixture.
        covered: Earlier weight of the parts that both spans contain, 0 to 1.
    """

    names: tuple[str, ...]
    change: Fraction
    within: Fraction
    twin: Fraction
    covered: Fraction

    @property
    def mix(self) -> Fraction:
        """What is not within."""
        return self.change - self.within

    @property
    def share(self) -> Fraction | None:
        """Part of the change that is mix; 1 = all. Negative where mix hid a part of it; None without a change."""
        return self.mix / self.change if self.change else None


def mix_of(before: Sequence[Row], after: Sequence[Row], names: Sequence[str]) -> Mix | None:
    """Tell mix and change within apart.

    Args:
        before: Rows of the slice in the earlier span.
        after: Rows of the slice in the later span.
        names: Dimensions by all of which together the parts are formed.

    Returns:
        None if a span is empty or no part is in both.
    """
    cells = split(parted(before, names), parted(after, names))
    if cells is None or cells.twin is None:
        return None
    return Mix(
        names=tuple(names), change=cells.change, within=cells.rate, twin=cells.twin, covered=cells.covered
    )  # fmt: skip


def mix_by_most(before: Sequence[Row], after: Sequence[Row], names: Sequence[str]) -> Mix | None:
    """Tell mix and change within apart by all of some dimensions, or by all but one if their parts are too fine.

    Parts are too fine if those that both spans contain are less than half of the earlier weight: a young change has few
    answers. The dimension that is left out is the one without which most is covered. Coarser parts find less mix.
    """
    finest = mix_of(before, after, names)
    if len(names) < 2 or (finest is not None and finest.covered >= LEAST_COVERED):
        return finest
    fewer = (mix_of(before, after, [name for name in names if name != left]) for left in names)
    return max((one for one in fewer if one is not None), key=lambda one: one.covered, default=finest)


def is_mix(before: Sequence[Row], after: Sequence[Row], names: Sequence[str], promise: Promise) -> bool:
    """Return whether a change is one of mix, so that nobody need be called for it.

    Args:
        before: Rows of the slice in the earlier span.
        after: Rows of the slice in the later span.
        names: Dimensions by whose values the parts are formed; none = nothing can be told apart, and it is not.
        promise: What was promised, and what a drift has to be supported by.
    """
    late, early = parted(after, names), parted(before, names)
    then, now = total(before), total(after)
    if not names or not then.weight or not now.weight:
        return False
    mean = then.gain / then.weight
    usual = {part: _usual(early.get(part, NOTHING), mean) for part in late}
    expected = sum(usual[part] * sums.weight for part, sums in late.items()) / now.weight
    if mean < promise.objective or (promise.has_budget and expected >= promise.objective):
        return False
    if 2.0 * (mean - expected) < mean - _mild_end(now):
        return False
    plain = max(LEAST_WON, _won(now, promise.objective))
    return _won_of_parts(late, usual) < min(plain, log(promise.level))


def _usual(sums: Sums, whole: float) -> float:
    """Return the usual mean of a part: of one that was hardly seen nearly that of the whole."""
    return (sums.gain / PPM + _PSEUDO_N * whole) / (sums.weight / PPM + _PSEUDO_N)


def _mild_end(sums: Sums) -> float:
    """Return the upper end of the 95 % interval of a mean share."""
    interval = mean_interval(Moments(n=sums.n, total=sums.gain, squares=PPM * sums.squares))
    return interval.upper if interval else 1.0


def _won_of_parts(parts: Mapping[tuple[str, ...], Sums], usual: Mapping[tuple[str, ...], float]) -> float:
    """Return the logarithm of what bets on all parts together, or on a single one, have won on average."""
    alone = [_won(sums, usual[part]) for part, sums in parts.items()]
    return _mean_of_logs([sum(alone), *alone])


def _won(sums: Sums, mean: float) -> float:
    """Return the logarithm of what bets against a mean have won, on average over the stakes.

    Sums do not tell single shares, so each is taken as all good and all bad in proportion: bets then win the least.
    """
    good, bad = sums.gain / PPM, (sums.weight - sums.gain) / PPM
    return _mean_of_logs([bad * log1p(stake * mean / (1.0 - mean)) + good * log1p(-stake) for stake in STAKES])


def _mean_of_logs(logs: Sequence[float]) -> float:
    """Return the logarithm of the mean of numbers that are given by their logarithms."""
    most = max(logs)
    return most + log(sum(exp(one - most) for one in logs) / len(logs))
