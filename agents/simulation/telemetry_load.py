"""Telemetry of a simulated month: whole days as sealed periods, the day under way as tiles, and the audit of it all.

One process draws and inserts, day by day. Until the seals are committed nobody sees the whole days, and until the audit
is there nobody sees the day under way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import numpy as np

from agents.gateway.identity import Pseudonyms
from agents.simulation.telemetry_rows import PARTITIONS, Place, Sealing, sealed_block, tile_block
from agents.simulation.telemetry_totals import Loaded, add_shown
from agents.warehouse.client import Address, Warehouse
from agents.warehouse.native import Column, constant, encode_block, numbers, uuids
from streams.aggregates import Ints
from streams.catalogue import parse_catalogue
from streams.profile import Profile
from streams.simulate.month import DAY_S, Month, stories
from streams.simulate.month_cells import Words, build_cells, counts_of
from streams.simulate.month_keys import KeyGroup, build_groups
from streams.simulate.month_windows import (
    MINUTE_S,
    QUARTER_S,
    Course,
    Windows,
    aggregates,
    base_windows,
    days,
    minutes,
    quarters,
)
from streams.simulate.organisation import build_organisation

ROWS = 120_000
"""Rows of one block, about; some 30 MB."""
TABLES = {MINUTE_S: "sealed_60s", QUARTER_S: "sealed_15m", DAY_S: "sealed_1d"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a process has to load.

    Attributes:
        key: Of the pseudonyms.
        catalogue: File of the metric catalogue.
        versions: Start of each whole day -> id of its seal.
    """

    month: Month
    profile: Profile
    address: Address
    key: bytes = field(repr=False)
    catalogue: Path
    incarnation: UUID
    versions: dict[int, int]


