"""All saved questions, asked of a simulated month: the answers are those of the oracle."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agents.cli import sql
from agents.cli.saved import FOLDER, fill, read_saved
from agents.settings import Settings
from agents.simulation.telemetry_load import Loader, Order
from agents.warehouse.client import Warehouse
from streams.profile import STANDARD
from streams.simulate.month import DAY_S
from tests.agents.simulation.conftest import KEY, MONTH, START_S, World
from tests.agents.simulation.questions import Oracle, Rows

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SPAN = {"from": "2026-05-29", "to": "2026-06-01"}
COUNTRY, SERVICE, APPLICATION = "DE", "mail", "mailbox"


@pytest.fixture(scope="session")
def oracle(world: World) -> Oracle:
    order = Order(
        month=MONTH, profile=STANDARD, address=world.destination.address, key=KEY,
        catalogue=Path(Settings().catalogue_file), incarnation=UUID(int=1), versions={},
    )  # fmt: skip
    with closing(Loader(order)) as loader:
        return Oracle(world.done.simulated, loader)


def application_of_a_change(oracle: Oracle) -> str:
    bodies = oracle._simulated.records.bodies
    return next(
        str(item.body["application"]) for item in bodies if item.path == "changes" and item.body.get("application")
    )


Answers = Callable[[Oracle], tuple[dict[str, str], Rows]]
EXPECTED: dict[str, Answers] = {
    "country-by-service": lambda o: ({"country": COUNTRY, **SPAN}, o.country_by_service(COUNTRY)),
    "country-by-day": lambda o: ({"country": COUNTRY, **SPAN}, o.country_by_day(COUNTRY)),
    "countries-compared": lambda o: (SPAN, o.countries_compared()),
    "lost-time-by-country": lambda o: (SPAN, o.lost_time_by("country")),
    "sites-by-network": lambda o: ({"country": COUNTRY, **SPAN}, o.sites_by_network(COUNTRY)),
    "service-by-country": lambda o: ({"service": SERVICE, **SPAN}, o.service_by_country(SERVICE)),
    "service-by-channel": lambda o: ({"service": SERVICE, **SPAN}, o.service_by_channel(SERVICE)),
    "applications-by-good-time": lambda o: ({"service": SERVICE, **SPAN}, o.applications_by_good_time(SERVICE)),
    "application-by-quarter": lambda o: (
        {"application": APPLICATION, **SPAN}, o.application_by_quarter(APPLICATION)
    ),
    "change-before-after": lambda o: (
        {"application": application_of_a_change(o), "hours": "3", **SPAN},
        o.change_before_after(application_of_a_change(o), 3),
    ),
    "crashes-by-version": lambda o: ({"application": APPLICATION, **SPAN}, o.crashes_by_version(APPLICATION)),
    "targets-overview": lambda o: ({}, o.targets_overview()),
    "lost-time-by-service": lambda o: (SPAN, o.lost_time_by("service")),
    "waiting-by-service": lambda o: (SPAN, o.waiting_by_service()),
    "service-level-beside-happiness": lambda o: (SPAN, o.service_level_beside_happiness(0.9, 60)),
    "service-level-by-day": lambda o: (SPAN, o.service_level_by_day()),
    "models-before-after": lambda o: (
        {"at": "2026-05-30", "days": "1"}, o.models_before_after(START_S + DAY_S)
    ),
    "reasons-by-service": lambda o: ({"service": SERVICE, **SPAN}, o.reasons_by_service(SERVICE)),
}  # fmt: skip
"""Question -> parameters and the whole answer; the other two are compared in tests of their own."""


def ask(world: World, name: str, said: dict[str, str]) -> Rows:
    question = read_saved()[name]
    values = fill(question, said, tenant=MONTH.tenant, now_s=MONTH.end_s)
    with closing(Warehouse(world.reader)) as warehouse:
        return warehouse.ask(question.sql, values)


def plain(row: tuple[Any, ...]) -> list[Any]:
    return [
        pytest.approx(cell, rel=1e-9, abs=1e-9, nan_ok=True) if isinstance(cell, float) else _zoned(cell)
        for cell in row
    ]


def _zoned(cell: Any) -> Any:
    return cell.replace(tzinfo=UTC) if isinstance(cell, datetime) and cell.tzinfo is None else cell


@pytest.mark.parametrize("name", EXPECTED)
def test_the_answer_is_that_of_the_oracle(world: World, oracle: Oracle, name: str) -> None:
    said, expected = EXPECTED[name](oracle)
    found = ask(world, name, said)
    assert expected, "a question without an answer proves nothing"
    if name == "applications-by-good-time":  # quantiles are within 0.8 %
        assert [row[-1] for row in found] == [pytest.approx(row[-1], rel=0.008) for row in expected]
        found, expected = [row[:-1] for row in found], [row[:-1] for row in expected]
    assert [[_zoned(cell) for cell in row] for row in found] == [plain(row) for row in expected]


def test_what_is_missed_is_told_worst_first(world: World, oracle: Oracle) -> None:
    found = ask(world, "targets-missed", {})
    assert sorted(row[0] for row in found) == oracle.targets_missed()
    gaps = [row[5] for row in found]
    assert gaps == sorted(gaps, reverse=True)
    assert all(row[5] == pytest.approx(row[2] - row[4]) and row[5] > 0 for row in found)
    judged = world.done.simulated.judged.newest
    assert [(row[3], row[4], row[6]) for row in found] == [
        (judged[row[0]].score, judged[row[0]].upper, judged[row[0]].n) for row in found
    ]


def test_alerts_are_told_with_what_happened_before(world: World, oracle: Oracle) -> None:
    found = ask(world, "alerts-in-period", SPAN)
    told = sorted((int(1000 * _zoned(row[0]).timestamp()), *row[1:5]) for row in found)
    assert told == oracle.alerts_in_period()
    changes = {item.body["change_id"] for item in world.done.simulated.records.bodies if item.path == "changes"}
    assert {row[7] for row in found} <= changes | {""}


def test_all_can_be_asked_at_once(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "TIMES", 1)
    sql._ask_all(world.reader, {"tenant": MONTH.tenant, **SPAN})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(read_saved())
    assert all(line.split()[2] == "ms" for line in lines)


def test_without_a_tenant_the_only_one_is_meant(world: World) -> None:
    question = read_saved()["targets-overview"]
    assert sql._filled(world.reader, question, {}) == {"tenant": MONTH.tenant}


def test_every_question_is_compared() -> None:
    assert {*EXPECTED, "targets-missed", "alerts-in-period"} == set(read_saved())
    assert len(read_saved()) == 20
    assert all("FINAL" not in one.sql and "Merge(" not in one.sql for one in read_saved().values())
    assert all("xpulse." not in path.read_text() for path in FOLDER.glob("*.sql"))
