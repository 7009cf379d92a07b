"""A simulated month in a warehouse: exact, refused where it does harm, and asked all saved questions.

One file, so that one process makes the month for all of it.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agents.cli import sql
from agents.cli.saved import FOLDER, fill, read_saved
from agents.settings import Settings
from agents.simulation.check import compare, response_counts
from agents.simulation.release_load import release_rates
from agents.simulation.run import Destination, simulate
from agents.simulation.telemetry_load import Loader, Order
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.errors import ConfigError
from streams.profile import DEMO, STANDARD
from streams.simulate.month import DAY_S, stories
from tests.agents.simulation.conftest import KEY, MONTH, START_S, World
from tests.agents.simulation.questions import Oracle, Rows

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SPAN = {"from": "2026-05-29", "to": "2026-06-01"}
COUNTRY, SERVICE, APPLICATION = "DE", "mail", "mailbox"


def test_all_figures_are_exact_and_none_is_forgotten(world: World) -> None:
    done = world.done
    assert done.outcome.different == []
    sizes = {place.window_s for place in done.simulated.telemetry.totals}
    assert sizes == {60, 900, DAY_S}
    metrics = len({place.metric for place in done.simulated.telemetry.totals})
    assert done.outcome.compared > 5 * metrics * 5
    assert done.rows["sealed_15m"] == 2 * 96 * MONTH.keys
    assert done.rows["sealed_60s"] == 1440 * MONTH.keys
    assert done.rows["tiles"] == 120 * MONTH.keys
    assert done.simulated.judged.verdicts > 500
    assert sum(release.answers for release in done.simulated.blocks.released) > 100


def test_response_rates_are_those_that_were_simulated(world: World) -> None:
    """With a deadline that fits into the days that the tests simulate."""
    quick = replace(world.done.simulated, profile=replace(STANDARD, deadline_ms=3_600_000))
    wanted = response_counts(quick)
    assert sum(invited for invited, _ in wanted.values()) > sum(answered for _, answered in wanted.values()) > 100
    with closing(Warehouse(world.destination.address)) as warehouse:
        release_rates(warehouse, MONTH.tenant, MONTH.end_s * 1000, quick.profile)
        outcome = compare(warehouse, public_of(world.destination.address.database), quick)
        warehouse.command("TRUNCATE TABLE release_cohorts")
    assert outcome.different == []


def test_it_tells_how_far_it_is(world: World) -> None:
    assert any("telemetry" in line and "100 %" in line for line in world.said)
    assert set(world.done.seconds) >= {"people", "release", "records", "telemetry", "judging", "comparison"}


def test_a_tenant_with_rows_is_refused(world: World) -> None:
    with pytest.raises(ConfigError, match=r"--tenant: acme has \d+ rows in feedback; a month needs one of its own"):
        simulate(MONTH, world.destination, Settings(), lambda _: None)


def test_another_profile_is_refused(world: World) -> None:
    wrong = replace(world.destination, profile=DEMO)
    with pytest.raises(ConfigError, match="a month needs the profile demo; in force: standard"):
        simulate(replace(MONTH, tenant="other"), wrong, Settings(), lambda _: None)


def test_days_that_somebody_else_may_still_fill_are_refused(world: World) -> None:
    later = replace(MONTH, tenant="other", end_s=START_S + 3 * DAY_S)
    with pytest.raises(ConfigError, match="there is telemetry of 20260531 that may still grow"):
        simulate(later, world.destination, Settings(), lambda _: None)


def test_one_reading_more_or_less_is_found(world: World) -> None:
    destination: Destination = world.destination
    public = public_of(destination.address.database)
    with closing(Warehouse(destination.address)) as warehouse:
        totals = world.done.simulated.telemetry.totals
        place = next(place for place, sums in totals.items() if sums.rows)
        kept = totals[place]
        totals[place] = kept._replace(n=kept.n + 1)
        try:
            found = compare(warehouse, public, world.done.simulated)
        finally:
            totals[place] = kept
    assert len(found.different) == 1
    assert place.metric in found.different[0]


def test_what_is_planted_is_found_by_the_judge_and_nothing_else_is(world: World) -> None:
    simulated = world.done.simulated
    right = {target for story in stories(MONTH, simulated.organisation) for target in story.targets}
    assert {alert.target for alert in simulated.judged.alerts if alert.calls == "yes"} <= right


def test_the_audits_say_that_all_is_there_and_time_passed(world: World) -> None:
    with closing(Warehouse(world.destination.address)) as warehouse:
        assert warehouse.ask("SELECT toUnixTimestamp(max(reached)) FROM records_progress_total") == [(MONTH.end_s,)]
        [(valid, closed)] = warehouse.ask(
            "SELECT sum(n_valid), max(toUnixTimestamp64Milli(arrival)) FROM tile_audit FINAL"
        )
    assert valid == sum(map(sum, world.done.simulated.telemetry.readings.values()))
    assert closed > MONTH.end_s * 1000


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
