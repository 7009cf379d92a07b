"""Feedback by slice and period: the same figures as in Python, to the last bit, and rows that add up."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from agents.release_tables import BLOCK_COLUMNS, MARK_COLUMNS
from agents.warehouse.client import Warehouse, WarehouseError
from agents.warehouse.migrate import public_of
from streams.scores import Counts, display_interval, happiness

pytestmark = pytest.mark.integration

DAY = 86_400_000
T0 = 20_600 * DAY  # midnight
PERIOD = "from = '2026-05-27 00:00:00', to = '2026-05-29 00:00:00'"
LABELS = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
FIGURES = "n, detractors, neutrals, promoters, score, lower, upper"


class Released:
    """Random marked blocks of two days, and what they come to."""

    def __init__(self, store: Warehouse) -> None:
        self.store, self.public = store, public_of(store.address.database)
        rng = random.Random(7)
        self.blocks = [_block(rng, number) for number in range(60)]
        rows = [
            ["t", at, "r", f"b{i}", 0, *labels.values(), sum(c), *c] for i, (at, labels, c) in enumerate(self.blocks)
        ]
        store.insert_rows("release_blocks", BLOCK_COLUMNS, rows)
        epochs = sorted({at for at, _, _ in self.blocks})
        store.insert_rows("release_marks", MARK_COLUMNS, [["t", at, "r", 0, 0, "{}"] for at in epochs])

    def ask(self, what: str, view: str, rest: str = "") -> list[tuple[Any, ...]]:
        return self.store.ask(f"SELECT {what} FROM {self.public}.{view} {rest}")

    def figures(self, **labels: str) -> tuple[Any, ...]:
        return figures(counts for _, known, counts in self.blocks if labels.items() <= known.items())


def _block(rng: random.Random, number: int) -> tuple[int, dict[str, str], tuple[int, int, int]]:
    labels = dict.fromkeys(LABELS, "") | {
        "country": rng.choice(["DE", "FR", "*"]),
        "service": rng.choice(["mail", "vpn", "*"]),
    }
    counts = (rng.randrange(7), rng.randrange(7), rng.randrange(1, 7))
    return T0 + DAY * (number % 2) + 600_000 * (1 + number // 2), labels, counts


def figures(found: Iterable[tuple[int, int, int]]) -> tuple[Any, ...]:
    """Counts, score and interval as Python has them."""
    d, n, p = (sum(column) for column in zip(*found, strict=True))
    counts = Counts(detractors=d, neutrals=n, promoters=p)
    interval = display_interval(counts)
    assert interval is not None
    return (counts.n, d, n, p, happiness(counts), interval.lower, interval.upper)


@pytest.fixture
def released(store: Warehouse) -> Released:
    return Released(store)


def test_a_slice_over_a_period_is_python_to_the_last_bit(released: Released) -> None:
    for labels in ({}, {"country": "DE"}, {"service": "vpn"}, {"country": "FR", "service": "mail"}):
        pairs = ", ".join(f"'{name}', '{value}'" for name, value in labels.items())
        found = released.ask(FIGURES, f"happiness_over({PERIOD}, slice = map({pairs}))")
        assert found == [released.figures(**labels)]


def test_rows_by_dimension_are_python_to_the_last_bit_and_add_up(released: Released) -> None:
    rows = released.ask(f"slice, {FIGURES}", f"happiness_by({PERIOD}, by = ['country', 'service'])")
    assert len(rows) == 9
    for slice_, *row in rows:
        assert tuple(row) == released.figures(**slice_)
    assert sum(row[1] for row in rows) == released.figures()[0]


def test_each_day_adds_up_in_each_dimension(released: Released) -> None:
    rows = released.ask(
        "toString(toDate(day)), dimension, sum(n), any(released_n)", "happiness_by_day", "GROUP BY day, dimension"
    )
    assert len(rows) == 2 * (1 + len(LABELS))
    assert all(total == whole for _, _, total, whole in rows)
    of_day = {day: total for day, dimension, total, _ in rows if dimension == "all"}
    expected = [sum(sum(c) for at, _, c in released.blocks if (at - T0) // DAY == day) for day in (0, 1)]
    assert of_day == {"2026-05-27": expected[0], "2026-05-28": expected[1]}


def test_an_epoch_that_ends_at_midnight_belongs_to_the_day_before(store: Warehouse) -> None:
    public = public_of(store.address.database)
    store.insert_rows("release_blocks", BLOCK_COLUMNS, [["t", T0, "r", "b", 0, *[""] * 7, 5, 1, 2, 2]])
    store.insert_rows("release_marks", MARK_COLUMNS, [["t", T0, "r", 0, 0, "{}"]])
    days = store.ask(f"SELECT DISTINCT toString(toDate(day)) FROM {public}.happiness_by_day")
    assert days == [("2026-05-26",)]


def test_coverage_and_the_range_that_it_leaves(released: Released) -> None:
    rows = released.ask("value, n, score, released_n, coverage, is_partial, least, most", "happiness_by_day",
                        "WHERE dimension = 'country' AND day = '2026-05-27 00:00:00'")  # fmt: skip
    whole = sum(row[1] for row in rows)
    unnamed = next(row[1] for row in rows if row[0] == "*")
    for value, n, score, released_n, coverage, is_partial, least, most in rows:
        assert (released_n, coverage, is_partial) == (whole, (whole - unnamed) / whole, 1)
        if value == "*":
            assert (least, most) == (None, None)
        else:
            share = n / (n + unnamed)  # of what might belong to it
            expected = (share * score - 100 * (1 - share), share * score + 100 * (1 - share))
            assert (least, most) == pytest.approx(expected, abs=1e-9)


def test_a_slice_without_answers_has_no_score(released: Released) -> None:
    view = f"happiness_over({PERIOD}, slice = map('country', 'XX'))"
    assert released.ask("n, score, lower, upper, least, most", view) == [(0, None, None, None, None, None)]


@pytest.mark.parametrize("call", ["happiness_over({}, slice = map('land', 'DE'))", "happiness_by({}, by = ['land'])"])
def test_an_unknown_dimension_is_refused(released: Released, call: str) -> None:
    with pytest.raises(WarehouseError, match="ClickHouse error 395"):
        released.ask("*", call.format(PERIOD))


def test_lost_time_adds_up_from_bundles(store: Warehouse) -> None:
    public = public_of(store.address.database)
    columns = ("tenant", "epoch", "run", "bundle", "country", "n", "lost_n", "lost_sums")
    bundles = [("DE", 20, 6, 90), ("DE", 25, 0, 0), ("*", 40, 10, 200)]
    rows = [["t", T0 + 600_000, "r", f"u{i}", c, n, lost, [s]] for i, (c, n, lost, s) in enumerate(bundles)]
    store.insert_rows("release_bundles", columns, rows)
    store.insert_rows("release_bundle_marks", ("tenant", "epoch", "run"), [["t", T0 + 600_000, "r"]])
    what = "n, lost_n, lost_minutes, mean_minutes, released_n, round(coverage, 9), is_partial"
    expected = [(45, 6, 90, 15.0, 85, round(45 / 85, 9), 1)]
    assert store.ask(f"SELECT {what} FROM {public}.lost_time_over({PERIOD}, slice = map('country', 'DE'))") == expected
    by = f"SELECT {what} FROM {public}.lost_time_by({PERIOD}, by = ['country']) WHERE slice['country'] = 'DE'"
    assert store.ask(by) == expected
    by_day = f"SELECT {what} FROM {public}.lost_time_by_day WHERE dimension = 'country' AND value = 'DE'"
    assert store.ask(by_day) == expected
