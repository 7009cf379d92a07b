"""What the warehouse must hold after a run, worked out from the topics' own records in plain Python.

Windows and audits come from `streams.simulate.oracle`; here are the two answers that it does not give: which records
belong into quarantine, and the row of each entity of the records lane. No codec or fold of the product is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from streams.simulate.oracle import MAX_AHEAD_MS, MAX_BEHIND_MS, Facts, Record
from streams.simulate.wire import parse

Place = tuple[int, int]
"""Partition, offset."""
Reject = tuple[int, str]
"""Record timestamp in ms, the raw bytes as hex."""
Entity = tuple[str, str, str]
"""Table, tenant, id."""

SHARED = ("event_id", "revision", "source", "service", "channel", "assignment_group", "touchpoint")
KINDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "feedback": (
        "feedback", "response_id",
        ("state", "person", "score", "lost_minutes", "factors", "invitation_id", "ticket_id"),
    ),
    "invitation": ("invitations", "invitation_id", ("outcome", "person", "reason")),
    "ticket": (
        "tickets", "ticket_id", ("kind", "person", "category", "reassignment_count", "reopen_count", "made_sla"),
    ),
    "change": ("changes", "change_id", ("kind", "application", "wave", "title")),
}  # fmt: skip
"""Signal -> table, column and field of the id, further columns (called like the fields)."""
MISSING: Mapping[str, Any] = {
    "score": None, "lost_minutes": None, "factors": [], "made_sla": None, "wave": None,
    "reassignment_count": 0, "reopen_count": 0,
}  # fmt: skip
"""What stands where an event says nothing; the empty text for all other fields."""
STATES = ("partial", "final", "retracted")


def columns(signal: str) -> tuple[str, ...]:
    """Return what is compared of a kind of record, in the order of the values."""
    return (*SHARED, *KINDS[signal][2])


def telemetry_rejects(records: Iterable[Record], facts: Mapping[str, Facts]) -> dict[Place, Reject]:
    """Return what must be in quarantine of the telemetry lane."""
    return {_place(record): _reject(record) for record in records if not _is_telemetry(record, facts)}


def _is_telemetry(record: Record, facts: Mapping[str, Facts]) -> bool:
    event = parse(record.raw)
    if event is None or event["signal"] == "tick":
        return event is not None
    age = record.stamp_ms - event["event_time_ms"]
    return -MAX_AHEAD_MS <= age <= MAX_BEHIND_MS and event["metric"] in facts


def entities(records: Iterable[Record]) -> tuple[dict[Entity, tuple[Any, ...]], dict[Place, Reject]]:
    """Return the row that stands for each entity, with its record timestamp last, and what must be in quarantine.

    The largest (revision, state, record timestamp, offset) stands.
    """
    standing: dict[Entity, tuple[tuple[int, ...], tuple[Any, ...]]] = {}
    rejects: dict[Place, Reject] = {}
    for record in records:
        event = _read(record.raw)
        if event is None:
            rejects[_place(record)] = _reject(record)
        elif event["signal"] != "tick":
            table, key, _ = KINDS[event["signal"]]
            state = STATES.index(event["state"]) if "state" in event else 0
            rank = (event["revision"], state, record.stamp_ms, record.offset)
            name = (table, event["tenant"], event[key])
            if name not in standing or standing[name][0] < rank:
                standing[name] = rank, (*_values(event), record.stamp_ms)
    return {name: row for name, (_, row) in standing.items()}, rejects


def _read(raw: bytes | None) -> dict[str, Any] | None:
    """Return an event of the records lane; its senders make no other mistakes than those that are looked for here."""
    try:
        event = json.loads((raw or b"").decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("signal") not in (*KINDS, "tick"):
        return None
    if event["signal"] == "tick":
        return event if isinstance(event.get("gateway"), str) and type(event.get("at_ms")) is int else None
    is_sound = event.get("event_id") and type(event.get("revision")) is int and event["revision"] >= 0
    return event if is_sound and "unknown" not in event else None


def _values(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(event.get(name, MISSING.get(name, "")) for name in columns(event["signal"]))


def _place(record: Record) -> Place:
    return record.partition, record.offset


def _reject(record: Record) -> Reject:
    return record.stamp_ms, (record.raw or b"").hex()
