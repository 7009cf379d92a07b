"""Indicators that a target can promise. A new one is one module and one line here (and one in `Indicator`)."""

import re
from collections.abc import Callable, Mapping
from typing import cast

from streams.details import LOST_CAPS, Details
from streams.events.judging import IndicatorKind
from streams.targets.indicators import dex, good_time, happiness, lost_minutes, lost_time_above, low_scores
from streams.targets.indicators._measure import Measure
from streams.targets.indicators.dex import Dex, Leaf
from streams.targets.indicators.good_time import GoodTime
from streams.targets.indicators.happiness import Happiness
from streams.targets.indicators.lost_minutes import LostMinutes
from streams.targets.indicators.lost_time_above import LostTimeAbove
from streams.targets.indicators.low_scores import LowScores

Indicator = Happiness | GoodTime | LowScores | LostTimeAbove | LostMinutes | Dex
"""What a target file may write under `indicator`."""

_LOST_MINUTES = {cast("IndicatorKind", f"lost_minutes_{cap}"): cap for cap in LOST_CAPS}

INDICATORS: Mapping[IndicatorKind, Measure] = {
    "happiness": happiness.MEASURE,
    "good_time": good_time.MEASURE,
    "low_scores": low_scores.MEASURE,
    "lost_time_above": lost_time_above.MEASURE,
    **{kind: lost_minutes.measure(cap) for kind, cap in _LOST_MINUTES.items()},
    "dex": dex.MEASURE,
}
"""Kind -> what judging has to know."""

Shares = Callable[[str, Details], list[tuple[int, int]]]
"""Target version's metric and a bundle's details -> (share in parts per million, answers)."""

BUNDLED: Mapping[IndicatorKind, Shares] = {
    "low_scores": low_scores.shares,
    "lost_time_above": lost_time_above.shares,
    **dict.fromkeys(_LOST_MINUTES, lost_minutes.shares),
}
"""How the indicators that read bundles see one."""


def kind_of(indicator: Indicator) -> IndicatorKind:
    """Return the name under which an indicator is registered."""
    tag = indicator.__struct_config__.tag  # but for the cap, the tags are the registered names
    return cast("IndicatorKind", f"{tag}_{indicator.cap}" if isinstance(indicator, LostMinutes) else tag)


def objection(kind: IndicatorKind, metric: str, objective: float) -> str:
    """Return why a target version cannot be judged; empty if it can. What files write was checked before."""
    measure = INDICATORS[kind]
    if not re.fullmatch(measure.form, metric) or (kind == "dex" and not dex.is_read(metric)):
        return f"metric of {kind}: expected {measure.form}"
    if not 0.0 < measure.scale.share(objective) < 1.0:
        least, most = sorted((measure.scale.lowest, measure.scale.highest))
        return f"objective of {kind}: expected more than {least} and less than {most}"
    return ""


def metrics_of(kind: IndicatorKind, metric: str) -> tuple[str, ...]:
    """Return the metrics of telemetry that a target version reads; none for feedback."""
    if INDICATORS[kind].reads != "windows":
        return ()
    return tuple(leaf.metric for leaf in dex.leaves_of(metric)) if kind == "dex" else (metric,)


__all__ = [
    "BUNDLED",
    "INDICATORS",
    "Dex",
    "GoodTime",
    "Happiness",
    "Indicator",
    "Leaf",
    "LostMinutes",
    "LostTimeAbove",
    "LowScores",
    "Measure",
    "kind_of",
    "metrics_of",
    "objection",
]
