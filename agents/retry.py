"""How long to wait before another try."""

import random

FIRST_S = 0.1
LONGEST_S = 5.0


def backoff_s(failures: int) -> float:
    """Return the pause after so many failures in a row; seconds.

    Doubles from 0.1 s up to 5 s, with jitter so that several who wait do not come back at once.
    """
    return min(LONGEST_S, FIRST_S * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.0)
