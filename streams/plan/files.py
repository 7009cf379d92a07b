"""A plan of a whole target file: its slices share the volume evenly, and the budget of false alerts."""

from collections.abc import Mapping, Sequence

import msgspec

from streams.errors import TargetError
from streams.events.judging import Target
from streams.judging.verdicts import Ruler
from streams.plan.forecast import YEAR_DAYS, Forecast, Outlook, forecast
from streams.plan.laws import assumed
from streams.plan.refusals import refusals
from streams.profile import Profile
from streams.targets.expansion import Stamp, expand
from streams.targets.indicators import INDICATORS
from streams.targets.spec import TargetFile

_NOBODY = Stamp(valid_from_ms=0, recorded_at_ms=0, author="plan", reason="")
_ANY = "any"


class FilePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a target file will do.

    Attributes:
        promise: The objective in words.
        counted: What volumes and delays count: answers or windows.
        unit: Of points and levels.
        slices: How many targets it stands for.
        per_day: Answers (or windows) a day, over all slices.
        budget: False alerts a year that the file allows; None = the profile states run lengths instead.
        false_alerts: Expected a year over all slices; `false_alerts_at_most`: what the guarantee allows.
        each: One slice of average volume.
        assumed: What the predictions assume.
        hints: What works but may not be meant.
    """

    id: str
    promise: str
    counted: str
    unit: str
    profile: str
    slices: int
    per_day: float
    budget: float | None
    false_alerts: float
    false_alerts_at_most: float
    each: Forecast
    assumed: str
    hints: list[str]


def plan_file(
    spec: TargetFile,
    *,
    source: str,
    profile: Profile,
    values: Mapping[str, Sequence[str]] | None = None,
    per_day: float | None = None,
) -> FilePlan:
    """Return what a checked target file will do; the same for the same arguments.

    Args:
        spec: From `read_target_file`.
        source: Its path, for messages.
        profile: Time scales.
        values: Dimension -> known values of a tenant; None = the file says how many slices there are.
        per_day: Answers (or windows) a day over all slices; None = as the file expects.

    Raises:
        TargetError: A rule can never fire or fires all the time, or the number of slices is not known.
    """
    target, slices = _sample(spec, source, profile, values)
    total = spec.expected_per_year / YEAR_DAYS if per_day is None else per_day
    outlook = Outlook(target, ruler_of(target, profile), total / slices)
    for key, reason in refusals(outlook):
        raise TargetError(f"{source}: {_stated(spec, profile, key)}: {reason}")
    each, measure = forecast(outlook), outlook.measure
    is_budget_used = spec.for_profile(profile.name).run_length is None
    plan = FilePlan(
        id=spec.id,
        promise=measure.promise(spec.objective),
        counted=measure.counted,
        unit=measure.unit,
        profile=profile.name,
        slices=slices,
        per_day=total,
        budget=spec.false_alerts_per_year if is_budget_used else None,
        false_alerts=slices * each.false_alerts,
        false_alerts_at_most=slices * each.false_alerts_at_most,
        each=each,
        assumed=assumed(measure.reads),
        hints=[],
    )
    return msgspec.structs.replace(plan, hints=_hints(plan, target))


def ruler_of(target: Target, profile: Profile) -> Ruler:
    """Return the grid that a target is judged on under a profile."""
    least = INDICATORS[target.indicator].least
    if least == "one":
        return Ruler(unit_ms=profile.window_ms, per_observation=1)
    return Ruler(unit_ms=profile.epoch_ms, per_observation=profile.k if least == "k" else profile.bundle_people)


def _sample(
    spec: TargetFile, source: str, profile: Profile, values: Mapping[str, Sequence[str]] | None
) -> tuple[Target, int]:
    """Return one of the file's targets and how many there are: they differ in nothing but their slice."""
    unknown = [name for name in spec.for_each if name not in {str(key) for key in spec.values}]
    is_open = bool(unknown) and values is None
    if is_open and spec.slices is None:
        raise TargetError(
            f"{source}: slices: how many values {', '.join(unknown)} has is not known; "
            "allowed: slices: NUMBER, their values under values, or a tenant whose directory knows them"
        )
    known: Mapping[str, Sequence[str]] = {str(name): [_ANY] for name in unknown} if values is None else values
    targets = expand(spec, tenant=spec.tenant or _ANY, profile=profile.name, values=known, stamp=_NOBODY)
    return targets[0], spec.slices if is_open and spec.slices is not None else len(targets)


def _stated(spec: TargetFile, profile: Profile, key: str) -> str:
    """Return the key under which the file states the value that counts."""
    overrides, name = spec.for_profile(profile.name), f"profiles.{profile.name}."
    if key == "false_alerts_per_year" and overrides.run_length is not None:
        return f"{name}run_length"
    stated = getattr(overrides, key.partition(".")[0], None)
    return key if stated is None else f"{name}{key}"


def _hints(plan: FilePlan, target: Target) -> list[str]:
    each, hints = plan.each, []
    if plan.budget is not None and plan.false_alerts_at_most > 1.01 * plan.budget:
        hints.append(
            f"at {plan.per_day:,.0f} {plan.counted} a day up to {plan.false_alerts_at_most:.3g} false alerts a year "
            f"are allowed, over the budget of {plan.budget:g}: set expected_per_year to {plan.per_day * YEAR_DAYS:.0f}"
        )
    if each.smallest is None:
        hints.append(f"a {target.period} of a slice is too short to notice any change in half of all cases")
    if each.missed is None:
        hints.append(f"a {target.period} of a slice is too short to prove a miss, whatever the level")
    if each.met is None:
        hints.append(
            f"a {target.period} of a slice is too short to prove that the promise was kept, whatever the level"
        )
    return hints
