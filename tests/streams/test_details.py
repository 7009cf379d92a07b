"""Sums of what answers tell: every answer in one band, every cap kept, addition exact."""

from functools import reduce
from operator import add

from hypothesis import given
from hypothesis import strategies as st

from streams.details import BAND_EDGES, LOST_CAPS, Details, band_of, details_of

answers = st.tuples(
    st.integers(0, 10), st.none() | st.integers(0, 100_000), st.lists(st.sampled_from(["speed", "skill", ""]))
)


@given(st.lists(answers))
def test_sums_are_those_of_the_answers(rows: list[tuple[int, int | None, list[str]]]) -> None:
    found = reduce(add, (details_of(*row) for row in rows), Details())
    minutes = [lost for _, lost, _ in rows if lost is not None]
    assert found.n == len(rows)
    assert found.scores == tuple(sum(score == value for score, _, _ in rows) for value in range(11))
    assert found.lost_n == len(minutes)
    assert found.lost_sums == tuple(sum(min(one, cap) for one in minutes) for cap in LOST_CAPS)
    for number, edge in enumerate(BAND_EDGES):
        assert sum(found.lost_bands[: number + 1]) == sum(one <= edge for one in minutes)
    assert found.factors == {
        name: n for name in ("skill", "speed") if (n := sum(name in named for _, _, named in rows))
    }  # fmt: skip


def test_bands_halve_a_working_day() -> None:
    assert tuple(480 >> step for step in range(9, -1, -1)) == BAND_EDGES
    assert [band_of(edge) for edge in BAND_EDGES] == list(range(10))
    assert [band_of(edge + 1) for edge in BAND_EDGES] == list(range(1, 11))


def test_what_is_withheld_is_as_if_nobody_had_told_it() -> None:
    told = details_of(3, 90, ["speed"])
    assert told.without(lost=True, factors=False) == details_of(3, None, ["speed"])
    assert told.without(lost=False, factors=True) == details_of(3, 90)
