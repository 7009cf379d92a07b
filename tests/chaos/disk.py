"""A disk so small that it can be filled: a tmpfs of our own under ClickHouse's folder.

It needs the right to mount. A limit on the size of files (RLIMIT_FSIZE) is no substitute: the engine takes it for
success and leaves empty files behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

SIZE_BYTES = 256 << 20
LEFT_BYTES = 64 << 10
"""What a full disk still has: less than the engine asks for before it writes."""


class SmallDisk:
    """A mounted folder; fill it, make room again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave next to nothing."""
        with self._ballast.open("wb") as file:
            while (free := self._free_bytes() - LEFT_BYTES) > 0:
                with contextlib.suppress(OSError):  # somebody else was quicker: there is less to take
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), free)

    def _free_bytes(self) -> int:
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def make_room(self) -> None:
        """Take the ballast away."""
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take the disk away; everything on it is gone."""
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True, capture_output=True)


def mount(folder: Path) -> SmallDisk | None:
    """Mount a small disk over a folder; None where that is not allowed or not possible."""
    folder.mkdir(parents=True, exist_ok=True)
    program = shutil.which("mount")
    if program is None:
        return None
    options = f"size={SIZE_BYTES},mode=0755"
    done = subprocess.run(
        [program, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True
    )
    return SmallDisk(folder) if done.returncode == 0 else None
