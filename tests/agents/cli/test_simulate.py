"""`xpulse simulate`: what is refused before anything is simulated, and what is written down of what was planted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli import app
from agents.cli.simulate import SIZES, _end_s, _of_address, story_document
from streams.errors import ConfigError
from streams.simulate.month import Month, stories
from streams.simulate.organisation import build_organisation


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["simulate", *arguments])
    assert isinstance(result.exception, ConfigError)
    return str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "huge"], "--size is 'huge'; allowed: design, small"),
        (["--tenant", "a b"], "--tenant is 'a b'; allowed: letters, digits"),
        (["--days", "91"], "days is 91; allowed: 1 to 90"),
        (["--end", "soon"], "--end: 'soon' is no time; allowed: such as 2026-03-01"),
    ],
)
def test_what_cannot_be_simulated_is_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    assert words in refused("--into", str(tmp_path / "data"), *arguments)
    assert not (tmp_path / "data").exists()


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    assert "holds files that are not xpulse's" in refused("--into", str(tmp_path))


@pytest.mark.parametrize("address", ["http://me:secret@host:8123", "http://host/database", "http://"])
def test_an_address_names_host_and_port_only(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="allowed: a data folder or http://host:port") as error:
        _of_address(address, tmp_path)
    assert "secret" not in str(error.value)


def test_the_end_is_a_whole_minute_and_now_is_closed() -> None:
    assert _end_s("2026-03-01T08:00:59") % 60 == 0
    assert _end_s("") % 60 == 0


def test_what_was_planted_can_be_written_down() -> None:
    month = Month(tenant="acme", seed=1, end_s=1_780_012_800, days=10, size=SIZES["small"])
    organisation = build_organisation("acme", month.size, 1)
    told = [story_document(month, story) for story in stories(month, organisation)]
    assert [one["name"] for one in json.loads(json.dumps(told))] == ["rollout", "wave", "line", "drop", "watermelon"]
    assert told[0]["from"] == "2026-05-27T" + told[0]["from"][11:]
    assert told[1]["until"] is None
    assert told[0]["change"] == "acme/change/rollout"
    assert story_document(replace(month, tenant="b"), stories(month, organisation)[0])["change"] == "b/change/rollout"
