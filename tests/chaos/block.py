"""Reads an insert on its way to ClickHouse: of which tiles, and up to where, its rows are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.warehouse.native import DTYPES

WIDTHS = {**{kind: np.dtype(name).itemsize for kind, name in DTYPES.items()}, "UUID": 16}
TABLES = ("tiles", "tile_audit")
"""Tables whose blocks can be read."""
_WANTED = ("partition", "tile", "hi")


class TileRow(NamedTuple):
    """How far a tile goes in one row."""

    partition: int
    tile: int
    hi: int


def tile_rows(block: bytes) -> list[TileRow]:
    """Return the rows of a Native block for one of `TABLES`: its columns up to the last one that is wanted.

    Raises:
        ValueError: The block has a column that cannot be read here.
    """
    try:
        return _tile_rows(block)
    except LookupError as error:
        raise ValueError(f"a column of an insert cannot be read: {error!r}") from error


def _tile_rows(block: bytes) -> list[TileRow]:
    columns, at = _varint(block, 0)
    rows, at = _varint(block, at)
    found: dict[str, list[int]] = {}
    for _ in range(columns):
        name, at = _text(block, at)
        kind, at = _text(block, at)
        end = _skip(block, at, kind, rows)
        if name in _WANTED:
            found[name] = np.frombuffer(block[at:end], DTYPES[kind]).tolist()
        if len(found) == len(_WANTED):
            break
        at = end
    return [TileRow(*row) for row in zip(*(found[name] for name in _WANTED), strict=True)]


def _varint(block: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = block[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _text(block: bytes, at: int) -> tuple[str, int]:
    length, at = _varint(block, at)
    return block[at : at + length].decode(), at + length


def _skip(block: bytes, at: int, kind: str, rows: int) -> int:
    if kind == "String":
        return _skip_texts(block, at, rows)
    if kind == "LowCardinality(String)":
        _, flags, keys = (int.from_bytes(block[at + 8 * i : at + 8 * i + 8], "little") for i in range(3))
        return _skip_texts(block, at + 24, keys) + 8 + (rows << (flags & 0xFF))
    return at + rows * WIDTHS[kind]


def _skip_texts(block: bytes, at: int, count: int) -> int:
    for _ in range(count):
        length, at = _varint(block, at)
        at += length
    return at
