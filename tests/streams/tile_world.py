"""A small world for the tile protocol: a log, workers that die or go on as zombies, a store that loses answers.

Histories are random by seed. Nothing here reads a clock or a socket; the fold under test is the real one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from streams.catalogue import Catalogue, Good, Metric
from streams.events import Telemetry
from streams.fold import PartitionFold
from streams.keys import Keys
from streams.tiles import Rules, TileRows

RULES = Rules(tile_size=4, horizon=2, window_ms=1_000, grace_ms=400, max_keys=100)
METRIC = Metric(
    name="wait", unit="ms", kind="duration", description="for tests", group_by=("country",), worse="higher",
    good=Good(at_most=5.0), covers_ms=100,
)  # fmt: skip
CATALOGUE = Catalogue(metrics={"wait": METRIC})

Row = tuple[int, int, int, int]
"""n, sum in milli-units, good ms, attempted ms."""
Place = tuple[int, int, str, int, int]
"""Partition, tile, country, window, late."""


@dataclass(frozen=True)
class Entry:
    stamp_ms: int
    raw: bytes


def make_log(rng: random.Random, length: int) -> list[Entry]:
    """One partition: fresh events, near and far repeats, garbage, out-of-order times."""
    log: list[Entry] = []
    stamp = 1_000_000
    for offset in range(length):
        stamp += rng.randrange(-100, 400)
        if log and rng.random() < 0.3:
            raw = log[max(0, offset - rng.randrange(1, 14))].raw
        elif rng.random() < 0.05:
            raw = b"{"
        else:
            raw = _event(rng, f"{offset}-{rng.randrange(10**6)}", stamp - rng.randrange(0, 2_500))
        log.append(Entry(stamp, raw))
    return log


def _event(rng: random.Random, event_id: str, at_ms: int) -> bytes:
    return msgspec.json.encode(
        Telemetry(
            event_id=event_id, tenant="t", source="s", event_time_ms=at_ms, device=f"d{rng.randrange(5)}", metric="wait",
            value=float(rng.randrange(1, 9)), country=rng.choice(["NO", "DE"]),
        )
    )  # fmt: skip


def truth(logs: list[list[Entry]], rules: Rules = RULES) -> dict[Place, Row]:
    """The answer, record by record, in plain Python."""
    out: dict[Place, list[int]] = {}
    for partition, log in enumerate(logs):
        for offset, entry in enumerate(log):
            if not entry.raw.endswith(b"}"):
                continue
            tile = offset // rules.tile_size
            horizon = range(max(0, (tile - rules.horizon) * rules.tile_size), offset)
            if any(log[earlier].raw == entry.raw for earlier in horizon):
                continue
            event = msgspec.json.decode(entry.raw)
            window = event["event_time_ms"] // rules.window_ms
            arrival = max(entry.stamp_ms, *(log[earlier].stamp_ms for earlier in horizon), 0)
            late = int(arrival > (window + 1) * rules.window_ms + rules.grace_ms)
            row = out.setdefault((partition, tile, event["country"], window, late), [0, 0, 0, 0])
            good = METRIC.covers_ms if event["value"] <= 5 else 0
            for i, amount in enumerate((1, int(event["value"] * 1000), good, METRIC.covers_ms)):
                row[i] += amount
    return {place: (row[0], row[1], row[2], row[3]) for place, row in out.items()}


@dataclass
class Store:
    """Keeps the row with the largest `hi` of each place, as a ReplacingMergeTree does."""

    rows: dict[Place, tuple[int, Row]] = field(default_factory=dict)
    audit: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def put(self, rows: Mapping[Place, tuple[int, Row]]) -> None:
        for place, (hi, row) in rows.items():
            if place not in self.rows or self.rows[place][0] <= hi:
                self.rows[place] = (hi, row)

    def answer(self) -> dict[Place, Row]:
        return {place: row for place, (_, row) in self.rows.items()}


def rows_of(partition: int, changes: list[TileRows], keys: Keys) -> dict[Place, tuple[int, Row]]:
    out: dict[Place, tuple[int, Row]] = {}
    for change in changes:
        g = change.groups
        for i in range(len(g) if g is not None else 0):
            assert g is not None
            country = keys.keys[int(g.code[i])].dimensions[0]
            place = (partition, change.audit.tile, country, int(g.window[i]), int(g.late[i]))
            low, high = int(g.total[0][i]), int(g.total[1][i])
            row = (int(g.n[i]), low + (high << 64), int(g.good[i]), int(g.attempted[i]))
            out[place] = (change.audit.hi, row)
    return out


@dataclass
class Owner:
    """A worker's view of one partition; it may be out of date without knowing it."""

    partition: int
    generation: int
    fold: PartitionFold
    keys: Keys


