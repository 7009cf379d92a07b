"""A month of an organisation: how much of it there is, and the stories that are planted in it.

Feedback, tickets and changes are played event by event (`streams.simulate.timeline`). Telemetry at the design size is
two billion readings, so its windows are drawn directly, each as the readings that it holds (`month_cells`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from streams.errors import ConfigError
from streams.simulate.names import BOOT_TIME, CPU_UTILIZATION, CRASH, MODELS, RESPONSE_TIME
from streams.simulate.organisation import DESIGN, Organisation, Size
from streams.simulate.scenario import Scenario, design
from streams.simulate.troubles import Notice
from streams.simulate.truths import (
    GOOD_TIME_BY_APPLICATION,
    HAPPINESS_BY_COUNTRY,
    HAPPINESS_BY_COUNTRY_AND_SERVICE,
    HAPPINESS_BY_SERVICE,
    NEVER_S,
    HappinessDrop,
    target_id,
)

DAY_S, HOUR_S = 86_400, 3_600
MOST_DAYS = 90
"""As long as windows of 15 minutes are kept."""
HEALTHY, STRAINED, BAD = range(3)
"""Conditions of a key: which of its values are frequent."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a story does to telemetry while it lasts.

    Attributes:
        where: Dimension -> value of the keys that it concerns.
        condition: `STRAINED` or `BAD`.
        from_s, until_s: Seconds after the start of the month; whole minutes count.
    """

    metrics: tuple[str, ...]
    where: Mapping[str, str]
    condition: int
    from_s: float
    until_s: float


@dataclass(frozen=True, kw_only=True)
class Story:
    """Something that an analyst can find, and where.

    Attributes:
        what: In words.
        where: Dimension -> value.
        from_s, until_s: Seconds after the start of the month; infinite = it never begins, or never ends.
        targets: Ids of targets that are right to call.
        change: Name of the change that announced it; empty = none.
    """

    name: str
    what: str
    where: Mapping[str, str]
    from_s: float
    until_s: float = NEVER_S
    targets: tuple[str, ...] = ()
    change: str = ""
    effects: tuple[Effect, ...] = ()
    drops: tuple[HappinessDrop, ...] = ()
    notice: Notice | None = None


@dataclass(frozen=True, kw_only=True)
class Month:
    """What is simulated; everything else follows from it and the seed.

    Attributes:
        days: 1 to `MOST_DAYS`; the last one may be under way.
        end_s: When the newest window ends; seconds since the epoch, a whole minute.
        answers_per_day: Final answers, in the mean.
        keys: Telemetry keys that are active in every minute.
        base_days: Days of which base windows are kept, from midnight on.
    """

    tenant: str
    seed: int
    end_s: int
    days: int = 30
    answers_per_day: int = 2_000
    keys: int = 5_000
    size: Size = DESIGN
    base_days: int = 2

    def __post_init__(self) -> None:
        limits = {
            "days": (1, MOST_DAYS),
            "answers_per_day": (0, 1_000_000),
            "keys": (1, 1_000_000),
            "base_days": (0, 2),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"month: {name} is {getattr(self, name)}; allowed: {least} to {most}")
        if self.end_s % 60:
            raise ConfigError(f"month: end_s is {self.end_s}; allowed: whole minutes")

    @property
    def start_s(self) -> int:
        """The midnight at which the first day begins; seconds since the epoch."""
        return ((self.end_s - 1) // DAY_S - self.days + 1) * DAY_S

    @property
    def tail_s(self) -> int:
        """Where the day begins that is under way; the end if there is none; seconds since the epoch."""
        return self.end_s // DAY_S * DAY_S

    @property
    def kept_s(self) -> int:
        """The midnight from which base windows are kept; seconds since the epoch."""
        return max(self.start_s, (self.end_s - self.base_days * DAY_S) // DAY_S * DAY_S)

    @property
    def whole_days(self) -> range:
        """The starts of the days that are over; seconds since the epoch."""
        return range(self.start_s, self.tail_s, DAY_S)

    def scenario(self, organisation: Organisation) -> Scenario:
        """Return feedback, tickets and changes of the month; its telemetry is drawn elsewhere."""
        told = stories(self, organisation)
        base = replace(design(self.tenant), size=self.size, focus=(organisation.countries[0], organisation.services[0]))
        return replace(
            base,
            answers_per_s=self.answers_per_day / DAY_S,
            tickets_per_s=base.tickets_per_s * self.answers_per_day / 2_000,
            telemetry_per_s=0.0,
            drops=tuple(drop for story in told for drop in story.drops),
            notices=tuple(story.notice for story in told if story.notice is not None),
        )


def stories(month: Month, organisation: Organisation) -> tuple[Story, ...]:
    """Return what is planted; times and places follow from the seed."""
    plot = _Plot(month, organisation)
    return (plot.rollout(), plot.wave(), plot.line(), plot.drop(), plot.melon())


class _Plot:
    """Draws where and when things happen, each in a place of its own."""

    def __init__(self, month: Month, organisation: Organisation) -> None:
        self._rng = random.Random(f"{month.seed}/stories")
        self._organisation = organisation
        self._length_s, self._days = month.end_s - month.start_s, month.days
        services = self._rng.sample(organisation.services, min(3, len(organisation.services)))
        self._unhappy, self._melon = services[0], services[-1]
        others = [a for a, service in organisation.applications.items() if service not in services]
        self._application = self._rng.choice(others or list(organisation.applications))

    def _at(self, share: float) -> float:
        """Return an instant at about a share of the month, in the working hours of its day."""
        return self._on(int(share * self._length_s / DAY_S))

    def _on(self, day: int) -> float:
        """Return an instant in the working hours of a day."""
        return float(min(day * DAY_S + self._rng.randint(7 * 60, 12 * 60) * 60, self._length_s))

    def rollout(self) -> Story:
        """An application hangs and crashes for a working day, while windows are kept that the judge can judge."""
        begin, name = self._on(max(0, self._days - 2)), "rollout"
        until = begin + 9 * HOUR_S
        where = {"application": self._application}
        effect = Effect(
            metrics=(RESPONSE_TIME, "app.usable", CRASH), where=where, condition=BAD, from_s=begin, until_s=until
        )
        return Story(
            name=name, what="an application answers slowly and crashes after a rollout, until it is withdrawn",
            where=where, from_s=begin, until_s=until, effects=(effect,), change=name,
            targets=(target_id(GOOD_TIME_BY_APPLICATION, application=self._application),),
            notice=Notice(name=name, at_s=begin - 600, kind="deploy", where=where),
        )  # fmt: skip

    def wave(self) -> Story:
        """Laptops of one model start slowly since a wave reached them."""
        begin, name = self._at(0.5), "wave"
        where = {"device_model": self._rng.choice(list(MODELS))}
        effect = Effect(
            metrics=(BOOT_TIME, "device.login_time", CPU_UTILIZATION), where=where, condition=STRAINED, from_s=begin,
            until_s=NEVER_S,
        )  # fmt: skip
        return Story(
            name=name, what="devices of one model start and log in slowly since a wave reached them", where=where,
            from_s=begin, effects=(effect,), change=name, notice=Notice(name=name, at_s=begin - 1_800, kind="wave"),
        )  # fmt: skip

    def line(self) -> Story:
        """The network line of one site is slow for an afternoon."""
        begin = self._at(0.85)
        until = begin + 5 * HOUR_S
        where = {"site": self._rng.choice(list(self._organisation.sites))}
        effect = Effect(metrics=("network.latency",), where=where, condition=BAD, from_s=begin, until_s=until)
        return Story(
            name="line", what="the network line of one site is slow for an afternoon", where=where, from_s=begin,
            until_s=until, effects=(effect,),
        )  # fmt: skip

    def drop(self) -> Story:
        """People of one country grow unhappy with one service."""
        begin, name = self._at(0.55), "drop"
        country = self._organisation.countries[min(1, len(self._organisation.countries) - 1)]
        where = {"country": country, "service": self._unhappy}
        drop = HappinessDrop(country=country, service=self._unhappy, at_s=begin, before=None, after=-30.0)
        return Story(
            name=name, what="people of one country grow unhappy with one service after its process changed",
            where=where, from_s=begin, drops=(drop,), change=name, targets=_above(country, self._unhappy),
            notice=Notice(name=name, at_s=begin - 1_200, kind="process", where=where),
        )  # fmt: skip

    def melon(self) -> Story:
        """One service keeps its service level and nobody likes it."""
        countries = self._organisation.countries
        drops = tuple(
            HappinessDrop(country=country, service=self._melon, at_s=0.0, before=None, after=30.0)
            for country in countries
            if (country, self._melon) != (countries[min(1, len(countries) - 1)], self._unhappy)
        )
        targets = dict.fromkeys(name for drop in drops for name in _above(drop.country, drop.service))
        return Story(
            name="watermelon", what="a service keeps its service level, and the people who use it are unhappy",
            where={"service": self._melon}, from_s=0.0, drops=drops, targets=tuple(targets),
        )  # fmt: skip


def _above(country: str, service: str) -> tuple[str, ...]:
    """Return the happiness targets that answers about one service from one country count for."""
    return (
        target_id(HAPPINESS_BY_COUNTRY_AND_SERVICE, country=country, service=service),
        target_id(HAPPINESS_BY_COUNTRY, country=country),
        target_id(HAPPINESS_BY_SERVICE, service=service),
    )
