"""What the behaviour suite talks to: the embedded ClickHouse, or a server named by environment variables.

TEST_CLICKHOUSE_URL=http://xpulse:PASSWORD@HOST:8123    a user who may do anything in `xpulse` and `xpulse_pub`
TEST_CLICKHOUSE_READER_URL=http://default@HOST:8123     a user who may read `xpulse_pub`
"""

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client

WRITER_URL = "TEST_CLICKHOUSE_URL"
READER_URL = "TEST_CLICKHOUSE_READER_URL"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Account:
    """Where and as whom to connect."""

    host: str
    port: int
    user: str
    password: str
    database: str

    def ask(
        self,
        sql: str | bytes,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> httpx.Response:
        """Send one statement in the body of a plain HTTP request, as curl does; with GET in the URL."""
        query = {"database": self.database, **parameters}
        body = sql if isinstance(sql, bytes) else sql.encode()
        if method == "GET":
            query["query"], body = body.decode(), b""
        # No certificates here, and loading them takes longer than most statements.
        with httpx.Client(auth=(self.user, self.password), timeout=60, verify=False) as http:
            return http.request(method, self.url, params=query, content=body, headers=headers)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    def rows(self, sql: str, **parameters: Any) -> list[list[str]]:
        """Return the rows of a query as text."""
        reply = self.ask(sql, **parameters)
        assert reply.status_code == 200, reply.text
        return [line.split("\t") for line in reply.text.splitlines()]

    def run(self, sql: str) -> None:
        """Run a statement that must succeed."""
        reply = self.ask(sql)
        assert reply.status_code == 200, reply.text

    @contextmanager
    def client(self, **more: Any) -> Iterator[Client]:
        """Connect as the product does: clickhouse-connect, without its own retries and sessions."""
        client = clickhouse_connect.get_client(
            host=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            database=self.database,
            query_retries=0,
            autogenerate_session_id=False,
            **more,
        )
        try:
            yield client
        finally:
            client.close()


@dataclass(frozen=True)
class Target:
    """A ClickHouse with its two accounts."""

    writer: Account
    reader: Account
    is_embedded: bool

    def table(self, columns: str, *, engine: str = "MergeTree ORDER BY tuple()") -> str:
        """Create a table in `xpulse` under a name of its own; return its full name."""
        name = f"xpulse.{fresh_name()}"
        self.writer.run(f"CREATE TABLE {name} ({columns}) ENGINE = {engine}")
        return name

    def count(self, table: str) -> int:
        return int(self.writer.rows(f"SELECT count() FROM {table}")[0][0])


def fresh_name() -> str:
    return f"t{os.getpid()}_{next(_numbers)}"


def server_target() -> Target | None:
    """Return the server that the environment names, None if it names none."""
    urls = os.environ.get(WRITER_URL), os.environ.get(READER_URL)
    if urls[0] is None or urls[1] is None:
        return None
    return Target(_account(urls[0], "xpulse"), _account(urls[1], "xpulse_pub"), is_embedded=False)


def _account(url: str, database: str) -> Account:
    parts = urlsplit(url)
    return Account(parts.hostname or "", parts.port or 8123, parts.username or "", parts.password or "", database)
