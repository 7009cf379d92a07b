"""Erasure as the release sees it: from an epoch on, a person's waiting answers are gone.

Whom it is about is told by a hash of the pseudonym. A pseudonym is itself a keyed hash of 128 bits, so nobody can get
from this hash to the pseudonym by trying, and still everybody who holds rows of the person finds them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


class Waiting(Protocol):
    """What waits to be released: an answer, or an invitation."""

    @property
    def log_ms(self) -> int:
        """Its record timestamp; ms since the epoch."""

    @property
    def person(self) -> str:
        """Pseudonym."""


W = TypeVar("W", bound=Waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """One record of erasure.

    Attributes:
        subject: Whom it is about.
        log_ms: Its record timestamp: whatever lies in the log until then is gone; ms since the epoch.
    """

    subject: str
    log_ms: int


def subject_of(tenant: str, name: str) -> str:
    """Return the hash that stands for a pseudonym, or for the id of an answer; 64 hexadecimal digits.

    ClickHouse computes the same: `lower(hex(SHA256(concat(tenant, char(0), name))))`.

    Example:
        >>> subject_of("acme", "0123456789abcdef0123456789abcdef")[:12]
        '6b71c99df0b3'
    """
    return hashlib.sha256(f"{tenant}\0{name}".encode()).hexdigest()


def without_erased(tenant: str, waiting: Sequence[W], erasures: Iterable[Erased], *, epoch_end_ms: int) -> list[W]:
    """Return what waits of those who are not forgotten.

    An erasure holds from the first epoch that ends at its log time or later. What comes after it is new.

    Args:
        tenant: Whose answers or invitations these are.
        waiting: In any order, which they keep.
        erasures: Of the tenant.
        epoch_end_ms: Ms since the epoch.
    """
    until = last_erased(erasures, epoch_end_ms=epoch_end_ms)
    if not until:
        return list(waiting)
    return [one for one in waiting if one.log_ms > until.get(subject_of(tenant, one.person), -1)]


def last_erased(erasures: Iterable[Erased], *, epoch_end_ms: int) -> dict[str, int]:
    """Return whom an epoch must forget -> up to which log time; ms since the epoch."""
    until: dict[str, int] = {}
    for one in erasures:
        if one.log_ms <= epoch_end_ms:
            until[one.subject] = max(until.get(one.subject, 0), one.log_ms)
    return until
