"""Share of the answers that told lost minutes which lost more than a limit, by the bands of released bundles."""

from typing import Annotated, Literal

import msgspec

from streams.details import BAND_EDGES, Details
from streams.scores import PPM, Scale
from streams.targets.indicators._measure import RECORD_DIMENSIONS, Measure

Limit = Literal[0, 1, 3, 7, 15, 30, 60, 120, 240, 480]
"""The upper ends of the bands in which lost minutes are published."""


class LostTimeAbove(msgspec.Struct, tag_field="kind", tag="lost_time_above", frozen=True, forbid_unknown_fields=True):
    """Share of lost-time answers above a limit, percent; fewer is better."""

    minutes: Annotated[Limit, msgspec.Meta(description="Answers with more lost minutes than this count.")]

    @property
    def metric(self) -> str:
        """What is measured, in words."""
        return f"above {self.minutes} min"


def shares(metric: str, details: Details) -> list[tuple[int, int]]:
    """Return (share in parts per million, answers): 0 for an answer above the limit, 1 for any other."""
    limit = int(metric.removeprefix("above ").removesuffix(" min"))
    above = sum(details.lost_bands[BAND_EDGES.index(limit) + 1 :])
    return [(0, above), (PPM, details.lost_n - above)]


MEASURE = Measure(
    reads="bundles",
    scale=Scale(lowest=100, highest=0),
    dimensions=RECORD_DIMENSIONS,
    detector="e-detector",
    title="Share of lost time",
    unit=" %",
    counted="lost-time answers",
    least="k",
    form=rf"above ({'|'.join(map(str, BAND_EDGES))}) min",
)
