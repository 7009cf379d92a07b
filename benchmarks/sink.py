"""A database of its own for each run with a sink, and what it holds afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import apply, write_profile
from benchmarks.job import Group, Sums
from benchmarks.native_totals import totals_of
from benchmarks.services import HOST, ClickHouse
from streams.profile import STANDARD

LOOP_TABLE = """CREATE TABLE loop_rows (tenant LowCardinality(String), metric LowCardinality(String),
country LowCardinality(String), service LowCardinality(String), application LowCardinality(String),
window_start DateTime('UTC'), n UInt64, sum Int128, sum_squares Int128, min Int64, max Int64, good_ms UInt64,
attempted_ms UInt64, hist_bucket Array(Int32), hist_count Array(UInt32), devices Array(UInt64))
ENGINE = MergeTree PARTITION BY toYYYYMMDD(window_start)
ORDER BY (tenant, metric, window_start, country, service, application)"""
LOOP_TOTALS = """SELECT concatWithSeparator('|', tenant, metric, country, service, application),
toUnixTimestamp(window_start) * 1000, sum(r.n), sum(r.sum), min(r.min), max(r.max)
FROM loop_rows AS r GROUP BY tenant, metric, country, service, application, window_start"""


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database on the embedded ClickHouse, with a table for the plain loop."""

    server: ClickHouse
    name: str
    _numbers: ClassVar[Iterator[int]] = count(1)

    def options(self) -> dict[str, str]:
        """Return what contestants are told: settings of the worker, or arguments of a client."""
        return {
            "clickhouse_host": HOST,
            "clickhouse_port": str(self.server.port),
            "clickhouse_database": self.name,
            "clickhouse_user": "xpulse",
            "clickhouse_password_file": str(self.server.folder.writer_password_file),
        }

    def client_options(self) -> dict[str, str]:
        """Return the arguments of a plain client, as JSON."""
        a = self.server.address(self.name)
        client = {"host": a.host, "port": a.port, "username": a.user, "password": a.password, "database": a.database}
        return {"clickhouse": json.dumps({**client, "compress": False})}

    def totals(self, *, of_loop: bool) -> dict[Group, Sums]:
        """Return what was stored."""
        warehouse = Warehouse(self.server.address(self.name))
        rows = warehouse.ask(LOOP_TOTALS if of_loop else totals_of("tiles"))
        warehouse.close()
        return {
            (key, int(window)): (int(n), int(total), int(low), int(high)) for key, window, n, total, low, high in rows
        }


@contextmanager
def database(server: ClickHouse) -> Iterator[Database]:
    """Make a database, and drop it afterwards."""
    made = Database(server, f"bench_{next(Database._numbers)}")  # noqa: SLF001 - ours
    system = Warehouse(server.address("system"))
    with system.lend() as client:
        for _ in apply(client, made.name):
            pass
        write_profile(client, made.name, STANDARD, now_ms=int(time.time() * 1000))
    inside = Warehouse(server.address(made.name))
    inside.command(LOOP_TABLE)
    inside.close()
    try:
        yield made
    finally:
        for name in (f"{made.name}_pub", made.name):
            system.command(f"DROP DATABASE IF EXISTS {name} SYNC")
        system.close()
