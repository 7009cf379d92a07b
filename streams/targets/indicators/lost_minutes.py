"""Mean lost minutes, each answer cut off at a cap, by the sums of released bundles.

What is promised is the mean of y = min(minutes, cap) / cap, which lies between 0 and 1, so the detector and the
interval for bounded values apply. A bundle tells n and the sum S of its y, not the single values. They are taken to be
as unequal as they can be with this sum: floor(S) answers at the cap, one with the remainder, the others at none. That
keeps every guarantee: a bet multiplies by a factor 1 + c (y - m) / m, or its mirror, per answer; its logarithm is
concave in y, so of all values with the same sum the most unequal ones give the smallest product (they majorise all
others). The product that is used is therefore never above the true one: false alarms get rarer, and intervals wider,
never the reverse. The mean is kept exactly, but for rounding to parts per million.

There is one cap, because each needs a published sum of its own, and two tell too much (`streams.details`). It is part
of the name on the wire: the scale ends at it.
"""

from typing import Annotated, Literal

import msgspec

from streams.details import LOST_CAPS, Details
from streams.scores import PPM, Scale
from streams.targets.indicators._measure import RECORD_DIMENSIONS, Measure

Cap = Literal[480]
"""As `streams.details.LOST_CAPS`."""


class LostMinutes(msgspec.Struct, tag_field="kind", tag="lost_minutes", frozen=True, forbid_unknown_fields=True):
    """Mean lost minutes of the answers that told them; fewer is better."""

    cap: Annotated[Cap, msgspec.Meta(description="Minutes at which each answer is cut off.")] = 480

    @property
    def metric(self) -> str:
        """What is measured, in words."""
        return f"each up to {self.cap} min"


def shares(metric: str, details: Details) -> list[tuple[int, int]]:
    """Return (share in parts per million, answers) as unequal as the sum allows; 0 is an answer at the cap."""
    cap = int(metric.removeprefix("each up to ").removesuffix(" min"))
    at_cap, rest = divmod(details.lost_sums[LOST_CAPS.index(cap)], cap)
    between = round(PPM * (cap - rest) / cap)
    return [(0, at_cap), (between, int(rest > 0)), (PPM, details.lost_n - at_cap - int(rest > 0))]


def measure(cap: int) -> Measure:
    """Return the measure with a cap; minutes."""
    return Measure(
        reads="bundles",
        scale=Scale(lowest=cap, highest=0),
        dimensions=RECORD_DIMENSIONS,
        detector="e-detector",
        title="Mean lost time",
        unit=" min",
        counted="lost-time answers",
        least="k",
        form=rf"each up to {cap} min",
    )
