"""A working day with several troubles at once, and with changes that have nothing to do with them.

Silence is learned per part of a real day, so the day has 24 hours: five `quiet` working days before it teach what is
usual. Windows are a quarter of an hour long, epochs half an hour, and the organisation is small, so that a day is
simulated and judged in seconds.

    drift        people of one country grow unhappy with one service
    watermelon   so they do elsewhere, while the desk there keeps its service level; it is a drift, too. An afternoon
                 brings a place some two hundred tickets: with half of them it often stays open whether 97 % are 90 %
                 for certain
    rollout      a new version makes an application hang and crash
    silence      nothing reports of an application any more
    flapping     an application is bad and well in turn: one call, not one per turn
    mix shift    people of one country turn to the channel that they like least: nobody is called, but that the period
                 is missed may be said, because it is
    bad windows  an application is bad for one window, now and then: nobody is called
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from streams.events.judging import AlertKind
from streams.profile import STANDARD
from streams.simulate.names import APPLICATIONS, COUNTRIES, SERVICES
from streams.simulate.organisation import Size
from streams.simulate.rhythm import Rhythm
from streams.simulate.scenario import Scenario
from streams.simulate.troubles import Flapping, Notice, Silence
from streams.simulate.truths import (
    GOOD_TIME_BY_APPLICATION,
    HAPPINESS_BY_COUNTRY,
    HAPPINESS_BY_COUNTRY_AND_SERVICE,
    HAPPINESS_BY_SERVICE,
    BadWindow,
    CrashingRollout,
    Disorder,
    HappinessDrop,
    MixShift,
    SecondThoughts,
    target_id,
)

HOUR_S, MINUTE_S = 3_600.0, 60.0
DAY = replace(STANDARD, name="day", window_ms=900_000, epoch_ms=1_800_000, period_ms=3_600_000)
"""The standard profile with longer windows and epochs, and with a service level that is published by the hour."""
SIZE = Size(
    countries=3, sites=6, business_units=5, services=3, applications=5, people=3_000, devices=1_200, shared_devices=0,
    skew=0.3,
)  # fmt: skip
PLACES = tuple(product(tuple(COUNTRIES)[: SIZE.countries], SERVICES[: SIZE.services]))
WORLD = 20
"""Seed of the organisation, in which every day happens."""
OFFSET: Mapping[str, float] = {"portal": 14.0, "chat": 6.0, "phone": -44.0}
"""Points by channel; nothing over the usual mix."""
TO_THE_PHONE: Mapping[str, float] = {"portal": 0.15, "chat": 0.1, "phone": 0.75}

Called = tuple[AlertKind, str]
"""Kind of an alert, and its target."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is planted, and whom it may call.

    Attributes:
        at_s: When it begins.
        must: What has to call, once.
        may: What may call as well: parents, and what follows from it.
        cause: Id of the change that is near it; empty = there is none.
    """

    name: str
    at_s: float
    must: tuple[Called, ...] = ()
    may: tuple[Called, ...] = ()
    cause: str = ""


@dataclass(frozen=True, kw_only=True)
class Day:
    """A scenario of one day that starts at midnight UTC of a working day.

    Attributes:
        decoys: Ids of announced changes that have to do with nothing.
    """

    scenario: Scenario
    troubles: tuple[Trouble, ...]
    decoys: tuple[str, ...]


def quiet(tenant: str) -> Scenario:
    """Return a day on which nothing is planted."""
    return Scenario(
        tenant=tenant,
        size=SIZE,
        rhythm=Rhythm(swing=0.9),
        answers_per_s=4_000 / 86_400,
        focus=PLACES[0],
        focus_ratio=1 / len(PLACES),
        answer_delay_ms=30 * 60_000,
        telemetry_per_s=22_000 / 86_400,
        tickets_per_s=3_000 / 86_400,
        ticket_step_ms=20 * 60_000,
        change_every_s=3 * HOUR_S,
        window_ms=DAY.window_ms,
        disorder=Disorder(disordered_ms=(300, 60_000), late_ms=(700_000, 3_600_000), late_ratio=0.001),
        second_thoughts=SecondThoughts(within_ms=600_000),
        made_sla_ratio=0.97,
        channel_offset=OFFSET,
        world=WORLD,
    )


def day(tenant: str, seed: int) -> Day:
    """Return one of many days: times, sizes, places and volumes follow from the seed."""
    plan = _Plan(tenant, random.Random(f"{seed}/day"))
    notices = (*plan.causes(), *plan.decoys())
    base = quiet(tenant)
    scenario = replace(
        base,
        answers_per_s=base.answers_per_s * plan.volume,
        telemetry_per_s=base.telemetry_per_s * plan.volume,
        drops=(plan.drift, plan.melon),
        rollouts=(plan.rollout,),
        mix_shifts=(plan.shift,),
        silences=(plan.silence,),
        flappings=(plan.flapping,),
        bad_windows=plan.bad_windows,
        notices=notices,
    )
    decoys = tuple(notice.change_id(tenant) for notice in notices if notice.name.startswith("decoy"))
    return Day(scenario=scenario, troubles=tuple(plan.troubles()), decoys=decoys)


class _Plan:
    """Draws what happens on a day."""

    def __init__(self, tenant: str, rng: random.Random) -> None:
        self._tenant, self._rng = tenant, rng
        countries = rng.sample(tuple(COUNTRIES)[: SIZE.countries], 3)
        services = rng.sample(SERVICES[: SIZE.services], 2)
        crashing, silent, flapping, shaky, *self.healthy = rng.sample(
            APPLICATIONS[: SIZE.applications], SIZE.applications
        )
        self.volume = rng.uniform(0.9, 1.25)
        self.drift = self._drop(countries[0], services[0])
        self.melon = self._drop(countries[1], services[1])
        self.shift = MixShift(country=countries[2], at_s=self._local(countries[2], 6, 8), mix=TO_THE_PHONE)
        self.rollout = CrashingRollout(
            application=crashing, at_s=self._at(8, 17), good_ratio=rng.uniform(0.55, 0.8), lead_s=self._lead(),
            name="rollout",
        )  # fmt: skip
        begin_s = self._at(9, 14)
        self.silence = Silence(application=silent, at_s=begin_s, until_s=begin_s + rng.uniform(4, 6) * HOUR_S)
        self.flapping = Flapping(
            application=flapping, at_s=self._at(6, 9), bad_s=rng.uniform(75, 90) * MINUTE_S,
            good_s=rng.uniform(120, 140) * MINUTE_S, times=rng.randint(3, 4), good_ratio=rng.uniform(0.3, 0.45),
        )  # fmt: skip
        self.bad_windows = tuple(
            BadWindow(application=shaky, at_s=hour * HOUR_S) for hour in rng.sample(range(4, 23), 4)
        )

    def _at(self, first: float, last: float) -> float:
        return self._rng.uniform(first, last) * HOUR_S

    def _local(self, country: str, first: float, last: float) -> float:
        return self._at(first - COUNTRIES[country], last - COUNTRIES[country])

    def _lead(self) -> float:
        return self._rng.uniform(1, 20) * MINUTE_S

    def _drop(self, country: str, service: str) -> HappinessDrop:
        return HappinessDrop(
            country=country, service=service, at_s=self._local(country, 7, 9), before=None,
            after=self._rng.uniform(0, 20),
        )  # fmt: skip

    def causes(self) -> list[Notice]:
        """Return the changes near the troubles; that of the rollout announces itself."""
        return [
            Notice(name="drift", at_s=self.drift.at_s - self._lead(), where=_where(self.drift)),
            Notice(name="watermelon", at_s=self.melon.at_s - self._lead(), where=_where(self.melon)),
            Notice(
                name="silence", at_s=self.silence.at_s - self._lead(), kind="wave",
                where={"application": self.silence.application},
            ),
        ]  # fmt: skip

    def decoys(self) -> list[Notice]:
        """Return changes elsewhere, earlier, or harmless."""
        elsewhere = [place for place in PLACES if place not in {_place(self.drift), _place(self.melon)}]
        near = [self.drift.at_s, self.melon.at_s, self.rollout.at_s, self.silence.at_s]
        wheres: list[tuple[float, Mapping[str, str]]] = [
            *((at_s - self._lead(), _labels(self._rng.choice(elsewhere))) for at_s in near),
            (self.drift.at_s - self._at(4, 6), _where(self.drift)),
            (self.rollout.at_s - self._at(3, 6), {"application": self.rollout.application}),
            (self.silence.at_s - self._lead(), {"application": self._rng.choice(self.healthy)}),
            (self._at(5, 20), {}),
        ]
        return [
            Notice(
                name=f"decoy-{number}", at_s=max(0.0, at_s), kind=self._rng.choice(("deploy", "process")), where=where
            )
            for number, (at_s, where) in enumerate(wheres)
        ]

    def troubles(self) -> list[Trouble]:
        """Return what has to call, and what may."""
        crashing, silent, flapping = (
            target_id(GOOD_TIME_BY_APPLICATION, application=one.application)
            for one in (self.rollout, self.silence, self.flapping)
        )
        return [
            self._unhappy("drift", self.drift, ("drift",)),
            self._unhappy("watermelon", self.melon, ("drift", "watermelon")),
            self._trouble("rollout", self.rollout.at_s, ("drift", crashing), cause="rollout"),
            self._trouble("silence", self.silence.at_s, ("absence", silent), cause="silence"),
            self._trouble("flapping", self.flapping.at_s, ("drift", flapping)),
            Trouble(name="mix shift", at_s=self.shift.at_s, may=tuple(self._missed(self.shift.country))),
        ]

    def _unhappy(self, name: str, drop: HappinessDrop, kinds: Sequence[AlertKind]) -> Trouble:
        mine = target_id(HAPPINESS_BY_COUNTRY_AND_SERVICE, **_where(drop))
        parents = (
            target_id(HAPPINESS_BY_COUNTRY, country=drop.country),
            target_id(HAPPINESS_BY_SERVICE, service=drop.service),
        )
        every: tuple[AlertKind, ...] = ("drift", "watermelon", "slow_burn")
        may = [(kind, target) for kind in every for target in (mine, *parents)]
        must = tuple((kind, mine) for kind in kinds)
        return Trouble(
            name=name, at_s=drop.at_s, must=must, may=tuple(one for one in may if one not in must),
            cause=Notice(name=name, at_s=0).change_id(self._tenant),
        )  # fmt: skip

    def _missed(self, country: str) -> list[Called]:
        """Return what tells that a period is missed: so it is, by whatever."""
        parts = (_labels(place) for place in PLACES if place[0] == country)
        targets = [target_id(HAPPINESS_BY_COUNTRY_AND_SERVICE, **part) for part in parts]
        return [("slow_burn", target) for target in (target_id(HAPPINESS_BY_COUNTRY, country=country), *targets)]

    def _trouble(self, name: str, at_s: float, must: Called, *, cause: str = "") -> Trouble:
        change = Notice(name=cause, at_s=0).change_id(self._tenant) if cause else ""
        return Trouble(name=name, at_s=at_s, must=(must,), may=(("slow_burn", must[1]),), cause=change)


def _place(drop: HappinessDrop) -> tuple[str, str]:
    return drop.country, drop.service


def _labels(place: tuple[str, str]) -> dict[str, str]:
    return {"country": place[0], "service": place[1]}


def _where(drop: HappinessDrop) -> dict[str, str]:
    return _labels(_place(drop))
