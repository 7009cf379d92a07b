"""A simulated month in a warehouse: exact, refused where it does harm, and noticed where it is not exact."""

from contextlib import closing
from dataclasses import replace

import pytest

from agents.settings import Settings
from agents.simulation.check import compare
from agents.simulation.run import Destination, simulate
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.errors import ConfigError
from streams.profile import DEMO
from streams.simulate.month import DAY_S, stories
from tests.agents.simulation.conftest import MONTH, START_S, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


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
