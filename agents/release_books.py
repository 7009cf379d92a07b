"""What is known of one tenant before its next epochs are folded, and which run of an epoch counts."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from streams.details import Details
from streams.erasures import Erased

T = TypeVar("T")

ERASURES = """
SELECT tenant, subject, toUnixTimestamp64Milli(log_time) FROM erasures FINAL
WHERE log_time <= fromUnixTimestamp64Milli({until:Int64})
"""
"""Who is to be forgotten, of all tenants."""


@dataclass(slots=True, kw_only=True)
class Book(Generic[T]):
    """What is known of one tenant before its next epochs are folded; its items are answers, or blocks.

    Attributes:
        last_ms: End of the last marked epoch; 0 if there is none.
        coming: Items in no marked epoch, each with its time, latest first: taken from the end as they become due.
        waiting: Those of them that were due in the epochs folded so far and found no place.
        told: Item's id -> what it tells, of all of them.
        times: Times of items, published or not, as far back as any level waits.
        arrivals: Time and person of those items, where few people must not be seen; empty: it is not for them to hide.
        erasures: Who is to be forgotten, among those whose items wait.
    """

    last_ms: int = 0
    coming: list[tuple[int, T]] = field(default_factory=list)
    waiting: list[T] = field(default_factory=list)
    told: dict[str, Details] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    arrivals: list[tuple[int, str]] = field(default_factory=list)
    erasures: list[Erased] = field(default_factory=list)

    def due(self, until_ms: int) -> list[T]:
        """Return what waits with a time of `until_ms` or before."""
        while self.coming and self.coming[-1][0] <= until_ms:
            self.waiting.append(self.coming.pop()[1])
        return self.waiting


def runs_of(marks: str) -> str:
    """Return the query of the run that counts, per tenant and epoch: that of the first mark.

    Args:
        marks: Table of the marks; a constant of the code.
    """
    return f"SELECT tenant, epoch, argMin(run, (marked_at, run)) AS run FROM {marks} GROUP BY tenant, epoch"  # noqa: S608


def last_marks(marks: str) -> str:
    """Return the query of each tenant's last marked epoch, in ms since the epoch; `marks` as in `runs_of`."""
    return f"SELECT tenant, toUnixTimestamp64Milli(max(epoch)) FROM {marks} GROUP BY tenant"  # noqa: S608


def marked_since(marks: str) -> str:
    """Return the query of tenant, epoch and run that counts of all epochs after `since`; `marks` as in `runs_of`."""
    return (
        f"SELECT tenant, toUnixTimestamp64Milli(epoch), run FROM ({runs_of(marks)}) "  # noqa: S608
        "WHERE epoch > fromUnixTimestamp64Milli({since:Int64})"
    )
