"""Good time: the share of use time that was good by the metric catalogue, each closed window weighing the same."""

from typing import Annotated

import msgspec

from streams.scores import PERCENT
from streams.targets.indicators._measure import TELEMETRY_DIMENSIONS, Measure


class GoodTime(msgspec.Struct, tag_field="kind", tag="good_time", frozen=True, forbid_unknown_fields=True):
    """Share of good use time of one metric, percent."""

    metric: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=120, description="Metric of the catalogue that has a rule for good."),
    ]


MEASURE = Measure(
    reads="windows",
    scale=PERCENT,
    dimensions=TELEMETRY_DIMENSIONS,
    detector="e-detector",
    title="Good time",
    unit=" %",
    counted="windows",
    least="one",
)
