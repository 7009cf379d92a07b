"""A made-up organisation: who works where, on which device, with which applications.

It is a pure function of its tenant, its size and a seed. Names of people and devices contain the tenant, so that two
simulated tenants never share an identity.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, TypeVar

from streams.errors import ConfigError
from streams.simulate.names import APPLICATIONS, BUSINESS_UNITS, COUNTRIES, MODELS, SERVICES, SHARED_MODELS

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large an organisation is; counts unless said.

    Attributes:
        countries: 1 to 12.
        sites: At least one per country.
        applications: At least one per service.
        devices: Those with an owner.
        shared_devices: Nobody's devices (meeting rooms, servers), on top.
        skew: Countries weigh 1 / rank ** skew; 0 = all alike.
    """

    countries: int
    sites: int
    business_units: int
    services: int
    applications: int
    people: int
    devices: int
    shared_devices: int
    skew: float

    def __post_init__(self) -> None:
        _within("countries", self.countries, 1, len(COUNTRIES))
        _within("sites", self.sites, self.countries, 10_000)
        _within("services", self.services, 1, len(SERVICES))
        _within("applications", self.applications, self.services, 10_000)
        for name in ("business_units", "people", "devices"):
            _within(name, getattr(self, name), 1, 10_000_000)
        _within("shared_devices", self.shared_devices, 0, 10_000_000)


def _within(key: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigError(f"size of the simulated organisation: {key} is {value}, allowed: {least} to {most}")


DEMO = Size(
    countries=4, sites=8, business_units=5, services=4, applications=8, people=3_000, devices=1_200, shared_devices=40,
    skew=0.7,
)  # fmt: skip
"""What `xpulse demo` shows."""
DESIGN = Size(
    countries=12, sites=80, business_units=20, services=25, applications=40, people=50_000, devices=40_000,
    shared_devices=800, skew=0.8,
)  # fmt: skip
"""The size to design and test for."""


class Person(NamedTuple):
    """An employee; `propensity` is the chance of answering an invitation, 0 to 1."""

    id: str
    country: str
    site: str
    business_unit: str
    propensity: float


class Device(NamedTuple):
    """A device and what runs on it; `owner` is a person's id, empty for a shared one."""

    id: str
    owner: str
    country: str
    site: str
    business_unit: str
    model: str
    os_version: str
    shared: bool
    applications: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """Everything that stays the same while the simulation runs.

    Attributes:
        sites: Site -> country.
        applications: Application -> service.
    """

    tenant: str
    size: Size
    countries: tuple[str, ...]
    sites: Mapping[str, str]
    business_units: tuple[str, ...]
    services: tuple[str, ...]
    applications: Mapping[str, str]
    people: tuple[Person, ...]
    devices: tuple[Device, ...]

    def __repr__(self) -> str:
        counts = ", ".join(f"{field.name}={getattr(self.size, field.name)}" for field in fields(Size))
        return f"Organisation(tenant={self.tenant!r}, {counts})"


def build_organisation(tenant: str, size: Size, seed: int) -> Organisation:
    """Return the organisation of a tenant; the same arguments give the same one.

    Args:
        tenant: Part of every identity; not empty.
        size: See `DEMO` and `DESIGN`.
        seed: Any integer.
    """
    rng = random.Random(f"{seed}/organisation")
    countries = tuple(COUNTRIES)[: size.countries]
    sites = {f"{country}-{n // len(countries) + 1}": country for n, country in _in_turn(countries, size.sites)}
    units = tuple(f"{name}-{n // len(BUSINESS_UNITS) + 1}" for n, name in _in_turn(BUSINESS_UNITS, size.business_units))
    services = SERVICES[: size.services]
    applications = dict(_application(n, service) for n, service in _in_turn(services, size.applications))
    people = _people(rng, tenant, size, sites, units)
    devices = _devices(rng, tenant, size, people, tuple(applications))
    return Organisation(
        tenant=tenant, size=size, countries=countries, sites=sites, business_units=units, services=services,
        applications=applications, people=people, devices=devices,
    )  # fmt: skip


def country_weights(size: Size) -> tuple[float, ...]:
    """Return the relative number of people per country, largest first; the largest is 1."""
    return tuple((rank + 1) ** -size.skew for rank in range(size.countries))


def _in_turn(names: Sequence[T], count: int) -> list[tuple[int, T]]:
    return [(n, names[n % len(names)]) for n in range(count)]


def _application(n: int, service: str) -> tuple[str, str]:
    return (APPLICATIONS[n] if n < len(APPLICATIONS) else f"{service}-app-{n + 1}"), service


def _people(
    rng: random.Random, tenant: str, size: Size, sites: Mapping[str, str], units: Sequence[str]
) -> tuple[Person, ...]:
    countries = tuple(COUNTRIES)[: size.countries]
    sites_of = {country: [site for site, where in sites.items() if where == country] for country in countries}
    # one of each country first, so that even a tiny organisation has somebody everywhere
    homes = [*countries, *rng.choices(countries, country_weights(size), k=size.people)][: size.people]
    return tuple(
        Person(f"employee{n:06d}@{tenant}.example", country, rng.choice(sites_of[country]), rng.choice(units),
               rng.uniform(0.55, 0.95))
        for n, country in enumerate(homes)
    )  # fmt: skip


def _devices(
    rng: random.Random, tenant: str, size: Size, people: Sequence[Person], applications: Sequence[str]
) -> tuple[Device, ...]:
    first = rng.randrange(len(people))
    owners = [people[(first + n) % len(people)] for n in range(size.devices)]
    rooms = rng.choices(people, k=size.shared_devices)
    return (
        *(_device(rng, f"PC-{n:06d}.{tenant}", owner, MODELS, applications) for n, owner in enumerate(owners)),
        *(_shared_device(rng, f"ROOM-{n:05d}.{tenant}", near, applications) for n, near in enumerate(rooms)),
    )


def _device(
    rng: random.Random, name: str, owner: Person, models: Mapping[str, tuple[str, ...]], applications: Sequence[str]
) -> Device:
    model = rng.choice(tuple(models))
    version = rng.choice(models[model])
    # half of the applications, so that a device's readings say something about each of them
    installed = tuple(rng.sample(applications, (len(applications) + 1) // 2))
    return Device(name, owner.id, owner.country, owner.site, owner.business_unit, model, version, False, installed)


def _shared_device(rng: random.Random, name: str, near: Person, applications: Sequence[str]) -> Device:
    device = _device(rng, name, near, SHARED_MODELS, applications)
    return device._replace(owner="", business_unit="", shared=True)
