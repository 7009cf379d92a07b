"""What was published, cut to slices: epochs of released blocks, and ends of closed windows. Pure.

Both are *sheets*: a sheet tells any slice's step, and is all there will ever be for its instant.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from streams.details import Details
from streams.detect.observation import Observation, block_of, observed, window_of
from streams.events.judging import IndicatorKind
from streams.judging.verdicts import Step
from streams.scores import Counts
from streams.targets.indicators import BUNDLED
from streams.targets.indicators.dex import share_of

MIXED = "*"
"""Label of a block whose members differ in that dimension."""

Slice = Mapping[str, str]
_Names = tuple[str, ...]
_Values = tuple[str, ...]


class Sheet(Protocol):
    """What was published at one instant for one tenant."""

    @property
    def at_ms(self) -> int:
        """End of the epoch or window; ms UTC."""
        ...

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all was published at an instant at which something could have been."""
        ...

    def step(self, slice_: Slice) -> Step:
        """Return the instant as a slice sees it."""
        ...


@dataclass(frozen=True, slots=True)
class ReleasedBlock:
    """One published block: its labels (dimension -> common value, `MIXED`, or empty for unknown) and its counts."""

    labels: Mapping[str, str]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Epoch:
    """A released epoch of one tenant; blocks in block order."""

    at_ms: int
    blocks: Sequence[ReleasedBlock]
    _cuts: dict[_Names, "_Cut"] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_silent(self) -> bool:
        """Never: an epoch is only told of where people answer, and has blocks only where enough of them did."""
        return False

    def step(self, slice_: Slice) -> Step:
        """Return the blocks whose labels equal the slice, and how many answers name its dimensions at all.

        Every block that names the slice's dimensions is a chance to be one of the slice. The whole tenant has one
        chance per epoch.
        """
        names = tuple(sorted(slice_))
        cut = self._cuts.get(names) or self._cuts.setdefault(names, self._cut(names))
        mine = cut.blocks.get(tuple(slice_[name] for name in names), ())
        return Step(
            at_ms=self.at_ms,
            observations=tuple(mine),
            scope_n=cut.scope_n,
            named_n=cut.named_n,
            chances=cut.named_blocks if names else 1,
            hits=len(mine) if names else min(1, len(mine)),
        )

    def _cut(self, names: _Names) -> "_Cut":
        return _cut(((block.labels, block_of(block.counts)) for block in self.blocks), names)


@dataclass(frozen=True, slots=True)
class ReleasedBundle:
    """One published bundle: its labels, as of a block, and what it tells."""

    labels: Mapping[str, str]
    details: Details


@dataclass(frozen=True, slots=True)
class BundleEpoch:
    """An epoch of one tenant with the bundles published in it; in bundle order."""

    at_ms: int
    bundles: Sequence[ReleasedBundle]

    def seen_by(self, indicator: IndicatorKind, metric: str) -> "BundleSheet":
        """Return the epoch as an indicator sees it; a bundle in which nobody told its detail is not there."""
        shares = BUNDLED[indicator]
        rows = ((bundle.labels, observed(shares(metric, bundle.details))) for bundle in self.bundles)
        return BundleSheet(self.at_ms, [row for row in rows if row[1]])


@dataclass(frozen=True, slots=True)
class BundleSheet:
    """What the bundles of one epoch say to one indicator: their labels and observations."""

    at_ms: int
    rows: Sequence[tuple[Mapping[str, str], Observation]]
    _cuts: dict[_Names, "_Cut"] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_silent(self) -> bool:
        """Never: bundles come when enough people are together, so their absence says nothing."""
        return False

    def step(self, slice_: Slice) -> Step:
        """Return the bundles whose labels equal the slice, and how many answers name its dimensions at all.

        There are no chances to speak: silence is for blocks to tell.
        """
        names = tuple(sorted(slice_))
        cut = self._cuts.get(names) or self._cuts.setdefault(names, _cut(self.rows, names))
        mine = cut.blocks.get(tuple(slice_[name] for name in names), ())
        return Step(at_ms=self.at_ms, observations=tuple(mine), scope_n=cut.scope_n, named_n=cut.named_n)


