"""The databases of the roles' scopes: made, left alone, made again after an interruption, and dropped."""

from collections.abc import Iterator

import pytest

from agents.roles.table import RoleTable, parse_roles
from agents.warehouse import scopes
from agents.warehouse.client import Client, Warehouse, WarehouseError, ask, command
from agents.warehouse.scopes import apply_scopes, plan_scopes, shipped_views

pytestmark = pytest.mark.integration

LIMITS = "{time_s: 9, memory_mb: 99, read_rows: 9999, result_rows: 9, result_mb: 9, concurrent: 1, queries_per_hour: 9}"


def table(scope: str) -> RoleTable:
    return parse_roles(f"{{roles: {{north: {{about: x, {scope} limits: {LIMITS}}}}}, users: {{}}}}", source="roles")


NORWAY, SWEDEN, NOBODY = table("scope: {countries: [NO]},"), table("scope: {countries: [SE]},"), table("")


@pytest.fixture
def client(store: Warehouse) -> Iterator[Client]:
    with store.lend() as lent:
        list(apply_scopes(lent, "migrated", NOBODY))  # those of the shipped roles, if somebody made them
        yield lent
        list(apply_scopes(lent, "migrated", NOBODY))


def views(client: Client) -> int:
    sql = "SELECT count() FROM system.tables WHERE database = 'migrated_pub_north'"
    [(found,)] = ask(client, sql)
    return int(found)


def test_made_once_and_again_when_the_scope_changes(client: Client) -> None:
    assert [change.database for change in apply_scopes(client, "migrated", NORWAY)] == ["migrated_pub_north"]
    assert views(client) == len(shipped_views())
    assert plan_scopes(client, "migrated", NORWAY) == []
    assert plan_scopes(client, "migrated", SWEDEN) != []


def test_dropped_with_its_role(client: Client) -> None:
    list(apply_scopes(client, "migrated", NORWAY))
    assert [change.statements for change in apply_scopes(client, "migrated", NOBODY)] == [
        ("DROP DATABASE IF EXISTS `migrated_pub_north` SYNC",)
    ]
    assert views(client) == 0


@pytest.mark.parametrize("after", [2, 20])
def test_what_was_interrupted_is_made_again(client: Client, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    ran: list[str] = []

    def failing(given: Client, statement: str) -> None:
        if len(ran) == after:
            raise WarehouseError("gone", is_retryable=True)
        command(given, statement)
        ran.append(statement)

    monkeypatch.setattr(scopes, "command", failing)
    with pytest.raises(WarehouseError):
        list(apply_scopes(client, "migrated", NORWAY))
    monkeypatch.setattr(scopes, "command", command)
    assert [change.database for change in apply_scopes(client, "migrated", NORWAY)] == ["migrated_pub_north"]
    assert views(client) == len(shipped_views())
    assert plan_scopes(client, "migrated", NORWAY) == []
