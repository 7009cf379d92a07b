"""`xpulse migrate` against an empty server."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from agents.cli.migrate import command
from agents.warehouse.client import Address, Warehouse

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(bare: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    (tmp_path / "password").write_text(bare.password)
    for name, value in {
        "PROFILE": "demo",
        "CLICKHOUSE_HOST": bare.host,
        "CLICKHOUSE_PORT": str(bare.port),
        "CLICKHOUSE_DATABASE": bare.database,
        "CLICKHOUSE_USER": bare.user,
        "CLICKHOUSE_PASSWORD_FILE": str(tmp_path / "password"),
    }.items():
        monkeypatch.setenv(f"XPULSE_{name}", value)
    return bare


def migrate(*arguments: str) -> list[str]:
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output.splitlines()


def test_plan_apply_status(settings: Address) -> None:
    plan = migrate("--dry-run")
    assert plan[0] == "-- 0001_create_tiles"
    assert f"CREATE TABLE IF NOT EXISTS `{settings.database}`.tiles" in plan
    assert f"-- {settings.database}_pub_manager_no: the views of a role's scope" in plan
    assert all(line.endswith(": pending") for line in migrate("--status"))
    done = migrate()
    assert (done[0], done[-1]) == (
        "0001_create_tiles: applied",
        f"{settings.database}_pub_owner_mail: as the roles want it",
    )
    assert migrate() == ["nothing to do"]
    assert migrate("--dry-run") == []
    assert all(line.endswith(": applied") for line in migrate("--status"))
    store = Warehouse(settings)
    assert store.ask("SELECT name FROM current_profile") == [("demo",)]
    for role in ("manager_no", "owner_mail"):
        store.command(f"DROP DATABASE {settings.database}_pub_{role} SYNC")
    store.close()
