"""Environments of the peers: made once by pip from exact pins, kept below `build/`, made anew when the pins change."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.services import BenchmarkError

ROOT = Path(__file__).resolve().parent.parent
PINS = Path(__file__).parent / "peers"
FOLDER = ROOT / "build" / "benchmark-peers"
WITHIN_S = 600.0


def python_of(peer: str) -> str:
    """Return the interpreter of a peer's environment.

    Raises:
        BenchmarkError: It cannot be installed here.
    """
    pins, folder = PINS / f"{peer}.txt", FOLDER / peer
    stamp, python = folder / "installed.txt", folder / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == pins.read_text():
        return str(python)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing {peer} …", file=sys.stderr, flush=True)
    try:
        _call([sys.executable, "-m", "venv", str(folder)])
        _call([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(pins)])
    except (subprocess.SubprocessError, OSError) as error:
        raise BenchmarkError(f"{peer} cannot be installed: {_words(error)}") from error
    shutil.copyfile(pins, stamp)
    return str(python)


def _call(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WITHIN_S)


def _words(error: BaseException) -> str:
    return (getattr(error, "stderr", "") or str(error)).strip()[-500:]


def version_of(python: str, distribution: str) -> str:
    """Return the version of a distribution in an environment."""
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    ended = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return ended.stdout.strip() or "unknown"
