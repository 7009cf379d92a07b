"""What operators did: who is meant, from when it counts, and what a replay sees."""

import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events.records import ActionKind
from streams.judging.actions import FOREVER_MS, Order, Standing, exclusions_written, known_at, standing
from tests.streams.judged import HAPPY

UNIT = 10
TARGET = msgspec.structs.replace(
    HAPPY, slice={"country": "NO", "service": "mail"}, target="happy/country=NO,service=mail"
)


def order(kind: ActionKind = "maintenance", *, name: str = "a", **changes: Any) -> Order:
    return replace(
        Order(action_id=name, kind=kind, version=1, recorded_ms=100, from_ms=100, until_ms=200), **changes
    )  # fmt: skip


def at(at_ms: int, *orders: Order, since_ms: int = 0) -> Standing:
    return standing(orders, TARGET, at_ms=at_ms, unit_ms=UNIT, since_ms=since_ms)


@pytest.mark.parametrize(("at_ms", "is_muted"), [(100, False), (101, True), (150, True), (209, True), (210, False)])
def test_maintenance_mutes_what_overlaps_it(at_ms: int, is_muted: bool) -> None:
    assert at(at_ms, order()).is_muted == is_muted


def test_what_was_written_down_late_counts_from_then_on() -> None:
    late = order(recorded_ms=150)
    assert [at(at_ms, late).is_muted for at_ms in (140, 149, 150, 160)] == [False, False, True, True]


def test_the_newest_revision_that_was_known_counts() -> None:
    first, shorter = order(), order(version=2, recorded_ms=150, until_ms=160)
    assert [at(at_ms, shorter, first).is_muted for at_ms in (140, 155, 180)] == [True, True, False]
    assert [one.version for one in known_at([shorter, first], 149)] == [1]


@pytest.mark.parametrize(
    ("changes", "is_meant"),
    [
        ({}, True),
        ({"labels": {"country": "NO"}}, True),
        ({"labels": {"country": "NO", "service": "mail"}}, True),
        ({"labels": {"country": "SE"}}, False),
        ({"labels": {"country": "NO", "site": "Oslo"}}, False),
        ({"target": TARGET.target}, True),
        ({"target": "happy"}, True),
        ({"target": "happ"}, False),
        ({"target": "happy", "labels": {"country": "SE"}}, False),
    ],
)
def test_who_is_meant(changes: dict[str, Any], is_meant: bool) -> None:
    assert order(**changes).is_about(TARGET) == is_meant


def test_an_exclusion_takes_out_its_interval_once_it_is_known() -> None:
    late = order("exclusion", recorded_ms=500)
    assert at(150, late) == Standing()
    found = at(500, late)
    assert (found.is_excluded, found.exclusions, found.is_muted) == (False, ((100, 200),), False)
    assert at(500, late, since_ms=200).exclusions == ()
    assert at(150, order("exclusion")).is_excluded


def test_exclusions_that_touch_are_one_and_an_empty_one_is_none() -> None:
    some = [
        order("exclusion", name=name, recorded_ms=1, from_ms=begin, until_ms=end)
        for name, begin, end in (("a", 10, 20), ("b", 20, 30), ("c", 15, 18), ("d", 50, FOREVER_MS), ("e", 40, 40))
    ]
    assert at(60, *some).exclusions == ((10, 30), (50, FOREVER_MS))


def test_an_acknowledgement_is_of_one_alert_or_of_all_of_a_target() -> None:
    one = order("ack", alert_id="x", until_ms=FOREVER_MS)
    assert at(150, one).is_acked("x")
    assert not at(150, one).is_acked("y")
    assert not at(99, one).is_acked("x")
    assert at(150, order("ack", target="happy")).is_acked("y")


ORDERS = st.builds(
    lambda name, kind, version, times: order(
        kind, name=name, version=version, recorded_ms=times[0], from_ms=times[1], until_ms=times[1] + times[2]
    ),
    st.sampled_from("abc"),
    st.sampled_from(["maintenance", "exclusion", "ack"]),
    st.integers(1, 9),
    st.tuples(*[st.integers(0, 300)] * 3),
)


@given(
    st.lists(ORDERS, max_size=12, unique_by=lambda one: (one.action_id, one.version)), st.integers(1, 400), st.randoms()
)
def test_neither_order_nor_repetition_matters(orders: list[Order], at_ms: int, chance: random.Random) -> None:
    shuffled = [*orders, *orders]
    chance.shuffle(shuffled)
    assert at(at_ms, *shuffled) == at(at_ms, *orders)


def test_what_became_known_since_is_found_with_all_its_revisions() -> None:
    old, new = order("exclusion", recorded_ms=100, from_ms=10), order("exclusion", version=2, recorded_ms=150)
    other = order("exclusion", name="b", recorded_ms=100)
    assert exclusions_written([old, new, other], after_ms=100, until_ms=150) == [old, new]
    assert exclusions_written([old, new, other, order()], after_ms=150, until_ms=990) == []
