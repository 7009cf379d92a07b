"""Closest first: in place, in time, in strength; the same order for any order of the input."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.why.coincidences import MOST, Happening, Scene, coincidences, nearness, rank_of

HOUR_MS = 3_600_000
SINCE_MS = 1_000 * HOUR_MS
DIMENSIONS = ("country", "site", "service", "channel")
SCENE = Scene(
    slice={"country": "NO", "service": "mail"},
    since_ms=SINCE_MS,
    until_ms=SINCE_MS + 12 * HOUR_MS,
    reach_ms=168 * HOUR_MS,
    parts={"site": {"NO-1": Fraction(9, 10), "NO-2": Fraction(1, 10), "NO-3": Fraction(-1, 5)}},
)


def change(name: str, hours: float = -1.0, **where: str) -> Happening:
    return Happening(kind="deploy", name=name, at_ms=SINCE_MS + round(hours * HOUR_MS), where=where)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"country": "NO", "service": "mail"}, Fraction(1)),
        ({"country": "NO"}, Fraction(1, 2)),
        ({}, Fraction(1, 4)),
        ({"country": "NO", "service": "mail", "site": "NO-1"}, Fraction(9, 10)),
        ({"country": "NO", "service": "mail", "site": "NO-3"}, Fraction(0)),
        ({"country": "NO", "service": "mail", "site": "NO-9"}, Fraction(0)),
        ({"country": "NO", "service": "mail", "channel": "chat"}, Fraction(1, 2)),
        ({"country": "NO", "service": "mail", "application": "outlook"}, Fraction(1, 2)),
        ({"country": "SE", "service": "mail"}, Fraction(0)),
        ({"service": "vpn"}, Fraction(0)),
    ],
)
def test_a_place_is_as_near_as_it_concerns_the_slice(where: dict[str, str], expected: Fraction) -> None:
    assert nearness(SCENE, where) == expected


def test_closer_in_time_ranks_higher_and_after_the_start_counts_twice() -> None:
    names = [
        one.what.name
        for one in coincidences(
            SCENE,
            [
                change("day before", -24, country="NO", service="mail"),
                change("just before", -1, country="NO", service="mail"),
                change("just after", 1, country="NO", service="mail"),
                change("after the alert", 13, country="NO", service="mail"),
                change("long ago", -169, country="NO", service="mail"),
            ],
        )
    ]
    assert names == ["just before", "just after", "day before"]


def test_changes_elsewhere_are_none() -> None:
    decoys = [change(f"decoy {n}", -0.1 * n, service="vpn") for n in range(1, 30)]
    planted = change("planted", -30, country="NO", service="mail")
    assert [one.what for one in coincidences(SCENE, [*decoys, planted])] == [planted]


def test_a_faint_shift_ranks_below_a_change_that_was_made() -> None:
    shift = Happening(
        kind="telemetry", name="app.response_time", at_ms=SINCE_MS - HOUR_MS, where=SCENE.slice, strength=Fraction(1, 4)
    )
    made = change("made", -1, country="NO", service="mail")
    assert [one.what for one in coincidences(SCENE, [shift, made])] == [made, shift]
    assert rank_of(SCENE, shift) == rank_of(SCENE, made) / 4


WHERE = st.dictionaries(st.sampled_from(DIMENSIONS), st.sampled_from(["NO", "SE", "mail", "vpn", "NO-1"]), max_size=3)
HAPPENINGS = st.lists(
    st.builds(
        Happening,
        kind=st.sampled_from(["deploy", "wave", "telemetry"]),
        name=st.sampled_from(["a", "b", "c"]),
        at_ms=st.integers(SINCE_MS - 200 * HOUR_MS, SINCE_MS + 20 * HOUR_MS),
        where=WHERE,
        title=st.sampled_from(["", "x"]),
    ),
    max_size=20,
)


@given(HAPPENINGS, st.integers(0, 99))
def test_the_list_is_bounded_ordered_and_the_same_for_any_order(happenings: list[Happening], seed: int) -> None:
    found = coincidences(SCENE, happenings)
    assert len(found) <= MOST
    assert found == coincidences(SCENE, Random(seed).sample(happenings, len(happenings)))
    assert [one.rank for one in found] == sorted((one.rank for one in found), reverse=True)
    assert all(0 < one.rank <= 1 and one.what.at_ms <= SCENE.until_ms for one in found)
