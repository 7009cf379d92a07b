"""The command as a whole: every part is found, and none of the others is imported for it."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from agents.cli import COMMANDS, app

HEAVY = ("faust", "fastapi", "scipy", "chdb", "clickhouse_connect")


def test_help_lists_every_command_with_what_it_does() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    listed = {line.split()[0]: line.split()[1:] for line in said.split("Commands:")[1].splitlines() if line.strip()}
    assert list(listed) == list(COMMANDS)
    assert all(listed.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(app, [name, "-h"], prog_name="xpulse")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: xpulse {name} ")


def test_what_is_mistyped_is_told() -> None:
    result = CliRunner().invoke(app, ["demoo"])
    assert result.exit_code == 2
    assert "No such command 'demoo'. Did you mean 'demo'?" in result.output


def test_the_command_alone_imports_nothing_heavy() -> None:
    code = "import sys, agents.cli; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "typer" in modules
    assert not {*HEAVY} & {*modules}
