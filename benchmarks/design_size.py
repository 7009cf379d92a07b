"""The design size as it stands in the warehouse: one sealed day, the half day after it, and the audit of both.

The half day is tiles; its whole hours are sealed as a running installation has them, by the sealer itself.

Made by `INSERT … SELECT FROM numbers`, in the order of time. Keys are numbered, and a key's metric, country and
application follow from its number, so no two keys are the same and every answer can be computed beforehand.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agents.seal import Sealer
from agents.seal_tables import SealTables
from agents.warehouse.client import Warehouse
from benchmarks.services import wait_until
from benchmarks.sink import Database
from streams.profile import STANDARD

DAY_S = 1_780_012_800
"""The midnight at which the sealed day begins; no view asks for the time, so any day will do."""
DAY_LENGTH_S = 86_400
COUNTRIES, SERVICES, APPLICATIONS = 12, 25, 40
PARTITIONS = 4
READINGS = 10
"""Of each key a minute."""
HISTORY_DAYS = 30
"""So many days of audit rows."""
SEALED: Mapping[str, tuple[int, int]] = {"sealed_60s": (60, 8), "sealed_15m": (900, 40), "sealed_1d": (86_400, 120)}
"""Table -> (seconds of a window, different devices in it)."""
STEP_ROWS = 500_000
"""A statement writes about as many rows: well within the client's patience."""
MERGED_WITHIN_S = 180.0
REST_S = 3.0

_KEY = """'acme', concat('app.metric_', toString(intDiv(k, 480))) AS metric, concat('C', toString(intDiv(k, 40) % 12)),
concat('service-', toString(k % 40 % 25)), concat('application-', toString(k % 40))"""
_KEY_COLUMNS = "tenant, metric, country, service, application"
_VALUE_COLUMNS = """window_start, window_s, generation, n, sum, sum_squares, min, max, good_ms, attempted_ms,
hist_bucket, hist_count, devices"""
_VALUES = """toDateTime({start:UInt32} + w * {window_s:UInt32}, 'UTC'), {window_s:UInt32}, {generation:UInt16},
{n:UInt64}, {n:UInt64} * 270, {n:UInt64} * 90000, 100, 500, {n:UInt64} * 4500, {n:UInt64} * 5000,
[1, 2, 3, 4], [3, 4, 2, 1],
arraySort(arrayMap(x -> intHash64(x + 7919 * (k + w)) % 281474976710656, range({devices:UInt32})))"""
_ROWS = """FROM (SELECT number % {keys:UInt64} AS k, intDiv(number, {keys:UInt64}) AS w
FROM numbers({first:UInt64}, {count:UInt64}))"""
_INTO_SEALED = f"""INSERT INTO {{table:Identifier}} ({_KEY_COLUMNS}, {_VALUE_COLUMNS}, period_start, seal, late_n)
SELECT {_KEY}, {_VALUES}, toDateTime({{start:UInt32}}, 'UTC'), 1, 0 {_ROWS}"""
_INTO_TILES = f"""INSERT INTO tiles ({_KEY_COLUMNS}, {_VALUE_COLUMNS}, partition, tile, hi)
SELECT {_KEY}, {_VALUES}, k % 4, intDiv(w * {{of_minute:UInt64}}, {{tile_size:UInt64}}) AS t,
(t + 1) * {{tile_size:UInt64}}
{_ROWS}"""
_INTO_SEALS = """INSERT INTO seals (profile, period_s, period_start, generation, seal, windows, n, sealed_at)
SELECT {profile:String}, 86400, toDateTime({start:UInt32}, 'UTC'), {generation:UInt16}, 1,
{windows:UInt64}, {n:UInt64}, now64(3)"""
_INTO_AUDIT = """INSERT INTO tile_audit
(generation, partition, partitions, tile, hi, first, n_in, n_valid, arrival, closed)
SELECT {generation:UInt16}, p, 4, number, first + size, number * {tile_size:UInt64} AS first,
{tile_size:UInt64} AS size, size, fromUnixTimestamp64Milli({arrival_ms:Int64}), 1
FROM numbers({tiles:UInt64}) ARRAY JOIN range(4) AS p"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is.

    Attributes:
        keys: Active in every minute.
        hot_minutes: After the sealed day; a multiple of 15. What is above a whole hour stays tiles.
    """

    keys: int = 5_000
    hot_minutes: int = 12 * 60 + 45

    @property
    def end_s(self) -> int:
        """When the newest window ends."""
        return DAY_S + DAY_LENGTH_S + 60 * self.hot_minutes


