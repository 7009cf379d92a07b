"""Indicators that a target can promise. A new one is one module and one line here (and one in `Indicator`)."""

from collections.abc import Mapping
from typing import cast

from streams.events.judging import IndicatorKind
from streams.targets.indicators import good_time, happiness
from streams.targets.indicators._measure import Measure
from streams.targets.indicators.good_time import GoodTime
from streams.targets.indicators.happiness import Happiness

Indicator = Happiness | GoodTime
"""What a target file may write under `indicator`."""

INDICATORS: Mapping[IndicatorKind, Measure] = {"happiness": happiness.MEASURE, "good_time": good_time.MEASURE}
"""Kind -> what judging has to know."""


def kind_of(indicator: Indicator) -> IndicatorKind:
    """Return the name under which an indicator is registered."""
    return cast("IndicatorKind", indicator.__struct_config__.tag)  # the tags are the registered names


__all__ = ["INDICATORS", "GoodTime", "Happiness", "Indicator", "Measure", "kind_of"]
