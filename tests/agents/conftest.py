"""Databases of one's own on the session's embedded ClickHouse."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agents.warehouse import migrate
from agents.warehouse.client import Address, Warehouse
from tests.agents.local.services import ClickHouse

_numbers = itertools.count(1)


def address_of(server: ClickHouse, database: str) -> Address:
    """Return the writer's address."""
    return Address(
        host=server.host, port=server.port, user=server.user, password=server.password, database=database
    )  # fmt: skip


@pytest.fixture
def bare(clickhouse: ClickHouse) -> Iterator[Address]:
    """The writer's address with the name of a database that does not exist yet; dropped afterwards."""
    address = address_of(clickhouse, f"bare_{next(_numbers)}")
    yield address
    system = Warehouse(replace(address, database="system"))
    for database in (address.database, migrate.public_of(address.database)):
        system.command(f"DROP DATABASE IF EXISTS `{database}` SYNC")
    system.close()


@pytest.fixture(scope="session")
def migrated(clickhouse: ClickHouse) -> Address:
    """The writer's address with the name of a migrated database that tests use one after the other."""
    address = address_of(clickhouse, "migrated")
    system = Warehouse(replace(address, database="system"))
    with system.lend() as client:
        assert list(migrate.apply(client, address.database))
    system.close()
    return address


@pytest.fixture
def store(migrated: Address) -> Iterator[Warehouse]:
    """The writer's connection to a migrated database without rows."""
    opened = Warehouse(migrated)
    yield opened
    filled = (
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0 AND name != 'migrations'"
    )
    for (table,) in opened.ask(filled):
        opened.command(f"TRUNCATE TABLE {table}")
    opened.close()
