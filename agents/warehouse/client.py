"""The one door to ClickHouse: connecting, inserting with a counted acknowledgement, asking.

Adapter of clickhouse-connect: nothing else in xpulse imports it. The driver's own retries are off: whoever writes keeps
its rows until they are acknowledged and sends them again unchanged, which every table is built to absorb.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error, OperationalError

from streams.errors import DeliveryError

__all__ = [
    "Address",
    "Client",
    "Warehouse",
    "WarehouseError",
    "ask",
    "ask_raw",
    "command",
    "connect",
    "insert_native",
    "insert_rows",
]

CONNECT_TIMEOUT_S = 3
ANSWER_TIMEOUT_S = 60
SYNCHRONOUS = {"async_insert": 0}
"""Settings of each insert: acknowledged means written, whatever the server's default is."""

_FAULTS = (ClickHouseError, ArithmeticError, LookupError, TypeError, ValueError, struct.error)
"""What the driver raises; all but the first for values that do not fit their column."""

PASSING_CODES = frozenset({3, 159, 160, 198, 202, 209, 210, 236, 241, 242, 243, 252, 319, 425, 439, 999})
"""ClickHouse error codes that may be gone at the next try: time-outs, memory, disk, network, too many parts."""


class WarehouseError(DeliveryError):
    """ClickHouse did not do what it was asked.

    Attributes:
        code: ClickHouse's error code; None if it was not reached or the answer makes no sense.
    """

    def __init__(self, reason: str, *, is_retryable: bool, code: int | None = None) -> None:
        super().__init__(reason, is_retryable=is_retryable)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a ClickHouse HTTP interface is and as whom to ask."""

    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)
    database: str = "xpulse"


def connect(host: str, port: int, user: str, password: str, database: str) -> Client:
    """Return a client with its own connections; usable by one thread at a time.

    Raises:
        WarehouseError: Nobody answers there, or the user is refused.
    """
    try:
        return clickhouse_connect.get_client(
            host=host,
            port=port,
            username=user,
            password=password,
            database=database,
            query_retries=0,
            autogenerate_session_id=False,
            dedicated_pool=True,
            compress=False,
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=ANSWER_TIMEOUT_S,
        )
    except _FAULTS as error:
        raise _as_warehouse_error(error) from error


def insert_native(client: Client, table: str, block: bytes, rows: int) -> None:
    """Insert blocks made by `agents.warehouse.native` and check the acknowledgement.

    Args:
        client: An open client.
        table: Name, with or without its database.
        block: One or several blocks in Native format; column names decide where values go.
        rows: How many rows they hold.

    Raises:
        WarehouseError: Not acknowledged, or another number of rows was.
    """
    if rows == 0:
        return
    try:
        summary = client.raw_insert(table, insert_block=block, fmt="Native", settings=SYNCHRONOUS)
    except _FAULTS as error:
        raise _as_warehouse_error(error) from error
    _check_written(table, summary.written_rows, rows)


def insert_rows(
    client: Client,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    types: Mapping[str, str] | None = None,
) -> None:
    """Insert rows of Python values (instants as integer ms) and check the acknowledgement.

    Args:
        client: An open client.
        table: Name, with or without its database.
        columns: Which columns the values are of; the others get their defaults.
        rows: Values in that order.
        types: Column -> ClickHouse type if known; saves a question to the server.

    Raises:
        WarehouseError: Not acknowledged, or another number of rows was.
    """
    if not rows:
        return
    known = None if types is None else [types[column] for column in columns]
    try:
        summary = client.insert(table, rows, column_names=columns, column_type_names=known, settings=SYNCHRONOUS)
    except _FAULTS as error:
        raise _as_warehouse_error(error) from error
    _check_written(table, summary.written_rows, len(rows))


def _check_written(table: str, written: int, rows: int) -> None:
    if written != rows:
        raise WarehouseError(f"{table}: {rows} rows sent, {written} acknowledged", is_retryable=True)


def ask(client: Client, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Return the rows of a query.

    Args:
        client: An open client.
        sql: One statement; `{name:Type}` stands for a parameter.
        parameters: Name -> value.

    Raises:
        WarehouseError: No answer, or an error instead of one.
    """
    try:
        return [tuple(row) for row in client.query(sql, parameters=dict(parameters or {})).result_rows]
    except _FAULTS as error:
        raise _as_warehouse_error(error) from error


