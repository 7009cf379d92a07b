"""Who may connect to the embedded ClickHouse, and with which limits.

The users file holds SHA-256 sums, never passwords; it is readable by its owner only.
"""

import hashlib
import hmac
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from agents.local.clickhouse.errors import Code, refusal
from agents.roles.table import Role, RoleTable
from streams.errors import ConfigError

WRITER = "xpulse"
READER = "default"


@dataclass(frozen=True, kw_only=True)
class User:
    """One user of the front.

    Attributes:
        name: Login name.
        password_sha256: Hex SHA-256 of the password; empty = no password.
        may_write: Everything on every database, or reading `database` only.
        database: Current database of a request that names none; all that a reader may read.
        threads: Statements that run at the same time; the rest waits.
        max_waiting: Statements that may wait; one more is refused with 503.
        max_execution_time_s: Longest run of a statement; 0 = no limit.
        max_memory_bytes: Most memory of a statement.
        max_rows_to_read: Most rows that a statement reads from tables behind views; 0 = no limit.
        max_result_rows: Most rows of a result; 0 = no limit.
        max_result_bytes: Largest result before compression; results are built in memory, so never 0.
        max_body_bytes: Largest request body, packed and unpacked.
    """

    name: str
    password_sha256: str = ""
    may_write: bool = False
    database: str = "xpulse_pub"
    threads: int = 4
    max_waiting: int = 64
    max_execution_time_s: int = 10
    max_memory_bytes: int = 1 << 30
    max_rows_to_read: int = 0
    max_result_rows: int = 200_000
    max_result_bytes: int = 64 << 20
    max_body_bytes: int = 1 << 20

    def has_password(self, password: str) -> bool:
        """Say whether `password` is this user's; takes the same time for every wrong one."""
        if not self.password_sha256:
            return password == ""
        return hmac.compare_digest(self.password_sha256, _sha256(password))


Users = dict[str, User]


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def standard_users(writer_password: str) -> Users:
    """Return the two users of a local installation: the writer and the public read-only one."""
    writer = User(
        name=WRITER,
        password_sha256=_sha256(writer_password),
        may_write=True,
        database="xpulse",
        max_execution_time_s=0,
        max_memory_bytes=4 << 30,
        max_result_rows=0,
        max_result_bytes=1 << 30,
        max_body_bytes=256 << 20,
    )
    return {WRITER: writer, READER: User(name=READER)}


def role_users(table: RoleTable, public: str = "xpulse_pub") -> Users:
    """Return the users of a table of roles; without passwords, as the front listens on this machine only."""
    return {
        name: _role_user(name, table.roles[role], table.database_of(role, public)) for name, role in table.users.items()
    }


def _role_user(name: str, role: Role, database: str) -> User:
    limits = role.limits
    return User(
        name=name,
        database=database,
        threads=limits.concurrent,
        max_execution_time_s=limits.time_s,
        max_memory_bytes=limits.memory_mb << 20,
        max_rows_to_read=limits.read_rows,
        max_result_rows=limits.result_rows,
        max_result_bytes=limits.result_mb << 20,
    )


def write_users(path: Path, users: Users) -> None:
    """Write the users file for its owner's eyes only, replacing it in one step."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps([asdict(user) for user in users.values()], option=orjson.OPT_INDENT_2))
    draft.replace(path)


def load_users(path: Path) -> Users:
    """Read the users file.

    Raises:
        ConfigError: Unreadable, open to others, or not a list of users; the message names the file, never its content.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(f"{path}: readable by others; run: chmod 600 {path}")
        users = [_user(entry, path) for entry in orjson.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a readable list of users ({type(error).__name__})") from error
    return {user.name: user for user in users}


def _user(entry: dict[str, Any], path: Path) -> User:
    try:
        return User(**entry)
    except TypeError as error:
        raise ConfigError(
            f"{path}: a user has unknown or missing keys; allowed: {sorted(User.__annotations__)}"
        ) from error


def authenticate(users: Users, name: str, password: str) -> User:
    """Return the user, or raise ClickHouse's AUTHENTICATION_FAILED with one text for every cause."""
    user = users.get(name or READER)
    if user is None or not user.has_password(password):
        text = f"{name}: Authentication failed: password is incorrect, or there is no user with such name."
        raise refusal(Code.AUTHENTICATION_FAILED, text)
    return user
