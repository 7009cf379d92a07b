"""How a value must read on a screen, worked out apart from the page: Grafana's rules, as far as panels need them."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

STEPS_S = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True)
class Moment:
    """When the page may have been drawn; unix seconds. Ages may be those of any second in between.

    Attributes:
        asked_s: When the question was asked the other way; figures that are ages hold for then.
    """

    first_s: float
    last_s: float
    asked_s: float

    def seconds(self) -> Iterator[float]:
        """Yield instants, close enough to each other for every text that may have been shown."""
        yield from (self.first_s + step / 2 for step in range(2 * math.ceil(self.last_s - self.first_s) + 1))


def config_of(panel: Mapping[str, Any], column: str) -> dict[str, Any]:
    """Return the column's configuration: the panel's, then what is said of this column."""
    found = {**panel["fieldConfig"]["defaults"], "column": column}
    for override in panel["fieldConfig"]["overrides"]:
        matcher = override["matcher"]
        if (matcher["id"], matcher["options"]) in {("byName", column), ("byRegexp", "/.*/")}:
            found |= {one["id"]: one["value"] for one in override["properties"]}
    return found


def texts(value: Any, config: Mapping[str, Any], moment: Moment) -> set[str]:
    """Return every text that may stand for a value; several only where time is in it."""
    if config.get("unit") == "dateTimeFromNow" and isinstance(value, datetime):
        at_s = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        return {f"{duration(now_s - at_s, 0)} ago" for now_s in moment.seconds()}
    if config["column"] == "age" and isinstance(value, int | float):
        ages = {value, *(value - moment.asked_s + now_s for now_s in moment.seconds())}
        return {_text(age, config) for age in ages}
    if isinstance(value, str) and (minutes := re.fullmatch(r"✔ (\d+) min", value)):
        latest = int(minutes[1])
        earliest = latest - math.ceil((moment.asked_s - moment.first_s) / 60)
        return {f"✔ {age} min" for age in range(earliest, latest + 1)}
    return {_text(value, config)}


def _text(value: Any, config: Mapping[str, Any]) -> str:
    for mapping in config.get("mappings", []):
        word = _word(value, mapping["type"], mapping["options"])
        if word:
            return word
    if value is None:
        return str(config.get("noValue", "–"))
    return value if isinstance(value, str) else figure(value, config.get("unit", "none"), config.get("decimals"))


def _word(value: Any, kind: str, options: Mapping[str, Any]) -> str:
    if kind == "value" and value is not None:
        return str(options.get(str(value), {}).get("text", ""))
    if kind == "special" and options["match"] == "null" and value is None:
        return str(options["result"]["text"])
    if kind == "range" and isinstance(value, int | float) and value >= options["from"]:
        return str(options["result"]["text"])
    return ""


def figure(value: float, unit: str, decimals: int | None) -> str:
    """Return a number in a unit.

    Example:
        >>> figure(0.734, "percentunit", 0), figure(41.26, "none", None), figure(12345, "locale", 0)
        ('73%', '41.3', '12,345')
    """
    if unit == "s":
        return duration(value, decimals)
    if unit == "percentunit":
        return f"{_rounded(value * 100, decimals)}%"
    if unit == "locale":
        return _without_zeros(f"{_rounded(value, 2 if decimals is None else decimals):,}")
    assert unit == "none", unit
    return str(_rounded(value, decimals))


def duration(seconds: float, decimals: int | None) -> str:
    """Return a time in the largest unit that it fills; without a wish with one decimal below ten of it."""
    name, step = next((one for one in STEPS_S if seconds >= one[1]), ("ms", 0.001))
    usual = 0 if seconds >= 10 * step and step > 1 else 1
    return f"{_without_zeros(f'{seconds / step:.{usual if decimals is None else decimals}f}')} {name}"


def _rounded(value: float, decimals: int | None) -> Decimal:
    """Round; without a wish to three significant digits, whole numbers not at all."""
    if decimals is None:
        if float(value).is_integer():
            return Decimal(int(value))
        return _rounded(value, max(0, 2 - math.floor(math.log10(abs(value)))))
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _without_zeros(text: str) -> str:
    return re.sub(r"\.?0+$", "", text) if "." in text else text