def command(client: Client, sql: str) -> None:
    """Run a statement that returns no rows.

    Raises:
        WarehouseError: It was refused, or nobody answered.
    """
    try:
        client.command(sql)
    except _FAULTS as error:
        raise _as_warehouse_error(error) from error


def ask_raw(client: Client, sql: str, *, fmt: str, parameters: Mapping[str, Any] | None = None) -> bytes:
    """Return a query's answer in a ClickHouse format; a FORMAT clause in the statement wins.

    Args:
        client: An open client.
        sql: One statement; `{name:Type}` stands for a parameter.
        fmt: Name of the format.
        parameters: Name -> value.

    Raises:
        WarehouseError: No answer, or an error instead of one.
    """
    try:
        # Not the driver's own argument, which appends a second FORMAT clause to a statement that has one.
        settings = {"X-ClickHouse-Format": fmt}
        return client.raw_query(sql, parameters=dict(parameters or {}), transport_settings=settings)
    except _FAULTS as error:
        raise _as_warehouse_error(error) from error


class Warehouse:
    """A connection that is made when first needed and anew after any error; for one thread at a time."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client: Client | None = None
        self._types: dict[str, dict[str, str]] = {}

    def insert_native(self, table: str, block: bytes, rows: int) -> None:
        """As `insert_native`."""
        with self.lend() as client:
            insert_native(client, table, block, rows)

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """As `insert_rows`; the table's types are asked once per connection."""
        if not rows:
            return
        with self.lend() as client:
            if table not in self._types:
                self._types[table] = {name: kind for name, kind, *_ in ask(client, f"DESCRIBE TABLE {table}")}
            insert_rows(client, table, columns, rows, types=self._types[table])

    def ask(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """As `ask`."""
        with self.lend() as client:
            return ask(client, sql, parameters)

    def command(self, sql: str) -> None:
        """As `command`."""
        with self.lend() as client:
            command(client, sql)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._types.clear()
        client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextmanager
    def lend(self) -> Iterator[Client]:
        """Lend the client; it is thrown away if anything goes wrong meanwhile."""
        try:
            yield self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> Client:
        if self._client is None:
            a = self.address
            self._client = connect(a.host, a.port, a.user, a.password, a.database)
        return self._client


def _as_warehouse_error(error: Exception) -> WarehouseError:
    code = error.code if isinstance(error, Error) else None
    if code is not None:
        reason = f"ClickHouse error {code}: {_server_words(error)}"
        return WarehouseError(reason, is_retryable=code in PASSING_CODES, code=code)
    if isinstance(error, OperationalError):
        return WarehouseError(f"no answer from ClickHouse: {_root(error)}", is_retryable=True)
    # Without the error's own words: they may quote the value.
    return WarehouseError(f"not sent to ClickHouse: {type(error).__name__}", is_retryable=False)


def _server_words(error: Exception) -> str:
    """Return what the server said, without the driver's frame around it."""
    words = str(error).rpartition("DB::Exception: ")[2].partition(" (for url ")[0]
    return " ".join(words.split())


def _root(error: BaseException) -> str:
    """Return the first cause: of a chain of wrapped network errors only the innermost says what happened."""
    seen = error
    while isinstance(deeper := getattr(seen, "reason", None) or seen.__cause__ or seen.__context__, BaseException):
        seen = deeper
    return " ".join(f"{type(seen).__name__}: {seen}".split())
