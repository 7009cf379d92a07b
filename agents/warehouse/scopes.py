"""Bringing the databases of the roles' scopes in line with the table of roles and the public views.

A scope's database carries the checksum of its statements as its comment, written last: what was interrupted is done
again, and what is as it should be is left alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.roles.scopes import checksum, literal, quoted, scope_statements
from agents.roles.table import RoleTable
from agents.roles.views import View, public_views
from agents.warehouse.client import Client, ask, command
from agents.warehouse.migrate import public_of, read_migrations, split

_MARK = "xpulse scope "


@dataclass(frozen=True, kw_only=True)
class ScopeChange:
    """What makes one scope's database as it should be."""

    database: str
    statements: tuple[str, ...]


def shipped_views() -> list[View]:
    """Return the public views of this version."""
    return public_views(statement for migration in read_migrations() for statement in split(migration.text))


def plan_scopes(client: Client, database: str, table: RoleTable) -> list[ScopeChange]:
    """Return what is to be changed; databases of roles that are no more, or have no scope any more, are dropped.

    Args:
        client: An open client.
        database: The restricted database.
        table: The roles.

    Raises:
        WarehouseError: No answer.
    """
    public, views = public_of(database), shipped_views()
    marks = _marks(client, public)
    wanted = {
        table.database_of(name, public): scope_statements(
            views, role.scope, public=public, database=table.database_of(name, public)
        )
        for name, role in table.roles.items()
        if not role.scope.is_everything
    }
    gone = [_dropped(name) for name in marks if name not in wanted]
    made = [_made(name, found) for name, found in wanted.items() if marks.get(name) != _MARK + checksum(found)]
    return gone + made


def apply_scopes(client: Client, database: str, table: RoleTable) -> Iterator[ScopeChange]:
    """Make the changes, and yield each when it is done.

    Raises:
        WarehouseError: A statement was refused; the next run begins that database again.
    """
    for change in plan_scopes(client, database, table):
        for statement in change.statements:
            command(client, statement)
        yield change


def _marks(client: Client, public: str) -> dict[str, str]:
    sql = (
        "SELECT name, comment FROM system.databases "
        "WHERE startsWith(name, {prefix:String}) AND startsWith(comment, {mark:String})"
    )
    return dict(ask(client, sql, {"prefix": f"{public}_", "mark": _MARK}))


def _made(database: str, views: Sequence[str]) -> ScopeChange:
    # Begun anew, so that no view of an earlier version is left in it; for that moment its readers have none.
    name = quoted(database)
    return ScopeChange(
        database=database,
        statements=(
            f"DROP DATABASE IF EXISTS {name} SYNC",
            f"CREATE DATABASE {name} COMMENT {literal(_MARK + 'unfinished')}",
            *views,
            f"ALTER DATABASE {name} MODIFY COMMENT {literal(_MARK + checksum(views))}",
        ),
    )


def _dropped(database: str) -> ScopeChange:
    return ScopeChange(database=database, statements=(f"DROP DATABASE IF EXISTS {quoted(database)} SYNC",))
