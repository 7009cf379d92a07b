"""Numbered SQL migrations: what is applied, what is not, and applying the rest.

Each file `migrations/NNNN_verb_noun.sql` holds statements that may run twice. `${database}` stands for the restricted
database and `${public}` for the one of the readers. An applied file never changes again: its checksum is kept.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import Template

from agents.warehouse.client import Client, WarehouseError, ask, command, insert_rows
from agents.warehouse.manifest import publish
from streams.errors import ConfigError
from streams.profile import Profile

FOLDER = Path(__file__).with_name("migrations")
NAME = re.compile(r"(\d{4})_([a-z]+(?:_[a-z]+)+)\.sql")
GROUND = (
    "CREATE DATABASE IF NOT EXISTS ${database}",
    "CREATE DATABASE IF NOT EXISTS ${public}",
    """CREATE TABLE IF NOT EXISTS ${database}.migrations
(
    number UInt16,
    name String,
    checksum String,
    state LowCardinality(String) COMMENT 'started, applied or failed',
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY number""",
)
"""What stands before the first migration."""


class State(StrEnum):
    """What the warehouse says of one migration."""

    PENDING = "pending"
    STARTED = "started"
    FAILED = "failed"
    APPLIED = "applied"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One file.

    Attributes:
        checksum: SHA-256 of the text, hex.
    """

    number: int
    name: str
    text: str
    checksum: str

    def statements(self, database: str) -> list[str]:
        """Return the statements for one pair of databases."""
        return split(fill(self.text, database))


@dataclass(frozen=True, kw_only=True)
class Status:
    """One migration and what the warehouse says of it."""

    migration: Migration
    state: State


def public_of(database: str) -> str:
    """Return the readers' database that belongs to a restricted one."""
    return f"{database}_pub"


def fill(text: str, database: str) -> str:
    """Return SQL with the databases' names put in."""
    return Template(text).substitute(database=f"`{database}`", public=f"`{public_of(database)}`")


def split(text: str) -> list[str]:
    r"""Return the statements of a file: each ends with `;` at the end of a line; comment lines are dropped.

    Example:
        >>> split("-- one;\nSELECT ';';\nSELECT 2;\n")
        ["SELECT ';'", 'SELECT 2']
    """
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [statement.strip() for statement in re.split(r";\s*(?:\n|\Z)", lines) if statement.strip()]


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations of a folder in order.

    Raises:
        ConfigError: A file has another kind of name, or the numbers are not 1, 2, 3, …
    """
    found = [_read(path) for path in sorted(folder.glob("*.sql"))]
    for position, migration in enumerate(found, start=1):
        if migration.number != position:
            raise ConfigError(f"{folder}: migration {position:04d} is missing or there twice")
    return found


def _read(path: Path) -> Migration:
    match = NAME.fullmatch(path.name)
    if match is None:
        raise ConfigError(f"{path}: a migration is called NNNN_verb_noun.sql")
    text = path.read_text()
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(number=int(match[1]), name=match[2], text=text, checksum=checksum)


def status(client: Client, database: str, migrations: Sequence[Migration] | None = None) -> list[Status]:
    """Return what is applied, without changing anything.

    Raises:
        ConfigError: An applied migration is not what it was, or the warehouse knows more of them than this version.
        WarehouseError: No answer.
    """
    known = read_migrations() if migrations is None else migrations
    rows = _status_rows(client, database)
    unknown = sorted(set(rows) - {migration.number for migration in known})
    if unknown:
        raise ConfigError(f"database {database} was migrated by a newer xpulse: {unknown[0]:04d} is unknown here")
    return [_judge(migration, rows.get(migration.number)) for migration in known]


def _status_rows(client: Client, database: str) -> dict[int, tuple[str, str]]:
    table = {"database": database, "table": "migrations"}
    if not ask(
        client, "SELECT 1 FROM system.tables WHERE database = {database:String} AND name = {table:String}", table
    ):
        return {}
    rows = ask(client, fill("SELECT number, checksum, state FROM ${database}.migrations FINAL", database))
    return {number: (checksum, state) for number, checksum, state in rows}


def _judge(migration: Migration, row: tuple[str, str] | None) -> Status:
    if row is None:
        return Status(migration=migration, state=State.PENDING)
    checksum, state = row
    if state == State.APPLIED and checksum != migration.checksum:
        raise ConfigError(
            f"migration {migration.number:04d}_{migration.name} was changed after it had been applied; "
            "restore the file and put the change into a new one"
        )
    return Status(migration=migration, state=State(state))


def plan(client: Client, database: str, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Return what `apply` would run: everything from the first migration that is not applied.

    Raises:
        ConfigError: As `status`.
        WarehouseError: No answer.
    """
    return [s.migration for s in status(client, database, migrations) if s.state is not State.APPLIED]


def apply(client: Client, database: str, migrations: Sequence[Migration] | None = None) -> Iterator[Migration]:
    """Apply what is not applied yet, and yield each migration when it is done.

    A migration that failed half-way is run again from its first statement.

    Raises:
        ConfigError: As `status`.
        WarehouseError: A statement was refused; the migration is marked as failed.
    """
    todo = plan(client, database, migrations)
    for statement in GROUND:
        command(client, fill(statement, database))
    for migration in todo:
        _run(client, database, migration)
        yield migration


def _run(client: Client, database: str, migration: Migration) -> None:
    _note(client, database, migration, State.STARTED)
    try:
        for statement in migration.statements(database):
            command(client, statement)
    except WarehouseError as error:
        _note(client, database, migration, State.FAILED)
        reason = f"migration {migration.number:04d}_{migration.name}: {error}"
        raise WarehouseError(reason, is_retryable=error.is_retryable, code=error.code) from error
    _note(client, database, migration, State.APPLIED)


def _note(client: Client, database: str, migration: Migration, state: State) -> None:
    row = (migration.number, migration.name, migration.checksum, state.value)
    insert_rows(client, f"{database}.migrations", ("number", "name", "checksum", "state"), [row])


def write_profile(client: Client, database: str, profile: Profile, *, now_ms: int) -> int:
    """Put a profile in force for the public views, unless it is already.

    A generation only grows: one that a profile of this name was switched to stays, whatever the code says.

    Args:
        client: An open client.
        database: The restricted database.
        profile: Time scales and k.
        now_ms: Time of writing, ms since the epoch; the newest row counts.

    Returns:
        The generation that is in force.

    Raises:
        WarehouseError: Not acknowledged.
    """
    generation = newest_generation(client, database, profile)
    times = (profile.window_ms // 1000, profile.grace_ms, profile.epoch_ms)
    row = (profile.name, generation, *times, profile.k, profile.period_ms // 1000)
    current = ask(client, fill("SELECT * EXCEPT written_at FROM ${database}.current_profile", database))
    if current != [row]:
        columns = ("name", "generation", "window_s", "grace_ms", "epoch_ms", "k", "period_s", "written_at")
        insert_rows(client, f"{database}.profile", columns, [(*row, now_ms)])
    publish(client, database)
    return generation


def newest_generation(client: Client, database: str, profile: Profile) -> int:
    """Return the generation of a profile: the code's, or a larger one that the warehouse was switched to.

    Raises:
        WarehouseError: No answer.
    """
    sql = fill("SELECT max(generation) FROM ${database}.profile WHERE name = {name:String}", database)
    return max(profile.generation, *(int(known) for (known,) in ask(client, sql, {"name": profile.name})))
