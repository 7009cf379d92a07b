"""`xpulse roles check | sql`: who may ask the warehouse what."""

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from agents.roles.scopes import scope_statements
from agents.roles.server import server_sql
from agents.roles.table import FILE, Role, RoleTable, Scope, read_roles
from agents.settings import read_settings
from agents.warehouse.migrate import public_of
from agents.warehouse.scopes import shipped_views
from streams.errors import ConfigError

PASSWORD_SUM = "ROLE_PASSWORD_SHA256_"  # noqa: S105 - the name of a variable
"""Of an environment variable: this and the user's name in capitals."""

File = Annotated[Path, typer.Argument(help="Table of roles.")]
_HEX = re.compile(r"[0-9a-f]{64}")

roles = typer.Typer(no_args_is_help=True, help="Who may ask the warehouse what, and how much it may cost.")


@roles.command("check")
def check(file: File = FILE) -> None:
    """Say what each role sees and what its statements may cost; a fault in the table ends with status 2."""
    table = read_roles(file)
    public = public_of(read_settings().clickhouse_database)
    for name, role in table.roles.items():
        database = table.database_of(name, public)
        scope_statements(shipped_views(), role.scope, public=public, database=database)
        users = ", ".join(user for user, its in table.users.items() if its == name) or "nobody"
        print(f"{name} ({users}): {database}, {_told(role.scope)}; {_cost(role)}")


@roles.command("sql", epilog=f"A user's password: {PASSWORD_SUM}WALL=$(printf %s … | sha256sum | cut -c1-64)")
def sql(file: File = FILE) -> None:
    """Print the SQL that makes users, roles, profiles and quotas on a ClickHouse server.

    Passwords are named by their SHA-256 sums in the environment. A user without one may connect from the server's own
    machine only.
    """
    table = read_roles(file)
    public = public_of(read_settings().clickhouse_database)
    print(server_sql(table, public=public, password_sums=_password_sums(table)), end="")


def _password_sums(table: RoleTable) -> dict[str, str]:
    given = {user: os.environ.get(PASSWORD_SUM + user.upper(), "") for user in table.users}
    for user, text in given.items():
        if text and not _HEX.fullmatch(text):
            raise ConfigError(f"{PASSWORD_SUM}{user.upper()}: not a SHA-256 sum; allowed: 64 hexadecimal digits")
    return {user: text for user, text in given.items() if text}


def _told(scope: Scope) -> str:
    parts = {"tenants": scope.tenants, "countries": scope.countries, "services": scope.services}
    told = [f"{name} {', '.join(values)}" for name, values in parts.items() if values]
    return "; ".join(told) or "everything"


def _cost(role: Role) -> str:
    limits = role.limits
    return (
        f"{limits.time_s} s, {limits.memory_mb} MiB, {limits.read_rows:,} rows read, {limits.result_rows:,} shown, "
        f"{limits.concurrent} at a time"
    )
