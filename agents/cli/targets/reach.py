"""How the commands about targets reach a system: settings, profile, the tenant's directory, the ledger."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import orjson

from agents.cli.addresses import default_folder
from agents.gateway.directory import file_of, read
from agents.gateway.directory_rows import DIMENSIONS
from agents.installation import ADDRESSES
from agents.local.paths import DataFolder
from agents.processes import warehouse
from agents.publisher import Publisher
from agents.settings import PREFIX, Settings, read_settings
from agents.target_ledger import TargetLedger
from streams.errors import ConfigError
from streams.targets import TargetFile

T = TypeVar("T")


def tenant_of(specs: Sequence[TargetFile], named: str) -> str:
    """Return whom the files are for.

    Args:
        specs: Checked files.
        named: What `--tenant` says; empty = nothing.

    Raises:
        ConfigError: Nobody says so, or files and option name several.
    """
    said = {spec.tenant: spec.id for spec in specs if spec.tenant} | ({named: "--tenant"} if named else {})
    if not said:
        raise ConfigError("--tenant: whom the targets are for; allowed: a tenant's name, here or in the files")
    if len(said) > 1:
        raise ConfigError(f"--tenant: {' and '.join(f'{who} says {tenant!r}' for tenant, who in said.items())}")
    return next(iter(said))


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


def with_publisher(settings: Settings, work: Callable[[TargetLedger, Publisher], Awaitable[T]]) -> T:
    """Return what some work with the ledger and a publisher returns; the publisher is closed afterwards."""

    async def run() -> T:
        publisher = Publisher(settings.brokers)
        try:
            return await work(TargetLedger(warehouse(settings)), publisher)
        finally:
            publisher.close()

    return asyncio.run(run())
