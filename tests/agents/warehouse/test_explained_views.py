"""Why an alert was raised, the service level per slice, and both levels side by side, as everybody may see them."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from agents.judge_store import JudgeStore
from agents.records import COLUMNS
from agents.release_tables import BLOCK_COLUMNS, MARK_COLUMNS
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of, write_profile
from streams.codecs import encode_json
from streams.events import Ticket
from streams.judging.watermelon import Goals, Kept, read, wilson
from streams.profile import DEMO
from streams.records import to_row
from streams.scores import Counts, display_interval
from tests.agents.warehouse.test_judging_views import target
from tests.streams.alerting import ALERT

pytestmark = pytest.mark.integration

PERIOD_MS, YEAR_MS = DEMO.period_ms, 365 * 86_400_000
NOW_MS = int(time.time() * 1000)
THIS_MS = NOW_MS // PERIOD_MS * PERIOD_MS
"""Start of the period that is not over."""
PART = {"dimension": "service", "value": "mail", "points": "-20.0", "share": "1.000", "n": "50"}
AROUND = {"kind": "deploy", "name": "CHG1", "at": "2026-03-01 00:00:00 UTC", "where": "service mail", "title": "new"}


def view(store: Warehouse, name: str, columns: str) -> list[tuple[Any, ...]]:
    return store.ask(f"SELECT {columns} FROM {public_of(store.address.database)}.{name} ORDER BY ALL")


def test_an_alert_shows_what_explains_it(store: Warehouse) -> None:
    explained = msgspec.structs.replace(
        ALERT, since_ms=NOW_MS, usual=70.0, usual_n=300, change=-20.5, mix_share=0.25, is_mix=True,
        contributions=[PART], coincidences=[AROUND], link="https://screens.example/d/x",
    )  # fmt: skip
    plain = msgspec.structs.replace(ALERT, alert_id="b" * 32)
    JudgeStore(store).write_alerts([explained, plain], now_ms=NOW_MS)
    columns = "alert_id, toUnixTimestamp64Milli(since), usual, usual_n, change, mix_share, is_mix, contributions"
    assert view(store, "alerts", f"{columns}, coincidences, link") == [
        ("a" * 32, NOW_MS, 70.0, 300, -20.5, 0.25, 1, [PART], [AROUND], "https://screens.example/d/x"),
        ("b" * 32, None, None, 0, None, None, 0, [], [], ""),
    ]


def test_an_alert_from_before_has_no_explanation(store: Warehouse) -> None:
    columns = ("tenant", "alert_id", "sequence", "dedup_key", "target", "version", "state", "started_at", "at", "n")
    store.insert_rows("alerts", columns, [("t", "a1", 0, "k", "happy", 1, "firing", NOW_MS, NOW_MS, 40)])
    assert view(store, "alerts", "since, usual, change, contributions, coincidences") == [(None, None, None, [], [])]


def close(store: Warehouse, count: int, made: int, *, at_ms: int = THIS_MS - 1, **fields: Any) -> None:
    """Close tickets of that many people, so many of them in time."""
    kind = fields.pop("kind", "closed")

    def ticket(number: int) -> Ticket:
        return Ticket(
            event_id="e", tenant="t", source="s", event_time_ms=at_ms, revision=5, person=f"p{number}", kind=kind,
            ticket_id=f"{at_ms}-{fields}-{number}", made_sla=number < made, **fields,
        )  # fmt: skip

    several = [ticket(number) for number in range(count)]
    store.insert_rows("tickets", COLUMNS["tickets"], [to_row(one, stamp_ms=at_ms, offset=0) for one in several])


def reach(store: Warehouse, at_ms: int) -> None:
    with store.lend() as client:
        write_profile(client, store.address.database, DEMO, now_ms=NOW_MS)
    incarnation = "00112233-4455-6677-8899-aabbccddeeff"
    columns = ("incarnation", "partition", "partitions", "hi", "arrival")
    store.insert_rows("records_progress", columns, [(incarnation, 0, 1, 10, at_ms)])


def test_the_service_level_counts_tickets_closed_in_periods_that_are_over(store: Warehouse) -> None:
    reach(store, THIS_MS)
    close(store, 40, 38, country="NO", service="mail")
    close(store, 4, 0, country="SE", service="mail")  # too few people
    close(store, 40, 10, country="NO", service="mail", at_ms=THIS_MS + 1)  # not over
    close(store, 40, 0, country="DK", service="mail", kind="resolved")
    found = wilson(Kept(made=38, tickets=40))
    assert found is not None
    ((tenant, start_ms, country, service, tickets, made, lower, upper),) = view(
        store, "sla", "tenant, toUnixTimestamp(period_start) * 1000, country, service, tickets, made, lower, upper"
    )
    assert (tenant, start_ms, country, service, tickets, made) == ("t", THIS_MS - PERIOD_MS, "NO", "mail", 40, 38)
    assert (lower, upper) == pytest.approx((found.lower, found.upper), abs=1e-12)


def test_the_same_person_several_times_is_one_person(store: Warehouse) -> None:
    reach(store, THIS_MS)
    for country in ("NO", "SE"):
        close(store, 4, 4, country=country, service="mail", category="a")
        close(store, 4, 4, country=country, service="mail", category="b")
    close(store, 5, 5, country="SE", service="mail", category="c")
    assert view(store, "sla", "country, tickets") == [("SE", 13)]


def release(store: Warehouse, number: int, counts: Counts, **labels: str) -> None:
    names = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
    epoch_ms = THIS_MS - PERIOD_MS + number
    several = (counts.n, counts.detractors, counts.neutrals, counts.promoters)
    row = ["t", epoch_ms, "r", f"b{number}", 0, *(labels.get(name, "") for name in names), *several]
    store.insert_rows("release_blocks", BLOCK_COLUMNS, [row])
    store.insert_rows("release_marks", MARK_COLUMNS, [["t", epoch_ms, "r", 1, counts.n, "{}"]])


@pytest.mark.parametrize(
    ("made", "counts", "state"),
    [
        (385, Counts(promoters=300, neutrals=40, detractors=60), "watermelon"),
        (385, Counts(promoters=30, neutrals=4, detractors=6), "undecided"),
        (385, Counts(promoters=380, neutrals=15, detractors=5), "healthy"),
        (300, Counts(promoters=380, neutrals=15, detractors=5), "obsolete"),
        (300, Counts(promoters=300, neutrals=40, detractors=60), "failing"),
    ],
)
def test_both_levels_side_by_side_are_those_of_the_pure_rule(
    store: Warehouse, made: int, counts: Counts, state: str
) -> None:
    reach(store, THIS_MS)
    events = [
        target(1, target="both", slice={"country": "NO", "service": "mail"}, objective=75.0, period="quarter"),
        target(1, target="channels", slice={"channel": "chat"}),
    ]
    publish(store, events)
    close(store, 400, made, country="NO", service="mail")
    close(store, 400, 0, country="SE", service="mail")
    release(store, 1, counts, country="NO", service="mail")
    release(store, 2, Counts(detractors=400), country="*", service="mail")
    pure = read(0, Kept(made=made, tickets=400), counts, Goals(sla=90.0, xla=75.0, hold_ms=0))
    columns = "target, tickets, made, n, sla, xla, state, sla_lower, sla_upper, xla_lower, xla_upper"
    ((name, tickets, kept, n, sla, xla, shown, *ends),) = view(store, "watermelon", columns)
    assert (name, tickets, kept, n) == ("both", 400, made, counts.n)
    assert (sla, xla, shown) == (pure.sla, pure.xla, state) == (pure.sla, pure.xla, pure.state)
    service, people = wilson(pure.kept), display_interval(counts)
    assert service is not None
    assert people is not None
    assert ends == pytest.approx([100 * service.lower, 100 * service.upper, people.lower, people.upper], abs=1e-9)


def test_a_target_may_ask_for_more_than_is_usual(store: Warehouse) -> None:
    reach(store, THIS_MS)
    places = {"slice": {"country": "NO", "service": "mail"}, "period": "quarter"}
    publish(store, [target(1, target="usual", **places), target(1, target="strict", sla_goal=98.0, **places)])
    close(store, 400, 385, country="NO", service="mail")
    found = sorted(view(store, "watermelon", "target, sla_goal, sla"))
    assert found == [("strict", 98.0, "red"), ("usual", 90.0, "green")]
    assert view(store, "targets", "max(sla_goal)") == [(98.0,)]


def publish(store: Warehouse, events: Sequence[Any]) -> None:
    columns = ("tenant", "target", "version", "state", "valid_from", "recorded_at", "author", "reason", "body")
    rows = [
        (e.tenant, e.target, e.version, e.state, NOW_MS - YEAR_MS, NOW_MS, e.author, e.reason, encode_json(e))
        for e in events
    ]
    store.insert_rows("targets", columns, rows)
