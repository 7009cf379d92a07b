"""From an event as it was sent to the event that xpulse keeps: pseudonyms for identities, dimensions added.

Of telemetry the device's entry says where it is, the person's fills what that leaves open, and the application's names
the service. Of the other events the person's entry says where, and a change's application names the service. What the
directory does not know stays as it was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from agents.gateway.directory import Directory, DirectoryFolder, Known
from agents.gateway.directory_rows import Kind
from agents.gateway.identity import Pseudonyms
from agents.metrics import counter
from streams.events import Change, Feedback, Invitation, Telemetry, Ticket

Incoming = Feedback | Invitation | Ticket | Change | Telemetry


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
        self._pseudonym = pseudonyms.of
        self._directories = directories
        self._unknown: Counter[Kind] = Counter()

    def of_kind(self, kind: type[Incoming]) -> Callable[[Any], Incoming]:
        """Return the function that turns events of a kind into those to keep; it may raise `BlankIdentity`."""
        if kind is Telemetry:
            return self._telemetry
        return self._change if kind is Change else self._record

    def count_unknown(self) -> None:
        """Tell the metrics how many identities the directory did not know since the last call."""
        for kind, count in self._unknown.items():
            counter("xpulse_gateway_unknown_dimensions_total").labels(kind=kind).inc(count)
        self._unknown.clear()

    def _telemetry(self, event: Telemetry) -> Telemetry:
        tenant, at_ms = event.tenant, event.event_time_ms
        device = self._pseudonym(tenant, "device", event.device)
        if not device:
            raise BlankIdentity("device")
        directory = self._directories.of(tenant)
        known = directory.lookup("device", device, at_ms)
        fields = {**known, "device": device} if known is not None else self._not_known("device", device=device)
        if event.person:
            fields = {**self._person(directory, event), **fields}
        if event.application:
            application = directory.lookup("application", event.application, at_ms)
            fields.update(application if application is not None else self._not_known("application"))
        return replace(event, **fields)

    def _record(self, event: Feedback | Invitation | Ticket) -> Incoming:
        if not event.person and isinstance(event, Ticket):
            return event
        fields = self._person(self._directories.of(event.tenant), event)
        if not fields["person"]:
            raise BlankIdentity("person")
        return replace(event, **fields)

    def _change(self, event: Change) -> Change:
        if not event.application:
            return event
        directory = self._directories.of(event.tenant)
        application = directory.lookup("application", event.application, event.event_time_ms)
        return replace(event, **(application if application is not None else self._not_known("application")))

    def _person(self, directory: Directory, event: Feedback | Invitation | Ticket | Telemetry) -> Known:
        person = self._pseudonym(event.tenant, "person", event.person)
        known = directory.lookup("person", person, event.event_time_ms)
        return {**known, "person": person} if known is not None else self._not_known("person", person=person)

    def _not_known(self, kind: Kind, **fields: str) -> Known:
        self._unknown[kind] += 1
        return fields
