"""`python -I -S launch.py PARENT COMMAND…`: run COMMAND so that it dies with its parent (on Linux).

A program of its own because the alternative, code between fork and exec of a process with threads, may deadlock.
Only the standard library, imported sparingly: it starts once per part.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> None:
    import ctypes  # noqa: PLC0415 - not needed, and not always there, on other systems

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above took effect
        sys.exit(1)


def main() -> None:
    """Become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        _die_with(parent)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the supervisor's
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
