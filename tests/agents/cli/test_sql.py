"""`xpulse sql`: what is printed for which answer, and what is said when there is none."""

import json
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from agents.cli.sql import Format, Wanted, answer, command, table
from agents.warehouse.client import Address, WarehouseError
from tests.agents.local.services import ClickHouse


@pytest.fixture
def reader(clickhouse: ClickHouse) -> Address:
    """Anybody on this machine: no password, the public views."""
    return Address(host=clickhouse.host, port=clickhouse.port, user="default", database="xpulse_pub")


QUESTION = "SELECT number AS n, ['a', 'b'][n + 1] AS name, if(n = 1, NULL, 0.5) AS share FROM numbers(2)"


@pytest.mark.integration
def test_table(reader: Address) -> None:
    assert answer(reader, QUESTION, Format.TABLE).splitlines() == [
        "n  name  share",
        "-  ----  -----",
        "0  a       0.5",
        "1  b      NULL",
        "(2 rows)",
    ]


@pytest.mark.integration
def test_json_is_one_array(reader: Address) -> None:
    found = json.loads(answer(reader, QUESTION, Format.JSON))
    assert found == [{"n": 0, "name": "a", "share": 0.5}, {"n": 1, "name": "b", "share": None}]
    assert json.loads(answer(reader, f"{QUESTION} WHERE 0", Format.JSON)) == []


@pytest.mark.integration
def test_a_semicolon_and_a_comment_do_no_harm(reader: Address) -> None:
    assert answer(reader, "SELECT 1 AS n; -- one", Format.CSV) == '"n"\n1\n'


@pytest.mark.integration
def test_csv_has_a_header(reader: Address) -> None:
    assert answer(reader, QUESTION, Format.CSV).splitlines() == ['"n","name","share"', '0,"a",0.5', '1,"b",\\N']


@pytest.mark.integration
@pytest.mark.parametrize("form", Format)
def test_a_format_in_the_statement_wins(reader: Address, form: Format) -> None:
    assert answer(reader, "SELECT 1, 'x' FORMAT TSV", form) == "1\tx\n"


@pytest.mark.integration
def test_values_cannot_steer_the_terminal(reader: Address) -> None:
    shown = answer(reader, r"SELECT 'a\x1b[31mred\nnext' AS text", Format.TABLE)
    assert "\x1b" not in shown
    assert r"a\x1b[31mred\nnext" in shown


@pytest.mark.integration
def test_a_refused_statement_says_why(reader: Address) -> None:
    with pytest.raises(WarehouseError, match="Unknown expression identifier `nope`"):
        answer(reader, "SELECT nope", Format.TABLE)
    with pytest.raises(WarehouseError, match=r"readonly|privileges"):
        answer(reader, "DROP TABLE telemetry", Format.TABLE)


@pytest.mark.integration
def test_nobody_there_says_where(reader: Address) -> None:
    with pytest.raises(WarehouseError, match=r"127.0.0.1:1: no answer from ClickHouse: .*; is `xpulse up` running\?"):
        answer(replace(reader, port=1), "SELECT 1", Format.TABLE)


@pytest.mark.integration
def test_the_command_hands_on_what_was_said_and_prints(reader: Address) -> None:
    asked: list[Wanted] = []

    def locate(wanted: Wanted) -> Address:
        asked.append(wanted)
        return reader

    app = typer.Typer()
    app.command()(command(locate))
    shown = CliRunner().invoke(app, ["SELECT 7 AS n", "--format", "csv", "--user", "me", "--port", "9"])
    assert (shown.exit_code, shown.output) == (0, '"n"\n7\n')
    assert asked == [Wanted(host=None, port=9, user="me", password_file=None, data=None)]
    piped = CliRunner().invoke(app, ["-", "--format", "csv"], input="SELECT 8 AS n")
    assert (piped.exit_code, piped.output) == (0, '"n"\n8\n')


def test_an_empty_table_keeps_its_names() -> None:
    assert table([("n", "UInt8"), ("name", "String")], []).splitlines() == ["n  name", "-  ----", "(0 rows)"]
