"""Engine sessions prepared for a user; a clean one is kept for the next statement, any other is closed."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Mapping

from agents.local.clickhouse.engine import Engine, Session, reading_role
from agents.local.clickhouse.errors import Code, refusal
from agents.local.clickhouse.users import User

_TAGS = itertools.count(1)
_Key = tuple[str, frozenset[tuple[str, str]]]

MAX_KINDS = 8
"""Sessions are kept for so many pairs of a database and settings: a client sends the same few all the time."""


class PreparedSession:
    """A session that has the user's rights, database, limits and settings.

    Attributes:
        tag: Names the session in the engine's process list.
        key: What it is prepared for.
        is_reusable: Whether the next statement may run in it.
    """

    def __init__(self, session: Session, tag: str, key: _Key) -> None:
        self.session = session
        self.tag = tag
        self.key = key
        self.is_reusable = True


class Sessions:
    """The sessions of one user."""

    def __init__(self, engine: Engine, user: User) -> None:
        self._engine = engine
        self._user = user
        self._idle: OrderedDict[_Key, list[PreparedSession]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, database: str, settings: Mapping[str, str]) -> PreparedSession:
        """Return a session that is prepared for them.

        Raises:
            StatementError: Unknown database or setting.
        """
        key = _key(database, settings)
        with self._lock:
            if idle := self._idle.get(key):
                return idle.pop()
        return self._prepare(key)

    def give_back(self, taken: PreparedSession) -> None:
        """Keep the session if it is clean, else close it."""
        surplus = [taken]
        if taken.is_reusable:
            with self._lock:
                surplus = self._keep(taken)
        for one in surplus:
            one.session.close()

    def _keep(self, taken: PreparedSession) -> list[PreparedSession]:
        """Return what there is no room for."""
        idle = self._idle.setdefault(taken.key, [])
        self._idle.move_to_end(taken.key)
        surplus = [taken] if len(idle) >= self._user.threads else []
        if not surplus:
            idle.append(taken)
        while len(self._idle) > MAX_KINDS:
            surplus += self._idle.popitem(last=False)[1]
        return surplus

    def close(self) -> None:
        """Close the idle sessions."""
        for taken in itertools.chain.from_iterable(self._idle.values()):
            taken.session.close()
        self._idle.clear()

    def _prepare(self, key: _Key) -> PreparedSession:
        tag = f"xpulse-{next(_TAGS)}"
        session = self._engine.open_session()
        try:
            for statement in _preparation(self._user, key[0], tag, dict(key[1])):
                session.query(statement)
        except BaseException:
            session.close()
            raise
        return PreparedSession(session, tag, key)


def _key(database: str, settings: Mapping[str, str]) -> _Key:
    return database, frozenset(settings.items())


def _preparation(user: User, database: str, tag: str, settings: Mapping[str, str]) -> list[str]:
    statements = [f"USE {_name(database)}", f"SET {_assignments({**_limits(user), **settings, 'log_comment': tag})}"]
    if not user.may_write:
        # In this order: a read-only session cannot be changed any more.
        statements += [f"SET ROLE {_name(reading_role(user.database))}", "SET readonly = 1"]
    return statements


def _limits(user: User) -> dict[str, str]:
    limits = {
        "max_execution_time": user.max_execution_time_s,
        "max_memory_usage": user.max_memory_bytes,
        "max_rows_to_read": user.max_rows_to_read,
        "max_result_rows": user.max_result_rows,
        "max_result_bytes": user.max_result_bytes,
    }
    common = {name: str(value) for name, value in limits.items()} | {
        "result_overflow_mode": "throw",
        "implicit_select": "0",
    }
    if user.may_write:
        # Views of the writer are read with the rights of the engine user `xpulse`, as their readers have none.
        return common | {"default_normal_view_sql_security": "DEFINER", "default_view_definer": "xpulse"}
    # One thread leaves a core to the writer; the statistics would count rows of tables behind the views.
    return common | {"max_threads": "1", "output_format_write_statistics": "0"}


def _name(name: str) -> str:
    if "\x00" in name:
        raise refusal(Code.BAD_ARGUMENTS, "A database name contains a zero byte.")
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _assignments(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {_literal(value)}" for name, value in settings.items())


def _literal(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
