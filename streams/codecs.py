"""Bytes to events and back: JSON by the schema, or Avro single-object encoding; the first byte decides.

Decoding never raises. What is not exactly one event is an `Invalid` with a reason that names the field and the rule,
and repeats nothing that was sent. Of a JSON key that comes twice the last one counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from streams.avro import FORMS, FORMS_BY_HEADER, HEADER_BYTES, MARKER
from streams.checks import tricky_field, unbounded_field
from streams.errors import InvariantError
from streams.events import EVENTS, Event, Telemetry, Tick
from streams.events.judging import Alert, Target, Verdict
from streams.events.records import Action, Change, Erasure, Feedback, Invitation, Ticket
from streams.reasons import explain

MAX_EVENT_BYTES = 65_536
"""Largest encoded event; bytes."""

AnyEvent = Telemetry | Tick | Feedback | Invitation | Ticket | Change | Action | Erasure | Target | Verdict | Alert
E_co = TypeVar("E_co", bound=Event, covariant=True)
K = TypeVar("K", bound=Event)


@dataclass(frozen=True, slots=True)
class Ok(Generic[E_co]):
    """Bytes that are one event."""

    event: E_co


@dataclass(frozen=True, slots=True)
class Invalid:
    """Bytes that are none.

    Attributes:
        reason: Field, colon, rule: "$.score: expected int | null, got str". At most 200 characters, safe to store.
        index: Position in the list that was decoded; 0 for a single event.
    """

    reason: str
    index: int = 0

    @property
    def field(self) -> str:
        """The field at fault as a path; "$" is the whole event."""
        return self.reason.partition(":")[0]


class _Tag(msgspec.Struct):
    signal: str = ""


TELEMETRY_JSON: Final = msgspec.json.Decoder(Telemetry | Tick)
"""For batches: `TELEMETRY_JSON.decode(raw)`. It does not look at length and characters; `decode_telemetry` does."""

_JSON = msgspec.json.Decoder(AnyEvent)
_ENCODER = msgspec.json.Encoder()
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TAG = msgspec.json.Decoder(_Tag)
_KINDS: Mapping[type[Event], msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in EVENTS.values()}

_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""All that msgspec raises for bytes; the fuzz tests hold that."""

_TOO_LARGE = Invalid(f"$: larger than {MAX_EVENT_BYTES} bytes")
_EMPTY = Invalid("$: empty")


def decode(raw: bytes) -> Ok[Event] | Invalid:
    """Return the event in `raw`, or why there is none. Never raises, whatever the bytes.

    Example:
        >>> decode(b'{"signal":"tick","gateway":"g-1","at_ms":true}')
        Invalid(reason='$.at_ms: expected int, got bool', index=0)
    """
    if len(raw) > MAX_EVENT_BYTES:
        return _TOO_LARGE
    if not raw:
        return _EMPTY
    return _decode_avro(raw) if raw[0] == MARKER[0] else _decode_json(raw)


def _decode_json(raw: bytes) -> Ok[Event] | Invalid:
    try:
        event = _JSON.decode(raw)
    except _FAULTS as error:
        return Invalid(explain(error, _kind_of(raw), to_sender=False))
    return Ok(event) if _is_plain(raw) else _checked(event)


def _decode_avro(raw: bytes) -> Ok[Event] | Invalid:
    form = FORMS_BY_HEADER.get(raw[:HEADER_BYTES])
    if form is None:
        return Invalid("$: neither JSON nor Avro of a known schema (single-object encoding)")
    fields = form.read(raw)
    if fields is None:
        return Invalid(f"$: not the Avro encoding of one {form.kind.__struct_config__.tag}")
    try:
        return _checked(msgspec.convert(fields, form.kind))
    except _FAULTS as error:
        return Invalid(explain(error, form.kind, to_sender=False))


def _kind_of(raw: bytes) -> type[Event] | None:
    """Return the kind that the event claims; only asked once it was refused."""
    try:
        return EVENTS.get(_TAG.decode(raw).signal)
    except _FAULTS:
        return None


def _is_plain(raw: bytes) -> bool:
    """Return whether accepted JSON cannot hold a tricky character; False means that one must look at the strings."""
    return _has_no_escape(raw) and (raw.isascii() or raw.decode(errors="replace").isprintable())


def _has_no_escape(raw: bytes) -> bool:
    """Return whether ASCII is what it looks like: no escape sequence, no DEL."""
    return b"\\" not in raw and b"\x7f" not in raw


