"""From answers to an alert about details, on the embedded ClickHouse: released, bundled, judged by what is public."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agents.bundle import Bundler
from agents.bundle_tables import BundleTables
from agents.docket import Docket, hold
from agents.judge_news import Grid
from agents.judge_store import JudgeStore
from agents.release import Releaser
from agents.release_tables import ReleaseTables
from agents.warehouse.client import Warehouse
from agents.why_store import Moment, WhyStore
from streams.blocks import rule_of
from streams.bundles import bundle_rule_of
from streams.events.judging import Alert, Target
from streams.judging.rounds import Entry
from streams.judging.verdicts import Ruler
from streams.profile import DEMO
from tests.agents.judged_world import GRID, METRIC, ClickHouseWorld, end
from tests.agents.judged_world import T0 as WINDOWS_T0
from tests.agents.test_release import EPOCH_MS, SECRET, T0, Lane, answer
from tests.streams.judged import GOOD, HAPPY

pytestmark = pytest.mark.integration

FOLDER_GRID = Grid(
    epochs=Ruler(unit_ms=EPOCH_MS, per_observation=DEMO.k),
    windows=GRID.windows,
    bundles=Ruler(unit_ms=EPOCH_MS, per_observation=DEMO.bundle_people),
)


def target(indicator: Any, metric: str, objective: float, *, base: Target = HAPPY, **changes: Any) -> Target:
    known: dict[str, Any] = {
        "tenant": "t", "target": indicator, "indicator": indicator, "metric": metric, "objective": objective,
        "slice": {"country": "NO"}, "valid_from_ms": T0 - EPOCH_MS, "run_length": 400.0, "recovery_length": 400.0,
    }  # fmt: skip
    return msgspec.structs.replace(base, **{**known, **changes})


TARGETS = [
    target("low_scores", "at most 6", 20.0),
    target("lost_time_above", "above 60 min", 20.0),
    target("lost_minutes_480", "each up to 480 min", 30.0),
]


def judged(store: Warehouse, targets: Sequence[Target], grid: Grid) -> tuple[dict[str, list[Entry]], list[Alert]]:
    """Hold rounds until nothing is new."""
    docket, port = Docket(), JudgeStore(store)
    for one in targets:
        docket.learn(one)
    entries: dict[str, list[Entry]] = {one.target: [] for one in targets}
    alerts: list[Alert] = []
    before: dict[tuple[str, str], int] | None = None
    while before != docket.seen:
        before = dict(docket.seen)
        held = hold(docket.cases(), dict(docket.states), before, port, grid)
        docket.moved(held)
        alerts += held.alerts
        for entry in held.entries:
            entries[entry.verdict.target].append(entry)
    return entries, alerts


def release(store: Warehouse, lane: Lane, epochs: int, bad_from: int) -> None:
    """Let forty people answer in each epoch; from one on, most are angry and lose half a day."""
    for number in range(epochs):
        is_bad = number >= bad_from
        at_ms = T0 + number * EPOCH_MS
        lane.store(
            [
                (
                    at_ms,
                    answer(
                        1000 * number + one,
                        score=2 if is_bad and one % 4 else 9,
                        lost_minutes=(200 if is_bad and one % 4 else 10) if one % 2 else None,
                    ),
                )
                for one in range(40)
            ]
        )
    lane.reach(T0 + (epochs + 2) * EPOCH_MS)
    bundler = Bundler(BundleTables(store), bundle_rule_of(DEMO), SECRET)
    Releaser(ReleaseTables(store), rule_of(DEMO), SECRET, bundler).step()


def test_what_people_lose_is_judged_by_the_bundles_that_everybody_sees(store: Warehouse) -> None:
    release(store, Lane(store), epochs=30, bad_from=20)
    entries, alerts = judged(store, TARGETS, FOLDER_GRID)
    [shown] = store.ask(
        "SELECT sum(n), sum(lost_n), sum(lost_sum), sum(arraySum(arraySlice(scores, 1, 7))) "
        f"FROM {store.address.database}_pub.feedback_details WHERE country = 'NO'"
    )
    last = {name: some[-1].verdict for name, some in entries.items()}
    assert {name: verdict.n for name, verdict in last.items()} == {
        "low_scores": shown[0], "lost_time_above": shown[1], "lost_minutes_480": shown[1],
    }  # fmt: skip
    assert shown[:2] == (30 * 40, 30 * 20)
    assert last["low_scores"].score == pytest.approx(100 * shown[3] / shown[0])
    assert last["lost_minutes_480"].score == pytest.approx(shown[2] / shown[1])
    drifts = {alert.target: alert for alert in alerts if alert.kind == "drift"}
    assert {name: alert.state for name, alert in drifts.items()} == dict.fromkeys(last, "firing")
    assert all(alert.started_at_ms > T0 + 20 * EPOCH_MS for alert in drifts.values())
    assert drifts["low_scores"].score == pytest.approx(75.0)


def test_an_alert_about_details_says_which_part_of_the_slice_it_is(store: Warehouse) -> None:
    """Blocks of one country and two services; one of the two begins to cost time."""
    lane = Lane(store)
    for number in range(12):
        for place, service in enumerate(("mail", "vpn")):
            lost = 200 if number >= 6 and service == "vpn" else 10
            lane.store(
                [
                    (
                        T0 + number * EPOCH_MS,
                        answer(100 * number + 50 * place + one, service=service, lost_minutes=lost),
                    )
                    for one in range(20)
                ]
            )
    lane.reach(T0 + 15 * EPOCH_MS)
    bundler = Bundler(BundleTables(store), bundle_rule_of(DEMO), SECRET)
    Releaser(ReleaseTables(store), rule_of(DEMO), SECRET, bundler).step()
    lost_minutes = target("lost_minutes_480", "each up to 480 min", 30.0)
    epochs = store.ask("SELECT toUnixTimestamp64Milli(epoch) FROM release_bundles WHERE lost_sums[1] > 1000")
    since_ms = min(epoch for (epoch,) in epochs)
    moment = Moment(since_ms=since_ms, at_ms=since_ms + 10 * EPOCH_MS, unit_ms=EPOCH_MS, least=DEMO.k)
    why = WhyStore(store, {}).why(lost_minutes, moment)
    assert why.change == 95
    first = why.contributions[0]
    assert (first.dimension, first.value) == ("service", "vpn")
    assert first.points == 95


def test_a_dex_score_is_judged_by_the_windows_of_its_metrics(store: Warehouse) -> None:
    world = ClickHouseWorld(store)
    labels = {"country": "NO", "application": "Mail"}
    for number in range(1, 31):
        world.fold("t", number, [(labels, 10, 9_000 if number < 21 else 2_000, 10_000)])
    world.reach(30)
    dex = target(
        "dex", f"{METRIC} 60 + never.seen 40", 75.0, base=GOOD, valid_from_ms=WINDOWS_T0, run_length=50.0,
        min_respondents=5,
    )  # fmt: skip
    few = msgspec.structs.replace(dex, target="few", metric=f"{METRIC} 50 + never.seen 50")
    entries, alerts = judged(store, [dex, few], replace(GRID))
    verdicts = {entry.verdict.at_ms: entry.verdict for entry in entries["dex"]}
    assert verdicts[end(20)].score == pytest.approx(90.0)
    assert entries["few"][-1].verdict.n == 0
    [drift] = [alert for alert in alerts if alert.kind == "drift"]
    assert drift.target == "dex"
    assert drift.score == pytest.approx(20.0)
