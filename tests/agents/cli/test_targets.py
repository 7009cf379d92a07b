"""`xpulse targets`: what a person sees who checks, publishes, shows and retires targets."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli.targets import known_values, targets
from agents.gateway.directory import file_of
from agents.gateway.directory_rows import HEADER
from agents.settings import Settings
from agents.target_ledger import TargetLedger
from agents.topics import ALERTS, TARGETS, ensure_topics
from agents.warehouse.client import Address, Warehouse
from streams.errors import ConfigError, TargetError
from streams.scores import Counts
from streams.targets import json_schema
from tests.agents.judged_world import EPOCH_MS, T0, ClickHouseWorld
from tests.agents.test_judge import Wire, run_rounds, worker_of

FILE = """
id: desk
purpose: People should like what they get.
owner: desk
indicator: {kind: happiness}
for_each: [country]
values: {country: [NO, SE]}
objective: 60
period: month
expected_per_year: 10950
false_alerts_per_year: 1
recovery_length: 900
runbook: docs/runbooks/desk.md
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "desk.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without settings and without a running installation."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in Settings().environment():
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(targets, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_check_says_what_a_file_means(alone: Path, file: Path) -> None:
    assert run("check", file) == "desk: good; per country, a false alert in 10,950 answers of a slice on target\n"


def test_check_takes_the_shipped_files(alone: Path) -> None:
    assert len(run("check").splitlines()) == 4


def test_check_names_the_first_fault(alone: Path, file: Path) -> None:
    file.write_text(FILE.replace("month", "monthly"))
    with pytest.raises(TargetError, match=r"desk\.yaml: period: Invalid enum value 'monthly'; allowed: day, "):
        run("check", file)


def test_a_file_that_is_not_there_is_a_mistake_of_the_caller(alone: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: FileNotFoundError"):
        run("check", alone / "none.yaml")


@pytest.mark.integration
def test_a_fault_ends_the_command_with_status_2_and_one_line(alone: Path, file: Path) -> None:
    file.write_text(FILE.replace("objective: 60", "objective: 100"))
    command = [sys.executable, "-m", "agents.cli", "targets", "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("xpulse: ")
    assert len(done.stderr.splitlines()) == 1
    assert "objective: 100 can never drift" in done.stderr


def test_schema_prints_the_json_schema(alone: Path) -> None:
    assert json.loads(run("schema")) == json_schema()


def test_a_folder_on_which_nothing_runs_is_said(alone: Path) -> None:
    with pytest.raises(ConfigError, match="nothing runs on this data folder"):
        run("show", "--data", alone / "data")


def test_known_values_come_from_the_newest_rows_of_the_directory(tmp_path: Path) -> None:
    settings = replace(Settings(), directory_dir=str(tmp_path))
    assert known_values(settings, "acme") == {}
    header = ",".join(HEADER)
    lines = [
        header,
        "application,Mail,2020-01-01,,,,office,,,",
        "application,Mail,2021-01-01,,,,messaging,,,",
        "application,Wiki,2999-01-01,,,,knowledge,,,",
    ]
    file_of(tmp_path, "acme").write_text("\n".join(lines) + "\n")
    values = known_values(settings, "acme")
    assert (values["application"], values["service"], values["country"]) == (["Mail"], ["messaging"], [])


@pytest.mark.integration
def test_publish_show_and_retire_on_a_running_system(
    alone: Path, file: Path, broker: str, migrated: Address, store: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = alone / "password"
    password.write_text(migrated.password)
    settings = Settings(
        brokers=broker,
        clickhouse_host=migrated.host,
        clickhouse_port=migrated.port,
        clickhouse_database=migrated.database,
        clickhouse_password_file=str(password),
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    ensure_topics(broker, {TARGETS: 1, ALERTS: 1})
    world = ClickHouseWorld(store)
    assert run("publish", file, "--tenant", "desk-tenant").splitlines() == [
        "desk/country=NO: version 1",
        "desk/country=SE: version 1",
        "2 new versions, 0 unchanged",
    ]
    assert run("publish", file, "--tenant", "desk-tenant") == "0 new versions, 2 unchanged\n"
    file.write_text(FILE.replace("objective: 60", "objective: 70"))
    assert run("publish", file, "--tenant", "desk-tenant", "--reason", "harder").splitlines()[-1].startswith("2 new")
    judge_something(world, store)
    assert "desk/country=NO" in run("show", "--tenant", "desk-tenant")
    assert "desk/country=NO" not in run("show", "--tenant", "another")
    assert run("retire", "--tenant", "desk-tenant", "--reason", "over") == "2 targets retired\n"
    assert run("retire", "--tenant", "desk-tenant", "--reason", "over") == "0 targets retired\n"
    assert "desk/country=NO" not in run("show", "--tenant", "desk-tenant")


def judge_something(world: ClickHouseWorld, store: Warehouse) -> None:
    versions = TargetLedger(store).everything(0)
    number = (max(target.valid_from_ms for target in versions) - T0) // EPOCH_MS + 2
    world.release("desk-tenant", number, [({"country": "NO"}, Counts(promoters=5))])
    run_rounds(worker_of(world.port, Wire(), *versions))
