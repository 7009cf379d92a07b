"""The target file: what a person writes. It states one promise, for one slice or for each value of some dimensions."""

from typing import Annotated, Any, Literal, get_args

import msgspec

from streams.events.judging import USUAL_SLA_GOAL, Hours, PeriodKind, Severity, SlaGoal
from streams.targets.indicators import INDICATORS, Indicator, kind_of
from streams.targets.periods import DAY_PATTERN, DURATION_PATTERN

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
ROUTE_PATTERN = r"^[a-z0-9]+([._-][a-z0-9]+)*$"
Route = Annotated[str, msgspec.Meta(pattern=ROUTE_PATTERN, max_length=80)]


class Burn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tells that the budget of the period goes too fast, at a lower severity than drift."""

    rate: Annotated[
        float,
        msgspec.Meta(
            gt=0.0,
            le=1e5,
            description="Multiple of the speed at which the budget lasts for the period; above 1 and below "
            "1 / (1 - objective), the burn when everything is bad.",
        ),
    ]
    long: Annotated[Duration, msgspec.Meta(description="The window over which enough was burnt.")]
    short: Annotated[Duration, msgspec.Meta(description="The shorter window over which it still burns.")]


class ServiceLevel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service level beside the promise, for the watermelon."""

    goal: Annotated[
        SlaGoal, msgspec.Meta(description="Percent of the tickets of a slice that should keep the service level.")
    ] = USUAL_SLA_GOAL


class Overrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a compressed profile states instead of the values above it.

    Attributes:
        run_length: Answers (or windows) to a false alert in each slice, in place of the yearly budget.
    """

    window: Duration | None = None
    min_respondents: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    run_length: Length | None = None
    recovery_length: Length | None = None
    burn: Annotated[list[Burn], msgspec.Meta(max_length=4)] | None = None


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
            pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=80, description="Equals the file's name without .yaml."
        ),
    ]
    purpose: Annotated[Sentence, msgspec.Meta(description="Why this matters, for those who are judged by it.")]
    owner: Annotated[Word, msgspec.Meta(description="Who answers for it.")]
    tenant: Annotated[
        str, msgspec.Meta(max_length=200, description="Whom it is for; without it, whom `publish --tenant` names.")
    ] = ""
    indicator: Indicator
    slice: Annotated[dict[DimensionName, Word], msgspec.Meta(description="Fixed dimensions; empty = everything.")] = {}
    for_each: Annotated[
        list[DimensionName], msgspec.Meta(max_length=3, description="One target per value of these dimensions.")
    ] = []
    values: Annotated[
        dict[DimensionName, Annotated[list[Word], msgspec.Meta(min_length=1)]],
        msgspec.Meta(description="Values of for_each dimensions; without it, those that the directory knows."),
    ] = {}
    slices: (
        Annotated[
            int, msgspec.Meta(ge=1, le=100_000, description="How many slices to expect, for `plan`; values say it too.")
        ]
        | None
    ) = None
    objective: Annotated[
        float,
        msgspec.Meta(
            ge=-100.0,
            le=480.0,
            description="Promised level, in the unit of the indicator: at least this, at most for low scores and lost "
            "time.",
        ),
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
    burn: Annotated[list[Burn], msgspec.Meta(max_length=4, description="Rules for slow burn; may be empty.")] = []
    sla: (
        Annotated[
            ServiceLevel,
            msgspec.Meta(description="Service level of the same slice; for happiness by country and service at most."),
        ]
        | None
    ) = None
    severity: Severity = "warning"
    hours: Annotated[
        Hours | None,
        msgspec.Meta(description="When alerts may call somebody; without it, working for feedback, any for telemetry."),
    ] = None
    routes: Annotated[
        list[Route], msgspec.Meta(max_length=10, description="Receivers of the alerts, by their names in the routing.")
    ] = []
    review: (
        Annotated[
            str, msgspec.Meta(pattern=DAY_PATTERN, description="When to look at the promise again, e.g. 2027-01-31.")
        ]
        | None
    ) = None
    runbook: Annotated[str, msgspec.Meta(min_length=1, max_length=500, description="Where it says what to do.")]
    profiles: Annotated[
        dict[ProfileName, Overrides], msgspec.Meta(description="Values of a profile that compresses time.")
    ] = {}

    def for_profile(self, profile: str) -> Overrides:
        """Return what the profile states instead; empty overrides if nothing."""
        return {str(name): overrides for name, overrides in self.profiles.items()}.get(profile, Overrides())

    def hours_in_force(self) -> Hours:
        """Return when alerts may call somebody: as written, else what suits the indicator."""
        return self.hours or INDICATORS[kind_of(self.indicator)].hours


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a target file, for editors; published as `infra/targets/schema.json`."""
    schema = msgspec.json.schema(TargetFile)
    properties = schema["$defs"][TargetFile.__name__]["properties"]
    for name, words in (("slice", DimensionName), ("values", DimensionName), ("profiles", ProfileName)):
        properties[name]["propertyNames"] = {"enum": list(get_args(words))}  # msgspec leaves the keys out
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "xpulse experience target", **schema}
