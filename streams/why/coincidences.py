"""What happened around the start of an episode: coincidences, never causes. Ranked by closeness in place and in time.

Place: 1 where a change names exactly the slice. Half for each dimension of the slice that it leaves open (it concerned
more than the slice). For each dimension that it names beyond the slice, the part of the drop that this value
contributed: a change of one service counts fully for a country that fell in that service alone, and for nothing where
that service did not fall. Half where that is not known. A change that names another value of the slice's own dimension
happened elsewhere and is left out.

Time: span / (span + distance) from the start of what is to be explained. After that start the distance counts twice, as
the start is an estimate; what came after the alert is left out. All of it is fractions of integers, so the order is the
same everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

Labels = Mapping[str, str]
HALF = Fraction(1, 2)
MOST = 5
"""Coincidences that are told at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened at one place.

    Attributes:
        kind: "deploy", "wave", "process" or "exclusion"; "telemetry" for a shift of a metric's level.
        name: Id of the change, or the metric.
        at_ms: Actual start; ms UTC.
        where: Dimension -> value; empty = everywhere.
        title: In words of the operators; may be empty.
        strength: How much there is of it, above 0 to 1; a change that was made is 1.
    """

    kind: str
    name: str
    at_ms: int
    where: Labels
    title: str = ""
    strength: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is to be explained.

    Attributes:
        slice: Dimension -> value.
        since_ms: End of the first epoch or window of the change; ms UTC.
        until_ms: When the alert was raised; ms UTC.
        reach_ms: How far back is looked.
        parts: Those whose contributions are known: dimension -> value -> part of the change, 1 = all of it.
    """

    slice: Labels
    since_ms: int
    until_ms: int
    reach_ms: int
    parts: Mapping[str, Mapping[str, Fraction]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coincidence:
    """A happening with its rank, 0 to 1; higher is closer."""

    what: Happening
    rank: Fraction


def coincidences(scene: Scene, happenings: Iterable[Happening], *, most: int = MOST) -> list[Coincidence]:
    """Return the closest happenings, closest first; ties by time (newest first), kind, name and place."""
    ranked = [
        Coincidence(what=one, rank=rank)
        for one in happenings
        if scene.since_ms - scene.reach_ms <= one.at_ms <= scene.until_ms and (rank := rank_of(scene, one)) > 0
    ]
    return sorted(ranked, key=_order)[:most]


def _order(one: Coincidence) -> tuple[object, ...]:
    what = one.what
    return -one.rank, -what.at_ms, what.kind, what.name, sorted(what.where.items()), what.title


def rank_of(scene: Scene, what: Happening) -> Fraction:
    """Return how close a happening is, 0 to 1; 0 = elsewhere."""
    return nearness(scene, what.where) * _recency(scene, what.at_ms) * what.strength


def nearness(scene: Scene, where: Labels) -> Fraction:
    """Return how much of the scene a place concerns, 0 to 1."""
    near = HALF ** sum(name not in where for name in scene.slice)
    for name, value in where.items():
        if name in scene.slice:
            near *= scene.slice[name] == value
        else:
            near *= _part(scene.parts.get(name), value)
    return near


def _part(parts: Mapping[str, Fraction] | None, value: str) -> Fraction:
    """Return the part of the change that a value contributed, 0 to 1; a half where that is not known."""
    if parts is None:
        return HALF
    return min(Fraction(1), max(Fraction(0), parts.get(value, Fraction(0))))


def _recency(scene: Scene, at_ms: int) -> Fraction:
    span = max(1, scene.reach_ms // 14)
    before, after = scene.since_ms - at_ms, at_ms - scene.since_ms
    return Fraction(span, span + max(before, 2 * after))
