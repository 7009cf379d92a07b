"""The telemetry topic's JSON, read a second time: the oracle's own idea of what an event is.

Shares nothing with the codecs: the standard library's reader, and the schema's rules written down as plain predicates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from unicodedata import bidirectional, category

DIMENSIONS = ("country", "site", "business_unit", "service", "application", "device_model", "os_version")
MAX_BYTES = 65_536


def _text(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and least <= len(value) <= most and not any(map(_is_tricky, value))


def _is_tricky(sign: str) -> bool:
    """Control characters, half characters, separators of lines, switches of the writing direction, byte order marks."""
    return category(sign) in _TRICKY or bidirectional(sign) in _TRICKY or sign == "\ufeff"


def _whole(most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and 0 <= value <= most


def _is_value(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 2**43


_TRICKY = frozenset(("Cc", "Cs", "Zl", "Zp", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
_TIME = _whole(253_402_300_799_999)
_REQUIRED: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "telemetry": {
        **dict.fromkeys(("event_id", "tenant", "source", "device", "metric"), _text(1, 200)),
        "event_time_ms": _TIME,
        "value": _is_value,
    },
    "tick": {"gateway": _text(1, 200), "at_ms": _TIME},
}
_OPTIONAL: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "telemetry": {
        **dict.fromkeys(DIMENSIONS, _text(0, 120)),
        "person": _text(0, 200),
        "covers_ms": _whole(86_400_000),
        "shared": lambda value: type(value) is bool,
    },
    "tick": {},
}


def parse(raw: bytes | None) -> dict[str, Any] | None:
    """Return a canonical telemetry event or tick; None if a record is not one."""
    if raw is None or len(raw) > MAX_BYTES:
        return None
    try:
        event = json.loads(raw.decode(), parse_constant=_refuse)
        required, optional = _REQUIRED[event["signal"]], _OPTIONAL[event["signal"]]
        rules = {"signal": _text(1, 20), **required, **optional}
        is_complete = required.keys() <= event.keys() <= rules.keys()
        return event if is_complete and all(rules[name](value) for name, value in event.items()) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