class World:
    """Random histories of fetching, storing, committing, dying and going on regardless."""

    def __init__(self, seed: int, kind: type[PartitionFold] = PartitionFold, partitions: int = 2, length: int = 45) -> None:
        self.rng = random.Random(seed)
        self.kind = kind
        self.logs = [make_log(self.rng, length) for _ in range(partitions)]
        self.committed: list[int | None] = [None] * partitions
        self.generation = [0] * partitions
        self.store = Store()
        self.delayed: list[dict[Place, tuple[int, Row]]] = []
        self.owners: list[Owner] = []
        for partition in range(partitions):
            self.assign(partition)

    def assign(self, partition: int) -> Owner:
        """Give a partition to a new owner; the old one goes on as a zombie."""
        self.generation[partition] += 1
        keys = Keys(CATALOGUE)
        fold = self.kind(RULES, keys, self.committed[partition])
        owner = Owner(partition, self.generation[partition], fold, keys)
        self.owners = [o for o in self.owners if o.partition != partition or self.rng.random() < 0.7][-6:] + [owner]
        return owner

    def fetch(self, owner: Owner, most: int) -> None:
        log, first = self.logs[owner.partition], owner.fold.expected
        first = max(0, first - self.rng.choice([0, 0, 0, 1, 3]))
        entries = log[first : first + most]
        if entries:
            owner.fold.push(first, [e.raw for e in entries], [e.stamp_ms for e in entries])

    def flush(self, owner: Owner, outcome: str) -> None:
        changes = owner.fold.changes()
        rows = rows_of(owner.partition, changes, owner.keys)
        if outcome == "torn":
            rows = {place: row for place, row in rows.items() if self.rng.random() < 0.5}
        if outcome == "delayed":
            self.delayed.append(rows)
        elif outcome != "lost":
            self.store.put(rows)
        if outcome == "ok":
            owner.fold.acknowledge(changes)

    def commit(self, owner: Owner, *, is_lost: bool) -> None:
        offset = owner.fold.commit_offset()
        if offset is None or owner.generation != self.generation[owner.partition]:
            return
        self.committed[owner.partition] = max(offset, self.committed[owner.partition] or 0)
        if not is_lost:
            owner.fold.committed(offset)

    def step(self) -> None:
        rng, owner = self.rng, self.rng.choice(self.owners)
        draw = rng.random()
        if draw < 0.5:
            self.fetch(owner, rng.randrange(1, 7))
        elif draw < 0.75:
            self.flush(owner, rng.choice(["ok", "ok", "ok", "unknown", "torn", "delayed", "lost"]))
        elif draw < 0.88:
            self.commit(owner, is_lost=rng.random() < 0.3)
        elif draw < 0.95 or not self.delayed:
            self.assign(owner.partition)
        else:
            self.store.put(self.delayed.pop(rng.randrange(len(self.delayed))))

    def run(self, steps: int = 200) -> bool:
        """Play a history, let everything heal, and tell whether the answer is exact."""
        for _ in range(steps):
            self.step()
        for partition, log in enumerate(self.logs):
            owner = self.assign(partition)
            while owner.fold.expected < len(log):
                self.fetch(owner, 6)
            self.flush(owner, "ok")
        for rows in self.delayed:
            self.store.put(rows)
        return self.store.answer() == truth(self.logs)
