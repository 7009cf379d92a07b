"""The SQL for a ClickHouse server: as committed, and SQL to the parser of the embedded engine."""

import re

import pytest
from typer.testing import CliRunner

from agents.cli import app
from agents.roles.server import server_sql
from agents.roles.table import FILE, read_roles
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import split

COMMITTED = FILE.with_name("roles.sql")
SUM = "9f" * 32


def test_what_is_committed_is_what_the_table_says() -> None:
    assert server_sql(read_roles(FILE), public="xpulse_pub", password_sums={}) == COMMITTED.read_text()


@pytest.mark.integration
def test_the_parser_of_clickhouse_takes_every_statement(store: Warehouse) -> None:
    given = server_sql(read_roles(FILE), public="xpulse_pub", password_sums={"wall": SUM})
    for statement in split(given):
        [(found,)] = store.ask("SELECT formatQuerySingleLineOrNull({text:String})", {"text": statement})
        assert found is not None, statement
        assert found.split()[0] == statement.split()[0]


def test_nobody_writes_and_nobody_raises_a_limit() -> None:
    profiles = [s for s in split(COMMITTED.read_text()) if s.startswith("CREATE SETTINGS PROFILE")]
    assert len(profiles) == len(read_roles(FILE).roles)
    for profile in profiles:
        settings = re.findall(r"^    (.*?),?$", profile, re.MULTILINE)
        assert "readonly = 1 CONST" in settings
        assert all(re.search(r" CONST$| MIN 1 MAX \d+ CHANGEABLE_IN_READONLY$", setting) for setting in settings)


def test_a_role_reads_one_database_and_gets_nothing_else() -> None:
    grants = [s for s in split(COMMITTED.read_text()) if s.startswith("GRANT") and " ON " in s]
    assert grants == [
        "GRANT SELECT ON `xpulse_pub`.* TO `xpulse_wall`",
        "GRANT SELECT ON `xpulse_pub`.* TO `xpulse_analyst`",
        "GRANT SELECT ON `xpulse_pub_manager_no`.* TO `xpulse_manager_no`",
        "GRANT SELECT ON `xpulse_pub_owner_mail`.* TO `xpulse_owner_mail`",
    ]


def test_without_a_password_only_from_the_servers_own_machine() -> None:
    users = [s for s in split(COMMITTED.read_text()) if s.startswith("CREATE USER")]
    assert users
    assert all("NOT IDENTIFIED HOST LOCAL" in user for user in users)


def test_passwords_come_as_sums_from_the_environment() -> None:
    found = CliRunner().invoke(app, ["roles", "sql"], env={"ROLE_PASSWORD_SHA256_WALL": SUM})
    assert f"CREATE USER OR REPLACE `wall` IDENTIFIED WITH sha256_hash BY '{SUM}' HOST ANY" in found.stdout
    refused = CliRunner().invoke(app, ["roles", "sql"], env={"ROLE_PASSWORD_SHA256_WALL": "swordfish"})
    assert "ROLE_PASSWORD_SHA256_WALL: not a SHA-256 sum" in str(refused.exception)
    assert "swordfish" not in str(refused.exception) + refused.output


def test_check_tells_what_each_role_sees() -> None:
    found = CliRunner().invoke(app, ["roles", "check"])
    assert "manager_no (manager_no): xpulse_pub_manager_no, countries NO; 10 s, 512 MiB" in found.stdout
