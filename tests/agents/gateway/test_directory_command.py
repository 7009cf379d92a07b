from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from agents.cli.directory import directory
from agents.gateway.directory import DirectoryFolder
from agents.gateway.directory_rows import HEADER
from agents.gateway.identity import Pseudonyms
from agents.local.paths import DataFolder
from streams.errors import ConfigError
from tests.agents.gateway.conftest import KEY

GOOD = f"{','.join(HEADER)}\nperson,jane,2026-01-01,NO,,,,,,\n"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    """The command with the settings of a gateway."""
    (tmp_path / "key").write_text(KEY.hex())
    (tmp_path / "key").chmod(0o600)
    monkeypatch.setenv("XPULSE_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("XPULSE_DIRECTORY_DIR", str(tmp_path / "loaded"))
    (tmp_path / "people.csv").write_text(GOOD)
    return directory


def test_a_file_is_loaded_where_the_gateway_looks(command: typer.Typer, tmp_path: Path) -> None:
    ended = CliRunner().invoke(command, ["load", str(tmp_path / "people.csv"), "--tenant", "acme"])
    assert ended.output == "acme: 1 added, 0 changed, 0 unchanged; 1 lines in all\n"
    folder = DirectoryFolder(tmp_path / "loaded")
    folder.refresh()
    jane = Pseudonyms(KEY).of("acme", "person", "jane")
    assert folder.of("acme").lookup("person", jane, 1_800_000_000_000) == {"country": "NO"}


def test_a_data_folder_brings_its_own_key_and_place(command: typer.Typer, tmp_path: Path) -> None:
    local = DataFolder(tmp_path / "data")
    local.prepare()
    arguments = ["load", str(tmp_path / "people.csv"), "--tenant", "acme", "--data", str(local.root)]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    assert [path.name for path in local.directory.glob("*.csv")] == ["acme.csv"]
    assert not (tmp_path / "loaded").exists()


def test_a_bad_line_is_an_error_that_names_it(command: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(GOOD + "human,x,2026-01-01,,,,,,,\n")
    with pytest.raises(ConfigError, match=r"people.csv:3: kind: expected one of person, device, application"):
        CliRunner().invoke(command, ["load", str(tmp_path / "people.csv"), "--tenant", "acme"], catch_exceptions=False)
