"""The data folder: layout, secrets, and what may be deleted."""

import stat
from pathlib import Path

import pytest

from agents.local.clickhouse.users import load_users
from agents.local.lock import FolderLock
from agents.local.paths import MARKER, DataFolder, state_folder
from streams.errors import ConfigError


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.prepare()
    return made


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", "/home/ada/.local/state/xpulse"),
        ({"XDG_STATE_HOME": "/var/state"}, "linux", "/var/state/xpulse"),
        ({"XDG_STATE_HOME": "relative"}, "linux", "/home/ada/.local/state/xpulse"),
        ({"XDG_STATE_HOME": "/var/state"}, "darwin", "/home/ada/Library/Application Support/xpulse"),
    ],
)
def test_state_folder(environment: dict[str, str], platform: str, expected: str) -> None:
    assert state_folder(environment, Path("/home/ada"), platform=platform) == Path(expected)


def test_layout(folder: DataFolder) -> None:
    assert {path.name for path in folder.root.iterdir()} == {
        "clickhouse",
        "directory",
        "logs",
        "run",
        "secrets",
        MARKER,
    }


def test_secrets_are_for_the_owner_only(folder: DataFolder) -> None:
    assert _mode(folder.secrets) == 0o700
    assert {_mode(path) for path in folder.secrets.iterdir()} == {0o600}


def test_secrets_are_random_and_kept(folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder(tmp_path / "other")
    other.prepare()
    for mine, theirs in [(folder.writer_password_file, other.writer_password_file), (folder.key_file, other.key_file)]:
        before = mine.read_text()
        assert len(bytes.fromhex(before)) == 32
        assert before != theirs.read_text()
        folder.prepare()
        assert mine.read_text() == before
    assert folder.key_file.read_text() != folder.writer_password_file.read_text()


def test_the_users_file_knows_the_password_and_does_not_hold_it(folder: DataFolder) -> None:
    password = folder.writer_password_file.read_text().strip()
    assert load_users(folder.users_file)["xpulse"].has_password(password)
    assert password not in folder.users_file.read_text()


def test_a_secret_open_to_others_is_refused(folder: DataFolder) -> None:
    folder.key_file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"pseudonym_key: open to others; run: chmod 600 "):
        folder.prepare()


def test_open_secrets_folder_is_refused(folder: DataFolder) -> None:
    folder.secrets.chmod(0o755)
    with pytest.raises(ConfigError, match=r"secrets: open to others; run: chmod 700 "):
        folder.prepare()


def test_a_folder_of_others_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="files that are not xpulse's"):
        DataFolder(tmp_path).prepare()
    assert _files(tmp_path) == {"thesis.tex"}


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(ConfigError, match="not a folder"):
        DataFolder(tmp_path / "data").prepare()


class TestDelete:
    def test_what_xpulse_made_goes_and_the_rest_stays(self, folder: DataFolder) -> None:
        (folder.clickhouse / "deep").mkdir()
        (folder.clickhouse / "deep" / "part.bin").touch()
        (folder.root / "mine.txt").touch()
        folder.delete()
        assert _files(folder.root) == {MARKER, "mine.txt"}
        folder.prepare()

    def test_without_the_marker_nothing_goes(self, folder: DataFolder) -> None:
        (folder.root / MARKER).unlink()
        before = _files(folder.root)
        with pytest.raises(ConfigError, match="deletes nothing"):
            folder.delete()
        assert _files(folder.root) == before

    def test_a_running_installation_is_not_deleted(self, folder: DataFolder) -> None:
        lock = FolderLock(folder.run / "lock")
        before = _files(folder.root)
        with pytest.raises(ConfigError, match="in use by another run"):
            folder.delete()
        assert _files(folder.root) == before
        lock.release()
        folder.delete()

    def test_a_link_goes_but_not_what_it_points_to(self, folder: DataFolder, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "kept").touch()
        folder.logs.rmdir()
        folder.logs.symlink_to(elsewhere)
        folder.delete()
        assert (elsewhere / "kept").exists()
        assert not folder.logs.is_symlink()

    def test_a_folder_that_does_not_exist_is_fine(self, tmp_path: Path) -> None:
        DataFolder(tmp_path / "nowhere").delete()
        assert not (tmp_path / "nowhere").exists()
