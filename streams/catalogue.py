"""The metric catalogue: which metrics there are, what is good about them, and by which dimensions they are grouped.

A metric that is not listed is not folded, and a metric is grouped by no more dimensions than it lists, so the number of
windows is bounded by this file and not by what is sent.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

import msgspec
import yaml

from streams.errors import ConfigError

Kind = Literal["gauge", "delta", "duration", "state", "event"]
"""A level, what was added since the last reading, a length of time, a state as a number, something that happened."""
Worse = Literal["higher", "lower", "none"]
Dimension = Literal["country", "site", "business_unit", "service", "application", "device_model", "os_version"]

DIMENSIONS: tuple[str, ...] = get_args(Dimension)
"""What telemetry can be grouped by."""
MAX_GROUP_BY = 4
"""Most dimensions that one metric may be grouped by; their values multiply."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_EXPECTED = "a name in small letters, digits and underscores, parts joined by dots, at most 120 characters"

_Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
_Unit = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
_Attribute = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
_Limit = Annotated[float, msgspec.Meta(gt=-float(2**43), lt=float(2**43))]
_Scale = Annotated[float, msgspec.Meta(gt=0.0, le=1e12)]
_DayMs = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]


class Good(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule that makes a reading good: exactly one of the two limits, both inclusive, in the metric's unit."""

    at_most: _Limit | None = None
    at_least: _Limit | None = None


class Otlp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the metric comes from in OTLP.

    Attributes:
        name: OTLP metric.
        attributes: Only data points that have each of these attributes with one of its values; empty = all points.
        scale: What a value is multiplied by to get the metric's unit.
        application: Attribute (of the point, else of its resource) that names the application; empty = none.
    """

    name: _Attribute
    attributes: dict[str, tuple[str, ...]] = {}
    scale: _Scale = 1.0
    application: Annotated[str, msgspec.Meta(max_length=120)] = ""


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric.

    Attributes:
        unit: Of the values, as UCUM has it: "ms", "s", "%", "MB", "1".
        group_by: Dimensions that its windows keep.
        worse: Which direction is bad for people.
        good: What makes a reading good; needs `covers_ms`.
        covers_ms: Use time that a reading stands for unless it says so itself; milliseconds.
    """

    name: str
    unit: _Unit
    kind: Kind
    description: _Words
    group_by: tuple[Dimension, ...]
    worse: Worse = "none"
    good: Good | None = None
    covers_ms: _DayMs = 0
    otlp: Otlp | None = None


@dataclass(frozen=True)
class Catalogue:
    """All metrics by name."""

    metrics: Mapping[str, Metric]

    @cached_property
    def by_otlp(self) -> Mapping[str, tuple[tuple[Metric, Otlp], ...]]:
        """OTLP metric name -> the metrics that are made of it."""
        found: dict[str, list[tuple[Metric, Otlp]]] = {}
        for metric in self.metrics.values():
            if metric.otlp is not None:
                found.setdefault(metric.otlp.name, []).append((metric, metric.otlp))
        return {name: tuple(metrics) for name, metrics in found.items()}


def parse_catalogue(text: str, *, source: str) -> Catalogue:
    """Return the catalogue that a YAML text describes.

    Args:
        text: A mapping with the key `metrics`: metric name -> its description.
        source: Name of the file, for errors.

    Raises:
        ConfigError: Names the file, the key and what is allowed there.

    Example:
        >>> text = "metrics: {boot.time: {unit: s, kind: duration, description: Start-up., group_by: [country]}}"
        >>> parse_catalogue(text, source="metrics.yaml").metrics["boot.time"].group_by
        ('country',)
    """
    document = _load(text, source)
    if not isinstance(document, dict) or set(document) != {"metrics"}:
        raise ConfigError(f"{source}: expected one key, metrics")
    metrics = document["metrics"]
    if not isinstance(metrics, dict) or not metrics:
        raise ConfigError(f"{source}: metrics: expected metric names with their descriptions")
    return Catalogue({name: _metric(name, entry, source) for name, entry in metrics.items()})


class _Loader(yaml.SafeLoader):
    """Refuses a key that comes twice, where YAML's usual loader lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value} comes twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
        return super().construct_mapping(node, deep)


def _load(text: str, source: str) -> object:
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a safe loader that refuses repeated keys
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise ConfigError(f"{source}:{line} {getattr(error, 'problem', None) or 'not YAML'}") from error
    except RecursionError as error:
        raise ConfigError(f"{source}: nested too deep") from error
    except ValueError as error:  # YAML's own types: 2026-13-01 is a date to it
        raise ConfigError(f"{source}: {error}") from error


def _metric(name: object, entry: object, source: str) -> Metric:
    place = f"{source}: metrics.{name}"
    if not isinstance(name, str) or len(name) > 120 or not _NAME.fullmatch(name):
        raise ConfigError(f"{place}: expected {_EXPECTED}")
    if not isinstance(entry, dict):
        raise ConfigError(f"{place}: expected keys {', '.join(_keys(Metric))}")
    if "name" in entry:
        raise ConfigError(f"{place}.name: unknown key; the metric's name stands before its keys")
    try:
        metric = msgspec.convert({"name": name, **entry}, Metric)
    except (msgspec.ValidationError, TypeError) as error:
        raise ConfigError(f"{place}{_explain(str(error))}") from error
    for fault in _faults(metric):
        raise ConfigError(f"{place}.{fault}")
    return metric


def _keys(struct: type[msgspec.Struct]) -> list[str]:
    return [name for name in struct.__struct_fields__ if name != "name" or struct is not Metric]


def _explain(message: str) -> str:
    """Turn msgspec's message into ".key: what is allowed"."""
    what, _, where = message.rpartition(" - at `$")
    path = where.removesuffix("`") if what else ""
    what = (what or message).replace("`", "")
    if what.startswith("Invalid enum value"):
        return f"{path}: expected one of {', '.join(_choices(path))}"
    if what.startswith("Object contains unknown field"):
        struct: type[msgspec.Struct] = Good if path == ".good" else Otlp if path == ".otlp" else Metric
        return f"{path}: {what.removeprefix('Object contains ')}; allowed: {', '.join(_keys(struct))}"
    return f"{path}: {what.removeprefix('Object ')}"


def _choices(path: str) -> tuple[str, ...]:
    return {".kind": get_args(Kind), ".worse": get_args(Worse)}.get(path, DIMENSIONS)


def _faults(metric: Metric) -> Iterable[str]:
    """Say what the types cannot: how the keys of one metric must fit together."""
    if len(set(metric.group_by)) < len(metric.group_by):
        yield "group_by: a dimension comes twice"
    if len(metric.group_by) > MAX_GROUP_BY:
        yield f"group_by: at most {MAX_GROUP_BY} dimensions"
    if metric.good is not None:
        yield from _faults_of_good(metric, metric.good)
    if metric.otlp is not None and not all(metric.otlp.attributes.values()):
        yield "otlp.attributes: each attribute needs at least one value"


def _faults_of_good(metric: Metric, good: Good) -> Iterable[str]:
    if (good.at_most is None) == (good.at_least is None):
        yield "good: expected exactly one of at_most, at_least"
    worse = "higher" if good.at_most is not None else "lower"
    if metric.worse != worse:
        yield f"worse: expected {worse}, as good has it"
    if metric.covers_ms == 0:
        yield "covers_ms: expected more than 0, as good counts use time"
