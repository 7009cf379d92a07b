"""One run of a part's command: a process group of its own, output into a file, no survivors."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
_TAIL_BYTES = 8192


class PartProcess:
    """A running command with its group.

    It dies with the thread that made it (Linux): make it in a thread that lives as long as it should.

    Args:
        command: Program and arguments.
        env: The whole environment.
        log: File that its output is appended to.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._log_from = log.stat().st_size if log.exists() else 0
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), *command]
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - the command is the caller's
                launch, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(env), start_new_session=True
            )
        self.pid = self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and everything it started; nothing if all are gone."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS answers "not permitted" for a group of zombies
            return

    def end(self, within_s: float) -> int:
        """End it at once: SIGKILL to what is left of the group; return the exit code."""
        self.signal_group(signal.SIGKILL)
        return self._process.wait(timeout=within_s)

    def last_lines(self, count: int = 15) -> str:
        """Return the last lines that this run wrote to its log."""
        with self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_from, size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-count:])


def ending(code: int) -> str:
    """Say in words how a process ended.

    Example:
        >>> ending(3), ending(-9)
        ('exit code 3', 'killed by SIGKILL')
    """
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
