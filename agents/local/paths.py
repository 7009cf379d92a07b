"""Where a local installation keeps its things, and what it may delete.

<data folder>/
  xpulse-data-folder   marker: this folder is xpulse's
  clickhouse/          tables of the embedded ClickHouse
  directory/           loaded directories of the gateway
  logs/                one file per part
  run/                 lock of the running installation
  secrets/             (0700) writer password, pseudonym key, users file (0600)
"""

import os
import secrets
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from agents.local.clickhouse.users import role_users, standard_users, write_users
from agents.local.lock import FolderLock
from agents.roles.table import FILE, read_roles
from streams.errors import ConfigError

MARKER = "xpulse-data-folder"
_MARKER_TEXT = "Made by xpulse. `--fresh` deletes the folders of xpulse beside this file, and nothing else.\n"
_FOLDERS = ("clickhouse", "directory", "logs", "run", "secrets")


def state_folder(environment: Mapping[str, str], home: Path, *, platform: str = sys.platform) -> Path:
    """Return the data folder of a user who names none.

    Args:
        environment: Variables; `XDG_STATE_HOME` counts if it is absolute, as its specification says.
        home: The user's home folder.
        platform: As `sys.platform`.
    """
    if platform == "darwin":
        return home / "Library" / "Application Support" / "xpulse"
    given = Path(environment.get("XDG_STATE_HOME", ""))
    return (given if given.is_absolute() else home / ".local" / "state") / "xpulse"


class DataFolder:
    """The data folder of one local installation; see the module for its layout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clickhouse = root / "clickhouse"
        self.directory = root / "directory"
        self.logs = root / "logs"
        self.run = root / "run"
        self.secrets = root / "secrets"
        self.writer_password_file = self.secrets / "clickhouse_password"
        self.key_file = self.secrets / "pseudonym_key"
        self.users_file = self.secrets / "clickhouse_users.json"

    def prepare(self) -> None:
        """Create what is missing: folders, marker, secrets, users file. Nothing that exists is changed.

        Raises:
            ConfigError: The folder holds other things than xpulse's, is no folder, or a secret is open to others.
        """
        self._refuse_foreign()
        for name in _FOLDERS:
            (self.root / name).mkdir(mode=0o700 if name == "secrets" else 0o755, parents=True, exist_ok=True)
        (self.root / MARKER).write_text(_MARKER_TEXT)
        _closed(self.secrets)
        password = _secret(self.writer_password_file)
        _secret(self.key_file)
        write_users(self.users_file, standard_users(password) | role_users(read_roles(FILE)))

    def delete(self) -> None:
        """Delete what xpulse made here; other files stay. A folder that does not exist is fine.

        Raises:
            ConfigError: No marker, or an installation is running on it.
        """
        if not self.root.exists():
            return
        if not (self.root / MARKER).is_file():
            raise ConfigError(f"{self.root}: no file {MARKER} in it, so xpulse did not make it and deletes nothing")
        self.run.mkdir(exist_ok=True)
        lock = FolderLock(self.run / "lock")
        try:
            for name in _FOLDERS:
                _remove(self.root / name)
        finally:
            lock.release()

    def _refuse_foreign(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise ConfigError(f"{self.root}: not a folder")
        if self.root.exists() and any(self.root.iterdir()) and not (self.root / MARKER).is_file():
            raise ConfigError(f"{self.root}: holds files that are not xpulse's; name an empty or a new folder")


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()  # never what it points to
    elif folder.exists():
        shutil.rmtree(folder)


def _secret(path: Path) -> str:
    """Return the secret in `path`, after making a random one if there is none."""
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        draft.replace(path)  # whole or not at all
    _closed(path)
    return path.read_text().strip()


def _closed(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        mode = "700" if path.is_dir() else "600"
        raise ConfigError(f"{path}: open to others; run: chmod {mode} {path}")
