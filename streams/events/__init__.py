"""Canonical events: one struct per schema in `schemas/avro/`, and the registry that names them all."""

from collections.abc import Mapping

from streams.events.fields import Event
from streams.events.judging import Alert, Target, Verdict
from streams.events.records import Action, Change, Erasure, Feedback, Invitation, Record, Ticket
from streams.events.telemetry import Telemetry, Tick

EVENTS: Mapping[str, type[Event]] = {
    "telemetry": Telemetry,
    "tick": Tick,
    "feedback": Feedback,
    "invitation": Invitation,
    "ticket": Ticket,
    "change": Change,
    "action": Action,
    "erasure": Erasure,
    "target": Target,
    "verdict": Verdict,
    "alert": Alert,
}
"""Signal name (JSON field `signal`, file name in `schemas/avro/`) -> struct."""

__all__ = [
    "EVENTS",
    "Action",
    "Alert",
    "Change",
    "Erasure",
    "Event",
    "Feedback",
    "Invitation",
    "Record",
    "Target",
    "Telemetry",
    "Tick",
    "Ticket",
    "Verdict",
]
