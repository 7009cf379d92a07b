"""Time order for sources that know the future: what happens now may cause items that are due later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any, Literal, NamedTuple

Path = Literal["feedback", "invitations", "telemetry", "tickets", "changes"]
Body = dict[str, Any]
"""What JSON can hold."""


class Item(NamedTuple):
    """One event as its sender posts it.

    Attributes:
        at_ms: When it is sent; ms UTC. The event itself happened a little earlier.
        path: Last part of the gateway's address.
        body: Raw identities; no dimension that the directory knows. Not to be changed by the receiver: repeated items
            share it.
        is_repeat: The same body was sent before.
    """

    at_ms: int
    path: Path
    body: Body
    is_repeat: bool = False


def in_order(steps: Iterable[tuple[int, Iterable[Item]]]) -> Iterator[Item]:
    """Yield items by `at_ms`; ties in the order in which they were announced.

    Args:
        steps: (now, items due at or after now) with a `now` that never falls. Memory holds what is announced and not
            yet due, so it is bounded by the longest delay.
    """
    waiting: list[tuple[int, int, Item]] = []
    serial = count()
    for now_ms, items in steps:
        while waiting and waiting[0][0] <= now_ms:
            yield heappop(waiting)[2]
        for item in items:
            heappush(waiting, (item.at_ms, next(serial), item))
    while waiting:
        yield heappop(waiting)[2]
