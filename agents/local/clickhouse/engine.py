"""The embedded ClickHouse engine; the only file that knows chDB (untyped, hence `Any`).

Every engine session belongs to the engine user `default`, who holds the role `writer` and, for each database that
readers read, a role that may read it and nothing else. A reader's session keeps that one role only, so ClickHouse's own
grants keep it out of everything else. The engine user `xpulse` exists to be the definer of views.
"""

import importlib
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from agents.local.clickhouse.errors import StatementError, from_engine
from agents.local.clickhouse.insert import InsertHead
from streams.errors import ConfigError

KEEP_FREE_BYTES = 64 << 20
"""Room on the disk below which the engine begins nothing: it does not always notice when a disk is full to the brim."""

# Without the second key a view that says nothing of security would be read with its reader's rights. The rest keeps a
# guest on a laptop modest: by default it may take 90 % of the memory.
_CONFIG = f"""<clickhouse>
  <users_config>{{users}}</users_config>
  <ignore_empty_sql_security_in_create_view_query>0</ignore_empty_sql_security_in_create_view_query>
  <max_server_memory_usage>{6 << 30}</max_server_memory_usage>
  <mark_cache_size>{256 << 20}</mark_cache_size>
  <primary_index_cache_size>{256 << 20}</primary_index_cache_size>
  <storage_configuration><disks><default>
    <keep_free_space_bytes>{KEEP_FREE_BYTES}</keep_free_space_bytes>
  </default></disks></storage_configuration>
</clickhouse>
"""
_USER = "<password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>"
_USERS = f"""<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <roles>
    <writer><grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></writer>
    {{roles}}
  </roles>
  <users>
    <xpulse>{_USER}<grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></xpulse>
    <default>{_USER}<grants><query>GRANT writer</query>{{granted}}</grants></default>
  </users>
</clickhouse>
"""


PUBLIC = "xpulse_pub"
_DATABASE = re.compile(r"[a-z]\w*\Z", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a statement gave back: formatted bytes and counts as in `X-ClickHouse-Summary`."""

    body: bytes = b""
    read_rows: int = 0
    read_bytes: int = 0
    result_rows: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    elapsed_ns: int = 0


@dataclass(frozen=True)
class Kind:
    """The engine's own judgement of a text, made without running it."""

    is_read_only: bool
    is_control: bool
    statements: int


class Session:
    """One engine session; runs one statement at a time.

    After any error it must be closed: the engine puts the rows of a failed result before the next one.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def query(self, text: str, form: str = "TabSeparated", parameters: Mapping[str, str] | None = None) -> Result:
        """Run one statement; `parameters` are escaped as in TabSeparated, as over HTTP.

        Raises:
            StatementError: What the engine says.
        """
        started_ns = time.perf_counter_ns()
        try:
            return _result(self._connection.query(text, form, params=dict(parameters or {})), started_ns)
        except RuntimeError as error:
            raise from_engine(str(error)) from error

    def insert(self, head: InsertHead, data: memoryview) -> Result:
        """Insert `data`; every row is written when this returns.

        The engine reads them as a file in memory, as its streaming insert acknowledges what found no room on the disk.

        Raises:
            StatementError: What the engine says; blocks before the bad one may have been written, as on a server.
        """
        with _as_file(data) as path:
            return self.query(
                f"{head.target} FROM INFILE '{path}' COMPRESSION 'none' {head.settings} FORMAT {head.format}"
            )

    def kind(self, text: str) -> Kind:
        """Classify `text`; a text that does not parse has 0 statements."""
        found = self._connection.classify_query(text)
        name = found["query_class"].name
        return Kind(name == "READ_ONLY", name == "CONTROL", found["statement_count"])

    def close(self) -> None:
        """Give the session back to the engine; what it was doing is cancelled."""
        self._connection.close()


@contextmanager
def _as_file(data: memoryview) -> Iterator[str]:
    """Lend `data` as a file: one in memory where the system has such files, else one that is deleted afterwards."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("insert"), "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            yield file.name


def _result(found: Any, started_ns: int) -> Result:
    if found.has_error():
        raise from_engine(found.error_message())
    return Result(
        body=found.bytes() or b"",
        read_rows=found.storage_rows_read(),
        read_bytes=found.storage_bytes_read(),
        result_rows=found.rows_read(),
        written_rows=found.rows_written(),
        written_bytes=found.bytes_written(),
        elapsed_ns=time.perf_counter_ns() - started_ns,  # the engine's own counts an insert from elsewhere
    )


def reading_role(database: str) -> str:
    """Return the name of the engine's role that reads a database and nothing else."""
    return f"reads_{database}"


class Engine:
    """The engine on one data folder; a process has one, and a folder belongs to one process at a time.

    Args:
        folder: Data folder.
        reading: Databases that readers read.

    Attributes:
        version: Version of ClickHouse, like `26.9.2.1`.

    Raises:
        StatementError: The folder is in use or cannot be read.
    """

    def __init__(self, folder: Path, reading: Collection[str] = (PUBLIC,)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["TZ"] = "UTC"  # read by the engine when it is loaded
        self._module: Any = importlib.import_module("chdb._chdb")
        self._path = folder / "engine"
        self._reloading = threading.Lock()
        self._keeper = self._connect(f"{self._path}?config-file={_write_config(folder, reading)}")
        for database in ("xpulse", PUBLIC):
            self._keeper.query(f"CREATE DATABASE IF NOT EXISTS {database}")
        self.version = self._keeper.query("SELECT version()", "TSVRaw").body.decode().strip()

    def _connect(self, target: str) -> Session:
        try:
            return Session(self._module.connect(target))
        except RuntimeError as error:
            raise from_engine(str(error)) from error

    def open_session(self) -> Session:
        """Return a fresh session with all rights."""
        return self._connect(str(self._path))

    def kill(self, tag: str) -> None:
        """Cancel the running statement whose session carries `tag` as `log_comment`; nothing if there is none."""
        session = self.open_session()
        try:
            session.query(f"KILL QUERY WHERE Settings['log_comment'] = '{tag}' ASYNC")
        except StatementError:
            pass  # it ended in the meantime
        finally:
            session.close()

    def reload(self, table: UUID) -> None:
        """Load a table again from its files, if there is one; parts that cannot be read are set aside."""
        with self._reloading:
            session = self.open_session()
            try:
                name = session.query(
                    "SELECT database || '.' || name FROM system.tables WHERE uuid = {table:UUID}",
                    "TSVRaw",
                    {"table": str(table)},
                ).body.decode()
                if name := name.strip():
                    session.query(f"DETACH TABLE {name} SYNC")
                    session.query(f"ATTACH TABLE {name}")
            finally:
                session.close()

    def close(self) -> None:
        """Close the engine after all sessions are closed."""
        self._keeper.close()


def _write_config(folder: Path, reading: Collection[str]) -> Path:
    users, config = folder / "engine-users.xml", folder / "engine.xml"
    if strange := [name for name in reading if not _DATABASE.match(name)]:
        raise ConfigError(f"{strange[0]!r}: not a database for readers; allowed: letters, digits and _")
    roles = {reading_role(name): name for name in sorted(reading)}
    granted = "".join(f"<query>GRANT {role}</query>" for role in roles)
    defined = "".join(
        f"<{role}><grants><query>GRANT SELECT ON {name}.*</query></grants></{role}>" for role, name in roles.items()
    )
    users.write_text(_USERS.format(roles=defined, granted=granted))
    config.write_text(_CONFIG.format(users=users))
    return config
