"""Where `xpulse sql` asks, as whom: readers get their own database and never the writer's password."""

from pathlib import Path

import pytest

from agents.cli.addresses import locate
from agents.cli.sql import Wanted
from agents.local.paths import DataFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = DataFolder(tmp_path / "xpulse")
    folder.prepare()
    return folder


@pytest.mark.parametrize(
    ("user", "database"),
    [("default", "xpulse_pub"), ("wall", "xpulse_pub"), ("manager_no", "xpulse_pub_manager_no"), ("xpulse", "xpulse")],
)
def test_each_user_asks_its_own_database(folder: DataFolder, user: str, database: str) -> None:
    found = locate(Wanted(host=None, port=None, user=user, password_file=None, data=None))
    assert found.database == database
    assert found.password == (folder.writer_password_file.read_text().strip() if user == "xpulse" else "")
