"""How much of a change is mix: the same parts, each as good as before, in another proportion. That is not drift.

The twin score keeps the earlier mixture (`streams.why.contributions`). What it moved is the change *within*; the rest
is mix. Whether a change is one of mix is asked carefully, because a wrong yes would hide a drift: mix has to explain at
least half of it, the parts that both spans contain have to be at least half of the earlier weight, and what happened
within must not be supported by the numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from streams.scores import PPM
from streams.why.contributions import Split, split
from streams.why.figures import NOTHING, Row, Sums, parted

LEAST_SHARE = Fraction(1, 2)
"""Share of the change that mix explains at least, and of the earlier weight that both spans contain."""
Z_WITHIN = 2.5758293035489004
"""Standard errors up to which a change within counts as chance: 99 %, more than for a single look at any moment, as an
alarm has chosen this one, so that what happened by chance lies on the bad side."""
_PSEUDO_N, _PSEUDO_SUM, _PSEUDO_SQUARES = 3.0, 1.5, 1.125  # as in `streams.scores`: unanimous is not without spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A change, told as mix and within; shares of good (1 = all of the scale).

    Attributes:
        names: Dimensions by whose values the parts were formed; empty = nothing could be told apart.
        twin: The later mean at the earlier mixture.
        error: Standard error of `within`.
        covered: Earlier weight of the parts that both spans contain, 0 to 1.
    """

    names: tuple[str, ...]
    change: Fraction
    within: Fraction
    twin: Fraction
    error: float
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
        names=tuple(names),
        change=cells.change,
        within=cells.rate,
        twin=cells.twin,
        error=_error(cells),
        covered=cells.covered,
    )


def mix_by_most(before: Sequence[Row], after: Sequence[Row], names: Sequence[str]) -> Mix | None:
    """Tell mix and change within apart by all of some dimensions, or by all but one if their parts are too fine.

    Parts are too fine if those that both spans contain are less than half of the earlier weight: a young change has few
    answers. The dimension that is left out is the one without which most is covered. Coarser parts find less mix.
    """
    finest = mix_of(before, after, names)
    if len(names) < 2 or (finest is not None and finest.covered >= LEAST_SHARE):
        return finest
    fewer = (mix_of(before, after, [name for name in names if name != left]) for left in names)
    return max((one for one in fewer if one is not None), key=lambda one: one.covered, default=finest)


def is_mix(mix: Mix | None, *, z: float = Z_WITHIN) -> bool:
    """Return whether a change is one of mix, so that nobody need be called for it.

    Args:
        mix: From `mix_of`; None = unknown, and then it is not.
        z: Normal quantile up to which a change within to the worse counts as chance; one to the better calls nobody.
    """
    if mix is None or mix.share is None or mix.covered < LEAST_SHARE:
        return False
    return mix.share >= LEAST_SHARE and -float(mix.within) <= z * mix.error


def _error(cells: Split[tuple[str, ...]]) -> float:
    """Return the standard error of the change within, by the spread of all observations together."""
    kept = [part for part in cells.parts.values() if part.before.weight and part.after.weight]
    weight = sum(part.before.weight for part in kept)
    inverse = sum(
        (part.before.weight / weight) ** 2 * (PPM / part.before.weight + PPM / part.after.weight) for part in kept
    )
    everything = sum((part.before + part.after for part in cells.parts.values()), start=NOTHING)
    return sqrt(_variance(everything) * inverse)


def _variance(sums: Sums) -> float:
    n = sums.weight / PPM + _PSEUDO_N
    mean = (sums.gain / PPM + _PSEUDO_SUM) / n
    return max(0.0, (sums.squares / PPM + _PSEUDO_SQUARES) / n - mean * mean)
