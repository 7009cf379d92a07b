"""What a person looks at: the time range and the chosen values, out of those that the dashboard offers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.screens.macros import ALL
from streams.errors import ConfigError

STEP_S = 5
"""Seconds between two rounds of questions; time ranges end on a multiple, so that all who look ask the same."""

MOST_POINTS = 300
_WIDTHS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_RELATIVE = re.compile(r"now-(\d{1,4})([smhdw])")
_ABSOLUTE = re.compile(r"\d{13}")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the browser asks for; checked here, used nowhere else unchecked.

    Attributes:
        since: "now-6h" and the like, or ms UTC.
        until: "now", or ms UTC.
        chosen: Variable -> values; those that are not on offer are passed over.
    """

    since: str
    until: str = "now"
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Range:
    """A time range in unix seconds and the width of a point on it."""

    start_s: int
    end_s: int

    @property
    def interval_s(self) -> int:
        """Width of a point in seconds: at most 300 points fit."""
        wanted = (self.end_s - self.start_s) / MOST_POINTS
        return next((width for width in _WIDTHS_S if width >= wanted), _WIDTHS_S[-1])


def time_range(wish: Wish, now_s: float) -> Range:
    """Return the range that is meant.

    Raises:
        ConfigError: Not a range, or it ends before it starts.
    """
    end_s = _instant_s(wish.until, now_s, "to")
    found = Range(start_s=_instant_s(wish.since, now_s, "from"), end_s=end_s)
    if found.start_s >= found.end_s:
        raise ConfigError(f"from {wish.since} to {wish.until}: ends before it starts")
    return found


def _instant_s(text: str, now_s: float, where: str) -> int:
    end_s = -int(-now_s // STEP_S) * STEP_S  # never before now: the newest point must be in it
    if text == "now":
        return end_s
    if relative := _RELATIVE.fullmatch(text):
        return end_s - int(relative.group(1)) * _UNITS_S[relative.group(2)]
    if _ABSOLUTE.fullmatch(text):
        return int(text) // 1000
    raise ConfigError(f"{where} is {text[:40]!r}; allowed: now, now-15m (s, m, h, d, w), or milliseconds UTC")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One variable as the page shows it.

    Attributes:
        options: (text, value) in order.
        chosen: Values that are on offer; never empty if anything is.
    """

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: tuple[str, ...]
    is_multi: bool
    is_hidden: bool


def offer(variable: Mapping[str, Any], options: Sequence[tuple[str, str]], wished: Sequence[str]) -> Offer:
    """Return what may be chosen and what is: the wish as far as it is on offer, else Grafana's default."""
    if variable.get("includeAll"):
        options = [("All", ALL), *options]
    values = [value for _, value in options]
    is_multi = bool(variable.get("multi"))
    chosen = [value for value in wished if value in values] or _default(variable, values)
    return Offer(
        name=str(variable["name"]),
        label=str(variable.get("label") or variable["name"]),
        options=tuple(options),
        chosen=tuple(chosen if is_multi else chosen[:1]),
        is_multi=is_multi,
        is_hidden=variable.get("hide", 0) == 2,
    )


def _default(variable: Mapping[str, Any], values: Sequence[str]) -> list[str]:
    current = (variable.get("current") or {}).get("value", [])
    wanted = current if isinstance(current, list) else [current]
    return [value for value in wanted if value in values] or list(values[:1])


def fixed_options(variable: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the options of a variable that asks nothing: "custom" or "constant".

    Raises:
        ConfigError: Another type, which the preview does not know.
    """
    kind, text = variable["type"], str(variable.get("query", ""))
    if kind == "constant":
        return [(text, text)]
    if kind == "custom":
        return [_labelled(part.strip()) for part in re.split(r"(?<!\\),", text) if part.strip()]
    raise ConfigError(
        f"variable {variable['name']} is of type {kind}; the preview knows queries of ClickHouse, custom and constant"
    )


def _labelled(part: str) -> tuple[str, str]:
    label, sign, value = part.partition(" : ")
    return (label.strip(), value.strip()) if sign else (part.replace("\\,", ","), part.replace("\\,", ","))