def keys_of(size: Size, *, service: str, metric: str | None = None) -> int:
    """Return how many keys a service has, of all metrics or of one."""
    chosen = [k for k in range(size.keys) if f"service-{k % APPLICATIONS % SERVICES}" == service]
    return sum(metric in (None, f"app.metric_{k // (COUNTRIES * APPLICATIONS)}") for k in chosen)


def fill(database: Database, size: Size) -> None:
    """Write everything, and wait until nothing is being merged any more.

    Raises:
        BenchmarkError: Merging did not end.
        WarehouseError: A statement was refused.
    """
    warehouse = Warehouse(database.server.address(database.name))
    for sql, parameters in _statements(size):
        with warehouse.lend() as client:
            client.command(sql, parameters={"generation": STANDARD.generation, **parameters})
    Sealer(SealTables(warehouse)).run(size.end_s * 1000)
    rest = _Rest(warehouse)
    wait_until(rest.is_reached, "merges of the design size", within_s=MERGED_WITHIN_S)
    warehouse.close()


class _Rest:
    """Whether nothing has been merged for a while: one merge often starts when another ends."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._busy_at = time.monotonic()

    def is_reached(self) -> bool:
        time.sleep(0.2)  # asking more often would only be in the way
        ((merges,),) = self._warehouse.ask("SELECT count() FROM system.merges WHERE database = currentDatabase()")
        if merges:
            self._busy_at = time.monotonic()
        return time.monotonic() - self._busy_at >= REST_S


def _statements(size: Size) -> Iterator[tuple[str, dict[str, object]]]:
    for table, (window_s, devices) in SEALED.items():
        shape = {"table": table, **_shape(DAY_S, window_s, devices)}
        for steps in _steps(size.keys, DAY_LENGTH_S // window_s):
            yield _INTO_SEALED, {**shape, **steps}
    tile_size, of_minute = STANDARD.tile_size, size.keys * READINGS // PARTITIONS
    hot = {**_shape(DAY_S + DAY_LENGTH_S, 60, 8), "tile_size": tile_size, "of_minute": of_minute}
    for steps in _steps(size.keys, size.hot_minutes):
        yield _INTO_TILES, {**hot, **steps}
    windows = size.keys * 1440
    seal = {"profile": STANDARD.name, "start": DAY_S, "windows": windows, "n": windows * READINGS}
    yield _INTO_SEALS, seal
    tiles = HISTORY_DAYS * 1440 * of_minute // tile_size + 1
    arrival_ms = size.end_s * 1000 + STANDARD.grace_ms + 1
    yield _INTO_AUDIT, {"tile_size": tile_size, "tiles": tiles, "arrival_ms": arrival_ms}


def _shape(start_s: int, window_s: int, devices: int) -> dict[str, object]:
    return {"start": start_s, "window_s": window_s, "devices": devices, "n": READINGS * window_s // 60}


def _steps(keys: int, windows: int) -> Iterator[dict[str, object]]:
    """Cut the rows of so many windows into statements of whole windows."""
    step = max(1, STEP_ROWS // keys)
    for begin in range(0, windows, step):
        yield {"keys": keys, "first": begin * keys, "count": min(step, windows - begin) * keys}
