"""Happiness: promoters minus detractors in percent of the released answers."""

import msgspec

from streams.scores import HAPPINESS
from streams.targets.indicators._measure import RECORD_DIMENSIONS, Measure


class Happiness(msgspec.Struct, tag_field="kind", tag="happiness", frozen=True, forbid_unknown_fields=True):
    """Happiness score of released feedback, -100 to 100."""

    @property
    def metric(self) -> str:
        """No metric: it reads feedback."""
        return ""


MEASURE = Measure(
    reads="blocks",
    scale=HAPPINESS,
    dimensions=RECORD_DIMENSIONS,
    detector="e-detector",
    title="Happiness",
    unit="",
    counted="answers",
    least="k",
)
