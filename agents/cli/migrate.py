"""`xpulse migrate`: bring the warehouse to this version's tables and views."""

import time
from contextlib import closing
from dataclasses import replace
from typing import Annotated

import typer

from agents.processes import warehouse
from agents.roles.table import FILE, read_roles
from agents.settings import read_settings
from agents.warehouse import migrate as migrations
from agents.warehouse.client import Client, Warehouse
from agents.warehouse.scopes import apply_scopes, plan_scopes


def command(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be run, and change nothing.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Print what is applied, and change nothing.")] = False,
) -> None:
    """Apply the migrations that are missing, make the databases of the roles' scopes, put the profile in force."""
    settings = read_settings()
    profile = settings.time_profile()
    database = settings.clickhouse_database
    # The database may not exist yet, and a connection needs one that does.
    with closing(Warehouse(replace(warehouse(settings).address, database="system"))) as store, store.lend() as client:
        if status:
            _print_status(client, database)
        elif dry_run:
            _print_plan(client, database)
        else:
            _apply(client, database)
            migrations.write_profile(client, database, profile, now_ms=int(time.time() * 1000))


def _print_status(client: Client, database: str) -> None:
    for found in migrations.status(client, database):
        print(f"{found.migration.number:04d}_{found.migration.name}: {found.state}")


def _print_plan(client: Client, database: str) -> None:
    for migration in migrations.plan(client, database):
        print(f"-- {migration.number:04d}_{migration.name}")
        for statement in migration.statements(database):
            print(f"{statement};\n")
    for change in plan_scopes(client, database, read_roles(FILE)):
        print(f"-- {change.database}: the views of a role's scope")
        for statement in change.statements:
            print(f"{statement};\n")


def _apply(client: Client, database: str) -> None:
    done = 0
    for migration in migrations.apply(client, database):
        print(f"{migration.number:04d}_{migration.name}: applied")
        done += 1
    for change in apply_scopes(client, database, read_roles(FILE)):
        print(f"{change.database}: as the roles want it")
        done += 1
    if not done:
        print("nothing to do")
