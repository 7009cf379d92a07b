"""Records as rows: one row per entity, the version says which delivery counts.

A row is a function of the event, its record timestamp and its offset. Of all rows of an entity the one with the largest
version counts, so any order and any number of deliveries end in the same state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streams.errors import InvariantError
from streams.events import Action, Change, Erasure, Event, Feedback, Invitation, Record, Ticket
from streams.segments import MAX_AHEAD_MS

Row = tuple[Any, ...]
"""Values in the order of the table's columns; instants are ms since the epoch."""

STATE_RANKS: Mapping[str, int] = {"partial": 0, "final": 1, "retracted": 2}
"""Which state wins within one revision."""

LAST_MS = 7_258_118_400_000
"""2200-01-01: later instants do not fit ClickHouse's DateTime64; planned changes and actions end before."""

_REVISION_BITS, _RANK_BITS, _STAMP_BITS, _OFFSET_BITS = 32, 2, 48, 46


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where one kind of record goes.

    Attributes:
        name: Name of the table.
        key: Column that identifies the entity within its tenant.
        own: Columns that this kind has beside those of all records: column -> field of the event.
        is_fact: It tells what happened; otherwise it may plan ahead.
    """

    name: str
    key: str
    own: Mapping[str, str]
    is_fact: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns in the order of the rows."""
        return (*_SHARED, "version", "event_time", "log_time", self.key, *self.own)


_SHARED = (
    "tenant", "event_id", "source", "revision",
    "country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint",
)  # fmt: skip
"""Columns of all records, called like the event's fields."""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


TABLES: Mapping[type[Record], Table] = {
    Feedback: Table(
        name="feedback",
        key="response_id",
        own=_same(
            "state", "person", "score", "scale", "lost_minutes", "factors",
            "comment_ref", "ticket_id", "signal_id", "invitation_id",
        ),
        is_fact=True,
    ),
    Invitation: Table(
        name="invitations", key="invitation_id", own=_same("outcome", "person", "reason"), is_fact=True
    ),
    Ticket: Table(
        name="tickets",
        key="ticket_id",
        own=_same("kind", "person", "category", "reassignment_count", "reopen_count", "made_sla"),
        is_fact=True,
    ),
    Change: Table(
        name="changes",
        key="change_id",
        own={**_same("kind", "application", "wave", "title"), "end": "end_ms"},
        is_fact=False,
    ),
    Action: Table(
        name="actions",
        key="action_id",
        own={**_same("kind", "actor", "target", "alert_id", "reason"), "end": "end_ms"},
        is_fact=False,
    ),
    Erasure: Table(name="erasures", key="erasure_id", own=_same("subject"), is_fact=True),
}  # fmt: skip
"""Kind of record -> its table. A new kind is one line here and one migration."""

TIMES = "invitation_times"
"""Table of when each invitation was first heard of, and first said to be answered: the earliest of all its records."""
TIMES_COLUMNS = ("tenant", "invitation_id", "person", "log_time", "asked_at", "answered_at")
UNDECIDED = frozenset({"pending", "shown"})
"""Outcomes that say nothing about an answer yet."""


def version(revision: int, state: str, stamp_ms: int, offset: int) -> int:
    """Return the version of a row: revision, then state, then record timestamp, then offset, in 128 bits.

    Args:
        revision: The sender's counter of corrections.
        state: A key of `STATE_RANKS`; anything else ranks as the lowest.
        stamp_ms: Record timestamp, ms since the epoch.
        offset: Offset in the partition.

    Raises:
        InvariantError: One of them has no room.

    Example:
        >>> version(1, "partial", 0, 0) > version(0, "retracted", 99, 99)
        True
    """
    packed = 0
    parts = (revision, STATE_RANKS.get(state, 0), stamp_ms, offset)
    for value, bits in zip(parts, (_REVISION_BITS, _RANK_BITS, _STAMP_BITS, _OFFSET_BITS), strict=True):
        if not 0 <= value < 1 << bits:
            raise InvariantError(f"version: {value} does not fit {bits} bits")
        packed = packed << bits | value
    return packed


def doubt(event: Event, stamp_ms: int) -> str | None:
    """Return why a decoded event cannot be believed; None if it can.

    Args:
        event: What the topic `records` brought.
        stamp_ms: Its record timestamp, ms since the epoch.
    """
    if not 0 <= stamp_ms < LAST_MS:
        return "$: a record without a sensible timestamp"
    if not isinstance(event, Record):
        return f"$.signal: {event.__struct_config__.tag} does not belong on this topic"
    table = TABLES[type(event)]
    if table.is_fact and event.event_time_ms > stamp_ms + MAX_AHEAD_MS:
        return "$.event_time_ms: more than 5 minutes ahead of its arrival"
    if max(event.event_time_ms, getattr(event, "end_ms", None) or 0) >= LAST_MS:
        return "$.event_time_ms or $.end_ms: after the year 2199"
    return None


def to_row(event: Record, *, stamp_ms: int, offset: int) -> Row:
    """Return the row of a believed event, in the order of its table's `columns`.

    Raises:
        InvariantError: Timestamp or offset have no room in the version.
    """
    table = TABLES[type(event)]
    shared = (getattr(event, name) for name in _SHARED)
    number = version(event.revision, _state(event), stamp_ms, offset)
    own = (getattr(event, name) for name in table.own.values())
    return (*shared, number, event.event_time_ms, stamp_ms, getattr(event, table.key), *own)


def times_row(row: Row) -> Row | None:
    """Return what one record tells of an invitation's times, in the order of `TIMES_COLUMNS`; None if nothing.

    Args:
        row: Of an invitation, as `to_row` makes it.
    """
    known = dict(zip(TABLES[Invitation].columns, row, strict=True))
    asked, answered = known["outcome"] in UNDECIDED, known["outcome"] == "answered"
    if not asked and not answered:
        return None
    at_ms = known["log_time"]
    shared = (known["tenant"], known["invitation_id"], known["person"], at_ms)
    return (*shared, at_ms if asked else None, at_ms if answered else None)


def _state(event: Record) -> str:
    return event.state if isinstance(event, Feedback) else ""
