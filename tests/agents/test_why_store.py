"""What explains an alert is read from published rows only: marked blocks, closed windows of enough devices, changes."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from agents.records import COLUMNS
from agents.warehouse.client import Warehouse
from agents.why_store import Moment, WhyStore
from streams.catalogue import Metric
from streams.events import Change, Target
from streams.records import to_row
from streams.scores import Counts
from streams.why.coincidences import Coincidence
from tests.agents.judged_world import EPOCH_MS, GENERATION, INCARNATION, METRIC, WINDOW_S, ClickHouseWorld, end
from tests.streams.judged import GOOD, HAPPY

pytestmark = pytest.mark.integration

FINE, BAD = Counts(promoters=8, neutrals=1, detractors=1), Counts(promoters=2, neutrals=1, detractors=7)
MAIL, VPN = {"country": "NO", "service": "mail"}, {"country": "NO", "service": "vpn"}
SINCE, AT = 21, 24
MOMENT = Moment(since_ms=end(SINCE), at_ms=end(AT), unit_ms=EPOCH_MS, least=5)
TARGET = msgspec.structs.replace(HAPPY, window_s=200)
CRASHES = Metric(
    name="app.crash", unit="1", kind="event", description="x", group_by=("service", "application"), worse="higher"
)


@pytest.fixture
def world(store: Warehouse) -> ClickHouseWorld:
    return ClickHouseWorld(store)


@pytest.fixture
def why(store: Warehouse) -> WhyStore:
    return WhyStore(store, {"app.crash": CRASHES})


def play(world: ClickHouseWorld, *, tenant: str = "acme") -> None:
    """Twenty fine epochs, then mail falls."""
    for number in range(1, AT + 3):
        mail = BAD if number >= SINCE else FINE
        elsewhere = ({"country": "SE", "service": "mail"}, BAD)
        world.release(tenant, number, [(MAIL, mail), (VPN, FINE), elsewhere])


def change(store: Warehouse, number: int, at_ms: int, **fields: Any) -> None:
    event = Change(
        event_id="e", tenant=fields.pop("tenant", "acme"), source="s", event_time_ms=at_ms, revision=1,
        change_id=f"CHG{number}", kind="deploy", title="new version", **fields,
    )  # fmt: skip
    store.insert_rows("changes", COLUMNS["changes"], [to_row(event, stamp_ms=at_ms, offset=number)])


def names(found: list[Coincidence]) -> list[str]:
    return [one.what.name for one in found]


def test_answers_are_those_of_whole_epochs_of_the_slice(world: ClickHouseWorld, why: WhyStore) -> None:
    play(world)
    play(world, tenant="other")
    found = why.why(TARGET, MOMENT)
    assert (found.usual, found.usual_n) == (Fraction(70), 2 * 10 * 20)
    assert (found.now, found.now_n) == (Fraction(10), 2 * 10 * 4)
    first = found.contributions[0]
    assert (first.dimension, first.value, first.share, first.n) == ("service", "mail", Fraction(1), 40)
    assert not found.is_mix


def test_what_is_not_published_is_not_read(world: ClickHouseWorld, store: Warehouse, why: WhyStore) -> None:
    play(world)
    before = why.why(TARGET, MOMENT)
    columns = (
        "tenant",
        "epoch",
        "run",
        "block",
        "level",
        "country",
        "service",
        "n",
        "detractors",
        "neutrals",
        "promoters",
    )
    store.insert_rows("release_blocks", columns, [("acme", end(5), "stray", "b", 0, "NO", "mail", 50, 50, 0, 0)])
    assert why.why(TARGET, MOMENT) == before
    store.insert_rows(
        "release_withdrawn", ("tenant", "block", "epoch", "reason"), [("acme", "0000", end(1), "scanner")]
    )
    assert why.why(TARGET, MOMENT).usual_n < before.usual_n


def test_changes_of_the_slice_are_found_in_order_and_others_are_not(
    world: ClickHouseWorld, store: Warehouse, why: WhyStore
) -> None:
    play(world)
    just_before = end(SINCE - 1)
    change(store, 1, just_before - 60_000)
    change(store, 2, just_before, country="NO", service="mail")
    change(store, 3, just_before, country="SE", service="mail")
    change(store, 4, just_before, service="vpn")
    change(store, 5, just_before, country="NO", tenant="other")
    change(store, 6, end(AT) + 1, country="NO")
    change(store, 7, just_before - 1_000_000, country="NO")
    found = why.why(TARGET, MOMENT)
    assert names(list(found.coincidences)) == ["CHG2", "CHG1"]
    assert found.coincidences[0].what.where == MAIL
    assert found.coincidences[0].what.title == "new version"


def fold(store: Warehouse, metric: str, number: int, devices: int, n: int, total: int, **labels: str) -> None:
    """Write window `number` of a metric without a rule: `n` readings that sum up to `total` milli-units."""
    start_s = (end(number) - EPOCH_MS) // 1000
    columns = (
        "tenant", "metric", "window_start", "window_s", "late", "shared", "generation", "incarnation", *labels,
        "partition", "tile", "hi", "n", "sum", "devices",
    )  # fmt: skip
    place = ("acme", metric, start_s, WINDOW_S, 0, 0, GENERATION, INCARNATION)
    store.insert_rows("tiles", columns, [(*place, *labels.values(), 0, 0, 10, n, total, list(range(devices)))])


def test_a_shift_of_telemetry_on_the_slice_is_a_coincidence(
    world: ClickHouseWorld, store: Warehouse, why: WhyStore
) -> None:
    play(world)
    for number in range(1, AT + 1):
        is_bad = number >= SINCE - 2
        fold(store, "device.boot_time", number, 9, 10, 40_000 * (10 if is_bad else 1), country="NO")
        fold(store, "device.boot_time", number, 9, 10, 90_000, country="SE")
        fold(store, "device.login_time", number, 4, 10, 40_000 * (10 if is_bad else 1), country="NO")  # too few
        fold(store, "app.crash", number, 9, 50 if is_bad else 5, 5_000, service="mail", application="outlook")
    world.reach(AT + 1)
    found = {one.what.name: one.what for one in why.why(TARGET, MOMENT).coincidences}
    assert set(found) == {"device.boot_time", "app.crash"}
    boot = found["device.boot_time"]
    assert (boot.kind, boot.where, boot.title, boot.at_ms) == (
        "telemetry", {"country": "NO"}, "level rose", end(SINCE - 3),
    )  # fmt: skip
    assert found["app.crash"].where == {"application": "outlook"}


def good_time() -> Target:
    return msgspec.structs.replace(GOOD, slice={"application": "crm"}, metric=METRIC, window_s=60)


def test_good_time_is_told_by_windows_that_everybody_may_see(
    world: ClickHouseWorld, store: Warehouse, why: WhyStore
) -> None:
    for number in range(1, AT + 1):
        norway = 300 if number >= SINCE else 1_000
        world.fold(
            "acme",
            number,
            [
                ({"application": "crm", "country": "NO"}, 10, norway, 1_000),
                ({"application": "crm", "country": "SE"}, 10, 1_000, 1_000),
                ({"application": "crm", "country": "DK"}, 4, 0, 9_000),  # too few devices
                ({"application": "mail", "country": "NO"}, 10, 0, 1_000),
            ],
        )
    world.reach(AT + 1)
    change(store, 1, end(SINCE) - EPOCH_MS, application="crm", service="sales")
    change(store, 2, end(SINCE) - EPOCH_MS, application="mail", service="mail")
    found = why.why(good_time(), MOMENT)
    assert (found.usual, found.now) == (Fraction(100), Fraction(65))
    assert [(part.dimension, part.value, part.share) for part in found.contributions] == [
        ("country", "NO", Fraction(1)), ("country", "SE", Fraction(0)),
    ]  # fmt: skip
    assert names(list(found.coincidences)) == ["CHG1"]


def test_nothing_published_explains_nothing(why: WhyStore) -> None:
    for target in (TARGET, good_time()):
        found = why.why(target, MOMENT)
        assert (found.usual, found.now, list(found.contributions), list(found.coincidences)) == (None, None, [], [])
