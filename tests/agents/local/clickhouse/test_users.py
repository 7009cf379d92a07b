"""Users, passwords and limits."""

import os
from pathlib import Path

import pytest

from agents.local.clickhouse.errors import StatementError
from agents.local.clickhouse.request import build_request, credentials
from agents.local.clickhouse.users import User, authenticate, load_users, standard_users, write_users
from streams.errors import ConfigError


def test_users_file_comes_back_and_is_the_owners(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    previous = os.umask(0)
    try:
        write_users(file, standard_users("swordfish"))
    finally:
        os.umask(previous)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_users(file) == standard_users("swordfish")
    assert "swordfish" not in file.read_text()


def test_authentication() -> None:
    users = standard_users("swordfish")
    assert authenticate(users, "xpulse", "swordfish").may_write
    assert not authenticate(users, "default", "").may_write
    assert authenticate(users, "", "").name == "default"
    for name, password in [
        ("xpulse", ""),
        ("xpulse", "Swordfish"),
        ("default", "x"),
        ("root", ""),
        ("root", "swordfish"),
    ]:
        with pytest.raises(StatementError, match="516"):
            authenticate(users, name, password)


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '[{"name": "a", "colour": "red"}]', "[{}]"])
def test_a_broken_users_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    file = tmp_path / "users.json"
    file.write_text(text)
    file.chmod(0o600)
    if text == "{}":
        assert load_users(file) == {}
        return
    with pytest.raises(ConfigError, match=str(file)) as error:
        load_users(file)
    assert "red" not in str(error.value)


def test_a_missing_users_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"users\.json"):
        load_users(tmp_path / "users.json")


@pytest.mark.parametrize(
    ("headers", "fields", "expected"),
    [
        ({}, {}, ("", "")),
        ({}, {"user": "a", "password": "b"}, ("a", "b")),
        ({"X-ClickHouse-User": "a", "X-ClickHouse-Key": "b"}, {"user": "c"}, ("a", "b")),
        ({"Authorization": "Basic YTpiOmM="}, {"user": "x"}, ("a", "b:c")),
        ({"Authorization": "basic YTo="}, {}, ("a", "")),
    ],
)
def test_credentials(headers: dict[str, str], fields: dict[str, str], expected: tuple[str, str]) -> None:
    assert credentials(headers, fields) == expected


READER = User(name="default", max_execution_time_s=10, max_result_rows=0)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("max_execution_time", "5", "5"),
        ("max_execution_time", "10", "10"),
        ("max_execution_time", "11", "10"),
        ("max_execution_time", "0", "10"),  # no limit, in ClickHouse's words
        ("max_execution_time", "-5", "10"),
        ("max_execution_time", "0.5", "10"),
        ("max_result_rows", "7", "7"),
        ("max_result_rows", "0", "0"),
        ("session_timezone", "Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_a_readers_limits_can_only_be_lowered(name: str, given: str, expected: str) -> None:
    request = build_request(READER, {}, {name: given}, b"SELECT 1", is_get=False)
    assert request.settings == {name: expected}


def test_a_writer_may_set_anything() -> None:
    writer = standard_users("x")["xpulse"]
    request = build_request(
        writer, {}, {"max_threads": "9", "query_id": "q", "param_x": "1"}, b"SELECT 1", is_get=False
    )
    assert request.settings == {"max_threads": "9"}
    assert request.parameters == {"x": "1"}


@pytest.mark.parametrize("name", ["a b", "a=1, b", "", "1a", "a;b", "ä\n"])
def test_a_setting_is_a_name(name: str) -> None:
    writer = standard_users("x")["xpulse"]
    with pytest.raises(StatementError, match="36"):
        build_request(writer, {}, {name: "1"}, b"SELECT 1", is_get=False)


@pytest.mark.parametrize("form", ["CSV INTO OUTFILE 'x'", "'", "CSV;"])
def test_a_format_is_a_name(form: str) -> None:
    with pytest.raises(StatementError, match="36"):
        build_request(READER, {"X-ClickHouse-Format": form}, {}, b"SELECT 1", is_get=False)
