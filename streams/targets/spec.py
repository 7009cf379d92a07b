"""The target file: what a person writes. It states one promise, for one slice or for each value of some dimensions."""

from typing import Annotated, Any, Literal, get_args

import msgspec

from streams.events.judging import PeriodKind, Severity
from streams.targets.indicators import Indicator
from streams.targets.periods import DURATION_PATTERN

DimensionName = Literal[
    "country",
    "site",
    "business_unit",
    "service",
    "channel",
    "assignment_group",
    "touchpoint",
    "application",
    "device_model",
    "os_version",
]
ProfileName = Literal["standard", "demo"]

Duration = Annotated[
    str, msgspec.Meta(pattern=DURATION_PATTERN, description="A whole number and s, m, h or d, e.g. 30s, 7d.")
]
Length = Annotated[float, msgspec.Meta(ge=1.0, le=1e12)]
Rate = Annotated[float, msgspec.Meta(gt=0.0, le=1e12)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Overrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a compressed profile states instead of the values above it.

    Attributes:
        run_length: Answers (or windows) to a false alert in each slice, in place of the yearly budget.
    """

    window: Duration | None = None
    min_respondents: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    run_length: Length | None = None
    recovery_length: Length | None = None


class TargetFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target file.

    Attributes:
        expected_per_year: Answers (or windows) a year, over all slices of the file together.
        false_alerts_per_year: Budget that all slices of the file share.
        recovery_length: Answers (or windows) of one slice to a false all-clear; 30 days of a slice's volume is usual.
    """

    id: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80, description="Equals the file's name without .yaml."
        ),
    ]
    purpose: Annotated[Sentence, msgspec.Meta(description="Why this matters, for those who are judged by it.")]
    owner: Annotated[Word, msgspec.Meta(description="Who answers for it.")]
    indicator: Indicator
    slice: Annotated[dict[DimensionName, Word], msgspec.Meta(description="Fixed dimensions; empty = everything.")] = {}
    for_each: Annotated[
        list[DimensionName], msgspec.Meta(max_length=3, description="One target per value of these dimensions.")
    ] = []
    values: Annotated[
        dict[DimensionName, Annotated[list[Word], msgspec.Meta(min_length=1)]],
        msgspec.Meta(description="Values of for_each dimensions; without it, those that the directory knows."),
    ] = {}
    objective: Annotated[
        float, msgspec.Meta(ge=-100.0, le=100.0, description="Promised level, in the indicator's unit.")
    ]
    period: Annotated[PeriodKind, msgspec.Meta(description="Calendar period of the verdict, UTC.")]
    window: Annotated[Duration, msgspec.Meta(description="Rolling window for display.")] = "7d"
    min_respondents: Annotated[
        int, msgspec.Meta(ge=1, le=10**6, description="Answers (or windows) in the period below which nothing is said.")
    ] = 30
    expected_per_year: Annotated[Rate, msgspec.Meta(description="Answers (or windows) a year, all slices together.")]
    false_alerts_per_year: Annotated[Rate, msgspec.Meta(description="False alerts a year, all slices together.")]
    recovery_length: Annotated[
        Length, msgspec.Meta(description="Answers (or windows) of one slice to a false all-clear.")
    ]
    severity: Severity = "warning"
    runbook: Annotated[str, msgspec.Meta(min_length=1, max_length=500, description="Where it says what to do.")]
    profiles: Annotated[
        dict[ProfileName, Overrides], msgspec.Meta(description="Values of a profile that compresses time.")
    ] = {}

    def for_profile(self, profile: str) -> Overrides:
        """Return what the profile states instead; empty overrides if nothing."""
        return {str(name): overrides for name, overrides in self.profiles.items()}.get(profile, Overrides())


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a target file, for editors; published as `infra/targets/schema.json`."""
    schema = msgspec.json.schema(TargetFile)
    properties = schema["$defs"][TargetFile.__name__]["properties"]
    for name, words in (("slice", DimensionName), ("values", DimensionName), ("profiles", ProfileName)):
        properties[name]["propertyNames"] = {"enum": list(get_args(words))}  # msgspec leaves the keys out
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "xpulse experience target", **schema}
