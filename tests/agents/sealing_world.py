"""What sealing is tested with: tiles and audit rows as the telemetry agent writes them, and readers."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import repeat
from typing import Any
from uuid import UUID

from agents.seal import Retention, Sealer
from agents.seal_tables import Cut, SealTables
from agents.warehouse.client import Address, Warehouse
from agents.warehouse.migrate import public_of, write_profile
from streams.profile import DEMO, Profile

START_S = 1_780_012_800  # midnight
NOW_MS = 1_780_100_000_000
PERIOD_S = DEMO.period_ms // 1000
LOG, NEXT_LOG = UUID(int=1), UUID(int=2)
COLUMNS = (
    "tenant", "metric", "window_start", "window_s", "country", "shared", "late", "generation", "incarnation",
    "partition", "tile", "hi", "n", "sum", "sum_squares", "min", "max", "good_ms", "attempted_ms", "hist_bucket",
    "hist_count", "devices",
)  # fmt: skip


def hashes(first: int, count: int) -> list[int]:
    digests = (blake2b(f"d{n}".encode(), digest_size=6).digest() for n in range(first, first + count))
    return sorted(int.from_bytes(digest) for digest in digests)


@dataclass
class World:
    """Writes tiles and audit rows as the telemetry agent does, and reads as everybody may."""

    store: Warehouse
    tables: SealTables = field(init=False)
    profile: Profile = DEMO

    def __post_init__(self) -> None:
        self.tables = SealTables(self.store)
        self.use(self.profile)

    def use(self, profile: Profile) -> None:
        self.profile = profile
        with self.store.lend() as client:
            write_profile(client, self.store.address.database, profile, now_ms=NOW_MS + profile.generation)

    def tile(self, at_s: int, **changes: Any) -> dict[str, Any]:
        known: dict[str, Any] = {
            "tenant": "t", "metric": "wait", "window_start": START_S + at_s, "window_s": 5, "country": "NO",
            "shared": 0, "late": 0, "generation": self.profile.generation, "incarnation": LOG, "partition": 0,
            "tile": 0, "hi": 100, "n": 10, "sum": 20_000, "sum_squares": 50_000, "min": -1_500, "max": 4_250,
            "good_ms": 30, "attempted_ms": 40, "hist_bucket": [1, 3], "hist_count": [4, 6], "devices": hashes(0, 6),
        }  # fmt: skip
        return {**known, **changes}

    def write(self, *tiles: dict[str, Any]) -> None:
        self.store.insert_rows("tiles", COLUMNS, [[tile[column] for column in COLUMNS] for tile in tiles])

    def reach(self, at_s: int, **changes: Any) -> None:
        """Let the log pass a second, and a bit more than the grace."""
        known = {
            "generation": self.profile.generation, "incarnation": LOG, "partition": 0, "tile": 0,
            "hi": at_s + 10**6, "partitions": 1, "first": 0,
            "arrival": (START_S + at_s) * 1000 + self.profile.grace_ms + 1,
        }  # fmt: skip
        row = {**known, **changes}
        self.store.insert_rows("tile_audit", tuple(row), [tuple(row.values())])

    def seen(self, columns: str, view: str = "telemetry") -> list[tuple[Any, ...]]:
        order = "window_start, tenant, country, shared"
        return self.store.ask(f"SELECT {columns} FROM {public_of(self.store.address.database)}.{view} ORDER BY {order}")

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        return {view: self.seen("*", view) for view in ("telemetry", "telemetry_15m", "telemetry_1d")}

    def sealer(self, retention: Retention | None = None, seconds: Iterable[float] = repeat(0.0)) -> Sealer:
        """Return a sealer to whom a watch shows these seconds, one at each look: by default no round takes any."""
        watch = iter(seconds)
        return Sealer(self.tables, retention, lambda: next(watch))

    def cut(self) -> Cut:
        found = self.tables.cut()
        assert found is not None
        return found

    def seals(self) -> list[tuple[int, int, int]]:
        rows = self.store.ask("SELECT period_start, generation, seal FROM seals FINAL ORDER BY ALL")
        return [(int(start.timestamp()) - START_S, generation, seal) for start, generation, seal in rows]


@contextmanager
def reading(address: Address, sql: str) -> Iterator[set[tuple[Any, ...]]]:
    """Ask the same again and again from three threads; yields the set of different answers, filled meanwhile."""
    seen: set[tuple[Any, ...]] = set()
    faults: list[BaseException] = []
    stop = threading.Event()

    def ask() -> None:
        reader = Warehouse(address)
        try:
            while not stop.is_set():
                seen.add(tuple(reader.ask(sql)))
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            faults.append(error)
        finally:
            reader.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
    assert not faults
