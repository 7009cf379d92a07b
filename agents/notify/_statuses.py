"""What an HTTP answer means for a notice, for every notifier that speaks HTTP."""

from email.utils import parsedate_to_datetime
from typing import Literal

Meaning = Literal["taken", "later", "never"]

LATER = frozenset({408, 423, 425, 429})
"""Answers below 500 that may be others later: time-out, locked, too early, too many."""

NEVER = frozenset({501, 505})
"""Answers from 500 on that stay."""


def meaning_of(status: int) -> Meaning:
    """Return whether a notice was taken, may be taken later, or never will be.

    Redirects are not followed (the address is checked, its redirects are not): they mean never.
    """
    if 200 <= status < 300:
        return "taken"
    if status in LATER or (status >= 500 and status not in NEVER):
        return "later"
    return "never"


def wait_of(retry_after: str | None, now_s: float) -> float | None:
    """Return how long a receiver asks to be left alone; seconds. None if it does not say so in a way that is known.

    Args:
        retry_after: The header Retry-After: seconds, or an instant.
        now_s: Seconds since 1970, UTC.

    Example:
        >>> wait_of("120", 0.0)
        120.0
        >>> wait_of("Thu, 01 Jan 1970 00:01:00 GMT", 50.0)
        10.0
        >>> wait_of("soon", 0.0)
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None
