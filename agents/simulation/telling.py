"""How far a month is, for people."""

import time
from collections.abc import Callable

TELL_EVERY_S = 5.0


class Teller:
    """Tells how far a phase is, every few seconds, and keeps how long it took.

    Args:
        say: Takes a line for people.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.seconds: dict[str, float] = {}
        self._told_s = 0.0

    def phase(self, name: str) -> Callable[[float], None]:
        """Return what is told the share that is done, 0 to 1."""
        begun_s = time.monotonic()

        def tell(share: float) -> None:
            now_s = time.monotonic()
            self.seconds[name] = now_s - begun_s
            if share >= 1 or now_s - self._told_s >= TELL_EVERY_S:
                self._told_s = now_s
                left_s = (now_s - begun_s) * (1 - share) / share if share > 0 else 0.0
                rest = f", {left_s:4.0f} s left" if share < 1 else ""
                self._say(f"  {name:<14} {100 * share:3.0f} % after {now_s - begun_s:4.0f} s{rest}")

        return tell
