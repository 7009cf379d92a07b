"""Where the check of the screens asks: an embedded ClickHouse with the sample in it, or one that is there."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import orjson

from agents.local.paths import DataFolder
from agents.local.supervisor import Supervisor
from agents.screens.check import Answer, Ask
from agents.screens.sample import HOUR_MS, sample
from agents.stack import CLICKHOUSE, HOST, Stack, pick_ports
from agents.warehouse.client import Address, Client, ask_raw, connect, insert_rows
from agents.warehouse.migrate import apply, public_of, write_profile
from streams.profile import STANDARD

DATABASE = "xpulse"


def asking(client: Client, public: str) -> Ask:
    """Return what asks one ClickHouse; the same statement is asked once.

    Args:
        client: An open client.
        public: Name of the database of the published views; the screens call it xpulse_pub.
    """
    known: dict[str, Answer] = {}

    def ask(sql: str) -> Answer:
        if sql not in known:
            raw = ask_raw(client, sql.replace(f"{public_of(DATABASE)}.", f"{public}."), fmt="JSONCompact")
            found = orjson.loads(raw)
            columns = [(column["name"], column["type"]) for column in found["meta"]]
            known[sql] = Answer(columns, found["data"])
        return known[sql]

    return ask


def fill(client: Client, database: str, *, now_ms: int) -> None:
    """Migrate a database and put the sample into it."""
    for _ in apply(client, database):
        pass
    write_profile(client, database, STANDARD, now_ms=now_ms - 100 * HOUR_MS)
    for table, rows in sample(now_ms).items():
        insert_rows(client, f"{database}.{table}", list(rows[0]), [list(row.values()) for row in rows])


@contextmanager
def sampled(now_ms: int) -> Iterator[Client]:
    """Run an embedded ClickHouse with the sample in it; give a reader of its published views; stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="xpulse-screens-") as temporary:
        folder = DataFolder(Path(temporary))
        folder.prepare()
        stack = Stack(folder, STANDARD, pick_ports())
        parts = [part for part in stack.parts() if part.name == CLICKHOUSE]
        with Supervisor(parts, folder.logs, folder.run):
            port, password = stack.ports.clickhouse, folder.writer_password_file.read_text().strip()
            with closing(connect(HOST, port, "xpulse", password, public_of(DATABASE))) as writer:
                fill(writer, DATABASE, now_ms=now_ms)
            with reading(Address(host=HOST, port=port, user="default", database=public_of(DATABASE))) as reader:
                yield reader


@contextmanager
def reading(address: Address) -> Iterator[Client]:
    """Open a client and close it at the end."""
    with closing(connect(address.host, address.port, address.user, address.password, address.database)) as client:
        yield client
