"""What contributes to a change, exactly: each part's own change (rate) and its share of the whole (mix) add up to it.

The share of good of a span is the sum over parts of weight times mean. Between two spans

    rate_i = v_i (m1_i - m0_i)
    mix_i  = (w1_i - v_i)(m1_i - M0) - (w0_i - v_i)(m0_i - M0)

with w the part's weight, m its mean, M0 the earlier mean of all, and v the earlier weights among the parts that both
spans contain (the *twin*: the same mixture as before). All of rate and all of mix is the change, without remainder:
these are fractions of integers. A part that only one span contains has no rate, for nothing is known of its own change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from streams.why.figures import NOTHING, OTHER, Row, Sums, parted

K = TypeVar("K")
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one part contributes to a change; `rate` and `mix` are shares of good (1 = all of the scale)."""

    rate: Fraction
    mix: Fraction
    before: Sums
    after: Sums

    @property
    def change(self) -> Fraction:
        """The part's whole contribution."""
        return self.rate + self.mix


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(Generic[K]):
    """A change and its parts; the parts add up to it exactly.

    Attributes:
        before: Mean share of good in the earlier span, 0 to 1; the later one is `after`.
        twin: Mean share of good of the later span at the earlier mixture; None if no part is in both spans.
        covered: Earlier weight of the parts that both spans contain, 0 to 1.
    """

    before: Fraction
    after: Fraction
    twin: Fraction | None
    covered: Fraction
    parts: Mapping[K, Share]

    @property
    def change(self) -> Fraction:
        """Later minus earlier."""
        return self.after - self.before

    @property
    def rate(self) -> Fraction:
        """How much of it happened inside the parts."""
        return sum((part.rate for part in self.parts.values()), start=ZERO)

    @property
    def mix(self) -> Fraction:
        """How much of it is another mixture of the parts."""
        return sum((part.mix for part in self.parts.values()), start=ZERO)


def split(before: Mapping[K, Sums], after: Mapping[K, Sums]) -> Split[K] | None:
    """Split the change between two spans over their parts; None if a span is empty."""
    weight0, weight1 = _weight(before), _weight(after)
    if not weight0 or not weight1:
        return None
    mean0, mean1 = Fraction(_gain(before), weight0), Fraction(_gain(after), weight1)
    both = {key: None for key, sums in before.items() if sums.weight and after.get(key, NOTHING).weight}
    kept = sum(before[key].weight for key in both)
    spans = _Spans(weight0=weight0, weight1=weight1, kept=kept, mean0=mean0)
    keys = [*before, *(key for key in after if key not in before)]
    parts = {key: spans.share(before.get(key, NOTHING), after.get(key, NOTHING), is_kept=key in both) for key in keys}
    twin = sum((Fraction(before[k].weight * after[k].gain, kept * after[k].weight) for k in both), start=ZERO)
    return Split(
        before=mean0, after=mean1, twin=twin if both else None, covered=Fraction(kept, weight0), parts=parts
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spans:
    weight0: int
    weight1: int
    kept: int
    mean0: Fraction

    def share(self, before: Sums, after: Sums, *, is_kept: bool) -> Share:
        """Return one part's contribution; a missing mean is never asked for, as its weight is nothing."""
        late = Fraction(after.gain, self.weight1) - Fraction(after.weight, self.weight1) * self.mean0
        early = Fraction(before.gain, self.weight0) - Fraction(before.weight, self.weight0) * self.mean0
        if not is_kept:
            return Share(rate=ZERO, mix=late - early, before=before, after=after)
        twin = Fraction(before.weight, self.kept)
        rate = twin * (Fraction(after.gain, after.weight) - Fraction(before.gain, before.weight))
        return Share(rate=rate, mix=late - early - rate, before=before, after=after)


def _weight(parts: Mapping[K, Sums]) -> int:
    return sum(sums.weight for sums in parts.values())


def _gain(parts: Mapping[K, Sums]) -> int:
    return sum(sums.gain for sums in parts.values())


def split_by(before: Sequence[Row], after: Sequence[Row], name: str, *, least: int) -> Split[str] | None:
    """Split a change over the values of one dimension.

    Args:
        before: Rows of the slice in the earlier span.
        after: Rows of the slice in the later span.
        name: The dimension.
        least: Fewest observations of a part that is told apart, in each span that contains it; smaller ones are
            `OTHER`, beside what has no name. k for answers: nothing is said about fewer people.
    """
    early, late = (_by_value(span, name) for span in (before, after))
    small = {value for span in (early, late) for value, sums in span.items() if 0 < sums.n < least}
    return split(_merged(early, small), _merged(late, small))


def _by_value(rows: Sequence[Row], name: str) -> dict[str, Sums]:
    return {value: sums for (value,), sums in sorted(parted(rows, (name,)).items())}


def _merged(parts: Mapping[str, Sums], small: set[str]) -> dict[str, Sums]:
    merged: dict[str, Sums] = {}
    for value, sums in parts.items():
        place = OTHER if value in small else value
        merged[place] = merged.get(place, NOTHING) + sums
    return merged
