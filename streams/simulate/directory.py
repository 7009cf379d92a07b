"""What the organisation's directory knows: the dimensions that senders leave out and the gateway adds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streams.simulate.organisation import Organisation

VALID_FROM = "2020-01-01"
"""All rows hold since long before any simulated event."""


class DirectoryRow(NamedTuple):
    """A line of the gateway's directory; empty = not known. `shared` is "true" or "false" for devices, else empty."""

    kind: str
    id: str
    valid_from: str
    country: str = ""
    site: str = ""
    business_unit: str = ""
    service: str = ""
    device_model: str = ""
    os_version: str = ""
    shared: str = ""


def directory_rows(organisation: Organisation) -> Iterator[DirectoryRow]:
    """Yield people, devices and applications, in this order."""
    for person in organisation.people:
        yield DirectoryRow("person", person.id, VALID_FROM, person.country, person.site, person.business_unit)
    for device in organisation.devices:
        yield DirectoryRow(
            "device", device.id, VALID_FROM, device.country, device.site, device.business_unit,
            device_model=device.model, os_version=device.os_version, shared=str(device.shared).lower(),
        )  # fmt: skip
    for application, service in organisation.applications.items():
        yield DirectoryRow("application", application, VALID_FROM, service=service)


def directory_csv(organisation: Organisation) -> str:
    """Return the directory as the text of a CSV file with a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(DirectoryRow._fields)
    writer.writerows(directory_rows(organisation))
    return text.getvalue()


def device_dimensions(organisation: Organisation) -> Mapping[str, Mapping[str, str]]:
    """Return device -> the telemetry dimensions that its directory row gives."""
    return {
        device.id: {
            "country": device.country, "site": device.site, "business_unit": device.business_unit,
            "device_model": device.model, "os_version": device.os_version,
        }
        for device in organisation.devices
    }  # fmt: skip


def shared_devices(organisation: Organisation) -> frozenset[str]:
    """Return the devices that are nobody's."""
    return frozenset(device.id for device in organisation.devices if device.shared)
