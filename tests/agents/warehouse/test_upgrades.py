"""From every earlier version to this one: with rows in the tables, and with an interruption after each statement."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from agents.warehouse import migrate
from agents.warehouse.client import Address, Client, Warehouse, WarehouseError, ask, command
from agents.warehouse.migrate import Migration, State, public_of, read_migrations

pytestmark = pytest.mark.integration

TABLES = """
SELECT name FROM system.tables
WHERE database = {d:String} AND engine LIKE '%MergeTree' AND name != 'migrations' ORDER BY name
"""
COLUMNS = """
SELECT name, type FROM system.columns
WHERE database = {d:String} AND table = {t:String} AND default_kind != 'MATERIALIZED' ORDER BY position
"""
MADE = "SELECT name, create_table_query FROM system.tables WHERE database IN ({d:String}, {p:String}) ORDER BY name"


VIEWS = ("CREATE OR REPLACE VIEW", "DROP VIEW")


class Killed(BaseException):
    """What a process that is killed does not live to see."""


@dataclass
class Interrupter:
    """Stands before `command`: ends the run after so many statements, by an error or as if killed."""

    statements: int = 0
    kind: type[BaseException] = Killed
    ran: list[str] = field(default_factory=list)

    def __call__(self, client: Client, statement: str) -> None:
        command(client, statement)
        self.ran.append(statement)
        if len(self.ran) == self.statements:
            raise WarehouseError("gone", is_retryable=True) if self.kind is WarehouseError else Killed


@pytest.fixture
def system(bare: Address) -> Iterator[Client]:
    """A client of a server that has not heard of xpulse."""
    opened = Warehouse(replace(bare, database="system"))
    with opened.lend() as client:
        yield client
    opened.close()


def tables(client: Client, database: str) -> list[str]:
    return [name for (name,) in ask(client, TABLES, {"d": database})]


def write_a_row(client: Client, database: str, table: str, seed: int) -> None:
    columns = ask(client, COLUMNS, {"d": database, "t": table})
    structure = ", ".join(f"`{name}` {kind}" for name, kind in columns).replace("\\", "\\\\").replace("'", "\\'")
    names = ", ".join(f"`{name}`" for name, _ in columns)
    random = f"SELECT * FROM generateRandom('{structure}', {seed}, 3, 2) LIMIT 1"
    command(client, f"INSERT INTO `{database}`.`{table}` ({names}) {random}")


def distinct_rows(client: Client, database: str, table: str) -> int:
    """Return how many rows there are; the same row twice is one, as it is to every reader."""
    [(found,)] = ask(client, f"SELECT count() FROM (SELECT DISTINCT * FROM `{database}`.`{table}`)")
    return int(found)


def made(client: Client, database: str) -> list[tuple[str, str]]:
    """Return how every table and view was made, with the database's name taken out."""
    found = ask(client, MADE, {"d": database, "p": public_of(database)})
    return [(name, text.replace(database, "warehouse")) for name, text in found]


def altering(migration: Migration) -> list[str]:
    """Return the statements of a migration that change tables."""
    return [text for text in migration.statements("d") if not text.startswith(VIEWS)]


def moments(migration: Migration, database: str) -> list[int]:
    """Return after how many statements to interrupt: each that changes tables, and one among those that make views."""
    statements = migration.statements(database)
    changes = [number for number, text in enumerate(statements, start=1) if not text.startswith(VIEWS)]
    return sorted({*changes, (len(statements) + 1) // 2})


def interrupted(
    client: Client, database: str, known: list[Migration], kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apply the last of `known` and end it half-way, at one moment after the other."""
    for number in moments(known[-1], database):
        monkeypatch.setattr(migrate, "command", Interrupter(len(migrate.GROUND) + number, kind))
        with pytest.raises(kind):
            list(migrate.apply(client, database, known))
        state = migrate.status(client, database, known)[-1].state
        assert state is (State.FAILED if kind is WarehouseError else State.STARTED)
    monkeypatch.setattr(migrate, "command", command)


@pytest.mark.timeout(400)
def test_every_version_with_rows_and_every_interruption_comes_to_the_same(
    system: Client, bare: Address, migrated: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version by version in one database: what an upgrade from any of them has before it lies in this one's path."""
    everything, written = read_migrations(), dict[str, int]()
    for version in range(1, len(everything) + 1):
        known = everything[:version]
        kind = WarehouseError if version % 2 else Killed
        interrupted(system, bare.database, known, kind, monkeypatch)
        assert list(migrate.apply(system, bare.database, known)) == known[-1:]
        assert list(migrate.apply(system, bare.database, known)) == []
        coming = everything[version:][:1]
        for table in tables(system, bare.database):
            is_new = table not in written
            written.setdefault(table, distinct_rows(system, bare.database, table))
            if is_new or any(table in text for m in coming for text in altering(m)):
                write_a_row(system, bare.database, table, version)
                written[table] += 1
    assert made(system, bare.database) == made(system, migrated.database)
    left = {table: distinct_rows(system, bare.database, table) for table in written}
    assert left == written
