"""Changed tiles as rows of `tiles`, `tile_audit` and `quarantine`.

The audit rows go last: whoever reads how far a partition is finds everything below already there. Any failure leaves
the outcome unknown; storing the same again, or more, cannot change an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from agents.telemetry import Changes
from agents.warehouse.client import Warehouse
from agents.warehouse.native import (
    Column,
    arrays,
    constant,
    encode_block,
    int128,
    low_cardinality,
    numbers,
    strings,
    text,
    uuids,
)  # fmt: skip
from streams.aggregates import Groups, Ints
from streams.catalogue import DIMENSIONS
from streams.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which log the tiles are of.

    Attributes:
        incarnation: The topic's id: another log has another one.
        partitions: How many partitions the topic has.
        generation: Of the fold's meaning.
        window_ms: Base window.
    """

    topic: str
    incarnation: UUID
    partitions: int
    generation: int
    window_ms: int


class ClickHouseTiles:
    """Stores changed tiles with one insert per table and flush."""

    def __init__(self, warehouse: Warehouse, keys: Keys, origin: Origin) -> None:
        self._warehouse = warehouse
        self._keys = keys
        self._origin = origin
        self._edition = keys.edition
        self._texts = _no_texts()
        self._shared: list[int] = []

    def store(self, changes: Changes) -> None:
        """Store the changes; returns once everything is acknowledged.

        Raises:
            WarehouseError: Not acknowledged.
        """
        self._store_tiles([(partition, rows) for partition, rows in changes if rows.groups is not None])
        self._store_rejects(changes)
        self._store_audit(changes)

    def _store_tiles(self, changes: Changes) -> None:
        groups = [rows.groups for _, rows in changes if rows.groups is not None]
        if groups:
            lengths = [len(group) for group in groups]
            columns = self._key_columns(groups) + self._place_columns(changes, lengths) + value_columns(groups)
            self._warehouse.insert_native("tiles", encode_block(columns, sum(lengths)), sum(lengths))

    def _key_columns(self, groups: Sequence[Groups]) -> list[Column]:
        self._learn_keys()
        codes = np.concatenate([group.code for group in groups])
        texts = [(name, "LowCardinality(String)", column.payload(codes)) for name, column in self._texts.items()]
        shared = np.array(self._shared, np.uint8)[codes]
        return [*texts, ("shared", "UInt8", numbers("UInt8", shared))]

    def _learn_keys(self) -> None:
        if self._edition != self._keys.edition:
            self._edition, self._texts, self._shared = self._keys.edition, _no_texts(), []
        for key in self._keys.keys[len(self._shared) :]:
            for column, value in zip(self._texts.values(), (key.tenant, key.metric, *key.dimensions), strict=True):
                column.learn(value)
            self._shared.append(int(key.shared))

    def _place_columns(self, changes: Changes, lengths: Sequence[int]) -> list[Column]:
        origin, rows = self._origin, sum(lengths)
        places = np.repeat(
            np.array([(partition, r.audit.tile, r.audit.hi) for partition, r in changes], np.int64), lengths, axis=0
        )
        return [
            ("window_s", "UInt32", constant("UInt32", origin.window_ms // 1000, rows)),
            ("generation", "UInt16", constant("UInt16", origin.generation, rows)),
            ("incarnation", "UUID", uuids(origin.incarnation, rows)),
            ("partition", "UInt16", numbers("UInt16", places[:, 0])),
            ("tile", "UInt64", numbers("UInt64", places[:, 1])),
            ("hi", "UInt64", numbers("UInt64", places[:, 2])),
            ("window_start", "DateTime('UTC')", self._window_starts(changes)),
        ]

    def _window_starts(self, changes: Changes) -> bytes:
        windows = np.concatenate([rows.groups.window for _, rows in changes if rows.groups is not None])
        return numbers("DateTime('UTC')", windows * (self._origin.window_ms // 1000))

    def _store_rejects(self, changes: Changes) -> None:
        rejects = [(partition, reject) for partition, rows in changes for reject in rows.rejects]
        origin = self._origin
        if rejects:
            block: list[Column] = [
                ("topic", "String", strings([origin.topic.encode()] * len(rejects))),
                ("incarnation", "UUID", uuids(origin.incarnation, len(rejects))),
                ("partition", "UInt16", numbers("UInt16", [partition for partition, _ in rejects])),
                ("offset", "UInt64", numbers("UInt64", [reject.offset for _, reject in rejects])),
                (
                    "recorded_at",
                    "DateTime64(3,'UTC')",
                    numbers("DateTime64(3,'UTC')", [reject.stamp_ms for _, reject in rejects]),
                ),
                ("reason", "String", strings([reject.reason.encode() for _, reject in rejects])),
                ("raw", "String", strings([reject.raw for _, reject in rejects])),
            ]
            self._warehouse.insert_native("quarantine", encode_block(block, len(rejects)), len(rejects))

    def _store_audit(self, changes: Changes) -> None:
        rows, origin = len(changes), self._origin
        counts = [
            (name, "UInt64", numbers("UInt64", [getattr(r.audit, name) for _, r in changes])) for name in _AUDIT_COUNTS
        ]
        block: list[Column] = [
            ("generation", "UInt16", constant("UInt16", origin.generation, rows)),
            ("incarnation", "UUID", uuids(origin.incarnation, rows)),
            ("partition", "UInt16", numbers("UInt16", [partition for partition, _ in changes])),
            ("partitions", "UInt16", constant("UInt16", origin.partitions, rows)),
            (
                "arrival",
                "DateTime64(3,'UTC')",
                numbers("DateTime64(3,'UTC')", [r.audit.arrival_ms for _, r in changes]),
            ),
            ("closed", "UInt8", numbers("UInt8", [int(r.audit.is_closed) for _, r in changes])),
            *counts,
        ]
        self._warehouse.insert_native("tile_audit", encode_block(block, rows), rows)


_AUDIT_COUNTS = (
    "tile", "hi", "first", "n_in", "n_valid", "n_invalid", "n_duplicate", "n_late", "n_tick", "n_overflow",
)  # fmt: skip


class _Texts:
    """One column of the keys: its different values, each encoded once, and which of them a key's number has."""

    def __init__(self) -> None:
        self._dictionary: list[bytes] = []
        self._places: dict[str, int] = {}
        self._of_key: list[int] = []
        self._column = np.zeros(0, np.int64)

    def learn(self, value: str) -> None:
        """Take the value of the next key."""
        place = self._places.setdefault(value, len(self._dictionary))
        if place == len(self._dictionary):
            self._dictionary.append(text(value.encode()))
        self._of_key.append(place)

    def payload(self, codes: Ints) -> bytes:
        """Return the column of rows with these keys."""
        if len(self._column) < len(self._of_key):
            self._column = np.array(self._of_key, np.int64)
        return low_cardinality(self._dictionary, self._column[codes])


def _no_texts() -> dict[str, _Texts]:
    return {name: _Texts() for name in ("tenant", "metric", *DIMENSIONS)}


def value_columns(groups: Sequence[Groups]) -> list[Column]:
    """Return what is known of some groups as columns, `late` first."""

    def joined(name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.concatenate([getattr(group, name) for group in groups])

    def wide(name: str) -> bytes:
        halves = [getattr(group, name) for group in groups]
        return int128(np.concatenate([low for low, _ in halves]), np.concatenate([high for _, high in halves]))

    bucket_lengths, device_lengths = joined("bucket_length"), joined("device_length")
    return [
        ("late", "UInt8", numbers("UInt8", joined("late"))),
        ("n", "UInt64", numbers("UInt64", joined("n"))),
        ("sum", "Int128", wide("total")),
        ("sum_squares", "Int128", wide("squares")),
        ("min", "Int64", numbers("Int64", joined("minimum"))),
        ("max", "Int64", numbers("Int64", joined("maximum"))),
        ("good_ms", "UInt64", numbers("UInt64", joined("good"))),
        ("attempted_ms", "UInt64", numbers("UInt64", joined("attempted"))),
        ("hist_bucket", "Array(Int32)", arrays(numbers("Int32", joined("bucket")), bucket_lengths)),
        ("hist_count", "Array(UInt32)", arrays(numbers("UInt32", joined("bucket_count")), bucket_lengths)),
        ("devices", "Array(UInt64)", arrays(numbers("UInt64", joined("device")), device_lengths)),
    ]
