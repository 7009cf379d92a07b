"""From the text of a target file to a checked `TargetFile`; every complaint names file, key and allowed values."""

import re
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from streams.errors import TargetError
from streams.targets.burn import largest_burn
from streams.targets.complaints import explained
from streams.targets.documents import load_document
from streams.targets.indicators import INDICATORS, Dex, kind_of, metrics_of
from streams.targets.periods import SHORTEST_DAYS, seconds
from streams.targets.spec import Burn, TargetFile

SERVICE_LEVEL_BY = frozenset({"country", "service"})
"""Dimensions that the service level is published by."""


def read_target_file(text: str, *, source: str, metrics: Mapping[str, Sequence[str]] | None = None) -> TargetFile:
    """Return the checked target file.

    Args:
        text: YAML.
        source: Path of the file, for messages; its stem must be the target's id.
        metrics: Metric with a rule for good -> dimensions it is grouped by; None = not checked.

    Raises:
        TargetError: The file cannot be judged; names file, key and allowed values.
    """
    document = load_document(text, source=source)
    try:
        spec = msgspec.convert(document, TargetFile)
    except msgspec.ValidationError as error:
        raise TargetError(f"{source}: {explained(str(error), document)}") from error
    _check_name(spec, source)
    _check_objective(spec, source)
    _check_review(spec, source)
    _check_burn(spec, source)
    _check_dimensions(spec, source, metrics)
    _check_values(spec, source)
    _check_service_level(spec, source)
    return spec


def _check_name(spec: TargetFile, source: str) -> None:
    stem = re.sub(r"\.ya?ml$", "", re.split(r"[/\\]", source)[-1])
    if spec.id != stem:
        raise TargetError(f"{source}: id: {spec.id!r} must equal the file's name, {stem!r}")


def _check_objective(spec: TargetFile, source: str) -> None:
    measure = INDICATORS[kind_of(spec.indicator)]
    scale = measure.scale
    if not 0.0 < scale.share(spec.objective) < 1.0:
        least, most = sorted((scale.lowest, scale.highest))
        raise TargetError(
            f"{source}: objective: {measure.level(spec.objective)} can never drift; "
            f"{kind_of(spec.indicator)} takes more than {least} and less than {most}"
        )


def _check_review(spec: TargetFile, source: str) -> None:
    try:
        date.fromisoformat(spec.review or "2000-01-01")
    except ValueError:
        raise TargetError(f"{source}: review: {spec.review} is no day of the calendar; allowed: dates") from None


def _check_burn(spec: TargetFile, source: str) -> None:
    """Refuse rules that can never fire or would fire all the time, whatever the volume."""
    _check_rates(spec, spec.burn, f"{source}: burn")
    for name, overrides in spec.profiles.items():
        _check_rates(spec, overrides.burn or (), f"{source}: profiles.{name}.burn")


def _check_rates(spec: TargetFile, rules: Sequence[Burn], key: str) -> None:
    measure = INDICATORS[kind_of(spec.indicator)]
    most = largest_burn(measure.scale.share(spec.objective))
    allowed = f"allowed: above 1 and below {most:.4g}"
    for index, rule in enumerate(rules):
        where = f"{key}.{index}"
        if rule.rate >= most * (1.0 - 1e-9):  # rounding may leave the end a hair above
            raise TargetError(
                f"{where}.rate: an objective of {measure.level(spec.objective)} can burn at {most:.4g} at most, "
                f"so {rule.rate:g} can never fire; {allowed}"
            )
        if rule.rate <= 1.0:
            raise TargetError(
                f"{where}.rate: {rule.rate:g} would fire all the time: a target that is just kept burns at 1; {allowed}"
            )
        _check_windows(spec, rule, where)


def _check_windows(spec: TargetFile, rule: Burn, where: str) -> None:
    if seconds(rule.short) >= seconds(rule.long):
        raise TargetError(f"{where}.short: {rule.short} is not shorter than long, {rule.long}; allowed: less than that")
    days = SHORTEST_DAYS[spec.period]
    if seconds(rule.long) > days * 86_400:
        raise TargetError(f"{where}.long: {rule.long} is longer than a {spec.period}; allowed: up to {days}d")


def _check_dimensions(spec: TargetFile, source: str, metrics: Mapping[str, Sequence[str]] | None) -> None:
    allowed = _allowed_dimensions(spec, source, metrics)
    for key, names in (("slice", list(spec.slice)), ("for_each", spec.for_each)):
        for name in names:
            if name not in allowed:
                raise TargetError(f"{source}: {key}: no dimension {name!r} here; allowed: {', '.join(allowed)}")


def _allowed_dimensions(spec: TargetFile, source: str, metrics: Mapping[str, Sequence[str]] | None) -> Sequence[str]:
    """Return the dimensions that all that the indicator reads is grouped by."""
    kind = kind_of(spec.indicator)
    allowed: Sequence[str] = INDICATORS[kind].dimensions
    if metrics is None:
        return allowed
    for index, metric in enumerate(metrics_of(kind, spec.indicator.metric)):
        if metric not in metrics:
            key = f"leaves.{index}.metric" if isinstance(spec.indicator, Dex) else "metric"
            raise TargetError(
                f"{source}: indicator.{key}: no metric {metric!r} with a rule for good; "
                f"allowed: {', '.join(sorted(metrics)) or 'none'}"
            )
        grouped = metrics[metric]
        allowed = grouped if not index else [name for name in allowed if name in grouped]
    return allowed


def _check_values(spec: TargetFile, source: str) -> None:
    if len(set(spec.for_each)) != len(spec.for_each):
        raise TargetError(f"{source}: for_each: a dimension is named twice")
    for name in spec.for_each:
        if name in spec.slice:
            raise TargetError(f"{source}: for_each: {name!r} is fixed by slice already")
    for name, values in spec.values.items():
        if name not in spec.for_each:
            raise TargetError(
                f"{source}: values: {name!r} is not in for_each; allowed: {', '.join(spec.for_each) or 'none'}"
            )
        if len(set(values)) != len(values):
            raise TargetError(f"{source}: values.{name}: a value is named twice")


def _check_service_level(spec: TargetFile, source: str) -> None:
    if spec.sla is None:
        return
    kind, names = kind_of(spec.indicator), [*spec.slice, *spec.for_each]
    if kind != "happiness" or not SERVICE_LEVEL_BY.issuperset(names):
        raise TargetError(
            f"{source}: sla: there is no service level beside {kind} by {', '.join(names) or 'nothing'}; "
            f"allowed: happiness by {', '.join(sorted(SERVICE_LEVEL_BY))}, or by less"
        )
