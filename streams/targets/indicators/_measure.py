"""What judging has to know about an indicator."""

from dataclasses import dataclass
from typing import Literal

from streams.events.judging import Hours
from streams.scores import Scale

RECORD_DIMENSIONS = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
TELEMETRY_DIMENSIONS = ("country", "site", "business_unit", "service", "application", "device_model", "os_version")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One kind of indicator: where it is read, its scale, and its words.

    A share of 1 is always the best, so where a large score is bad the scale is turned round: `Scale(lowest=480,
    highest=0)` for minutes lost, and the promise reads "at most".

    Attributes:
        reads: "blocks" of released answers, "bundles" of such blocks with their details, or closed telemetry "windows".
        scale: The objective's unit; objectives lie strictly inside.
        dimensions: Dimensions that a slice may name (a metric may allow fewer).
        detector: Name in `streams.detect.DETECTORS`.
        title: How a sentence about it begins.
        unit: Written behind a score.
        counted: What `n` counts, plural.
        least: How many of these an observation holds at least: the "k" of the release, the "people" of a bundle, "one".
        form: Pattern of a target version's metric: what exactly is measured, in words.
    """

    reads: Literal["blocks", "bundles", "windows"]
    scale: Scale
    dimensions: tuple[str, ...]
    detector: str
    title: str
    unit: str
    counted: str
    least: Literal["k", "people", "one"]
    form: str = r".*"

    @property
    def direction(self) -> Literal["at least", "at most"]:
        """Which side of the objective is promised."""
        return "at least" if self.scale.lowest < self.scale.highest else "at most"

    @property
    def is_feedback(self) -> bool:
        """Whether it is what people said."""
        return self.reads != "windows"

    @property
    def hours(self) -> Hours:
        """When alerts may call somebody, unless a target says otherwise: people's answers are for working hours."""
        return "working" if self.is_feedback else "any"

    def level(self, score: float) -> str:
        """Return a score with its unit.

        Example:
            >>> from streams.targets.indicators import INDICATORS
            >>> INDICATORS["good_time"].level(75.0)
            '75 %'
        """
        return f"{score:.6g}{self.unit}"

    def promise(self, objective: float) -> str:
        """Return an objective in words.

        Example:
            >>> from streams.targets.indicators import INDICATORS
            >>> INDICATORS["good_time"].promise(95.0)
            'at least 95 %'
        """
        return f"{self.direction} {self.level(objective)}"
