"""What an HTTP answer means for a notice, for every notifier that speaks HTTP."""

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
