"""Free TCP ports for local services."""

import socket
import threading

from streams.errors import XPulseError

_taken: set[int] = set()
_lock = threading.Lock()
_TRIES = 200


def free_port(*, host: str = "127.0.0.1") -> int:
    """Return a TCP port that is free on `host` now and that this process has not been given before.

    Another process may take it in the meantime; a part that cannot bind then fails to start and says so.

    Raises:
        XPulseError: No fresh port in 200 tries.
    """
    for _ in range(_TRIES):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        with _lock:
            if port not in _taken:
                _taken.add(port)
                return port
    raise XPulseError(f"no free TCP port on {host}")
