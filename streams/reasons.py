"""Why an event was refused, in words that may be stored and shown: the field and the rule, never the sender's words.

A decoder's own message can hold what was sent (a value, the name of an unknown field). Only parts that come from our
schemas or from a fixed vocabulary pass through. A quarantined reason is one of a few hundred; an answer to the sender
may name the unknown field and the byte as well, since it returns to whoever wrote them.
"""

import re
from collections.abc import Mapping
from typing import Literal, get_args, get_origin

import msgspec

from streams.events import EVENTS, Event

MAX_REASON = 200
"""Longest reason; characters."""

_PATH = re.compile(r"\$(?:\.[a-z_]+|\[(?:\d+|\.\.\.)\])*")
_EXPECTED = re.compile(
    r"Expected `(?P<type>[a-z| ]+)`(?P<rule>(?: of length)? (?:<|<=|>|>=) -?[\d.e+]+)?(?:, got `(?P<got>[a-z]+)`)?"
)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[A-Za-z_][A-Za-z0-9_.-]{0,39})`")
_MISSING = re.compile(r"Object missing required field `(?P<name>[a-z_]+)`")
_MALFORMED = re.compile(r"JSON is malformed: (?P<fault>[a-z0-9\- ]+) \(byte (?P<byte>\d+)\)")
_INDEX = re.compile(r"\[\d+\]")

_Choices = Mapping[tuple[type[Event], str], tuple[str, ...]]
_CHOICES: _Choices = {
    (kind, f"$.{info.name}"): get_args(info.type)
    for kind in EVENTS.values()
    for info in msgspec.structs.fields(kind)
    if get_origin(info.type) is Literal
}


def explain(error: Exception, kind: type[Event] | None, *, to_sender: bool) -> str:
    """Return the reason for an exception of `msgspec`.

    Args:
        error: What the decoder raised.
        kind: The event that was being read; None = not known.
        to_sender: Name unknown fields, list positions and bytes. Not for anything that is stored.
    """
    if isinstance(error, RecursionError):
        return "$: nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "$: not valid UTF-8"
    reason = _about_object(str(error), to_sender=to_sender) or _about_value(str(error), kind)
    return reason[:MAX_REASON] if to_sender else _INDEX.sub("[...]", reason)[:MAX_REASON]


def _about_object(message: str, *, to_sender: bool) -> str | None:
    if message == "Input data was truncated":
        return "$: malformed JSON: it ends too early, or half of a surrogate pair is missing"
    if match := _MALFORMED.fullmatch(message):
        return f"$: malformed JSON: {match['fault']}" + (f" (byte {match['byte']})" if to_sender else "")
    if match := _MISSING.fullmatch(message):
        return f"$.{match['name']}: missing"
    if message.startswith("Object contains unknown field"):
        known = _UNKNOWN.fullmatch(message) if to_sender else None
        return f"$.{known['name']}: unknown field" if known else "$: unknown field"
    return None


def _about_value(message: str, kind: type[Event] | None) -> str:
    what, _, where = message.rpartition(" - at `")
    path = where.removesuffix("`")
    if not what:
        what, path = message, "$"
    if not _PATH.fullmatch(path):
        return "$: not a valid event"
    return f"{path}: {_rule(what, path, kind)}"


def _rule(what: str, path: str, kind: type[Event] | None) -> str:
    if match := _EXPECTED.fullmatch(what):
        got = f", got {match['got']}" if match["got"] else ""
        return f"expected {match['type']}{match['rule'] or ''}{got}"
    if what == "Number out of range":
        return "number out of range"
    choices = tuple(EVENTS) if path == "$.signal" and kind is None else _choices(path, kind)
    return f"not one of {', '.join(choices)}" if choices else "not an allowed value"


def _choices(path: str, kind: type[Event] | None) -> tuple[str, ...]:
    if kind is None:
        return ()
    return (str(kind.__struct_config__.tag),) if path == "$.signal" else _CHOICES.get((kind, path), ())
