"""Simulated windows of telemetry as rows of the sealed tables and of the tiles, in the order of those tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from agents.tile_store import value_columns
from agents.warehouse.native import Column, constant, encode_block, low_cardinality, numbers, text, uuids
from streams.aggregates import Groups, Ints
from streams.catalogue import DIMENSIONS
from streams.simulate.month_keys import KeyGroup

PARTITIONS = 4
"""Of the simulated log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Which seal rows belong to.

    Attributes:
        start_s: Start of the period; seconds since the epoch.
        version: Id of the seal.
    """

    start_s: int
    generation: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the log the rows of some tiles are from.

    Attributes:
        tile, hi: Per row.
    """

    generation: int
    incarnation: UUID
    partition: Ints
    tile: Ints
    hi: Ints


def sealed_block(tenant: str, group: KeyGroup, groups: Groups, window_s: int, sealing: Sealing) -> bytes:
    """Return a block of rows for one of the sealed tables."""
    rows = len(groups)
    own: list[Column] = [
        ("period_start", "DateTime('UTC')", constant("DateTime('UTC')", sealing.start_s, rows)),
        ("generation", "UInt16", constant("UInt16", sealing.generation, rows)),
        ("seal", "UInt64", constant("UInt64", sealing.version, rows)),
    ]
    values = [column for column in value_columns([groups]) if column[0] != "late"]
    return encode_block([*own, *_key_columns(tenant, group, groups, window_s), *values], rows)


def tile_block(tenant: str, group: KeyGroup, groups: Groups, window_s: int, place: Place) -> bytes:
    """Return a block of rows for the tiles."""
    rows = len(groups)
    own: list[Column] = [
        ("generation", "UInt16", constant("UInt16", place.generation, rows)),
        ("incarnation", "UUID", uuids(place.incarnation, rows)),
        ("partition", "UInt16", numbers("UInt16", place.partition)),
        ("tile", "UInt64", numbers("UInt64", place.tile)),
        ("hi", "UInt64", numbers("UInt64", place.hi)),
    ]
    return encode_block([*own, *_key_columns(tenant, group, groups, window_s), *value_columns([groups])], rows)


def _key_columns(tenant: str, group: KeyGroup, groups: Groups, window_s: int) -> list[Column]:
    rows = len(groups)
    nought = np.zeros(rows, np.int64)
    dims = {name: [dims[i] for dims, _ in group.keys] for i, name in enumerate(DIMENSIONS)}
    shared = np.array([is_shared for _, is_shared in group.keys], np.int64)
    return [
        ("tenant", "LowCardinality(String)", low_cardinality([text(tenant.encode())], nought)),
        ("metric", "LowCardinality(String)", low_cardinality([text(group.metric.encode())], nought)),
        *((name, "LowCardinality(String)", _texts(values, groups.code)) for name, values in dims.items()),
        ("shared", "UInt8", numbers("UInt8", shared[groups.code])),
        ("window_s", "UInt32", constant("UInt32", window_s, rows)),
        ("window_start", "DateTime('UTC')", numbers("DateTime('UTC')", groups.window * window_s)),
    ]


def _texts(values: list[str], code: Ints) -> bytes:
    known: Mapping[str, int] = {value: i for i, value in enumerate(dict.fromkeys(values))}
    of_key = np.array([known[value] for value in values], np.int64)
    return low_cardinality([text(value.encode()) for value in known], of_key[code])
