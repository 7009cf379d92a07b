"""Reads the body of an Avro record strictly: every byte counts, and one value has one encoding.

Our own because the usual reader takes an enum's index of -1 for the last symbol, a boolean of 7 for true, overlong
numbers and repeated map keys, and stops before the end. It knows the types that events have: string, long, double,
boolean, enum, null or one of these, array of and map to these. Collections may come in several blocks, with or without
a size, as the specification lets the writer choose.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

from streams.errors import InvariantError

Reader = Callable[[bytes, int], tuple[Any, int]]
"""Bytes and a position -> the value there and the position behind it. Raises one of `FAULTS`."""

FAULTS = (ValueError, IndexError, struct.error)
"""What reading raises for bytes that do not follow the schema."""

_DOUBLE = struct.Struct("<d")


def record_reader(schema: Mapping[str, Any]) -> Callable[[bytes, int], dict[str, Any]]:
    """Return a function that reads the fields of one record from a position to the end of the bytes."""
    readers = [(field["name"], _reader(field["type"])) for field in schema["fields"]]

    def read(raw: bytes, at: int) -> dict[str, Any]:
        fields = {}
        for name, reader in readers:
            fields[name], at = reader(raw, at)
        if at != len(raw):
            raise ValueError("bytes behind the record")
        return fields

    return read


def _reader(schema: Any) -> Reader:
    if isinstance(schema, list) and len(schema) == 2 and schema[0] == "null":
        return _optional(_reader(schema[1]))
    if isinstance(schema, str) and schema in _PRIMITIVES:
        return _PRIMITIVES[schema]
    match schema:
        case {"type": "enum", "symbols": symbols}:
            return _enum(symbols)
        case {"type": "array", "items": items}:
            return _array(_reader(items))
        case {"type": "map", "values": values}:
            return _map(_reader(values))
    raise InvariantError(f"no reader for the Avro type {schema}")


def _long(raw: bytes, at: int) -> tuple[int, int]:
    byte = raw[at]
    number, shift = byte & 0x7F, 7
    while byte & 0x80:
        at += 1
        byte = raw[at]
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte or number >> 64:
            raise ValueError("overlong number")
    return (number >> 1) ^ -(number & 1), at + 1


def _string(raw: bytes, at: int) -> tuple[str, int]:
    size, at = _long(raw, at)
    end = at + size
    if not at <= end <= len(raw):
        raise ValueError("string beyond the end")
    return raw[at:end].decode(), end


def _double(raw: bytes, at: int) -> tuple[float, int]:
    return _DOUBLE.unpack_from(raw, at)[0], at + 8


def _boolean(raw: bytes, at: int) -> tuple[bool, int]:
    if raw[at] > 1:
        raise ValueError("neither true nor false")
    return raw[at] == 1, at + 1


_PRIMITIVES: Mapping[str, Reader] = {"long": _long, "string": _string, "double": _double, "boolean": _boolean}


def _enum(symbols: list[str]) -> Reader:
    def read(raw: bytes, at: int) -> tuple[str, int]:
        index, at = _long(raw, at)
        if not 0 <= index < len(symbols):
            raise ValueError("no such symbol")
        return symbols[index], at

    return read


def _optional(reader: Reader) -> Reader:
    def read(raw: bytes, at: int) -> tuple[Any, int]:
        branch, at = _long(raw, at)
        if branch not in {0, 1}:
            raise ValueError("no such branch")
        return reader(raw, at) if branch else (None, at)

    return read


def _array(reader: Reader) -> Reader:
    def read(raw: bytes, at: int) -> tuple[list[Any], int]:
        items = []
        count, at, end = _block(raw, at)
        while count:
            for _ in range(count):
                item, at = reader(raw, at)
                items.append(item)
            count, at, end = _next_block(raw, at, end)
        return items, at

    return read


def _map(reader: Reader) -> Reader:
    def read(raw: bytes, at: int) -> tuple[dict[str, Any], int]:
        items: dict[str, Any] = {}
        count, at, end = _block(raw, at)
        while count:
            for _ in range(count):
                key, at = _string(raw, at)
                if key in items:
                    raise ValueError("key twice")
                items[key], at = reader(raw, at)
            count, at, end = _next_block(raw, at, end)
        return items, at

    return read


def _block(raw: bytes, at: int) -> tuple[int, int, int | None]:
    """Return the number of items, where they start, and where they end if the writer said so."""
    count, at = _long(raw, at)
    if count >= 0:
        return count, at, None
    size, at = _long(raw, at)
    return -count, at, at + size


def _next_block(raw: bytes, at: int, end: int | None) -> tuple[int, int, int | None]:
    if end is not None and at != end:
        raise ValueError("block of another size than it says")
    return _block(raw, at)
