"""How often a burn rule cries wolf while the target is exactly kept: rare, so it is drawn where it is not rare.

Drawing years on target would see nothing. So the contents of both windows at one look are drawn from laws that lean
towards what the rule asks for (exponential tilting, several leanings mixed), and each draw counts as much as it is more
probable on target (importance sampling). Looks burn in clumps: of a look that burns, one part in the length of its
clump is a new alert (Aldous). Whether a look burns is asked of the rule that judges; a clump is told as the life cycle
tells it: it has to hold before it calls, and is kept until it was away for long enough.

References:
    Bucklew, "Introduction to Rare Event Simulation", 2004.
    Aldous, "Probability Approximations via the Poisson Clumping Heuristic", 1989.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby, pairwise
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from streams.judging.burn import Z, burning_rule
from streams.judging.life_cycle import POLICIES
from streams.plan.laws import Law, law_of
from streams.scores import PPM, Moments, mean_interval
from streams.spans import MAX_SPANS, Span
from streams.targets.burn import BurnRule

RUNS = 1_000
CLUMPS = 100
"""Looks that burn whose clumps are followed."""
YEAR_MS = 365 * 86_400_000
SEED = 20_260_301
_LEANINGS = (0.0, 0.5, 0.75, 1.0, 1.3)
"""How far draws lean, as parts of the way to where the rule fires."""
_HALVINGS = 40
_STEEPEST = 60.0

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LOOKS = 60
"""Looks before and after the one that is drawn, as far as its clump is followed."""
HOLD, KEEP = POLICIES["slow_burn"].pending, POLICIES["slow_burn"].keep


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A rule and what it watches.

    Attributes:
        longest_s: Longest window of all rules of the target: parts are cut for it; seconds.
        reads: `Measure.reads`.
        objective: The promise as a share.
        per_unit: Blocks (or windows with anything in them) in an epoch or window, in the mean.
        size: Answers in a block; 1 for windows.
        unit_ms: Length of an epoch or window; milliseconds.
    """

    rule: BurnRule
    longest_s: int
    reads: str
    objective: float
    per_unit: float
    size: int
    unit_ms: int

    @cached_property
    def law(self) -> Law:
        """What is seen exactly on target."""
        return law_of(self.reads, self.objective, self.size)

    @cached_property
    def sums(self) -> Integers:
        """Per observation of the law its n, sum and sum of squares."""
        rows = [
            (
                sum(count for _, count in seen),
                sum(share * count for share, count in seen),
                sum(share * share * count for share, count in seen),
            )
            for seen in self.law.observations
        ]
        return np.array(rows, dtype=np.int64)

    @property
    def part_units(self) -> int:
        """Epochs or windows in a part of the window, as judging keeps it."""
        return max(1, -(-1_000 * self.longest_s // (MAX_SPANS * self.unit_ms)))

    def units(self, length_s: int) -> int:
        """Return the epochs or windows in a length of time."""
        return max(1, 1_000 * length_s // self.unit_ms)


def false_alerts(watch: Watch) -> float:
    """Return the expected alerts a year exactly on target; the same for the same arguments."""
    rng = np.random.default_rng(SEED)
    leanings = list(_leanings(watch))
    drawn = [one for number in range(RUNS) if (one := _draw(watch, leanings, number, rng)) is not None]
    clumps = drawn[:CLUMPS]
    all_of_them = sum(one.weight for one in clumps)
    if not all_of_them:
        return 0.0
    new = sum(one.weight * _new_part(one, watch) for one in clumps) / all_of_them
    return new * sum(one.weight for one in drawn) / RUNS * YEAR_MS / watch.unit_ms


@dataclass(frozen=True)
class _Leaning:
    """A law that leans: slopes and logarithms of the norms, for the rest of the long window and for the short one."""

    slopes: tuple[float, float]
    norms: tuple[float, float]
    chances: tuple[Floats, Floats]


def _leanings(watch: Watch) -> Iterator[_Leaning]:
    ends = [_slope(watch, _asked(watch, watch.units(length))) for length in (watch.rule.long_s, watch.rule.short_s)]
    totals = watch.sums[:, 1] / PPM
    for part in _LEANINGS:
        slopes = (part * ends[0], part * ends[1])
        raised = [watch.law.weights * np.exp(slope * totals) for slope in slopes]
        norms = (log(raised[0].sum()), log(raised[1].sum()))
        yield _Leaning(slopes, norms, (raised[0] / raised[0].sum(), raised[1] / raised[1].sum()))


def _asked(watch: Watch, units: int) -> float:
    """Return the mean share of a window from which downwards the rule fires, with as many answers as are expected."""
    most = 1.0 - watch.rule.rate * (1.0 - watch.objective)
    n = max(1, round(units * watch.per_unit * watch.size))
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        moments = Moments(n=n, total=round(n * middle * PPM), squares=round(n * middle * PPM) * PPM)
        interval = mean_interval(moments, z=Z)
        low, high = (middle, high) if interval is not None and interval.upper < most else (low, middle)
    return max(low, 0.02 * most)


def _slope(watch: Watch, mean: float) -> float:
    """Return the slope by which the law leans to a lower mean share of its answers."""
    totals, weights = watch.sums[:, 1] / PPM, watch.law.weights
    low, high = -_STEEPEST, 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        leant = weights * np.exp(middle * totals)
        low, high = (middle, high) if (leant @ totals) / leant.sum() < mean * watch.size else (low, middle)
    return high


def _draw(watch: Watch, leanings: list[_Leaning], number: int, rng: np.random.Generator) -> "_Drawn | None":
    """Return what was drawn around a look; None if that look does not burn."""
    now = watch.units(watch.longest_s) + 2 * LOOKS + int(rng.integers(watch.part_units))
    drawn = _drawn(watch, _cells(watch, now), leanings[number % len(leanings)], rng)
    drawn = replace(drawn, now=now, weight=_weight(drawn, leanings))
    return drawn if drawn.burns(now, watch) else None


def _new_part(drawn: "_Drawn", watch: Watch) -> float:
    """Return what part of an alert a look that burns is: none if its clump never holds for long enough to call."""
    before = _side(drawn.burns(drawn.now - step, watch) for step in range(1, LOOKS))
    after = _side(drawn.burns(drawn.now + step, watch) for step in range(1, LOOKS))
    clump = [*reversed(before), True, *after]
    longest = max(len(list(run)) for is_bad, run in groupby(clump) if is_bad)
    return 1 / sum(clump) if longest > HOLD else 0.0


def _side(looks: Iterable[bool]) -> list[bool]:
    """Return the looks on one side of a clump, up to where it has been away for longer than it is kept."""
    found: list[bool] = []
    for is_bad in looks:
        found.append(is_bad)
        if not any(found[-KEEP - 1 :]) and len(found) > KEEP:
            break
    return found


@lru_cache(maxsize=256)
def _cells(watch: Watch, now: int) -> Integers:
    """Return what is drawn together, as rows of (first unit, last unit, part, where it lies).

    Parts are cut where the windows of the look begin and end, and at all looks around it. They lie before the long
    window or after the look (0), in the long window (1), or in the short one (2).
    """
    end = now + LOOKS
    long, short = (now - watch.units(length) for length in (watch.rule.long_s, watch.rule.short_s))
    begin = max(0, now - watch.units(watch.longest_s) - LOOKS - watch.part_units)
    parts = range(begin // watch.part_units * watch.part_units, end, watch.part_units)
    edges = sorted(edge for edge in {begin, long, short, *parts, *range(now - LOOKS, end + 1)} if edge >= begin)
    rows = [(a, b, a // watch.part_units, _place(a, long, short, now)) for a, b in pairwise(edges)]
    return np.array(rows, dtype=np.int64)


def _place(unit: int, long: int, short: int, now: int) -> int:
    return 0 if unit < long or unit >= now else 1 if unit < short else 2


@dataclass(frozen=True)
class _Drawn:
    """What was drawn around a look.

    Attributes:
        cells: As from `_cells`.
        counts: Observations in each.
        values: Their n, sum and sum of squares.
        weight: How much more probable it is on target.
        now: The look.
    """

    cells: Integers
    counts: Integers
    values: Integers
    weight: float = 0.0
    now: int = 0

    @cached_property
    def whole(self) -> dict[int, tuple[int, int, int]]:
        """What lies in each whole part."""
        parts, starts = np.unique(self.cells[:, 2], return_index=True)  # cells are in time order
        sums = np.add.reduceat(self.values, starts, axis=0)
        return {
            part: (n, total, squares) for part, (n, total, squares) in zip(parts.tolist(), sums.tolist(), strict=True)
        }

    def burns(self, look: int, watch: Watch) -> bool:
        """Ask the rule at a look."""
        spans, at_ms = self.spans(look, watch), look * watch.unit_ms
        return burning_rule([watch.rule], spans, objective=watch.objective, at_ms=at_ms) is not None

    def spans(self, look: int, watch: Watch) -> list[Span]:
        """Return the parts as judging has them at a look: the last one up to there."""
        length_ms, running = watch.part_units * watch.unit_ms, (look - 1) // watch.part_units
        spans = [Span(part * length_ms, *sums) for part, sums in self.whole.items() if part < running]
        mine = (self.cells[:, 2] == running) & (self.cells[:, 1] <= look)
        return [*spans, Span(running * length_ms, *map(int, self.values[mine].sum(axis=0)))]


def _drawn(watch: Watch, cells: Integers, leaning: _Leaning, rng: np.random.Generator) -> _Drawn:
    units = cells[:, 1] - cells[:, 0]
    is_window = watch.reads == "windows"
    counts = rng.binomial(units, min(1.0, watch.per_unit)) if is_window else rng.poisson(units * watch.per_unit)
    values = np.zeros((len(cells), 3), dtype=np.int64)
    for place, chances in enumerate((watch.law.weights, *leaning.chances)):
        mine = cells[:, 3] == place
        values[mine] = rng.multinomial(counts[mine], chances) @ watch.sums
    return _Drawn(cells, counts, values)


def _weight(drawn: _Drawn, leanings: list[_Leaning]) -> float:
    """Return how much more probable a draw is on target than under the mixture of leanings."""
    groups = [drawn.cells[:, 3] == place for place in (1, 2)]
    counts = [float(drawn.counts[group].sum()) for group in groups]
    totals = [float(drawn.values[group, 1].sum()) / PPM for group in groups]
    logs = [
        sum(one.slopes[place] * totals[place] - counts[place] * one.norms[place] for place in (0, 1))
        for one in leanings
    ]
    most = max(logs)
    return exp(-most) / (sum(exp(each - most) for each in logs) / len(leanings))
