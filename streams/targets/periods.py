"""Calendar periods in UTC, and lengths of time as people write them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from streams.events.judging import PeriodKind

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
DURATION_PATTERN = r"^[1-9][0-9]{0,5}[smhd]$"
DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
SHORTEST_DAYS: Mapping[PeriodKind, int] = {"day": 1, "week": 7, "month": 28, "quarter": 90}
"""Days that a period has at least."""


def seconds(text: str) -> int:
    """Return a length such as "30s", "15m", "8h" or "7d" in seconds.

    Raises:
        ValueError: The text is not a whole number and one of the letters s, m, h, d.

    Example:
        >>> seconds("7d")
        604800
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"not a length of time such as 30s, 15m, 8h or 7d: {text[:20]!r}")
    return int(text[:-1]) * _SECONDS[text[-1]]


def period_start(kind: PeriodKind, end_ms: int) -> int:
    """Return when the period began that holds an epoch or window ending at `end_ms`; ms UTC.

    What ends exactly at midnight belongs to the day before it. Weeks begin on Monday.
    """
    last = datetime.fromtimestamp(max(0, end_ms - 1) // 1000, tz=UTC)
    day = last.replace(hour=0, minute=0, second=0)
    starts = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "quarter": day.replace(day=1, month=day.month - (day.month - 1) % 3),
    }
    return max(0, int(starts[kind].timestamp()) * 1000)
