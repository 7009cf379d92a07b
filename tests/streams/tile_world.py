"""A small world for the tile protocol: a log, workers that die or go on as zombies, a store that loses answers.

What happens is the caller's choice: `History` draws it from a seed, `test_tile_machine` lets hypothesis choose. Nothing
here reads a clock or a socket; the fold under test is the real one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
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
FIRST_STAMP_MS = 1_000_000
READ_AFTER_MS = 900
"""How much later than written a record may be read, as the world's clock has it."""

Row = tuple[int, int, int, int]
"""n, sum in milli-units, good ms, attempted ms."""
Place = tuple[int, int, str, int, int]
"""Partition, tile, country, window, late."""
Outcome = str
"""Of a flush: one of `OUTCOMES`."""
OUTCOMES = ("ok", "slow", "unknown", "torn", "delayed", "lost")
"""Acknowledged; stored, answer on its way; stored, answer lost; a part stored; stored later; not stored at all."""


@dataclass(frozen=True)
class Entry:
    stamp_ms: int
    raw: bytes


def make_log(rng: random.Random, length: int) -> list[Entry]:
    """One partition: fresh events, near and far repeats, garbage, out-of-order times."""
    log: list[Entry] = []
    stamp = FIRST_STAMP_MS
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
            event_id=event_id, tenant="t", source="s", event_time_ms=at_ms, device=f"d{rng.randrange(5)}",
            metric="wait", value=float(rng.randrange(1, 9)), country=rng.choice(["NO", "DE"]),
        )
    )  # fmt: skip


Contributions = dict[Place, list[tuple[int, Row]]]
"""Place -> (offset, what it adds), ascending."""


def contributions(logs: Sequence[Sequence[Entry]], rules: Rules = RULES) -> Contributions:
    """What each record adds to which row, record by record, in plain Python."""
    out: Contributions = {}
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
            good = METRIC.covers_ms if event["value"] <= 5 else 0
            row = (1, int(event["value"] * 1000), good, METRIC.covers_ms)
            out.setdefault((partition, tile, event["country"], window, late), []).append((offset, row))
    return out


def added(steps: Sequence[tuple[int, Row]], below: int) -> Row:
    """The sum of what the offsets below `below` add."""
    rows = [row for offset, row in steps if offset < below] or [(0, 0, 0, 0)]
    n, total, good, attempted = (sum(column) for column in zip(*rows, strict=True))
    return n, total, good, attempted


@dataclass(frozen=True)
class Written:
    """What one flush puts into the store: rows and audit rows, each with its version `hi`."""

    rows: Mapping[Place, tuple[int, Row]]
    audit: Mapping[tuple[int, int], tuple[int, int]]


@dataclass
class Store:
    """Keeps the row with the largest `hi` of each place, as a ReplacingMergeTree does; of equal ones the newest."""

    rows: dict[Place, tuple[int, Row]] = field(default_factory=dict)
    audit: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def put(self, written: Written) -> None:
        for place, (hi, row) in written.rows.items():
            if place not in self.rows or self.rows[place][0] <= hi:
                self.rows[place] = (hi, row)
        for tile, (hi, n_in) in written.audit.items():
            if tile not in self.audit or self.audit[tile][0] <= hi:
                self.audit[tile] = (hi, n_in)

    def answer(self) -> dict[Place, Row]:
        return {place: row for place, (_, row) in self.rows.items()}


def written(partition: int, changes: Sequence[TileRows], keys: Keys) -> Written:
    rows: dict[Place, tuple[int, Row]] = {}
    for change in changes:
        g = change.groups
        for i in range(len(g) if g is not None else 0):
            assert g is not None
            country = keys.keys[int(g.code[i])].dimensions[0]
            place = (partition, change.audit.tile, country, int(g.window[i]), int(g.late[i]))
            low, high = int(g.total[0][i]), int(g.total[1][i])
            row = (int(g.n[i]), low + (high << 64), int(g.good[i]), int(g.attempted[i]))
            rows[place] = (change.audit.hi, row)
    audit = {(partition, change.audit.tile): (change.audit.hi, change.audit.n_in) for change in changes}
    return Written(rows, audit)


class ReadsTheClock(PartitionFold):
    """A fold that is told the time whenever it reads; only broken ones want to know."""

    now_ms = 0


@dataclass
class Owner:
    """A worker's view of one partition; it may be out of date without knowing it.

    `unanswered` is the flush whose answer is still on its way.
    """

    partition: int
    generation: int
    fold: PartitionFold
    keys: Keys
    unanswered: Sequence[TileRows] = ()


