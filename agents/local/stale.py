"""Processes left over by an earlier run of the same folder that was killed.

Every process of a run carries the run's mark in its environment, and so do its children. Linux only: elsewhere nothing
is found, and a left-over process shows as a part that cannot take its port or folder.
"""

import os
import signal
import time
from pathlib import Path

MARK = "LOCAL_RUN_OF_XPULSE"  # not XPULSE_…: those are settings
_PROC = Path("/proc")
_ENDED_WITHIN_S = 10.0


def mark_of(folder: Path) -> str:
    """Return the mark of runs on `folder`."""
    return str(folder.resolve())


def left_over(mark: str) -> list[int]:
    """Return the ids of processes of this user, other than this one, that carry `mark`."""
    wanted = f"{MARK}={mark}".encode()
    found = (int(entry.name) for entry in _PROC.glob("[0-9]*"))
    return [pid for pid in found if pid != os.getpid() and wanted in _environment(pid)]


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # gone, or another user's
        return []


def end_left_over(mark: str) -> list[int]:
    """Kill what is left of earlier runs; return the ids.

    Killed, not asked: their supervisor is gone, and every part withstands it.
    """
    ended = left_over(mark)
    deadline = time.monotonic() + _ENDED_WITHIN_S
    while (pids := left_over(mark)) and time.monotonic() < deadline:
        for pid in pids:
            _kill(pid)
        time.sleep(0.05)
    return ended


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
