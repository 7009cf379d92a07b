"""From a target file to its targets: one per value of the `for_each` dimensions, sharing one false-alert budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from streams.errors import TargetError
from streams.events.judging import Target
from streams.targets.burn import BurnRule
from streams.targets.indicators import kind_of
from streams.targets.periods import seconds
from streams.targets.spec import ServiceLevel, TargetFile

_ESCAPES = {ord(sign): f"%{ord(sign):02X}" for sign in "%/,="}
_MAX_ID = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """Who publishes, when and why.

    Attributes:
        valid_from_ms: From when the version holds; ms UTC.
        recorded_at_ms: When it was written; ms UTC.
    """

    valid_from_ms: int
    recorded_at_ms: int
    author: str
    reason: str


def expand(
    spec: TargetFile, *, tenant: str, profile: str, values: Mapping[str, Sequence[str]], stamp: Stamp
) -> list[Target]:
    """Return the file's targets as first versions, ordered by slice.

    Args:
        spec: A checked target file.
        tenant: Whom they are for.
        profile: Name of the profile; its overrides apply.
        values: Dimension -> known values, e.g. from the directory; the file's own `values` go first.
        stamp: Who publishes, when and why.

    Raises:
        TargetError: A `for_each` dimension has no values, or an id gets too long.
    """
    return [_target(spec, slice_, tenant, profile, stamp) for slice_ in _slices(spec, values)]


def run_length(spec: TargetFile, profile: str) -> float:
    """Return the mean number of answers (or windows) to a false alert in each slice.

    It is the volume of all slices over the alerts allowed: slices see the volume in parts and so share the budget,
    whatever their sizes.
    """
    stated = spec.for_profile(profile).run_length
    return max(1.0, spec.expected_per_year / spec.false_alerts_per_year) if stated is None else stated


def burn_of_file(spec: TargetFile, profile: str) -> tuple[BurnRule, ...]:
    """Return the file's burn rules under a profile; lengths in seconds."""
    stated = spec.for_profile(profile).burn
    return tuple(
        BurnRule(rate=one.rate, long_s=seconds(one.long), short_s=seconds(one.short))
        for one in (spec.burn if stated is None else stated)
    )


def target_id(file_id: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Return the id of an expanded target; %, /, comma and = in values are escaped.

    Example:
        >>> target_id("happiness", [("country", "NO"), ("service", "e-mail")])
        'happiness/country=NO,service=e-mail'
    """
    suffix = ",".join(f"{name}={value.translate(_ESCAPES)}" for name, value in pairs)
    return f"{file_id}/{suffix}" if suffix else file_id


def _slices(spec: TargetFile, values: Mapping[str, Sequence[str]]) -> list[list[tuple[str, str]]]:
    options = [[(name, value) for value in _values(spec, name, values)] for name in spec.for_each]
    return [list(pairs) for pairs in product(*options)]


def _values(spec: TargetFile, name: str, values: Mapping[str, Sequence[str]]) -> list[str]:
    listed = {str(key): list(given) for key, given in spec.values.items()}.get(name)
    known = sorted({value for value in (values.get(name, ()) if listed is None else listed) if value})
    if not known:
        raise TargetError(f"{spec.id}: for_each: no value of {name!r} is known; list some under values.{name}")
    return known


def _target(spec: TargetFile, pairs: list[tuple[str, str]], tenant: str, profile: str, stamp: Stamp) -> Target:
    name = target_id(spec.id, pairs)
    if len(name) > _MAX_ID:
        raise TargetError(f"{spec.id}: for_each: the id of a slice is longer than {_MAX_ID} characters: {name[:60]}…")
    overrides = spec.for_profile(profile)
    return Target(
        tenant=tenant,
        target=name,
        version=1,
        state="active",
        valid_from_ms=stamp.valid_from_ms,
        recorded_at_ms=stamp.recorded_at_ms,
        author=stamp.author,
        reason=stamp.reason,
        purpose=spec.purpose,
        owner=spec.owner,
        indicator=kind_of(spec.indicator),
        metric=spec.indicator.metric,
        slice={**{str(key): value for key, value in spec.slice.items()}, **dict(pairs)},
        objective=spec.objective,
        period=spec.period,
        window_s=seconds(overrides.window or spec.window),
        min_respondents=overrides.min_respondents or spec.min_respondents,
        run_length=run_length(spec, profile),
        recovery_length=overrides.recovery_length or spec.recovery_length,
        severity=spec.severity,
        runbook=spec.runbook,
        burn=[rule.text for rule in burn_of_file(spec, profile)],
        review=spec.review or "",
        routes=list(spec.routes),
        hours=spec.hours_in_force(),
        sla_goal=(spec.sla or ServiceLevel()).goal,
    )
