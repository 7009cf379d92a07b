"""Why an alert was raised, in one value: then and now, what contributes, how much is mix, what happened around."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from streams.scores import Scale
from streams.why.coincidences import Coincidence, Happening, Scene, coincidences
from streams.why.contributions import Share, Split, split_by
from streams.why.figures import OTHER, Row, Sums, known_dimensions, named_values, total
from streams.why.mix import Mix, Promise, is_mix, mix_by_most

MOST_DIMENSIONS, MOST_VALUES = 3, 4
"""Dimensions that are told at most, and values of each; what remains of a dimension is `OTHER`."""
MIXTURE = ("country", "service", "channel", "touchpoint")
"""Dimensions whose mixture is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be explained.

    Attributes:
        slice: Dimension -> value; empty = the whole tenant.
        scale: The unit of the score.
        dimensions: Dimensions that the published rows may have.
        least: Fewest observations of a part that is told; k for answers.
        since_ms: End of the first epoch or window of the change; ms UTC.
        until_ms: When the alert was raised; ms UTC.
        reach_ms: How far back is looked.
        promise: What the change is held against; None = whether it is one of mix is not asked.
    """

    slice: Mapping[str, str]
    scale: Scale
    dimensions: tuple[str, ...]
    least: int
    since_ms: int
    until_ms: int
    reach_ms: int
    promise: Promise | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one value of a dimension contributes; those of a dimension add up to the change exactly.

    Attributes:
        points: In the score's unit.
        share: Part of the change; 1 = all of it.
        n: Answers (windows for telemetry) since the change began.
    """

    dimension: str
    value: str
    points: Fraction
    share: Fraction
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """An explanation; scores in the objective's unit.

    Attributes:
        usual: Score before the change; None without data, and `now` likewise.
        contributions: Dimension by dimension, the one that tells most first, its largest part first.
        mix: None = not known.
        is_mix: Whether nobody need be called: the mixture changed, not what it is made of.
    """

    since_ms: int
    usual: Fraction | None = None
    usual_n: int = 0
    now: Fraction | None = None
    now_n: int = 0
    contributions: Sequence[Contribution] = ()
    mix: Mix | None = None
    is_mix: bool = False
    coincidences: Sequence[Coincidence] = field(default_factory=tuple)

    @property
    def change(self) -> Fraction | None:
        """Now minus usual, exactly; None if one of them is not known."""
        return None if self.usual is None or self.now is None else self.now - self.usual


def explain(question: Question, before: Sequence[Row], after: Sequence[Row], happenings: Iterable[Happening]) -> Why:
    """Explain a change.

    Args:
        question: What is to be explained.
        before: Published rows of the slice before the change began.
        after: Published rows of the slice since then, up to the alert.
        happenings: Changes and shifts of telemetry, anywhere and at any time.
    """
    known = known_dimensions(before, after, [name for name in question.dimensions if name not in question.slice])
    splits = {name: found for name in known if (found := split_by(before, after, name, least=question.least))}
    telling = {name: found for name, found in splits.items() if len(named_values([*before, *after], name)) > 1}
    scene = Scene(
        slice=question.slice, since_ms=question.since_ms, until_ms=question.until_ms, reach_ms=question.reach_ms,
        parts={name: _shares(found) for name, found in splits.items()},
    )  # fmt: skip
    mix = mix_by_most(before, after, [name for name in telling if name in MIXTURE])
    return Why(
        since_ms=question.since_ms,
        usual=_score(question.scale, total(before)),
        usual_n=total(before).n,
        now=_score(question.scale, total(after)),
        now_n=total(after).n,
        contributions=_contributions(telling, question.scale),
        mix=mix,
        is_mix=bool(mix and question.promise and is_mix(before, after, mix.names, question.promise)),
        coincidences=coincidences(scene, happenings),
    )


def _score(scale: Scale, sums: Sums) -> Fraction | None:
    if not sums.weight:
        return None
    return scale.lowest + (scale.highest - scale.lowest) * Fraction(sums.gain, sums.weight)


def _shares(found: Split[str]) -> dict[str, Fraction]:
    """Return what part of the change each named value contributed; nothing without a change."""
    if not found.change:
        return {}
    return {value: part.change / found.change for value, part in found.parts.items() if value != OTHER}


def _contributions(splits: Mapping[str, Split[str]], scale: Scale) -> list[Contribution]:
    told = [told for name, found in splits.items() if (told := _told(name, found, scale))]
    told.sort(key=lambda parts: -max(part.share for part in parts))
    return [part for parts in told[:MOST_DIMENSIONS] for part in parts]


def _told(name: str, found: Split[str], scale: Scale) -> list[Contribution]:
    """Return the largest parts of one dimension, and what remains as `OTHER`."""
    if not found.change:
        return []
    named = sorted(
        ((value, part) for value, part in found.parts.items() if value != OTHER),
        key=lambda pair: (-pair[1].change / found.change, pair[0]),
    )
    told = [_contribution(name, value, [part], found, scale) for value, part in named[:MOST_VALUES]]
    rest = [part for _, part in named[MOST_VALUES:]] + [part for v, part in found.parts.items() if v == OTHER]
    return [*told, _contribution(name, OTHER, rest, found, scale)] if rest else told


def _contribution(name: str, value: str, parts: Sequence[Share], found: Split[str], scale: Scale) -> Contribution:
    change = sum((part.change for part in parts), start=Fraction(0))
    return Contribution(
        dimension=name,
        value=value,
        points=(scale.highest - scale.lowest) * change,
        share=change / found.change,
        n=sum(part.after.n for part in parts),
    )