@dataclass(frozen=True, slots=True)
class _Cut:
    """What blocks or bundles say, by the values of some dimensions."""

    blocks: Mapping[_Values, Sequence[Observation]]
    scope_n: int
    named_n: int

    @property
    def named_blocks(self) -> int:
        """How many blocks name all dimensions; count."""
        return sum(map(len, self.blocks.values()))


def _cut(rows: Iterable[tuple[Mapping[str, str], Observation]], names: _Names) -> _Cut:
    by_values: dict[_Values, list[Observation]] = defaultdict(list)
    scope_n = named_n = 0
    for labels, observation in rows:
        values = tuple(labels.get(name, "") for name in names)
        n = sum(count for _, count in observation)
        scope_n += n
        if all(value not in {MIXED, ""} for value in values):
            named_n += n
            by_values[values].append(observation)
    return _Cut(blocks=by_values, scope_n=scope_n, named_n=named_n)


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One published row of a closed window: its dimensions and its use time, milliseconds; its metric if it matters."""

    labels: Mapping[str, str]
    good_ms: int
    attempted_ms: int
    metric: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class WindowEnd:
    """A closed window of one tenant and metric; only rows that the public may see, none if there are none.

    Attributes:
        dex: What a DEX score is made of, if that is what is judged: then the rows are of several metrics.
    """

    at_ms: int
    rows: Sequence[WindowRow]
    dex: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing of the whole metric."""
        return not self.rows

    def step(self, slice_: Slice) -> Step:
        """Return the share of good time (or the DEX score) in the rows of the slice; nothing if there is none."""
        mine = [row for row in self.rows if all(row.labels.get(name, "") == value for name, value in slice_.items())]
        seen = self._score(mine) if self.dex else window_of(*_used(mine))
        return Step(at_ms=self.at_ms, observations=(seen,) if seen else (), chances=1, hits=1 if seen else 0)

    def _score(self, rows: Iterable[WindowRow]) -> Observation:
        by_metric: dict[str, list[WindowRow]] = defaultdict(list)
        for row in rows:
            by_metric[row.metric].append(row)
        share_ppm = share_of(self.dex, {metric: _used(some) for metric, some in by_metric.items()})
        return () if share_ppm is None else ((share_ppm, 1),)


def _used(rows: Sequence[WindowRow]) -> tuple[int, int]:
    """Return good and attempted use time; milliseconds."""
    return sum(row.good_ms for row in rows), sum(row.attempted_ms for row in rows)


def joined(ends: Mapping[str, Sequence[WindowEnd]], dex: str) -> list[WindowEnd]:
    """Return the windows of several metrics as those of a DEX score, oldest first.

    Args:
        ends: Metric -> its windows.
        dex: Target version's metric: what the score is made of.
    """
    rows: dict[int, list[WindowRow]] = defaultdict(list)
    for metric, some in sorted(ends.items()):
        for end in some:
            rows[end.at_ms] += [replace(row, metric=metric) for row in end.rows]
    return [WindowEnd(at_ms, rows[at_ms], dex) for at_ms in sorted(rows)]


LISTEN = 120
"""Windows for which a metric of which nothing comes any more is still judged: long enough to notice silence."""


def with_silence(
    ends: Sequence[WindowEnd], heard_ms: Iterable[int], *, after_ms: int, before_ms: int, unit_ms: int
) -> list[WindowEnd]:
    """Return the closed windows of a metric, those without any row among them as far as anybody listens.

    Args:
        ends: Windows that have rows, in (after_ms, before_ms), oldest first.
        heard_ms: Ends of earlier windows with rows, as far as they are known; 0 = none.
        after_ms: Windows end later than this; ms UTC.
        before_ms: Windows end before this: they are closed; ms UTC.
        unit_ms: Length of a window; milliseconds.
    """
    found = {one.at_ms: one for one in ends}
    for heard in {*found, *heard_ms} - {0}:
        for at_ms in range(heard + unit_ms, min(before_ms, heard + LISTEN * unit_ms + 1), unit_ms):
            if at_ms in found and found[at_ms].rows:
                break
            if at_ms > after_ms:
                found[at_ms] = WindowEnd(at_ms, ())
    return [found[at_ms] for at_ms in sorted(found)]
