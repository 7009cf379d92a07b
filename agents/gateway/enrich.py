"""From an event as it was sent to the event that xpulse keeps: pseudonyms for identities, dimensions added.

Of telemetry the device's entry says where it is, the person's fills what that leaves open, and the application's names
the service. Of the other events the person's entry says where, and a change's application names the service. What the
directory does not know stays as it was sent.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

from agents.gateway.directory import Directory, DirectoryFolder, Known
from agents.gateway.directory_rows import Kind
from agents.gateway.identity import Pseudonyms
from agents.metrics import counter
from streams.events import Change, Feedback, Invitation, Telemetry, Ticket

Incoming = Feedback | Invitation | Ticket | Change | Telemetry

_NOTHING: Final[Known] = {}


class BlankIdentity(Exception):
    """An identity of which nothing is left but blanks.

    Attributes:
        field: Name of the event's field.
    """

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Enricher:
    """Knows pseudonyms and directories."""

    def __init__(self, pseudonyms: Pseudonyms, directories: DirectoryFolder) -> None:
        self._pseudonyms = pseudonyms
        self._directories = directories
        self._unknown: Counter[Kind] = Counter()

    def enrich(self, event: Incoming) -> Incoming:
        """Return the event to keep.

        Raises:
            BlankIdentity: A required identity is blank.
        """
        directory = self._directories.of(event.tenant)
        match event:
            case Telemetry():
                known = self._of_telemetry(event, directory)
            case Change():
                known = self._known(directory, "application", event.application, event.event_time_ms)
            case _:
                known = self._of_record(event, directory)
        return msgspec.structs.replace(event, **known) if known else event

    def count_unknown(self) -> None:
        """Tell the metrics how many identities the directory did not know since the last call."""
        for kind, count in self._unknown.items():
            counter("xpulse_gateway_unknown_dimensions_total").labels(kind=kind).inc(count)
        self._unknown.clear()

    def _of_telemetry(self, event: Telemetry, directory: Directory) -> Known:
        at_ms = event.event_time_ms
        known: dict[str, Any] = {"device": self._required(event.tenant, "device", event.device)}
        if event.person:
            known["person"] = self._pseudonyms.of(event.tenant, "person", event.person)
            known.update(self._known(directory, "person", known["person"], at_ms))
        known.update(self._known(directory, "device", known["device"], at_ms))
        known.update(self._known(directory, "application", event.application, at_ms))
        return known

    def _of_record(self, event: Feedback | Invitation | Ticket, directory: Directory) -> Known:
        if not event.person and isinstance(event, Ticket):
            return _NOTHING
        person = self._required(event.tenant, "person", event.person)
        return {**self._known(directory, "person", person, event.event_time_ms), "person": person}

    def _required(self, tenant: str, kind: Any, identity: str) -> str:
        pseudonym = self._pseudonyms.of(tenant, kind, identity)
        if not pseudonym:
            raise BlankIdentity(kind)
        return pseudonym

    def _known(self, directory: Directory, kind: Kind, identity: str, at_ms: int) -> Known:
        if not identity:
            return _NOTHING
        known = directory.lookup(kind, identity, at_ms)
        if known is None:
            self._unknown[kind] += 1
            return _NOTHING
        return known
