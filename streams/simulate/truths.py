"""What is planted into a simulation, what only looks like it, and which alerts that justifies.

Times are seconds after the start, so one scenario serves any start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

HAPPINESS_BY_COUNTRY = "happiness-by-country"
HAPPINESS_BY_SERVICE = "happiness-by-service"
HAPPINESS_BY_COUNTRY_AND_SERVICE = "happiness-by-country-and-service"
GOOD_TIME_BY_APPLICATION = "good-time-by-application"

NEVER_S = math.inf


def target_id(file: str, **dimensions: str) -> str:
    """Return the id of an expanded target; dimensions in the order of the file's `for_each`.

    Example:
        >>> target_id("happiness-by-country-and-service", country="NO", service="mail")
        'happiness-by-country-and-service/country=NO,service=mail'
    """
    return f"{file}/" + ",".join(f"{name}={value}" for name, value in dimensions.items())


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A planted drift: an alert on any other target is false.

    Attributes:
        start_ms: From when on things are bad; ms UTC.
        must_alert: Targets that have to fire.
        may_alert: Targets of which the bad slice is a part.
    """

    name: str
    start_ms: int
    must_alert: tuple[str, ...]
    may_alert: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HappinessDrop:
    """A service makes the people of one country unhappy.

    Attributes:
        before, after: Happiness scores, -100 to 100; `before` None = as people usually feel there.
        until_s: When it is well again.
    """

    country: str
    service: str
    at_s: float
    until_s: float = NEVER_S
    before: float | None = 70.0
    after: float = 30.0

    def truth(self, start_ms: int) -> Truth:
        """Return what it justifies in a simulation that starts at `start_ms`."""
        both = target_id(HAPPINESS_BY_COUNTRY_AND_SERVICE, country=self.country, service=self.service)
        parts = (
            target_id(HAPPINESS_BY_COUNTRY, country=self.country),
            target_id(HAPPINESS_BY_SERVICE, service=self.service),
        )
        begin = after(start_ms, self.at_s)
        return Truth(name="happiness_drop", start_ms=begin, must_alert=(both,), may_alert=parts)


@dataclass(frozen=True, kw_only=True)
class CrashingRollout:
    """A rollout after which an application hangs and crashes on every device.

    Attributes:
        good_ratio: Share of good time from then on, 0 to 1.
        lead_s: How long before that the deployment is announced as a change.
        name: Ends the id of that change; empty = its number.
    """

    application: str
    at_s: float
    until_s: float = NEVER_S
    good_ratio: float = 0.6
    lead_s: float = 1.0
    name: str = ""

    def truth(self, start_ms: int) -> Truth:
        """Return what it justifies in a simulation that starts at `start_ms`."""
        target = target_id(GOOD_TIME_BY_APPLICATION, application=self.application)
        return Truth(name="crashing_rollout", start_ms=after(start_ms, self.at_s), must_alert=(target,))


@dataclass(frozen=True, kw_only=True)
class MixShift:
    """Decoy: people of one country turn to another channel. No slice changes, their mixture does.

    Attributes:
        mix: Channel -> share from then on; sums to 1.
    """

    country: str
    at_s: float
    mix: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class BadWindow:
    """Decoy: one application is bad for exactly one window, the first that begins at or after `at_s`."""

    application: str
    at_s: float
    good_ratio: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Decoy: the last `size` items are sent once more, all at once. Keep it well below the duplicate horizon."""

    at_s: float
    size: int = 400


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """Telemetry that comes out of order or late; ratios 0 to 1, delays uniform between two values in ms."""

    usual_ms: tuple[int, int] = (20, 300)
    disordered_ratio: float = 0.03
    disordered_ms: tuple[int, int] = (300, 2_500)
    late_ratio: float = 0.003
    late_ms: tuple[int, int] = (8_000, 40_000)


@dataclass(frozen=True, kw_only=True)
class SecondThoughts:
    """Answers that are not final at once; ratios of all answers, 0 to 1.

    Attributes:
        within_ms: Longest time between two revisions of an answer.
    """

    partial_ratio: float = 0.05
    corrected_ratio: float = 0.02
    retracted_ratio: float = 0.01
    within_ms: int = 6_000


def after(start_ms: int, seconds: float) -> int:
    """Return the instant `seconds` after the start; ms UTC. Never is later than any instant."""
    return (1 << 62) if math.isinf(seconds) else start_ms + round(seconds * 1000)
