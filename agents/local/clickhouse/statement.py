"""Running one statement for one user."""

import logging
import threading
from dataclasses import dataclass

from agents.local.clickhouse.change import check_change, check_statement
from agents.local.clickhouse.engine import Engine, Kind, Result, Session
from agents.local.clickhouse.errors import Code, StatementError, refusal
from agents.local.clickhouse.guard import Guard
from agents.local.clickhouse.insert import InsertHead, insert_head
from agents.local.clickhouse.request import Request
from agents.local.clickhouse.sessions import PreparedSession, Sessions
from agents.local.clickhouse.unreadable import unreadable_table
from agents.local.clickhouse.users import User

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """A result, and whether it has rows to show."""

    result: Result
    has_rows: bool


class Statement:
    """One statement on its way; runs in a thread, may be cancelled from another."""

    def __init__(self, user: User, request: Request, sessions: Sessions, guard: Guard, engine: Engine) -> None:
        self._user = user
        self._request = request
        self._sessions = sessions
        self._guard = guard
        self._engine = engine
        self._taken: PreparedSession | None = None
        self._is_writing = False
        self._is_cancelled = threading.Event()
        self._lock = threading.Lock()  # held while cancelling, so that the session is not yet another statement's

    def run(self) -> Outcome:
        """Run to the end; what makes a table unreadable is set aside, so that the next statement can read it.

        Raises:
            StatementError: Refused or failed.
        """
        try:
            return self._run_in_session()
        except StatementError as error:
            if table := unreadable_table(error):
                log.warning("part_unreadable table=%s", table)
                self._engine.reload(table)
            raise

    def _run_in_session(self) -> Outcome:
        text = self._request.text
        head = insert_head(text)
        plain = "" if head else _decode(text)
        self._refuse_early(head)
        taken = self._sessions.take(self._request.database, self._request.settings)
        self._note(taken)
        try:
            return self._run_in(taken, head, plain)
        except BaseException:
            taken.is_reusable = False
            raise
        finally:
            self._note(None)
            self._sessions.give_back(taken)

    def _note(self, taken: PreparedSession | None) -> None:
        with self._lock:
            self._taken = taken

    def cancel(self) -> None:
        """Stop a statement that nobody waits for; one that writes is left to end.

        To be repeated until it has ended: its session may be prepared and the statement not yet begun.
        """
        self._is_cancelled.set()
        with self._lock:
            if self._taken is not None and not self._is_writing:
                self._taken.is_reusable = False
                self._engine.kill(self._taken.tag)

    def _refuse_early(self, head: InsertHead | None) -> None:
        if self._user.may_write:
            return
        if head:
            raise _readonly(self._user.name)
        if self._request.database != self._user.database:
            raise refusal(Code.ACCESS_DENIED, f"{self._user.name}: Not enough privileges on this database.")

    def _run_in(self, taken: PreparedSession, head: InsertHead | None, plain: str) -> Outcome:
        if self._is_cancelled.is_set():
            raise refusal(Code.QUERY_WAS_CANCELLED, "The client has gone.")
        if head:
            return self._insert(taken.session, head)
        if not self._user.may_write:
            self._guard.check(taken.session, plain, self._request.parameters)
        check_statement(plain)
        kind = taken.session.kind(plain)
        if kind.statements > 1:
            raise refusal(Code.SYNTAX_ERROR, "Multi-statements are not allowed.")
        if not kind.is_read_only:
            self._before_change(taken, plain, kind)
        found = taken.session.query(plain, self._request.format, self._request.parameters)
        self._check_size(found)
        return Outcome(found, has_rows=kind.is_read_only or bool(found.body))

    def _check_size(self, found: Result) -> None:
        """Refuse what is larger than a reader may have: the engine itself lets a result of one block pass."""
        most = self._user.max_result_bytes
        if not self._user.may_write and len(found.body) > most:
            text = f"Limit for result exceeded, max bytes: {most}, current bytes: {len(found.body)}."
            raise refusal(Code.TOO_MANY_ROWS_OR_BYTES, text)

    def _insert(self, session: Session, head: InsertHead) -> Outcome:
        if self._request.is_get:
            raise _get_is_readonly()
        check_change(head.statement, is_control=False)
        self._is_writing = True
        found = session.insert(head, memoryview(self._request.text)[head.data_at :])
        return Outcome(found, has_rows=False)

    def _before_change(self, taken: PreparedSession, plain: str, kind: Kind) -> None:
        """Let a change through; its session may carry USE, SET or temporary tables afterwards."""
        taken.is_reusable = False
        if self._request.is_get:
            raise _get_is_readonly()
        check_change(plain, is_control=kind.is_control)
        self._is_writing = True


def _decode(text: bytes) -> str:
    if b"\0" in text:
        raise refusal(Code.SYNTAX_ERROR, "The statement contains a zero byte.")
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise refusal(Code.SYNTAX_ERROR, "The statement is not UTF-8.") from error


def _readonly(name: str) -> StatementError:
    return refusal(Code.READONLY, f"{name}: Cannot execute query in readonly mode.")


def _get_is_readonly() -> StatementError:
    text = "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly; use POST."
    return refusal(Code.READONLY, text)
