"""Share of answers at or below a score, by the histograms of released bundles."""

from typing import Annotated

import msgspec

from streams.details import Details
from streams.scores import PPM, Scale
from streams.targets.indicators._measure import RECORD_DIMENSIONS, Measure


class LowScores(msgspec.Struct, tag_field="kind", tag="low_scores", frozen=True, forbid_unknown_fields=True):
    """Share of answers at or below a score, percent; fewer is better."""

    at_most: Annotated[int, msgspec.Meta(ge=0, le=9, description="Answers with this score or a lower one count.")]

    @property
    def metric(self) -> str:
        """What is measured, in words."""
        return f"at most {self.at_most}"


def shares(metric: str, details: Details) -> list[tuple[int, int]]:
    """Return (share in parts per million, answers): 0 for a low score, 1 for any other."""
    low = sum(details.scores[: int(metric.removeprefix("at most ")) + 1])
    return [(0, low), (PPM, details.n - low)]


MEASURE = Measure(
    reads="bundles",
    scale=Scale(lowest=100, highest=0),
    dimensions=RECORD_DIMENSIONS,
    detector="e-detector",
    title="Share of scores",
    unit=" %",
    counted="answers",
    least="people",
    form=r"at most [0-9]",
)
