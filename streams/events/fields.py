"""Field types shared by the events: what a name, an instant and a number may be."""

from typing import Annotated

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""A required identifier; 1 to 200 characters."""

OptionalId = Annotated[str, msgspec.Meta(max_length=200)]
"""An identifier that may be missing; empty = none."""

Dimension = Annotated[str, msgspec.Meta(max_length=120)]
"""A dimension's value; empty = unknown."""

Text = Annotated[str, msgspec.Meta(max_length=2000)]
"""Free text written by the operators of xpulse, never by respondents."""

TimeMs = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""An instant: milliseconds since 1970-01-01 UTC, up to the year 9999."""

DurationMs = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]
"""A length of time: milliseconds, at most one day."""

Revision = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""The sender's counter of corrections; a larger one replaces a smaller one."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]

Value = Annotated[float, msgspec.Meta(gt=-float(2**43), lt=float(2**43))]
"""A reading in the catalogue's unit. Bounded so that milli-units are exact in a double."""


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="signal", gc=False):
    """What every event is: immutable, keyword-only, strict about unknown fields.

    In JSON the field `signal` names the kind; in Avro the schema's fingerprint does.
    """


class Sourced(Event, frozen=True, kw_only=True):
    """An event from outside: who sent it, for whom, and when it happened."""

    event_id: Id
    tenant: Id
    source: Id
    event_time_ms: TimeMs
