"""Avro for the events: the schema that a struct stands for, and single-object encoding.

The structs in `streams.events` are the source at run time; the files in `schemas/avro/` are the contract that others
read, and a test holds the two equal. So nothing is read from disk here, wherever the application is installed.

Single-object encoding, as the Avro specification has it: 0xC3 0x01, the CRC-64-AVRO fingerprint of the schema's Parsing
Canonical Form as eight little-endian bytes, the body.
"""

import copy
import io
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import fastavro
import fastavro.schema
import msgspec

from streams import avro_body
from streams.avro_body import record_reader
from streams.errors import InvariantError
from streams.events import EVENTS, Event
from streams.events.judging import Alert, Target, Verdict

NAMESPACE = "xpulse.v1"
MARKER = b"\xc3\x01"
HEADER_BYTES = len(MARKER) + 8

Schema = dict[str, Any]
"""An Avro schema as JSON has it."""

_PRIMITIVES: Mapping[object, str] = {str: "string", int: "long", float: "double", bool: "boolean"}


def schema_of(kind: type[Event]) -> Schema:
    """Return the Avro schema of an event, without its docs.

    Raises:
        InvariantError: A field has a type that has no Avro form here.

    Example:
        >>> from streams.events import Tick
        >>> schema_of(Tick)["fields"]
        [{'name': 'gateway', 'type': 'string'}, {'name': 'at_ms', 'type': 'long'}]
    """
    fields = [_field(kind, info) for info in msgspec.structs.fields(kind)]
    return {"type": "record", "name": kind.__name__, "namespace": NAMESPACE, "fields": fields}


def _field(kind: type[Event], info: msgspec.structs.FieldInfo) -> Schema:
    enum_name = kind.__name__ + "".join(part.title() for part in info.name.split("_"))
    described: Schema = {"name": info.name, "type": _type(info.type, enum_name)}
    if info.default_factory is not msgspec.NODEFAULT:
        described["default"] = info.default_factory()
    elif info.default is not msgspec.NODEFAULT:
        described["default"] = info.default
    return described


def _type(annotation: Any, enum_name: str) -> Any:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(args[0], enum_name)
    if origin is Literal:
        return {"type": "enum", "name": enum_name, "symbols": list(args)}
    if origin in {Union, types.UnionType} and len(args) == 2 and args[1] is type(None):
        return ["null", _type(args[0], enum_name)]
    if origin is list:
        return {"type": "array", "items": _type(args[0], enum_name)}
    if origin is dict:
        return {"type": "map", "values": _type(args[1], enum_name)}
    if annotation not in _PRIMITIVES:
        raise InvariantError(f"no Avro type for {annotation} ({enum_name})")
    return _PRIMITIVES[annotation]


def fingerprint(schema: Schema | str) -> bytes:
    """Return the schema's CRC-64-AVRO fingerprint as the eight bytes that go on the wire.

    Example:
        >>> fingerprint("null")[::-1].hex()  # from Avro's own table of test schemas
        '63dd24e7cc258f8a'
    """
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


@dataclass(frozen=True, slots=True)
class AvroForm:
    """How one kind of event is written and read.

    Attributes:
        header: The ten bytes that start every event of this kind.
        schema: Parsed by fastavro.
    """

    kind: type[Event]
    header: bytes
    schema: Schema
    _read: Callable[[bytes, int], Schema]

    def write(self, fields: Mapping[str, Any]) -> bytes:
        """Return header and body; the fields must fit the schema."""
        buffer = io.BytesIO()
        buffer.write(self.header)
        fastavro.schemaless_writer(buffer, self.schema, fields)
        return buffer.getvalue()

    def read(self, raw: bytes) -> Schema | None:
        """Return the fields of an encoded event, or None if the bytes are not exactly one."""
        try:
            return self._read(raw, HEADER_BYTES)
        except avro_body.FAULTS:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier version of a schema. Fields and symbols are only ever appended, so it is the beginning of today's.

    Attributes:
        fields: How many fields it had.
        symbols: Field -> how many symbols its enum had, where it had fewer.
    """

    fields: int
    symbols: Mapping[str, int] = field(default_factory=dict)

    def schema_of(self, kind: type[Event]) -> Schema:
        """Return the schema as it was."""
        schema = copy.deepcopy(schema_of(kind))
        schema["fields"] = schema["fields"][: self.fields]
        for then in schema["fields"]:
            if then["name"] in self.symbols:
                then["type"]["symbols"] = then["type"]["symbols"][: self.symbols[then["name"]]]
        return schema


PAST: Mapping[type[Event], Sequence[Past]] = {
    Alert: (Past(fields=22),),
    Target: (Past(fields=21, symbols={"indicator": 2}),),
    Verdict: (Past(fields=17),),
}
"""Event -> its earlier versions, whose records stay readable: what they lack takes its default."""


def _form(kind: type[Event], schema: Schema) -> AvroForm:
    parsed = cast("Schema", fastavro.parse_schema(schema))
    return AvroForm(kind, MARKER + fingerprint(schema), parsed, record_reader(schema))


FORMS: Mapping[type[Event], AvroForm] = {kind: _form(kind, schema_of(kind)) for kind in EVENTS.values()}
"""Event -> the Avro form in which it is written."""

_PAST_FORMS = [_form(kind, past.schema_of(kind)) for kind, versions in PAST.items() for past in versions]

FORMS_BY_HEADER: Mapping[bytes, AvroForm] = {form.header: form for form in (*_PAST_FORMS, *FORMS.values())}
"""The first ten bytes on the wire -> the form that wrote them, today's or an earlier one."""
