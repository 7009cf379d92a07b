"""One run per data folder."""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from streams.errors import ConfigError


class FolderLock:
    """Holds a data folder until released or until this process ends, however it ends.

    Args:
        path: Lock file; its folder exists.

    Raises:
        ConfigError: Another process holds it; the message names the folder and the process.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().decode(errors="replace").strip() or "unknown"
            self._file.close()
            raise ConfigError(
                f"{path.parent}: in use by another run (process {holder}); stop it or name another folder"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()).encode())
        self._file.flush()

    def release(self) -> None:
        """Let others in."""
        self._file.close()