def _checked(event: K) -> Ok[K] | Invalid:
    if name := unbounded_field(event):
        return Invalid(f"$.{name}: not a finite number")
    if name := tricky_field(event):
        return Invalid(f"$.{name}: control character or hidden text direction")
    return Ok(event)


def decode_telemetry(values: Sequence[bytes | None]) -> list[Telemetry | Tick | Invalid]:
    """Return what `decode` says of each record of the telemetry topic, at nearly the price of the bare JSON decoder.

    An event of another kind is invalid here, and so is a record without a value. Each answer depends on its own record
    only, so it does not matter how a partition is cut into batches.
    """
    read = TELEMETRY_JSON.decode
    events: list[Telemetry | Tick | Invalid]
    try:
        events = [read(raw) for raw in values]  # type: ignore[arg-type]  # None is a TypeError
    except (*_FAULTS, TypeError):
        events = [_one_of_telemetry(raw) for raw in values]
    if _are_plain(values):
        return events
    return [event if _are_plain([raw]) else _second_look(raw, event) for raw, event in zip(values, events, strict=True)]


def _are_plain(values: Sequence[bytes | None]) -> bool:
    """Return whether no record can need a second look; one scan of all bytes costs a fifth of a scan per record."""
    try:
        joined = b"".join(values)  # type: ignore[arg-type]  # None is a TypeError
    except TypeError:
        return False
    if not joined.isascii() or not _has_no_escape(joined):
        return False
    return len(joined) <= MAX_EVENT_BYTES or max(map(len, values)) <= MAX_EVENT_BYTES  # type: ignore[arg-type]  # no None


def _second_look(raw: bytes | None, event: Telemetry | Tick | Invalid) -> Telemetry | Tick | Invalid:
    if raw is None or isinstance(event, Invalid):
        return event
    if len(raw) > MAX_EVENT_BYTES:
        return _TOO_LARGE
    result = Ok(event) if _is_plain(raw) else _checked(event)
    return result.event if isinstance(result, Ok) else result


def _one_of_telemetry(raw: bytes | None) -> Telemetry | Tick | Invalid:
    match decode(raw or b""):
        case Ok(event=(Telemetry() | Tick()) as event):
            return event
        case Ok(event=other):
            return Invalid(f"$.signal: {other.__struct_config__.tag} does not belong on this topic")
        case Invalid() as invalid:
            return invalid


def decode_list(raw: bytes, kind: type[K]) -> list[Ok[K] | Invalid]:
    """Return the events of a request body in JSON: one event, or a list of events of one kind.

    The address says the kind, so the tag `signal` may be missing; a wrong one is an error. Reasons carry the position
    in the list and may name unknown fields: answer them to the sender, do not store them. A body that is no JSON is one
    `Invalid`; an empty list is an empty list. How large a body may be is the caller's rule; each event in it is held to
    `MAX_EVENT_BYTES`.

    Example:
        >>> decode_list(b'[{"gateway":"g-1","at_ms":0},{"gateway":"g-1"}]', Tick)[1]
        Invalid(reason='$.at_ms: missing', index=1)
    """
    if not raw.lstrip(b" \t\r\n").startswith(b"["):
        return [_item(0, raw, kind)]
    try:
        items = _LIST.decode(raw)
    except _FAULTS as error:
        return [Invalid(explain(error, None, to_sender=True))]
    return [_item(index, bytes(item), kind) for index, item in enumerate(items)]


def _item(index: int, raw: bytes, kind: type[K]) -> Ok[K] | Invalid:
    if len(raw) > MAX_EVENT_BYTES:
        return Invalid(_TOO_LARGE.reason, index)
    try:
        event: K = _KINDS[kind].decode(raw)
    except _FAULTS as error:
        return Invalid(explain(error, kind, to_sender=True), index)
    result = Ok(event) if _is_plain(raw) else _checked(event)
    return result if isinstance(result, Ok) else Invalid(result.reason, index)


def encode_json(event: Event) -> bytes:
    """Return the event as JSON with all its fields.

    Raises:
        InvariantError: A number is not finite (JSON would turn it into null).
    """
    return _ENCODER.encode(_finite(event))


def encode_avro(event: Event) -> bytes:
    """Return the event in Avro single-object encoding.

    Raises:
        InvariantError: A number is not finite.
    """
    return FORMS[type(event)].write(msgspec.structs.asdict(_finite(event)))


def _finite(event: Event) -> Event:
    if name := unbounded_field(event):
        raise InvariantError(f"{type(event).__name__}.{name} is not a finite number")
    return event