class World:
    """Logs, the group's committed offsets, the store, and workers that come and go."""

    def __init__(self, logs: Sequence[Sequence[Entry]], kind: type[PartitionFold] = PartitionFold) -> None:
        self.kind = kind
        self.logs = logs
        self.truth = contributions(logs)
        self.committed: list[int | None] = [None] * len(logs)
        self.generation = [0] * len(logs)
        self.store = Store()
        self.delayed: list[Written] = []
        self.owners: list[Owner] = []
        self.now_ms = FIRST_STAMP_MS
        for partition in range(len(logs)):
            self.assign(partition)

    def assign(self, partition: int) -> Owner:
        """Give a partition to a new owner; the old one goes on as a zombie."""
        self.generation[partition] += 1
        keys = Keys(CATALOGUE)
        fold = self.kind(RULES, keys, self.committed[partition])
        owner = Owner(partition, self.generation[partition], fold, keys)
        self.owners.append(owner)
        return owner

    def is_current(self, owner: Owner) -> bool:
        return owner.generation == self.generation[owner.partition]

    def bury(self, owner: Owner) -> None:
        """A worker is gone for good; if it was the owner, another one follows."""
        self.owners.remove(owner)
        if self.is_current(owner):
            self.assign(owner.partition)

    def fetch(self, owner: Owner, most: int, *, again: int = 0) -> None:
        """Read on, beginning with `again` records that were read before."""
        self.now_ms += READ_AFTER_MS
        if isinstance(owner.fold, ReadsTheClock):
            owner.fold.now_ms = self.now_ms
        log, first = self.logs[owner.partition], max(0, owner.fold.expected - again)
        entries = log[first : first + most]
        if entries:
            owner.fold.push(first, [e.raw for e in entries], [e.stamp_ms for e in entries])

    def flush(self, owner: Owner, outcome: Outcome, survives: Callable[[Place], bool] = bool) -> None:
        """Send what changed; a torn flush stores the rows that `survives` picks, and no audit."""
        self.answer(owner)
        changes = owner.fold.changes()
        sent = written(owner.partition, changes, owner.keys)
        if outcome == "torn":
            sent = Written({place: row for place, row in sent.rows.items() if survives(place)}, {})
        if outcome == "delayed":
            self.delayed.append(sent)
        elif outcome != "lost":
            self.store.put(sent)
        if outcome in ("ok", "slow"):
            owner.unanswered = changes
        if outcome == "ok":
            self.answer(owner)

    def answer(self, owner: Owner) -> None:
        """The answer to the last flush arrives; one flush is under way at a time."""
        owner.fold.acknowledge(owner.unanswered)
        owner.unanswered = ()

    def land(self, number: int) -> None:
        """A flush that was given up reaches the store after all."""
        self.store.put(self.delayed.pop(number))

    def commit(self, owner: Owner, *, is_lost: bool) -> None:
        """Commit what the fold allows; the broker refuses a zombie, and its answer may be lost."""
        offset = owner.fold.commit_offset()
        if offset is None or not self.is_current(owner):
            return
        self.committed[owner.partition] = max(offset, self.committed[owner.partition] or 0)
        if not is_lost:
            owner.fold.committed(offset)

    def heal(self) -> None:
        """Every partition gets a fresh owner that reads to the end; then what was delayed lands."""
        for partition, log in enumerate(self.logs):
            owner = self.assign(partition)
            while owner.fold.expected < len(log):
                self.fetch(owner, 6)
            self.flush(owner, "ok")
        while self.delayed:
            self.land(0)

    def expected(self) -> dict[Place, Row]:
        """The answer, worked out without a fold."""
        return {place: added(steps, len(self.logs[place[0]])) for place, steps in self.truth.items()}

    def is_exact(self) -> bool:
        """Tell whether the store holds the answer, and its audit every record."""
        sums = [0] * len(self.logs)
        for (partition, _), (_, n_in) in self.store.audit.items():
            sums[partition] += n_in
        return self.store.answer() == self.expected() and sums == [len(log) for log in self.logs]


class History(World):
    """A random history of fetching, storing, committing, dying and going on regardless; the same for the same seed."""

    MOST_OWNERS = 6

    def __init__(
        self, seed: int, kind: type[PartitionFold] = PartitionFold, partitions: int = 2, length: int = 45
    ) -> None:
        self.rng = random.Random(seed)
        super().__init__([make_log(self.rng, length) for _ in range(partitions)], kind)

    def step(self) -> None:
        rng, owner = self.rng, self.rng.choice(self.owners)
        draw = rng.random()
        if draw < 0.5:
            self.fetch(owner, rng.randrange(1, 7), again=rng.choice([0, 0, 0, 1, 3]))
        elif draw < 0.75:
            self.flush(owner, rng.choice(["ok", "ok", *OUTCOMES]), lambda _: rng.random() < 0.5)
        elif draw < 0.78:
            self.answer(owner)
        elif draw < 0.88:
            self.commit(owner, is_lost=rng.random() < 0.3)
        elif draw < 0.95 or not self.delayed:
            self.replace(owner)
        else:
            self.land(rng.randrange(len(self.delayed)))

    def replace(self, owner: Owner) -> None:
        if self.rng.random() < 0.3 or len(self.owners) >= self.MOST_OWNERS:
            self.bury(owner)
        else:
            self.assign(owner.partition)

    def run(self, steps: int = 200) -> bool:
        """Play a history, let everything heal, and tell whether the answer is exact."""
        for _ in range(steps):
            self.step()
        self.heal()
        return self.is_exact()
