"""Readings of devices, and the ticks that move time on when nobody sends."""

from streams.events.fields import Dimension, DurationMs, Event, Id, OptionalId, Sourced, TimeMs, Value


class Telemetry(Sourced, frozen=True, kw_only=True, tag="telemetry"):
    """One reading of one metric on one device.

    Attributes:
        device: Pseudonym of the device.
        person: Pseudonym of its user; empty = unknown.
        metric: A name in the metric catalogue.
        value: In the catalogue's unit.
        covers_ms: Use time that the reading stands for; 0 = the catalogue's default.
        shared: The device is nobody's (a server, a meeting room).
    """

    device: Id
    metric: Id
    value: Value
    person: OptionalId = ""
    covers_ms: DurationMs = 0
    shared: bool = False
    country: Dimension = ""
    site: Dimension = ""
    business_unit: Dimension = ""
    service: Dimension = ""
    application: Dimension = ""
    device_model: Dimension = ""
    os_version: Dimension = ""


class Tick(Event, frozen=True, kw_only=True, tag="tick"):
    """Proof that time passed on a partition; written once a second by each gateway."""

    gateway: Id
    at_ms: TimeMs
