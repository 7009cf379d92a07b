"""Parts add up to the change exactly, whatever the parts are; domain example 3.15 for rate and mix."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores import HAPPINESS, PPM, Counts, Moments
from streams.why.contributions import split, split_by
from streams.why.figures import OTHER, Row, Sums, answers_of, known_dimensions, named_values, parted, total, window_rows

COUNTS = st.builds(
    Counts, detractors=st.integers(0, 60), neutrals=st.integers(0, 60), promoters=st.integers(0, 60)
).filter(lambda counts: counts.n >= 5)
VALUES = st.sampled_from(["mail", "vpn", "crm", "print", "*", ""])
BLOCKS = st.lists(st.tuples(VALUES, VALUES, COUNTS), min_size=1, max_size=25)
WINDOWS = st.lists(
    st.lists(
        st.tuples(VALUES, st.integers(0, 10**7)).flatmap(
            lambda pair: st.tuples(st.just(pair[0]), st.integers(0, pair[1]), st.just(pair[1]))
        ),
        max_size=6,
    ),
    min_size=1,
    max_size=8,
)


def rows_of(blocks: list[tuple[str, str, Counts]]) -> list[Row]:
    return [answers_of({"service": service, "channel": channel}, counts) for service, channel, counts in blocks]


def points(share: Fraction) -> float:
    """A mean share as happiness."""
    return HAPPINESS.at(float(share))


@given(BLOCKS, BLOCKS, st.integers(1, 100))
def test_the_parts_of_any_dimension_add_up_to_the_change_without_remainder(
    early: list[tuple[str, str, Counts]], late: list[tuple[str, str, Counts]], least: int
) -> None:
    before, after = rows_of(early), rows_of(late)
    whole = Fraction(total(after).gain, total(after).weight) - Fraction(total(before).gain, total(before).weight)
    for name in ("service", "channel", "country"):
        found = split_by(before, after, name, least=least)
        assert found is not None
        assert found.change == whole
        assert found.rate + found.mix == whole
        assert sum(part.change for part in found.parts.values()) == whole
        assert all(
            key == OTHER or sums.n >= least for key, p in found.parts.items() for sums in _present(p.before, p.after)
        )


def _present(*sums: Sums) -> list[Sums]:
    return [one for one in sums if one.weight]


@given(BLOCKS, BLOCKS, st.randoms())
def test_the_order_of_rows_is_nothing(
    early: list[tuple[str, str, Counts]], late: list[tuple[str, str, Counts]], rng: Random
) -> None:
    shuffled = rng.sample(late, len(late))
    assert split_by(rows_of(early), rows_of(late), "service", least=5) == split_by(
        rows_of(early), rows_of(shuffled), "service", least=5
    )


@given(BLOCKS, BLOCKS)
def test_an_unchanged_mixture_has_no_mix_and_unchanged_parts_no_rate(
    early: list[tuple[str, str, Counts]], late: list[tuple[str, str, Counts]]
) -> None:
    before, after = parted(rows_of(early), ("service",)), parted(rows_of(late), ("service",))
    same_weights = {key: Sums(weight=7 * sums.weight, gain=3 * sums.gain) for key, sums in before.items()}
    proportional = split(before, same_weights)
    assert proportional is not None
    assert proportional.mix == 0
    same_means = {
        key: Sums(weight=5 * n * sums.weight, gain=5 * n * sums.gain) for n, (key, sums) in enumerate(before.items(), 1)
    }
    shifted = split(before, same_means)
    assert shifted is not None
    assert shifted.rate == 0
    assert shifted.twin == shifted.before
    assert split(before, after) is not None


@given(WINDOWS)
def test_the_rows_of_a_window_add_up_to_the_windows_share(windows: list[list[tuple[str, int, int]]]) -> None:
    moments, sums = Moments(), Sums()
    for window in windows:
        rows = window_rows([({"application": name}, good, attempted) for name, good, attempted in window])
        one = total(rows)
        assert one.weight in {0, PPM}
        assert all(row.sums.weight >= 0 and row.sums.gain >= 0 for row in rows)
        if one.weight:
            moments, sums = moments.add(one.gain), sums + one
            exact = Fraction(sum(row[1] for row in window), sum(row[2] for row in window))
            assert abs(Fraction(one.gain, PPM) - exact) <= Fraction(1, 2 * PPM)
    assert (sums.n, sums.gain) == (moments.n, moments.total)


def test_raw_falls_and_the_twin_stays_where_only_the_mixture_moved() -> None:
    """Touchpoints steady at 80 and 40, mix moving from 70/30 to 40/60: raw 68 -> 56, twin 68 -> 68."""
    before = [
        answers_of({"touchpoint": "portal"}, Counts(promoters=60, neutrals=6, detractors=4)),
        answers_of({"touchpoint": "phone"}, Counts(promoters=18, neutrals=6, detractors=6)),
    ]
    after = [
        answers_of({"touchpoint": "portal"}, Counts(promoters=34, neutrals=4, detractors=2)),
        answers_of({"touchpoint": "phone"}, Counts(promoters=36, neutrals=12, detractors=12)),
    ]
    found = split_by(before, after, "touchpoint", least=5)
    assert found is not None
    assert found.twin is not None
    assert (points(found.before), points(found.after), points(found.twin)) == (68.0, 56.0, 68.0)
    assert (found.rate, found.mix) == (Fraction(0), Fraction(-6, 100))


def test_a_part_of_one_span_only_says_nothing_about_its_own_change() -> None:
    before = {"a": Sums(weight=10, gain=8), "gone": Sums(weight=10, gain=2)}
    after = {"a": Sums(weight=30, gain=15), "new": Sums(weight=10, gain=1)}
    found = split(before, after)
    assert found is not None
    assert found.parts["gone"].rate == found.parts["new"].rate == 0
    assert found.rate == Fraction(15, 30) - Fraction(8, 10)
    assert found.covered == Fraction(1, 2)
    assert found.rate + found.mix == found.change == Fraction(16, 40) - Fraction(10, 20)


@pytest.mark.parametrize(("early", "late"), [({}, {"a": Sums(weight=1)}), ({"a": Sums(weight=1)}, {})])
def test_a_span_without_anything_has_no_change(early: dict[str, Sums], late: dict[str, Sums]) -> None:
    assert split(early, late) is None


def test_the_part_that_fell_carries_the_change() -> None:
    good, bad = Counts(promoters=45, detractors=5), Counts(promoters=20, detractors=30)
    before = [answers_of({"service": name}, good) for name in ("mail", "vpn", "crm", "*")]
    after = [answers_of({"service": name}, bad if name == "mail" else good) for name in ("mail", "vpn", "crm", "*")]
    found = split_by(before, after, "service", least=5)
    assert found is not None
    assert found.parts["mail"].change == found.change < 0
    assert {found.parts[name].change for name in ("vpn", "crm", OTHER)} == {0}


def test_a_dimension_is_known_where_the_labels_name_half_of_the_answers_in_both_spans() -> None:
    def rows(*labels: tuple[str, str, str]) -> list[Row]:
        return [answers_of({"service": s, "channel": c, "country": x}, Counts(promoters=5)) for s, c, x in labels]

    before = rows(("mail", "chat", "NO"), ("vpn", "*", "NO"))
    after = rows(("mail", "*", "NO"), ("vpn", "", "NO"), ("vpn", "chat", "NO"))
    assert known_dimensions(before, after, ("country", "service", "channel", "touchpoint")) == ("country", "service")
    assert named_values([*before, *after], "channel") == {"chat"}
