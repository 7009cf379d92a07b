"""What an event must keep beyond its types: numbers are finite, and text has no characters that trick a reader.

Refused in text: control characters, line and paragraph separators, the embeddings, overrides and isolates of
bidirectional text, and the byte order mark. They would reach terminals, logs and alerts, where they hide or reorder
what follows. The operators' own `Text` fields keep line breaks and tabs.
"""

import math
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, get_args

import msgspec

from streams.events import EVENTS, Event
from streams.events.fields import Text

_TRICKS = "\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff"
_NOT_IN_NAMES = re.compile(f"[\x00-\x1f{_TRICKS}]")
_NOT_IN_TEXT = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f{_TRICKS}]")


def _holds(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_holds(part, wanted) for part in get_args(annotation))


def _names(kind: type[Event], wanted: type) -> tuple[str, ...]:
    return tuple(info.name for info in msgspec.structs.fields(kind) if _holds(info.type, wanted))


_FLOATS: Mapping[type[Event], tuple[str, ...]] = {kind: _names(kind, float) for kind in EVENTS.values()}
_STRINGS: Mapping[type[Event], tuple[tuple[str, re.Pattern[str]], ...]] = {
    kind: tuple(
        (info.name, _NOT_IN_TEXT if info.type == Text else _NOT_IN_NAMES)
        for info in msgspec.structs.fields(kind)
        if _holds(info.type, str)
    )
    for kind in EVENTS.values()
}


def unbounded_field(event: Event) -> str | None:
    """Return the name of the first field that holds NaN or an infinity, or None."""
    for name in _FLOATS[type(event)]:
        value = getattr(event, name)
        if value is not None and not math.isfinite(value):
            return name
    return None


def is_tricky(name: str) -> bool:
    """Return whether a name holds a character that no name may hold.

    Example:
        >>> is_tricky("Zürich"), is_tricky("exe.\u202egnp")
        (False, True)
    """
    return not name.isprintable() and _NOT_IN_NAMES.search(name) is not None


def tricky_field(event: Event) -> str | None:
    """Return the name of the first field with a character that no name or text may hold, or None."""
    for name, forbidden in _STRINGS[type(event)]:
        value = getattr(event, name)
        text = value if isinstance(value, str) else "".join(_parts(value))
        if not text.isprintable() and forbidden.search(text):
            return name
    return None


def _parts(value: list[str] | list[dict[str, str]] | dict[str, str]) -> Iterable[str]:
    """Return all strings of a list or map, and of the maps in a list."""
    if isinstance(value, dict):
        return (*value, *value.values())
    return chain.from_iterable(_parts(part) if isinstance(part, dict) else (part,) for part in value)
