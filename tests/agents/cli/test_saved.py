"""Saved questions: the files, what may be filled in, and the page that shows them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from agents.cli import saved as module
from agents.cli.saved import documented, explained, fill, given, listed, pick, read_saved
from agents.cli.sql import Wanted, command
from agents.settings import ROOT
from agents.warehouse.client import Address
from streams.errors import ConfigError
from tests.agents.local.services import ClickHouse

NOW_S = 1_780_012_800 + 3_600
SAVED = read_saved()


def test_the_page_shows_the_files_as_they_are() -> None:
    page = (ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
    assert f"{module.BEGIN}\n{documented(SAVED)}\n{module.END}" in page, "run docs/examples/write_questions.py"


def test_every_question_says_who_asks_it_and_what_may_be_filled_in() -> None:
    assert len(SAVED) == 20
    for one in SAVED.values():
        assert one.question.endswith("?")
        assert one.name in listed(SAVED)
        for parameter in one.parameters:
            assert f"{{{parameter.name}:{parameter.kind}}}" in one.sql
            assert f"-p {parameter.name}=" in explained(one)
        assert "{tenant:String}" in one.sql


def test_values_are_filled_in() -> None:
    values = fill(SAVED["country-by-day"], {"to": "2026-05-02T12:00"}, tenant="acme", now_s=NOW_S)
    assert values == {"tenant": "acme", "country": "NO", "from": "2026-04-29 00:00:00", "to": "2026-05-02 12:00:00"}
    assert fill(SAVED["country-by-day"], {"tenant": "b"}, tenant="", now_s=NOW_S)["to"] == "2026-05-29 01:00:00"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"contry": "NO"}, "-p contry: change-before-after has no such parameter; allowed: tenant, application, from"),
        ({"from": "yesterday"}, "'yesterday' is no time; allowed: such as .* now or -30d"),
        ({"hours": "many"}, "-p hours=many: allowed: 0 to 65535"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(said: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fill(SAVED["change-before-after"], said, tenant="acme", now_s=NOW_S)


def test_names_and_pairs_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"there is no question 'x'; allowed: .*country-by-day"):
        pick(SAVED, "x")
    with pytest.raises(ConfigError, match="allowed: key=value"):
        given(["country"])


def test_a_file_with_another_head_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text("-- title: x\nSELECT 1\n")
    with pytest.raises(ConfigError, match=r"one.sql: a line before the statement"):
        read_saved(tmp_path)
    with pytest.raises(ConfigError, match="no saved question"):
        read_saved(tmp_path / "nothing")


def run(address: Address, *arguments: str) -> str:
    def locate(_: Wanted) -> Address:
        return address

    app = typer.Typer()
    app.command()(command(locate))
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    return result.output


@pytest.mark.integration
def test_the_command_lists_explains_binds_and_exports(clickhouse: ClickHouse, tmp_path: Path) -> None:
    reader = Address(host=clickhouse.host, port=clickhouse.port, user="default", database="xpulse_pub")
    assert "country-by-day" in run(reader, "--saved")
    assert "-p country=" in run(reader, "country-by-day", "--saved", "--explain")
    assert json.loads(run(reader, "SELECT {a:UInt8} + 1 AS b", "-p", "a=4", "--format", "json")) == [{"b": 5}]
    for form, magic in (("parquet", b"PAR1"), ("arrow", b"ARROW1")):
        file = tmp_path / form
        run(reader, "SELECT number AS n FROM numbers(3)", "--format", form, "--output", str(file))
        assert file.read_bytes().startswith(magic)
    with pytest.raises(ConfigError, match="--format parquet is not for the screen; name a file: --output FILE"):
        run(reader, "SELECT 1", "--format", "parquet")
    with pytest.raises(ConfigError, match=r"--output .*: No such file or directory"):
        run(replace(reader), "SELECT 1", "--output", str(tmp_path / "no" / "where"))
    with pytest.raises(ConfigError, match="no statement; allowed: one statement"):
        run(reader)
