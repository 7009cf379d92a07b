"""What judging has to know about an indicator."""

from dataclasses import dataclass
from typing import Literal

from streams.scores import Scale

RECORD_DIMENSIONS = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
TELEMETRY_DIMENSIONS = ("country", "site", "business_unit", "service", "application", "device_model", "os_version")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One kind of indicator: where it is read, its scale, and its words. Lower is worse for every measure so far.

    Attributes:
        reads: "blocks" of released answers, or closed telemetry "windows".
        scale: The objective's unit; objectives lie strictly inside.
        dimensions: Dimensions that a slice may name (a metric may allow fewer).
        detector: Name in `streams.detect.DETECTORS`.
        title: How a sentence about it begins.
        unit: Written behind a score.
        counted: What `n` counts, plural.
    """

    reads: Literal["blocks", "windows"]
    scale: Scale
    dimensions: tuple[str, ...]
    detector: str
    title: str
    unit: str
    counted: str
