"""From a request's body to records for Kafka: decoded, checked, pseudonymous. All of a request or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, Final

import msgspec

from agents.gateway.answers import Problem, Refusal, invalid
from agents.gateway.body import Limits
from agents.gateway.directory_rows import RESERVED
from agents.gateway.enrich import BlankIdentity, Enricher, Incoming
from agents.publisher import Outgoing
from agents.topics import RECORDS, TELEMETRY
from streams.catalogue import DIMENSIONS, Catalogue
from streams.checks import is_tricky
from streams.codecs import Invalid, Ok, decode_list, encode_json
from streams.events import Change, Feedback, Invitation, Telemetry, Ticket

TENANT_HEADER: Final = "X-Xpulse-Tenant"


@dataclass(frozen=True, slots=True)
class Door:
    """One kind of event that may come in.

    Attributes:
        name: Last part of the address: `POST /v1/{name}`.
        entity: Field that names what the event is about; with the tenant it is the record's key.
    """

    name: str
    kind: type[Incoming]
    topic: str
    entity: str


DOORS: Final[Mapping[str, Door]] = {
    door.name: door
    for door in (
        Door("feedback", Feedback, RECORDS, "response_id"),
        Door("invitations", Invitation, RECORDS, "invitation_id"),
        Door("telemetry", Telemetry, TELEMETRY, "device"),
        Door("tickets", Ticket, RECORDS, "ticket_id"),
        Door("changes", Change, RECORDS, "change_id"),
    )
}

_LISTS: Final[Mapping[type[Incoming], msgspec.json.Decoder[list[Incoming]]]] = {
    door.kind: msgspec.json.Decoder(GenericAlias(list, (door.kind,))) for door in DOORS.values()
}
_NAMED: Final = (*DIMENSIONS, "channel", "assignment_group", "touchpoint")
_MISSING_TENANT: Final = "$.tenant: missing"
_PATH: Final = re.compile(r"\$\.?(?P<field>.*)")


def header_tenant(value: str | None) -> str:
    """Return the tenant that a header names; empty = none.

    Raises:
        Refusal: The header holds no tenant.
    """
    tenant = (value or "").strip()
    if value is not None and not (1 <= len(tenant) <= 200 and tenant.isascii() and not is_tricky(tenant)):
        raise Refusal(400, "tenant", f"{TENANT_HEADER}: expected 1 to 200 ASCII characters")
    return tenant


class Intake:
    """Turns bodies into records."""

    def __init__(self, enricher: Enricher, catalogue: Catalogue, limits: Limits) -> None:
        self._enricher = enricher
        self._metrics = frozenset(catalogue.metrics)
        self._limits = limits

    def records(self, door: Door, body: bytes, tenant: str, received_at_ms: int) -> list[Outgoing]:
        """Return the records of a body.

        Args:
            door: Where it came in: what kind of event it must hold.
            body: JSON, one event or a list.
            tenant: As the request's header says; empty = the events say it.
            received_at_ms: Becomes the timestamp of each record.

        Raises:
            Refusal: 400 not JSON, 413 too many events, 422 some event breaks a rule.
        """
        events = self._decoded(door, body, tenant)
        problems = list(self._problems(events, body, tenant))
        if problems:
            raise invalid(problems)
        return self.outgoing(door, events, received_at_ms)

    def outgoing(self, door: Door, events: Sequence[Incoming], received_at_ms: int) -> list[Outgoing]:
        """Return the records of checked events.

        Raises:
            Refusal: 422 an identity is blank.
        """
        records: list[Outgoing] = []
        problems: list[Problem] = []
        enrich = self._enricher.of_kind(door.kind)
        for index, event in enumerate(events):
            try:
                kept = enrich(event)
            except BlankIdentity as blank:
                problems.append(Problem(index, blank.field, "expected more than blanks"))
            else:
                records.append((_key(door, kept), encode_json(kept), received_at_ms, None))
        if problems:
            raise invalid(problems)
        self._enricher.count_unknown()
        return records

    def _decoded(self, door: Door, body: bytes, tenant: str) -> list[Incoming]:
        events = _plain_list(body, door.kind)
        if events is None:
            events = self._one_by_one(door, body, tenant)
        self._check_count(len(events))
        return events

    def _one_by_one(self, door: Door, body: bytes, tenant: str) -> list[Incoming]:
        found = decode_list(body, door.kind)
        if tenant and any(isinstance(item, Invalid) and item.reason == _MISSING_TENANT for item in found):
            found = decode_list(_with_tenant(body, tenant), door.kind)
        self._check_count(len(found))
        refused = [item for item in found if isinstance(item, Invalid)]
        if refused:
            raise _explained(refused)
        return [item.event for item in found if isinstance(item, Ok)]

    def _check_count(self, events: int) -> None:
        if events > self._limits.events:
            raise Refusal(413, "too_many", f"{events} events; at most {self._limits.events} in one request")

    def _problems(self, events: Sequence[Incoming], body: bytes, tenant: str) -> Iterable[Problem]:
        may_be_reserved = any(value.encode() in body for value in RESERVED) or b"\\u" in body
        for index, event in enumerate(events):
            if tenant and event.tenant != tenant:
                yield Problem(index, "tenant", f"not the tenant of the header {TENANT_HEADER}")
            if isinstance(event, Telemetry) and event.metric not in self._metrics:
                yield Problem(index, "metric", "not in the metric catalogue")
            if may_be_reserved:
                yield from _reserved(index, event)


def _plain_list(body: bytes, kind: type[Incoming]) -> list[Incoming] | None:
    """Return the events of a list in plain ASCII, decoded in one go; None = look at them one by one.

    Without escapes JSON can hold no control character, and without other bytes than ASCII no hidden direction of text;
    so nothing is left that only `decode_list` would find.
    """
    if not body.isascii() or b"\\" in body or b"\x7f" in body:
        return None
    try:
        return _LISTS[kind].decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _explained(refused: Sequence[Invalid]) -> Refusal:
    if any("malformed JSON" in item.reason or "not valid UTF-8" in item.reason for item in refused):
        return Refusal(400, "not_json", f"the body is not JSON: {refused[0].reason.partition(': ')[2]}")
    return invalid([_problem(item) for item in refused])


def _problem(item: Invalid) -> Problem:
    path, _, why = item.reason.partition(": ")
    match = _PATH.fullmatch(path)
    return Problem(item.index, match["field"] if match else "", why)


def _reserved(index: int, event: Incoming) -> Iterable[Problem]:
    for name in _NAMED:
        value = getattr(event, name, "")
        if value in RESERVED:
            yield Problem(index, name, f"{value} is reserved")


def _with_tenant(body: bytes, tenant: str) -> bytes:
    """Return the body with the tenant in each event that does not name one; unchanged if it cannot be read."""
    try:
        document: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body
    for event in document if isinstance(document, list) else [document]:
        if isinstance(event, dict):
            event.setdefault("tenant", tenant)
    return msgspec.json.encode(document)


def _key(door: Door, event: Incoming) -> bytes:
    """Return what decides the partition: readings of one device stay in order, and so do revisions of one record."""
    entity: str = getattr(event, door.entity)
    return entity.encode() if door.topic == TELEMETRY else f"{event.tenant}/{entity}".encode()
