"""The release rule of each tenant: that of the profile, or what a checked file says.

A change applies to answers that are not released yet. What was published stays as it is, whatever the file says later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import yaml

from streams.blocks import DIMENSIONS, MIN_K, Rule
from streams.bundles import BundleRule
from streams.cohorts import CohortRule
from streams.errors import ConfigError
from streams.profile import DAY_MS, Level
from streams.targets.periods import seconds

R = TypeVar("R")

MAX_K = 1_000
MAX_WAIT_MS = 90 * DAY_MS
MAX_DEADLINE_MS = 60 * DAY_MS
"""Invitations are kept for 90 days, and a cohort may have to wait for people as well."""
_MAX_SETS = 8
_LENGTH = "a length of time such as 10m, 8h or 2d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Generic[R]):
    """One rule per tenant.

    Attributes:
        usual: Of tenants that have none of their own.
        own: Tenant -> its rule.
    """

    usual: R
    own: Mapping[str, R] = field(default_factory=dict)

    def of(self, tenant: str) -> R:
        """Return the rule of a tenant."""
        return self.own.get(tenant, self.usual)

    @property
    def all(self) -> tuple[R, ...]:
        """Every rule that is in use."""
        return (self.usual, *self.own.values())


class _Level(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    wait: str | int
    keep: Annotated[list[list[str]], msgspec.Meta(min_length=1, max_length=_MAX_SETS)]


class _Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    k: Annotated[int, msgspec.Meta(ge=MIN_K, le=MAX_K)] | None = None
    epoch: str | None = None
    levels: Annotated[list[_Level], msgspec.Meta(min_length=1, max_length=10)] | None = None
    deadline: str | None = None


def read_release_file(text: str, *, source: str, usual: Rule) -> Rules[Rule]:
    """Return the rules that a YAML text describes.

    Args:
        text: A mapping with the key `tenants`: tenant -> any of k, epoch, levels and deadline (see `read_deadlines`);
            empty = everybody has the usual.
        source: Name of the file, for errors.
        usual: What holds where nothing is said.

    Raises:
        ConfigError: Names the file, the key and what is allowed there.

    Example:
        >>> from streams.blocks import rule_of
        >>> from streams.profile import STANDARD
        >>> read_release_file("tenants: {acme: {k: 8}}", source="release.yaml", usual=rule_of(STANDARD)).of("acme").k
        8
    """
    own = {name: _rule(own, f"{source}: tenants.{name}", usual) for name, own in _entries(text, source).items()}
    return Rules(usual=usual, own=own)


def read_deadlines(text: str, *, source: str) -> dict[str, int]:
    """Return how long invitations may be answered, of the tenants that say so; tenant -> ms.

    Args:
        text: As `read_release_file`.
        source: Name of the file, for errors.

    Raises:
        ConfigError: Names the file, the key and what is allowed there.
    """
    return {
        name: _deadline_ms(own.deadline, f"{source}: tenants.{name}.deadline")
        for name, own in _entries(text, source).items()
        if own.deadline is not None
    }


def cohort_rules(usual: CohortRule, blocks: Rules[Rule], deadlines_ms: Mapping[str, int]) -> Rules[CohortRule]:
    """Return the rules of cohorts that go with those of blocks: as many people as usual, at least the tenant's k."""
    own = {
        tenant: replace(
            usual,
            people=max(usual.people, blocks.of(tenant).k),
            epoch_ms=blocks.of(tenant).epoch_ms,
            deadline_ms=deadlines_ms.get(tenant, usual.deadline_ms),
        )
        for tenant in {*blocks.own, *deadlines_ms}
    }
    return Rules(usual=usual, own=own)


def bundle_rules(usual: BundleRule, blocks: Rules[Rule]) -> Rules[BundleRule]:
    """Return the rules of bundles that go with those of blocks: as many people as usual, at least the tenant's k."""
    own = {
        tenant: BundleRule(people=max(usual.people, rule.k), grid=replace(usual.grid, k=rule.k, epoch_ms=rule.epoch_ms))
        for tenant, rule in blocks.own.items()
    }
    return Rules(usual=usual, own=own)


