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
    meaning, hint = run("check", file).splitlines()
    assert meaning == (
        "desk: good; happiness at least 60, per country, a false alert in 10,950 answers of a slice on target"
    )
    assert hint.startswith("  hint: review: no date")


def test_check_takes_the_shipped_files(alone: Path) -> None:
    assert sum(": good; " in line for line in run("check").splitlines()) == 4


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


def test_help_teaches_with_an_example(alone: Path) -> None:
    for command in ("check", "plan", "diff", "publish", "show", "history", "retire", "schema"):
        assert "xpulse targets " + command in run(command, "--help")


def test_files_and_option_must_agree_on_the_tenant(alone: Path, file: Path) -> None:
    with pytest.raises(ConfigError, match="--tenant: whom the targets are for"):
        run("diff", file)
    file.write_text(FILE + "tenant: acme\n")
    with pytest.raises(ConfigError, match="desk says 'acme' and --tenant says 'other'"):
        run("diff", file, "--tenant", "other")


@pytest.fixture
def running(alone: Path, broker: str, migrated: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of a running system in the environment."""
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


@pytest.mark.integration
def test_publish_show_and_retire_on_a_running_system(running: None, file: Path, store: Warehouse) -> None:
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
    shown = run("show", "desk/country=NO", "--tenant", "desk-tenant")
    assert "Happiness at least 70" in shown
    assert "country=NO" in shown
    assert "too_few" in shown
    assert "no_data" in run("show", "desk/country=SE", "--tenant", "desk-tenant")
    (told,) = json.loads(run("show", "desk/country=NO", "--tenant", "desk-tenant", "--json"))
    assert (told["version"], told["objective"], told["verdict"]["n"]) == (2, 70.0, 5)
    assert run("retire", "--tenant", "desk-tenant", "--reason", "over") == "2 targets retired\n"
    assert run("retire", "--tenant", "desk-tenant", "--reason", "over") == "0 targets retired\n"
    assert "desk/country=NO" not in run("show", "--tenant", "desk-tenant")


@pytest.mark.integration
def test_diff_says_what_publishing_changes_and_writes_nothing(running: None, file: Path, store: Warehouse) -> None:
    arguments = (file, "--tenant", "diff-tenant")
    assert run("diff", *arguments).splitlines() == [
        "0 change, 2 appear, 0 vanish, 0 stay as they are",
        "  + desk/country=NO",
        "  + desk/country=SE",
    ]
    assert TargetLedger(store).newest("diff-tenant") == {}
    run("publish", *arguments)
    assert run("diff", *arguments) == "0 change, 0 appear, 0 vanish, 2 stay as they are\n"
    file.write_text(FILE.replace("objective: 60", "objective: 70").replace("[NO, SE]", "[DK, NO]"))
    assert run("diff", *arguments).splitlines() == [
        "1 change, 1 appear, 1 vanish, 0 stay as they are",
        "  objective: 60.0 -> 70.0  (1 target)",
        "  + desk/country=DK",
        "  - desk/country=SE  (stays in force until `publish --prune`)",
    ]
    told = json.loads(run("diff", *arguments, "--json"))
    assert told["changed"] == {"desk/country=NO": {"objective": {"old": 60.0, "new": 70.0}}}
    assert "stays in force" in run("diff", *arguments)  # nothing was written
    assert run("publish", *arguments, "--prune").splitlines()[-1] == "1 retired: the files no longer have them"
    assert run("diff", *arguments) == "0 change, 0 appear, 0 vanish, 2 stay as they are\n"


@pytest.mark.integration
def test_history_tells_both_times_author_reason_and_change(running: None, file: Path, store: Warehouse) -> None:
    options = ("--tenant", "past-tenant", "--author", "ana")
    run("publish", file, *options, "--reason", "first")
    file.write_text(FILE.replace("objective: 60", "objective: 70"))
    run("publish", file, *options, "--reason", "we can do better")
    assert "not judged yet" in run("show", "desk/country=NO", "--tenant", "past-tenant")
    run("retire", *options, "--reason", "over")
    first, second, last = json.loads(run("history", "desk/country=NO", "--tenant", "past-tenant", "--json"))
    assert (first["version"], first["author"], first["reason"], first["changed"]) == (1, "ana", "first", {})
    assert (second["reason"], second["changed"]) == ("we can do better", {"objective": {"old": 60.0, "new": 70.0}})
    assert (last["state"], last["changed"]) == ("retired", {"state": {"old": "active", "new": "retired"}})
    assert first["valid_from"] <= second["valid_from"] <= last["valid_from"] <= last["recorded_at"]
    assert "objective 60 -> 70" in run("history", "desk/country=NO", "--tenant", "past-tenant")
    with pytest.raises(ConfigError, match="no target 'desk/country=XX' of past-tenant; allowed: "):
        run("history", "desk/country=XX", "--tenant", "past-tenant")


def judge_something(world: ClickHouseWorld, store: Warehouse) -> None:
    versions = TargetLedger(store).everything(0)
    number = (max(target.valid_from_ms for target in versions) - T0) // EPOCH_MS + 2
    world.release("desk-tenant", number, [({"country": "NO"}, Counts(promoters=5))])
    run_rounds(worker_of(world.port, Wire(), *versions))
