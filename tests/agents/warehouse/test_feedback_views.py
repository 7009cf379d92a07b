"""The public feedback views: sums of whole, marked, standing blocks."""

from collections.abc import Sequence
from typing import Any

import pytest

from agents.release_tables import BLOCK_COLUMNS, MARK_COLUMNS
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.scores import Counts, display_interval

pytestmark = pytest.mark.integration

T0 = 1_780_000_000_000


class Release:
    """Writes blocks and marks as the release agent does."""

    def __init__(self, store: Warehouse) -> None:
        self.store = store
        self.public = public_of(store.address.database)

    def block(
        self, name: str, counts: tuple[int, int, int], *, epoch_ms: int = T0, run: str = "r", **labels: str
    ) -> None:
        names = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
        values = [labels.get(label, "") for label in names]
        row = [labels.get("tenant", "t"), epoch_ms, run, name, 0, *values, sum(counts), *counts]
        self.store.insert_rows("release_blocks", BLOCK_COLUMNS, [row])

    def mark(self, *, epoch_ms: int = T0, run: str = "r", tenant: str = "t", at: str = "") -> None:
        columns, row = MARK_COLUMNS, [tenant, epoch_ms, run, 0, 0, "{}"]
        self.store.insert_rows("release_marks", (*columns, "marked_at") if at else columns, [[*row, at] if at else row])

    def released(self) -> list[tuple[Any, ...]]:
        columns = "block, country, n, detractors, neutrals, promoters"
        return self.store.ask(f"SELECT {columns} FROM {self.public}.feedback_released ORDER BY epoch, block")

    def happiness(self, columns: str) -> Sequence[tuple[Any, ...]]:
        return self.store.ask(f"SELECT {columns} FROM {self.public}.happiness ORDER BY epoch, country")


@pytest.fixture
def release(store: Warehouse) -> Release:
    return Release(store)


def test_without_a_mark_nothing_is_published(release: Release) -> None:
    release.block("a", (1, 2, 3), country="NO")
    assert release.released() == []
    release.mark()
    assert release.released() == [("a", "NO", 6, 1, 2, 3)]


def test_a_mark_is_for_its_tenant_epoch_and_run_only(release: Release) -> None:
    release.block("a", (1, 2, 3))
    for other in ({"tenant": "u"}, {"epoch_ms": T0 + 1}, {"run": "other"}):
        release.mark(**other)
    assert release.released() == []


def test_double_writes_change_nothing(release: Release) -> None:
    for _ in range(3):
        release.block("a", (1, 2, 3))
        release.block("b", (5, 0, 0))
        release.mark()
    assert release.released() == [("a", "", 6, 1, 2, 3), ("b", "", 5, 5, 0, 0)]
    release.store.command("OPTIMIZE TABLE release_blocks FINAL")
    release.store.command("OPTIMIZE TABLE release_marks FINAL")
    assert release.released() == [("a", "", 6, 1, 2, 3), ("b", "", 5, 5, 0, 0)]


def test_the_first_mark_counts_for_ever(release: Release) -> None:
    release.block("a", (1, 2, 3), run="first")
    release.block("b", (0, 0, 6), run="second")
    release.mark(run="first", at="2026-06-01 00:00:00.000001")
    release.mark(run="second", at="2026-06-01 00:00:00.000002")
    release.mark(run="first", at="2026-06-01 00:00:00.000003")
    assert [row[0] for row in release.released()] == ["a"]


def test_a_mark_without_blocks_publishes_an_empty_epoch(release: Release) -> None:
    release.mark(run="empty", at="2026-06-01 00:00:00.000001")
    release.block("a", (1, 2, 3), run="late")
    release.mark(run="late", at="2026-06-01 00:00:00.000002")
    assert release.released() == []


def test_marks_are_timed_by_the_server_as_they_are_written(release: Release) -> None:
    release.block("a", (1, 2, 3), run="z")
    release.block("b", (1, 2, 3), run="a")
    release.mark(run="z")
    release.mark(run="a")
    assert [row[0] for row in release.released()] == ["a"]
    [(age_s,)] = release.store.ask("SELECT max(abs(dateDiff('second', marked_at, now64(6)))) FROM release_marks")
    assert age_s < 60


def test_a_withdrawn_block_is_gone(release: Release) -> None:
    release.block("a", (1, 2, 3))
    release.block("b", (1, 2, 3))
    release.mark()
    release.store.insert_rows("release_withdrawn", ("tenant", "block", "epoch", "reason"), [("t", "a", T0, "scanner")])
    release.store.insert_rows("release_withdrawn", ("tenant", "block", "epoch", "reason"), [("u", "b", T0, "other")])
    assert [row[0] for row in release.released()] == ["b"]


def test_blocks_with_the_same_labels_add_up(release: Release) -> None:
    release.block("a", (1, 2, 3), country="NO")
    release.block("b", (4, 0, 1), country="NO")
    release.block("c", (0, 0, 5), country="*")
    release.mark()
    found = release.happiness("country, blocks, n, detractors, neutrals, promoters, round(score, 9)")
    assert found == [("*", 1, 5, 0, 0, 5, 100.0), ("NO", 2, 11, 5, 2, 4, round(-100 / 11, 9))]


@pytest.mark.parametrize("counts", [(4, 6, 30), (0, 0, 5), (6, 0, 0), (300, 40, 9)])
def test_the_interval_is_the_adjusted_wald_interval(release: Release, counts: tuple[int, int, int]) -> None:
    release.block("a", counts)
    release.mark()
    detractors, neutrals, promoters = counts
    interval = display_interval(Counts(detractors=detractors, neutrals=neutrals, promoters=promoters))
    assert interval is not None
    [(lower, upper)] = release.happiness("lower, upper")
    assert (lower, upper) == pytest.approx((interval.lower, interval.upper), abs=1e-9)


def test_the_interval_of_the_reference(release: Release) -> None:
    """30 promoters, 4 neutrals, 6 detractors: 33.4 to 78.2."""
    release.block("a", (6, 4, 30))
    release.mark()
    assert release.happiness("score, round(lower, 1), round(upper, 1)") == [(60.0, 33.4, 78.2)]