def _entries(text: str, source: str) -> dict[str, _Own]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise ConfigError(f"{source}:{line} {getattr(error, 'problem', None) or 'not YAML'}") from error
    tenants = (document or {"tenants": {}}) if isinstance(document, dict | None) else None
    if tenants is None or set(tenants) != {"tenants"} or not isinstance(tenants["tenants"], dict | None):
        raise ConfigError(f"{source}: expected one key, tenants, with tenants and their rules")
    return {str(name): _own(entry, f"{source}: tenants.{name}") for name, entry in (tenants["tenants"] or {}).items()}


def _own(entry: object, place: str) -> _Own:
    if not isinstance(entry, dict):
        raise ConfigError(f"{place}: expected keys {', '.join(_Own.__struct_fields__)}")
    try:
        return msgspec.convert(entry, _Own)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{place}{_explained(str(error))}") from error


def _rule(own: _Own, place: str, usual: Rule) -> Rule:
    return replace(
        usual,
        k=usual.k if own.k is None else own.k,
        epoch_ms=usual.epoch_ms if own.epoch is None else _epoch_ms(own.epoch, f"{place}.epoch", usual.epoch_ms),
        levels=usual.levels if own.levels is None else _levels(own.levels, f"{place}.levels"),
    )


def _explained(message: str) -> str:
    what, _, where = message.rpartition(" - at `$")
    path = where.removesuffix("`") if what else ""
    what = (what or message).replace("`", "").removeprefix("Object ")
    if what.startswith("contains unknown field"):
        struct: Any = _Level if path.startswith(".levels") else _Own
        return f"{path}: {what.removeprefix('contains ')}; allowed: {', '.join(struct.__struct_fields__)}"
    return f"{path}: {what}"


def _epoch_ms(text: str, place: str, usual_ms: int) -> int:
    length_ms = _length_ms(text, place)
    if length_ms % usual_ms or length_ms > DAY_MS:
        raise ConfigError(f"{place} is {text!r}; allowed: multiples of {usual_ms // 1000} seconds, up to a day")
    return length_ms


def _levels(given: list[_Level], place: str) -> tuple[Level, ...]:
    levels = tuple(_level(one, f"{place}[{number}]") for number, one in enumerate(given))
    waits = [level.wait_ms for level in levels]
    if waits != sorted(set(waits)):
        raise ConfigError(f"{place}: expected waits that grow from level to level")
    return levels


def _level(given: _Level, place: str) -> Level:
    if isinstance(given.wait, int) and given.wait:
        raise ConfigError(f"{place}.wait is {given.wait}; allowed: 0, or {_LENGTH}")
    wait_ms = _length_ms(given.wait, f"{place}.wait") if isinstance(given.wait, str) else 0
    if wait_ms > MAX_WAIT_MS:
        raise ConfigError(f"{place}.wait is {given.wait!r}; allowed: at most {MAX_WAIT_MS // DAY_MS}d")
    for keep in given.keep:
        wrong = [name for name in keep if name not in DIMENSIONS]
        if wrong or len(set(keep)) < len(keep):
            raise ConfigError(f"{place}.keep: {(wrong or keep)[0]!r}; allowed, each once: {', '.join(DIMENSIONS)}")
    return Level(wait_ms=wait_ms, keep=tuple(tuple(keep) for keep in given.keep))


def _deadline_ms(text: str, place: str) -> int:
    length_ms = _length_ms(text, place)
    if length_ms > MAX_DEADLINE_MS:
        raise ConfigError(f"{place} is {text!r}; allowed: at most {MAX_DEADLINE_MS // DAY_MS}d")
    return length_ms


def _length_ms(text: str, place: str) -> int:
    try:
        return seconds(text) * 1000
    except ValueError as error:
        raise ConfigError(f"{place} is {text!r}; allowed: {_LENGTH}") from error
