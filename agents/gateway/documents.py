"""What the gateway says about itself: schemas of what may be sent, an example of each, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from agents.gateway.answers import JSON, Rejected
from agents.gateway.intake import DOORS, TENANT_HEADER, Door
from agents.gateway.otlp import PROTOBUF
from agents.gateway.service import Accepted

_PLACE: Final[Mapping[str, Any]] = {"tenant": "acme", "source": "example", "event_time_ms": 1_772_440_867_000}

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "feedback": {
        **_PLACE,
        "event_id": "r-1/0",
        "revision": 0,
        "response_id": "r-1",
        "state": "final",
        "person": "jane.doe@example.com",
        "score": 9,
        "lost_minutes": 10,
        "factors": ["speed"],
        "service": "email",
        "channel": "portal",
    },
    "invitations": {
        **_PLACE,
        "event_id": "i-1/0",
        "revision": 0,
        "invitation_id": "i-1",
        "person": "jane.doe@example.com",
        "outcome": "shown",
        "service": "email",
    },
    "telemetry": {
        **_PLACE,
        "event_id": "t-1",
        "device": "PC-17",
        "person": "jane.doe@example.com",
        "metric": "app.response_time",
        "value": 240.5,
        "application": "mail",
    },
    "tickets": {
        **_PLACE,
        "event_id": "INC0010125/9",
        "revision": 9,
        "ticket_id": "INC0010125",
        "kind": "resolved",
        "person": "jane.doe@example.com",
        "category": "email",
        "made_sla": True,
    },
    "changes": {
        **_PLACE,
        "event_id": "CHG0030/0",
        "revision": 0,
        "change_id": "CHG0030",
        "kind": "wave",
        "application": "mail",
        "site": "Oslo",
        "wave": 2,
        "title": "Mail client 12 in Oslo",
    },
}
"""One event that each door takes. Names of people and devices are the real ones: the gateway replaces them."""

_REFERENCE: Final = "#/components/schemas/{name}"
_NOT_REQUIRED: Final = frozenset({"signal", "tenant"})
"""What the address and a header can say instead."""

NOTES: Final = (
    f"Send one event or a list. All events of a request are taken or none. The tenant stands in each event or in the "
    f"header `{TENANT_HEADER}`; if in both, they must agree. `person` and `device` are sent as they are known at the "
    "source; the gateway stores pseudonyms only. Dimensions that the directory knows replace those that were sent. "
    "202 means that the broker has the events; after 429 and 503 send the same request again: an event that arrives "
    "twice is recognised by its `event_id`."
)


def schemas() -> dict[str, Any]:
    """Return the JSON Schema of each event and answer, by name."""
    _, found = msgspec.json.schema_components(
        [*(door.kind for door in DOORS.values()), Accepted, Rejected], ref_template=_REFERENCE
    )
    for door in DOORS.values():
        schema = found[door.kind.__name__]
        schema["required"] = [name for name in schema["required"] if name not in _NOT_REQUIRED]
    return found


def operation(door: Door) -> dict[str, Any]:
    """Return what OpenAPI says of `POST /v1/{door}`."""
    event = {"$ref": _REFERENCE.format(name=door.kind.__name__)}
    content = {"schema": {"oneOf": [event, {"type": "array", "items": event}]}, "example": EXAMPLES[door.name]}
    return {
        "description": NOTES,
        "parameters": [_TENANT, _RECEIPTS],
        "requestBody": {"required": True, "content": {JSON: content}},
        "responses": _RESPONSES,
    }


def otlp_operation() -> dict[str, Any]:
    """Return what OpenAPI says of OTLP's endpoint."""
    message = {"schema": {"type": "object", "description": "ExportMetricsServiceRequest"}}
    return {
        "description": "OTLP/HTTP metrics in protobuf or JSON, gzip allowed. Data points that the metric catalogue "
        "does not take are counted in the answer's partial success.",
        "parameters": [{**_TENANT, "required": True}],
        "requestBody": {"required": True, "content": {PROTOBUF: message, JSON: message}},
    }


_TENANT: Final = {"name": TENANT_HEADER, "in": "header", "schema": {"type": "string"}, "example": "acme"}
_RECEIPTS: Final = {
    "name": "receipts",
    "in": "query",
    "description": "true: say on which partition and offset of which incarnation of the topic each event lies.",
    "schema": {"type": "boolean", "default": False},
}


def _answer(description: str, schema: type[msgspec.Struct]) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": _REFERENCE.format(name=schema.__name__)}}}
    return {"description": description, "content": content}


_RESPONSES: Final = {
    "202": _answer("All events are stored.", Accepted),
    "400": _answer("The body is not JSON, or the header names no tenant.", Rejected),
    "413": _answer("Too many bytes or events.", Rejected),
    "422": _answer("Some event breaks a rule; `problems` says which, where and why.", Rejected),
    "429": _answer("Too much waits for the broker; come back after Retry-After seconds.", Rejected),
    "503": _answer("The broker did not acknowledge; send the request again after Retry-After seconds.", Rejected),
}
