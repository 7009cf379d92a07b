"""Where to ask: what the caller said, a running `xpulse up` or `xpulse demo`, or the settings, in this order."""

import os
from pathlib import Path

import orjson

from agents.cli.sql import READER, Wanted
from agents.installation import ADDRESSES
from agents.local.paths import DataFolder, state_folder
from agents.roles.table import FILE, read_roles
from agents.settings import read_settings
from agents.warehouse.client import Address
from agents.warehouse.migrate import public_of
from streams.errors import ConfigError


def default_folder() -> Path:
    """Return the per-user data folder."""
    return state_folder(os.environ, Path.home())


def locate(wanted: Wanted) -> Address:
    """Return the ClickHouse that is meant.

    Raises:
        ConfigError: `--data` names a folder on which nothing runs, or a password file cannot be read.
    """
    folder = DataFolder(wanted.data or default_folder())
    running = folder.run / ADDRESSES
    if wanted.data is not None and not running.is_file():
        raise ConfigError(f"{folder.root}: nothing runs on this data folder; start `xpulse up --data {folder.root}`")
    found = orjson.loads(running.read_bytes()) if running.is_file() else {}
    settings = read_settings()
    database = _database(wanted.user, settings.clickhouse_database)
    return Address(
        host=wanted.host or found.get("clickhouse_host", settings.clickhouse_host),
        port=wanted.port or found.get("clickhouse_port", settings.clickhouse_port),
        user=wanted.user,
        password=_password(wanted.password_file or _writer_file(wanted, folder)),
        database=database,
    )


def _database(user: str, restricted: str) -> str:
    """Return what a user reads: the public views, those of its role's scope, or everything."""
    if user == READER:
        return public_of(restricted)
    table = read_roles(FILE)
    return table.database_of(table.users[user], public_of(restricted)) if user in table.users else restricted


def _writer_file(wanted: Wanted, folder: DataFolder) -> Path | None:
    is_reader = wanted.user == READER or wanted.user in read_roles(FILE).users
    return None if is_reader or not folder.writer_password_file.is_file() else folder.writer_password_file


def _password(file: Path | None) -> str:
    try:
        return file.read_text().strip() if file is not None else ""
    except OSError as error:
        raise ConfigError(f"password file {file}: {error.strerror}") from error
