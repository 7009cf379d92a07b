"""One query's answer as the browser gets it, asked once for everybody who looks at the same."""

import asyncio
import math
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from agents.warehouse.client import Address, Warehouse, WarehouseError, ask_raw

MOST_ROWS = 5_000
"""Rows of one answer that reach a browser; the rest is cut, and the panel says so."""

THREADS = 2
KEPT_S = 4.0
"""How long an answer is as good as new, in seconds; less than the time between two rounds."""

Answer = dict[str, Any]
"""`columns`: name and kind of each ("time" in ms UTC, "number", "text"); `rows`; `cut`: rows left out; or `error`."""


class Answers:
    """Asks ClickHouse by a few connections.

    Args:
        address: A reader of the published views.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="preview")
        self._local = threading.local()
        self._asked: dict[str, tuple[float, asyncio.Task[Answer]]] = {}

    async def get(self, sql: str) -> Answer:
        """Return the answer to one statement; a failed one says so in `error`, by its code only."""
        now_s = time.monotonic()
        self._asked = {key: value for key, value in self._asked.items() if value[0] > now_s}
        if sql not in self._asked:
            self._asked[sql] = (now_s + KEPT_S, asyncio.create_task(self._ask(sql)))
        # Who leaves must not take the answer away from others who wait for it.
        return await asyncio.shield(self._asked[sql][1])

    async def _ask(self, sql: str) -> Answer:
        try:
            return shape(await asyncio.get_running_loop().run_in_executor(self._pool, self._fetch, sql))
        except WarehouseError as error:
            return {"error": "ClickHouse does not answer" if error.code is None else f"ClickHouse error {error.code}"}

    def _fetch(self, sql: str) -> bytes:
        if not hasattr(self._local, "warehouse"):
            self._local.warehouse = Warehouse(self._address)
        warehouse: Warehouse = self._local.warehouse
        with warehouse.lend() as client:
            return ask_raw(client, sql, fmt="JSONCompact")

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def shape(raw: bytes) -> Answer:
    """Turn ClickHouse's JSONCompact into an answer.

    Example:
        >>> shape(b'{"meta": [{"name": "n", "type": "UInt64"}], "data": [["7"]]}')
        {'columns': [{'name': 'n', 'kind': 'number'}], 'rows': [[7]], 'cut': 0}
    """
    found = orjson.loads(raw)
    types = [_bare(column["type"]) for column in found["meta"]]
    columns = [{"name": column["name"], "kind": _kind(kind)} for column, kind in zip(found["meta"], types, strict=True)]
    rows = [_row(row, types) for row in found["data"][:MOST_ROWS]]
    return {"columns": columns, "rows": rows, "cut": max(0, len(found["data"]) - MOST_ROWS)}


def _bare(kind: str) -> str:
    for wrapper in ("LowCardinality(", "Nullable("):
        if kind.startswith(wrapper):
            kind = kind.removeprefix(wrapper)[:-1]
    return kind


def _kind(kind: str) -> str:
    if kind.startswith("Date"):
        return "time"
    return "number" if kind.startswith(("Int", "UInt", "Float", "Decimal")) else "text"


def _row(row: Sequence[Any], types: Sequence[str]) -> list[Any]:
    return [_value(value, kind) for value, kind in zip(row, types, strict=True)]


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind.startswith("Date"):
        return int(datetime.fromisoformat(value).replace(tzinfo=_zone(kind)).timestamp() * 1000)
    if _kind(kind) == "number":
        return _number(value)
    return value if isinstance(value, str) else _words(value)


def _zone(kind: str) -> tzinfo:
    name = kind.partition("'")[2].rstrip("')")
    return UTC if name in ("", "UTC") else ZoneInfo(name)


def _number(value: Any) -> int | float | None:
    number = float(value)  # 64-bit integers may come as text
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_words(entry)}" for key, entry in value.items())
    return str(value)
