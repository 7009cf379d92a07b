"""ClickHouse's Native format: blocks of columns from numpy buffers, without one Python object per cell.

A block is the number of columns, the number of rows and, per column, its name, its type and its values. ClickHouse
casts a sent type to the table's (String to LowCardinality(String)), finds columns by name and fills absent ones with
their defaults.

References:
    ClickHouse documentation, "Native format"; numbers are little-endian, lengths are LEB128.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Column = tuple[str, str, bytes]
"""Name, ClickHouse type, payload."""

DTYPES = {
    "UInt8": "<u1", "UInt16": "<u2", "UInt32": "<u4", "UInt64": "<u8",
    "Int8": "<i1", "Int16": "<i2", "Int32": "<i4", "Int64": "<i8",
    "Float64": "<f8",
    "DateTime('UTC')": "<u4",  # seconds since the epoch
    "DateTime64(3,'UTC')": "<i8",  # milliseconds since the epoch
}  # fmt: skip
"""ClickHouse types that travel as plain fixed-width numbers -> numpy's name for them."""


_SHARED_DICTIONARIES = 1
"""The only version of LowCardinality's serialization."""
_OWN_KEYS = 1 << 9 | 1 << 10
"""The column brings its own keys, and they replace what was there before."""


def encode_block(columns: Sequence[Column], rows: int) -> bytes:
    """Return one block.

    Args:
        columns: Each payload holds `rows` values.
        rows: 0 or more.
    """
    parts = [varint(len(columns)), varint(rows)]
    for name, kind, payload in columns:
        parts += [text(name.encode()), text(kind.encode()), payload]
    return b"".join(parts)


def varint(value: int) -> bytes:
    """Return an unsigned number, seven bits a byte, lowest first.

    Example:
        >>> varint(300).hex()
        'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: bytes) -> bytes:
    r"""Return one string with its length before it.

    Example:
        >>> text(b"NO")
        b'\x02NO'
    """
    return varint(len(value)) + value


def numbers(kind: str, values: NDArray[Any] | Sequence[int]) -> bytes:
    """Return a column of a type listed in `DTYPES`; values must fit, they are not checked."""
    return np.ascontiguousarray(values, dtype=DTYPES[kind]).tobytes()


def constant(kind: str, value: int, rows: int) -> bytes:
    """Return a column of one repeated number."""
    return np.full(rows, value, dtype=DTYPES[kind]).tobytes()


def strings(values: Iterable[bytes]) -> bytes:
    """Return a String column."""
    return b"".join([text(value) for value in values])


def low_cardinality(dictionary: Sequence[bytes], codes: NDArray[np.integer[Any]]) -> bytes:
    """Return a LowCardinality(String) column from a dictionary and each row's index into it.

    Only the values that are used are sent, each once; the rows are small numbers, so no row costs a Python object.

    Args:
        dictionary: Values already encoded by `text`, so that a long-lived dictionary is encoded once.
        codes: Indexes, one a row; at least one row.

    References:
        ClickHouse's SerializationLowCardinality: version, index type and flags, own keys, indexes.
    """
    is_used = np.zeros(len(dictionary), np.bool_)
    is_used[codes] = True
    used = np.flatnonzero(is_used).tolist()
    width = next(power for power, most in enumerate((1 << 8, 1 << 16, 1 << 32)) if len(used) <= most)
    indexes: bytes = (np.cumsum(is_used) - 1)[codes].astype(f"<u{1 << width}").tobytes()
    head = np.array([_SHARED_DICTIONARIES, _OWN_KEYS | width, len(used)], "<u8")
    texts = b"".join([dictionary[code] for code in used])
    return head.tobytes() + texts + len(codes).to_bytes(8, "little") + indexes


def int128(low: NDArray[np.uint64], high: NDArray[np.int64]) -> bytes:
    """Return an Int128 column from its lower and upper halves."""
    both = np.empty((len(low), 2), dtype="<u8")
    both[:, 0] = low
    both[:, 1] = np.asarray(high, dtype=np.int64).view(np.uint64)
    return both.tobytes()


def arrays(flat: bytes, lengths: NDArray[np.integer[Any]]) -> bytes:
    """Return an Array column.

    Args:
        flat: The payload of all elements, row after row.
        lengths: How many of them each row has.
    """
    return np.cumsum(lengths, dtype="<u8").tobytes() + flat


def uuids(value: UUID, rows: int) -> bytes:
    """Return a UUID column of one repeated value: two little-endian halves, the upper one first."""
    return (value.bytes[7::-1] + value.bytes[:7:-1]) * rows
