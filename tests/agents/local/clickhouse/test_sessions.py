"""Which engine sessions are kept, and for which statements."""

from typing import Any, cast

import pytest

from agents.local.clickhouse.engine import Engine
from agents.local.clickhouse.sessions import MAX_KINDS, Sessions
from agents.local.clickhouse.users import User

READER = User(name="default", threads=2)


class _Session:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_open = True

    def query(self, text: str) -> None:
        self.said.append(text)
        if "max_happiness" in text:
            raise ValueError("unknown setting")

    def close(self) -> None:
        self.is_open = False


class _Engine:
    def __init__(self) -> None:
        self.opened: list[_Session] = []

    def open_session(self) -> _Session:
        self.opened.append(_Session())
        return self.opened[-1]

    @property
    def open(self) -> int:
        return sum(session.is_open for session in self.opened)


@pytest.fixture
def engine() -> _Engine:
    return _Engine()


@pytest.fixture
def sessions(engine: _Engine) -> Sessions:
    return Sessions(cast("Engine", engine), READER)


def _said(taken: Any) -> str:
    return " ".join(taken.session.said)


def test_a_session_is_used_again_for_the_same_database_and_settings(engine: _Engine, sessions: Sessions) -> None:
    for _ in range(5):
        sessions.give_back(sessions.take("xpulse_pub", {"b": "2", "a": "1"}))
        sessions.give_back(sessions.take("xpulse_pub", {"a": "1", "b": "2"}))
    assert len(engine.opened) == 1


def test_no_other_statement_gets_its_settings(sessions: Sessions) -> None:
    sessions.give_back(sessions.take("xpulse_pub", {"session_timezone": "Asia/Tokyo"}))
    other = [{}, {"session_timezone": "UTC"}, {"session_timezone": "Asia/Tokyo", "max_result_rows": "5"}]
    assert [_said(sessions.take("xpulse_pub", settings)).count("Tokyo") for settings in other] == [0, 0, 1]
    assert "USE `system`" in _said(sessions.take("system", {"session_timezone": "Asia/Tokyo"}))


def test_what_is_not_clean_is_closed(engine: _Engine, sessions: Sessions) -> None:
    taken = sessions.take("xpulse_pub", {})
    taken.is_reusable = False
    sessions.give_back(taken)
    assert engine.open == 0
    sessions.take("xpulse_pub", {})
    assert len(engine.opened) == 2


def test_no_more_are_kept_than_run_at_once(engine: _Engine, sessions: Sessions) -> None:
    for taken in [sessions.take("xpulse_pub", {}) for _ in range(READER.threads + 3)]:
        sessions.give_back(taken)
    assert engine.open == READER.threads


def test_the_kinds_that_are_kept_are_bounded(engine: _Engine, sessions: Sessions) -> None:
    for number in range(3 * MAX_KINDS):
        sessions.give_back(sessions.take("xpulse_pub", {}))  # in use all the time: it stays
        sessions.give_back(sessions.take("xpulse_pub", {"max_result_rows": str(number)}))
    assert engine.open == MAX_KINDS
    assert engine.opened[0].is_open


def test_a_session_that_cannot_be_prepared_is_closed(engine: _Engine, sessions: Sessions) -> None:
    with pytest.raises(ValueError, match="unknown"):
        sessions.take("xpulse_pub", {"max_happiness": "11"})
    assert engine.open == 0


def test_closing_closes_all(engine: _Engine, sessions: Sessions) -> None:
    for settings in ({}, {"max_result_rows": "5"}):
        sessions.give_back(sessions.take("xpulse_pub", settings))
    sessions.close()
    assert engine.open == 0
