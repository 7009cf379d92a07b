import csv
from collections import Counter
from dataclasses import replace

import pytest

from streams.errors import ConfigError
from streams.simulate.directory import device_dimensions, directory_csv, directory_rows, shared_devices
from streams.simulate.organisation import DEMO, DESIGN, Organisation, Size, build_organisation


def test_same_seed_same_organisation() -> None:
    assert build_organisation("t-1", DEMO, 3) == build_organisation("t-1", DEMO, 3)
    assert build_organisation("t-1", DEMO, 3) != build_organisation("t-1", DEMO, 4)


@pytest.mark.parametrize("size", [DEMO, DESIGN], ids=["demo", "design"])
def test_sizes_are_what_they_say(size: Size) -> None:
    organisation = build_organisation("t-1", size, 1)
    assert len(organisation.people) == size.people
    assert len(organisation.devices) == size.devices + size.shared_devices
    assert len(organisation.sites) == len({person.site for person in organisation.people}) == size.sites
    assert (
        len(organisation.business_units) == len({p.business_unit for p in organisation.people}) == size.business_units
    )
    assert len(organisation.applications) == size.applications
    assert set(organisation.applications.values()) == set(organisation.services)
    assert len(organisation.services) == size.services
    assert {device.country for device in organisation.devices} == set(organisation.countries)


def test_design_size_is_the_documents() -> None:
    assert (DESIGN.people, DESIGN.countries, DESIGN.sites, DESIGN.services, DESIGN.applications) == (
        50_000, 12, 80, 25, 40,
    )  # fmt: skip


def test_identities_are_unique_and_name_the_tenant(organisation: Organisation) -> None:
    for members in (organisation.people, organisation.devices):
        names = [member.id for member in members]
        assert len(set(names)) == len(names)
        assert all(organisation.tenant in name for name in names)


def test_a_device_stands_where_its_owner_works(organisation: Organisation) -> None:
    people = {person.id: person for person in organisation.people}
    owned = [device for device in organisation.devices if not device.shared]
    assert len(owned) == organisation.size.devices
    for device in owned:
        owner = people[device.owner]
        assert (device.country, device.site, device.business_unit) == (owner.country, owner.site, owner.business_unit)
    assert all(organisation.sites[device.site] == device.country for device in organisation.devices)
    assert {device.owner for device in organisation.devices if device.shared} == {""}


def test_every_application_runs_on_about_half_of_the_devices(organisation: Organisation) -> None:
    installed = Counter(application for device in organisation.devices for application in device.applications)
    assert set(installed) == set(organisation.applications)
    for count in installed.values():
        assert count / len(organisation.devices) == pytest.approx(0.5, abs=0.08)


def test_even_a_tiny_organisation_has_somebody_in_each_country() -> None:
    tiny = Size(countries=3, sites=3, business_units=1, services=1, applications=1, people=3, devices=1,
                shared_devices=0, skew=1.0)  # fmt: skip
    organisation = build_organisation("t", tiny, 0)
    assert [person.country for person in organisation.people] == list(organisation.countries)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [("countries", 13, "1 to 12"), ("sites", 3, "4 to"), ("services", 0, "1 to 25"), ("applications", 3, "4 to"),
     ("people", 0, "1 to"), ("shared_devices", -1, "0 to")],
)  # fmt: skip
def test_an_impossible_size_is_refused_with_key_and_allowed_values(key: str, value: int, allowed: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} is {value}, allowed: {allowed}"):
        replace(DEMO, **{key: value})


def test_directory_has_one_row_for_everybody_and_everything(organisation: Organisation) -> None:
    rows = list(csv.DictReader(directory_csv(organisation).splitlines()))
    assert [row["id"] for row in rows] == [row.id for row in directory_rows(organisation)]
    assert len({(row["kind"], row["id"]) for row in rows}) == len(rows)
    known = {row["id"]: row for row in rows}
    for person in organisation.people:
        row = known[person.id]
        assert (row["kind"], row["country"], row["site"], row["business_unit"], row["shared"]) == (
            "person", person.country, person.site, person.business_unit, "",
        )  # fmt: skip
    assert {row["id"]: row["service"] for row in rows if row["kind"] == "application"} == organisation.applications


def test_directory_and_oracle_hear_the_same_of_devices(organisation: Organisation) -> None:
    rows = [row for row in directory_rows(organisation) if row.kind == "device"]
    told = device_dimensions(organisation)
    assert len(told) == len(rows)
    for row in rows:
        assert {name: getattr(row, name) for name in told[row.id]} == told[row.id]
        assert (row.shared == "true") == (row.id in shared_devices(organisation))
    assert len(shared_devices(organisation)) == organisation.size.shared_devices
