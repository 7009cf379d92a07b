"""`xpulse targets check | publish | retire | show | schema`: experience targets as code."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from agents.cli.addresses import default_folder
from agents.declared import read_catalogue, read_target_files, stamp_now, target_files
from agents.gateway.directory import file_of, read
from agents.gateway.directory_rows import DIMENSIONS
from agents.installation import ADDRESSES
from agents.local.paths import DataFolder
from agents.processes import warehouse
from agents.publisher import Publisher
from agents.settings import PREFIX, Settings, read_settings
from agents.target_ledger import Published, TargetLedger, publish, retire
from agents.warehouse.migrate import public_of
from streams.errors import ConfigError
from streams.events.judging import Target
from streams.targets import TargetFile, expand, json_schema, run_length

targets = typer.Typer(help="Experience targets as code.", no_args_is_help=True)

Files = Annotated[list[Path] | None, typer.Argument(help="Target files; none = all in infra/targets.")]
Tenant = Annotated[str, typer.Option(help="Whom the targets are for.")]
Author = Annotated[str, typer.Option(help="Who answers for the change; empty = the user of this machine.")]
Reason = Annotated[str, typer.Option(help="Why, for the history.")]
Data = Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")]

WIDE = 200
"""Columns of a table that is not printed on a terminal."""


@targets.command()
def check(files: Files = None) -> None:
    """Say whether target files can be judged; names file, key and allowed values of the first fault."""
    settings = read_settings()
    profile = settings.time_profile()
    for spec in read_target_files(files or target_files(), read_catalogue(settings)):
        slices = f"per {' and '.join(spec.for_each)}" if spec.for_each else "one target"
        length = run_length(spec, profile.name)
        print(f"{spec.id}: good; {slices}, a false alert in {length:,.0f} {_unit(spec)} of a slice on target")


@targets.command("publish")
def publish_files(
    tenant: Tenant,
    files: Files = None,
    author: Author = "",
    reason: Reason = "published from files",
    data: Data = None,
) -> None:
    """Append what changed to the versions of the targets; what did not change keeps its version."""
    settings = running_settings(data)
    specs = read_target_files(files or target_files(), read_catalogue(settings))
    stamp = stamp_now(author or getpass.getuser(), reason)
    values = known_values(settings, tenant)
    name = profile_in_force(settings)
    drafts = [
        draft for spec in specs for draft in expand(spec, tenant=tenant, profile=name, values=values, stamp=stamp)
    ]
    done: Published = _with_publisher(settings, lambda ledger, publisher: publish(ledger, publisher, drafts))
    for target in done.appended:
        print(f"{target.target}: version {target.version}")
    print(f"{len(done.appended)} new versions, {len(done.unchanged)} unchanged")


@targets.command("retire")
def retire_tenant(tenant: Tenant, reason: Reason, author: Author = "", data: Data = None) -> None:
    """End all targets of a tenant; their open alerts are resolved."""
    settings = running_settings(data)
    stamp = stamp_now(author or getpass.getuser(), reason)
    ended: list[Target] = _with_publisher(settings, lambda ledger, publisher: retire(ledger, publisher, tenant, stamp))
    print(f"{len(ended)} targets retired")


@targets.command()
def show(tenant: Annotated[str, typer.Option(help="Only this tenant; empty = all.")] = "", data: Data = None) -> None:
    """Show the newest verdict of every active target."""
    settings = running_settings(data)
    sql = f"""
    SELECT tenant, target, version, objective, verdict, score, lower, upper, n, rolling_score, trend, drifting,
           toUnixTimestamp64Milli(at)
    FROM `{public_of(settings.clickhouse_database)}`.target_status
    WHERE {{tenant:String}} IN ('', tenant) ORDER BY tenant, target
    """  # noqa: S608 - the name of our own database
    table = Table("tenant", "target", "version", "objective", "verdict", "score", "n", "now", "trend", "drift", "as of")
    for row in warehouse(settings).ask(sql, {"tenant": tenant}):
        table.add_row(*_cells(row))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


@targets.command()
def schema() -> None:
    """Print the JSON Schema of target files (published as infra/targets/schema.json)."""
    print(json.dumps(json_schema(), indent=2))


def running_settings(data: Path | None) -> Settings:
    """Return the settings, with the addresses of a running `xpulse up` unless the environment names brokers.

    Args:
        data: Its data folder; None = the per-user one, if something runs there.

    Raises:
        ConfigError: A folder is named on which nothing runs, or a setting is wrong.
    """
    settings, folder = read_settings(), DataFolder(data or default_folder())
    addresses = folder.run / ADDRESSES
    if data is not None and not addresses.is_file():
        raise ConfigError(f"{folder.root}: nothing runs on this data folder; start `xpulse up --data {folder.root}`")
    if not addresses.is_file() or (data is None and f"{PREFIX}BROKERS" in os.environ):
        return settings
    found = orjson.loads(addresses.read_bytes())
    return replace(
        settings,
        brokers=found["brokers"],
        clickhouse_host=found["clickhouse_host"],
        clickhouse_port=found["clickhouse_port"],
        clickhouse_password_file=str(folder.writer_password_file),
        directory_dir=str(folder.directory),
    )


def profile_in_force(settings: Settings) -> str:
    """Return the name of the profile that the warehouse is used with; that of the settings if it does not say."""
    rows = warehouse(settings).ask("SELECT name FROM current_profile")
    return str(rows[0][0]) if rows else settings.time_profile().name


def known_values(settings: Settings, tenant: str) -> dict[str, list[str]]:
    """Return per dimension the values that the tenant's directory knows now; nothing without a directory."""
    if not settings.directory_dir:
        return {}
    path = file_of(Path(settings.directory_dir), tenant)
    if not path.exists():
        return {}
    now_ms = int(time.time() * 1000)
    rows = sorted((row for row in read(path) if row.valid_from_ms <= now_ms), key=lambda row: row.valid_from_ms)
    newest = {(row.kind, row.id): row for row in rows}
    found: dict[str, set[str]] = {name: set() for name in (*DIMENSIONS, "application")}
    for row in newest.values():
        for name, value in zip(DIMENSIONS, row.dimensions, strict=True):
            found[name].add(value)
        if row.kind == "application":
            found["application"].add(row.id)
    return {name: sorted(values - {""}) for name, values in found.items()}


def _with_publisher(settings: Settings, work: Any) -> Any:
    async def run() -> Any:
        publisher = Publisher(settings.brokers)
        try:
            return await work(TargetLedger(warehouse(settings)), publisher)
        finally:
            publisher.close()

    return asyncio.run(run())


def _unit(spec: TargetFile) -> str:
    return "windows" if spec.indicator.metric else "answers"


def _cells(row: Sequence[Any]) -> list[str]:
    tenant, target, version, objective, verdict, score, lower, upper, n, now, trend, drifting, at_ms = row
    figure = "–" if score is None else f"{score:.1f} ({lower:.1f} to {upper:.1f})"
    at = datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    rolling = "–" if now is None else f"{now:.1f}"
    drift = "yes" if drifting else ""
    return [
        tenant, target, str(version), f"{objective:g}", verdict, figure, str(n), rolling, trend, drift, at,
    ]  # fmt: skip
