"""A DEX-like score of telemetry: shares of good time of several metrics, each on a scale of its own, weighed together.

Each closed window has one score. A metric without use in a window is missing there: the others are weighed as if they
were all, and with less than 0.6 of the weights the window has no score.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Annotated

import msgspec

from streams.dex import combined, leaf_score
from streams.scores import PERCENT, PPM
from streams.targets.indicators._measure import TELEMETRY_DIMENSIONS, Measure

MAX_TEXT = 120
_TEXT = r"[a-z0-9_.]+ [1-9][0-9]{0,3}(?: [0-9]{1,2}-[1-9][0-9]{0,2})?"
_Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class Leaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of the score.

    Attributes:
        worst: Percent of good time that scores 0, as does everything below; `best`: that scores 100.
    """

    metric: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=120, description="Metric of the catalogue that has a rule for good."),
    ]
    weight: Annotated[int, msgspec.Meta(ge=1, le=1000, description="Beside the other weights.")]
    worst: Annotated[_Percent, msgspec.Meta(description="Percent of good time that scores 0.")] = 0
    best: Annotated[_Percent, msgspec.Meta(description="Percent of good time that scores 100.")] = 100

    def __post_init__(self) -> None:
        if self.worst >= self.best:
            raise ValueError(f"worst is {self.worst} and best {self.best}: worst must be below best")

    @property
    def text(self) -> str:
        """The leaf as target versions carry it."""
        band = "" if (self.worst, self.best) == (0, 100) else f" {self.worst}-{self.best}"
        return f"{self.metric} {self.weight}{band}"


class Dex(msgspec.Struct, tag_field="kind", tag="dex", frozen=True, forbid_unknown_fields=True):
    """DEX-like score of telemetry, 0 to 100."""

    leaves: Annotated[list[Leaf], msgspec.Meta(min_length=1, max_length=8, description="What it is made of.")]

    def __post_init__(self) -> None:
        names = [leaf.metric for leaf in self.leaves]
        if len(set(names)) < len(names):
            raise ValueError("leaves name a metric twice")
        if len(self.metric) > MAX_TEXT:
            raise ValueError(f"leaves take {len(self.metric)} characters in all, at most {MAX_TEXT} are allowed")

    @property
    def metric(self) -> str:
        """What is measured, in words."""
        return " + ".join(leaf.text for leaf in self.leaves)


@lru_cache(maxsize=64)
def leaves_of(metric: str) -> tuple[Leaf, ...]:
    """Return the leaves of a target version whose metric has the form.

    Raises:
        ValueError: A band is empty.
    """
    return tuple(map(_leaf, metric.split(" + ")))


def is_read(metric: str) -> bool:
    """Return whether the leaves of a metric that has the form make sense."""
    try:
        return bool(leaves_of(metric))
    except ValueError:
        return False


def _leaf(text: str) -> Leaf:
    metric, weight, *band = text.split(" ")
    worst, best = map(int, band[0].split("-")) if band else (0, 100)
    return Leaf(metric=metric, weight=int(weight), worst=worst, best=best)


def share_of(metric: str, used: Mapping[str, tuple[int, int]]) -> int | None:
    """Return the score of one window as a share, parts per million; None if there is none.

    Args:
        metric: Of a target version.
        used: Metric -> good and attempted use time in the window; milliseconds.
    """
    score = combined((_score(leaf, *used.get(leaf.metric, (0, 0))), leaf.weight) for leaf in leaves_of(metric)).score
    return None if score is None else round(score * PPM / 100)


def _score(leaf: Leaf, good_ms: int, attempted_ms: int) -> Fraction | None:
    if attempted_ms <= 0:
        return None
    return leaf_score(Fraction(100 * good_ms, attempted_ms), band=(leaf.worst, leaf.best))


MEASURE = Measure(
    reads="windows",
    scale=PERCENT,
    dimensions=TELEMETRY_DIMENSIONS,
    detector="e-detector",
    title="DEX score",
    unit="",
    counted="windows",
    least="one",
    form=rf"{_TEXT}( \+ {_TEXT})*",
)