class Loader:
    """Draws and inserts; for one process."""

    def __init__(self, order: Order) -> None:
        month = order.month
        self._order = order
        self._warehouse = Warehouse(order.address)
        organisation = build_organisation(month.tenant, month.size, month.seed)
        catalogue = parse_catalogue(order.catalogue.read_text(encoding="utf-8"), source=str(order.catalogue))
        pseudonyms = Pseudonyms(order.key)
        self.groups = build_groups(
            organisation, catalogue, month.keys, month.seed,
            named=lambda device: pseudonyms.of(month.tenant, "device", device),
        )  # fmt: skip
        effects = [effect for story in stories(month, organisation) for effect in story.effects]
        self.course = Course(month.seed, month.start_s, organisation.countries, effects, build_cells(month.seed))
        self._offsets = [0] * PARTITIONS

    def day(self, day_s: int) -> Loaded:
        """Load a whole day; its seal is committed elsewhere.

        Raises:
            WarehouseError: Not acknowledged.
        """
        found = Loaded(readings={day_s: [0] * PARTITIONS})
        sealing = Sealing(
            start_s=day_s, generation=self._order.profile.generation, version=self._order.versions[day_s]
        )  # fmt: skip
        small: dict[int, list[tuple[bytes, int]]] = {QUARTER_S: [], DAY_S: []}
        for group in self.groups:
            words, masks = minutes(group, self.course, day_s, day_s + DAY_S)
            self._count(found, group, words, day_s)
            if day_s >= self._order.month.kept_s:
                self._store_minutes(found, group, words, masks, sealing)
            merged = quarters(group, words, masks, day_s)
            for windows in (merged, days(merged)):
                small[windows.window_s].append(self._sealed(found, group, windows, sealing, day_s))
        for window_s, blocks in small.items():
            self._insert(found, TABLES[window_s], blocks)
        self._offsets = [a + b for a, b in zip(self._offsets, found.readings[day_s], strict=True)]
        return found

    def _count(self, found: Loaded, group: KeyGroup, words: Words, day_s: int) -> None:
        by_key = np.add.reduce(counts_of(words), axis=(0, 2), dtype=np.int64)
        for partition in range(PARTITIONS):
            found.readings[day_s][partition] += int(by_key[self._partition(group) == partition].sum())
        found.windows[day_s] += words.shape[0] * len(group)

    def _partition(self, group: KeyGroup) -> Ints:
        return (group.number + np.arange(len(group))) % PARTITIONS

    def _store_minutes(self, found: Loaded, group: KeyGroup, words: Words, masks: Words, sealing: Sealing) -> None:
        for part in _parts(group, words, masks, sealing.start_s):
            block = self._sealed(found, group, part, sealing, sealing.start_s)
            self._insert(found, TABLES[MINUTE_S], [block])

    def _sealed(
        self, found: Loaded, group: KeyGroup, windows: Windows, sealing: Sealing, day_s: int
    ) -> tuple[bytes, int]:
        add_shown(found.totals, group, windows, day_s, self._order.profile.k)
        rows = aggregates(group, windows)
        return sealed_block(self._order.month.tenant, group, rows, windows.window_s, sealing), len(rows)

    def _insert(self, found: Loaded, table: str, blocks: Sequence[tuple[bytes, int]]) -> None:
        rows = sum(count for _, count in blocks)
        self._warehouse.insert_native(table, b"".join(block for block, _ in blocks), rows)
        found.rows[table] += rows

    def tail(self) -> Loaded:
        """Load the day under way as tiles; all whole days were loaded before.

        Raises:
            WarehouseError: Not acknowledged.
        """
        month, found = self._order.month, Loaded()
        begin_s, end_s = month.tail_s, month.end_s
        found.readings[begin_s] = [0] * PARTITIONS
        if begin_s == end_s:
            return found
        drawn = [(group, *minutes(group, self.course, begin_s, end_s)) for group in self.groups]
        partition = np.concatenate([self._partition(group) for group in self.groups])
        n = np.concatenate([counts_of(words).sum(axis=-1, dtype=np.int64) for _, words, _ in drawn], axis=1)
        tiles, ends = self._tiles(n, partition)
        found.readings[begin_s] = [end - begin for begin, end in zip(self._offsets, ends, strict=True)]
        first = 0
        for group, words, masks in drawn:
            self._store_tiles(found, group, words, masks, tiles[:, first : first + len(group)], ends)
            first += len(group)
        return found

    def _tiles(self, n: Ints, partition: Ints) -> tuple[Ints, list[int]]:
        """Return the tile of each window's first reading, and where the partitions end; minute after minute."""
        tiles, ends = np.zeros_like(n), []
        for number in range(PARTITIONS):
            mine = n[:, partition == number]
            last = np.cumsum(mine.ravel()) + self._offsets[number]
            ends.append(int(last[-1]) if len(last) else self._offsets[number])
            tiles[:, partition == number] = (last - mine.ravel()).reshape(mine.shape) // self._order.profile.tile_size
        return tiles, ends

    def _store_tiles(
        self, found: Loaded, group: KeyGroup, words: Words, masks: Words, tiles: Ints, ends: Sequence[int]
    ) -> None:
        month, profile = self._order.month, self._order.profile
        at = self._partition(group)
        done = 0
        for part in _parts(group, words, masks, month.tail_s):
            rows = aggregates(group, part)
            windows = len(part.masks)
            tile = tiles[done : done + windows].ravel()
            partition = np.tile(at, windows)
            hi = np.minimum((tile + 1) * profile.tile_size, np.array(ends)[partition])
            place = Place(
                generation=profile.generation,
                incarnation=self._order.incarnation,
                partition=partition,
                tile=tile,
                hi=hi,
            )
            self._insert(found, "tiles", [(tile_block(month.tenant, group, rows, MINUTE_S, place), len(rows))])
            add_shown(found.totals, group, part, month.tail_s, profile.k)
            done += windows
        found.windows[month.tail_s] += done * len(group)
        self._add_longer(found, group, words, masks)

    def _add_longer(self, found: Loaded, group: KeyGroup, words: Words, masks: Words) -> None:
        """Add up what the views must make of the tiles: whole quarters; a day under way is not shown."""
        whole = len(words) // (QUARTER_S // MINUTE_S) * (QUARTER_S // MINUTE_S)
        if whole:
            merged = quarters(group, words[:whole], masks[:whole], self._order.month.tail_s)
            add_shown(found.totals, group, merged, self._order.month.tail_s, self._order.profile.k)

    def audit(self, readings: dict[int, list[int]]) -> int:
        """Write the audit of all tiles that the log has had; return how many.

        Args:
            readings: As in `Loaded`, of the whole month.

        Raises:
            WarehouseError: Not acknowledged.
        """
        tiles = [row for partition in range(PARTITIONS) for row in self._audits(partition, readings)]
        self._warehouse.insert_native("tile_audit", self._audit_block(np.array(tiles, np.int64)), len(tiles))
        return len(tiles)

    def _audits(self, partition: int, readings: dict[int, list[int]]) -> Iterator[tuple[int, int, int, int]]:
        """Yield partition, tile, first offset that it has not, and arrival of each tile; time runs evenly in a day."""
        month, size, begin, tile = self._order.month, self._order.profile.tile_size, 0, 0
        for day_s in sorted(readings):
            end = begin + readings[day_s][partition]
            length_s = min(DAY_S, month.end_s - day_s)
            while (tile + 1) * size <= end:
                at_ms = 1000 * day_s + 1000 * length_s * ((tile + 1) * size - begin) // max(1, end - begin)
                yield partition, tile, (tile + 1) * size, at_ms
                tile += 1
            begin = end
        yield partition, tile, begin, closed_ms(month, self._order.profile)

    def _audit_block(self, tiles: Ints) -> bytes:
        rows, size = len(tiles), self._order.profile.tile_size
        first = tiles[:, 1] * size
        count = tiles[:, 2] - first
        counts = {"tile": tiles[:, 1], "hi": tiles[:, 2], "first": first, "n_in": count, "n_valid": count}
        block: list[Column] = [
            ("generation", "UInt16", constant("UInt16", self._order.profile.generation, rows)),
            ("incarnation", "UUID", uuids(self._order.incarnation, rows)),
            ("partition", "UInt16", numbers("UInt16", tiles[:, 0])),
            ("partitions", "UInt16", constant("UInt16", PARTITIONS, rows)),
            ("arrival", "DateTime64(3,'UTC')", numbers("DateTime64(3,'UTC')", tiles[:, 3])),
            ("closed", "UInt8", numbers("UInt8", (count == size).astype(np.uint8))),
            *((name, "UInt64", numbers("UInt64", column)) for name, column in counts.items()),
        ]
        return encode_block(block, rows)

    def close(self) -> None:
        """Close the connection."""
        self._warehouse.close()


def closed_ms(month: Month, profile: Profile) -> int:
    """Return the arrival that closes the newest window; ms UTC."""
    return 1000 * month.end_s + profile.grace_ms + 1


def _parts(group: KeyGroup, words: Words, masks: Words, first_s: int) -> Iterator[Windows]:
    """Cut base windows into blocks of a good size."""
    step = max(1, ROWS // len(group))
    for begin in range(0, len(words), step):
        part = slice(begin, begin + step)
        yield base_windows(group, words[part], masks[part], first_s + begin * MINUTE_S)


# The process that loads keeps one loader, so that the stock is drawn once.

_loaders: list[Loader] = []


def begin(order: Order) -> None:
    """Prepare this process."""
    _loaders.append(Loader(order))


def begun() -> Loader:
    """Return the loader of the prepared process."""
    return _loaders[0]


def load_day(day_s: int) -> Loaded:
    """Load a whole day in the prepared process."""
    return begun().day(day_s)


def load_tail() -> Loaded:
    """Load the day under way in the prepared process."""
    return begun().tail()


def load_audit(readings: dict[int, list[int]]) -> int:
    """Write the audit in the prepared process."""
    return begun().audit(readings)
