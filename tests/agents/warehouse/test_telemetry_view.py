"""The public telemetry view: closed windows of enough devices, whatever was written twice, late or by a zombie."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from uuid import UUID

import pytest

from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of, write_profile
from streams.profile import DEMO
from streams.quantiles import quantile

pytestmark = pytest.mark.integration

START_S = 1_780_000_000
GRACE_MS = DEMO.grace_ms
OLD, NEW = UUID(int=1), UUID(int=2)


def devices(count: int, first: int = 0) -> list[int]:
    """Hashes of devices, as the fold makes them."""
    hashes = (blake2b(f"d{n}".encode(), digest_size=6).digest() for n in range(first, first + count))
    return sorted(int.from_bytes(digest) for digest in hashes)


@dataclass
class Tiles:
    """Writes tiles and audit rows as the telemetry agent does."""

    store: Warehouse
    columns: tuple[str, ...] = field(default=(
        "tenant", "metric", "window_start", "window_s", "country", "shared", "late", "generation", "incarnation",
        "partition", "tile", "hi", "n", "sum", "sum_squares", "min", "max", "good_ms", "attempted_ms", "devices",
        "hist_bucket", "hist_count",
    ))  # fmt: skip

    def write(self, *, window: int = 0, hashes: Sequence[int], **changes: Any) -> None:
        known: dict[str, Any] = {
            "tenant": "t", "metric": "wait", "window_start": START_S + 5 * window, "window_s": 5, "country": "NO",
            "shared": 0, "late": 0, "generation": DEMO.generation, "incarnation": NEW, "partition": 0, "tile": 0,
            "hi": 100, "n": 10, "sum": 20_000, "sum_squares": 0, "min": -1_500, "max": 4_250, "good_ms": 30,
            "attempted_ms": 40, "devices": list(hashes[:256]), "hist_bucket": [1], "hist_count": [10],
        }  # fmt: skip
        row = {**known, **changes}
        self.store.insert_rows("tiles", self.columns, [[row[column] for column in self.columns]])

    def audit(self, arrival_ms: int, **changes: Any) -> None:
        known: dict[str, Any] = {
            "generation": DEMO.generation, "incarnation": NEW, "partition": 0, "tile": 0, "hi": 100, "partitions": 1,
            "n_in": 10, "n_valid": 6, "n_invalid": 1, "n_duplicate": 1, "n_late": 2, "n_tick": 2, "n_overflow": 3,
            "arrival": arrival_ms,
        }  # fmt: skip
        row = {**known, **changes}
        self.store.insert_rows("tile_audit", tuple(row), [tuple(row.values())])

    def seen(self, columns: str = "toUnixTimestamp(window_start), country, n") -> list[tuple[Any, ...]]:
        view = f"{public_of(self.store.address.database)}.telemetry"
        return self.store.ask(f"SELECT {columns} FROM {view} ORDER BY window_start, country, shared")


def end_ms(window: int) -> int:
    """When the grace of a window ends: arrival beyond it closes the window."""
    return (START_S + 5 * (window + 1)) * 1000 + GRACE_MS


@pytest.fixture
def tiles(store: Warehouse) -> Tiles:
    with store.lend() as client:
        write_profile(client, store.address.database, DEMO, now_ms=1_780_000_000_000)
    return Tiles(store)


def test_a_window_is_published_once_arrival_has_passed_its_grace(tiles: Tiles) -> None:
    tiles.write(hashes=devices(5))
    assert tiles.seen() == []
    tiles.audit(end_ms(0))
    assert tiles.seen() == []
    tiles.audit(end_ms(0) + 1, hi=101)
    assert tiles.seen() == [(START_S, "NO", 10)]


def test_all_partitions_must_have_passed(tiles: Tiles) -> None:
    tiles.write(hashes=devices(5))
    for partition in (0, 1, 3):
        tiles.audit(end_ms(9), partition=partition, partitions=4)
    assert tiles.seen() == []
    tiles.audit(end_ms(0), partition=2, partitions=4)
    assert tiles.seen() == []
    tiles.audit(end_ms(0) + 1, partition=2, partitions=4, tile=1)
    assert tiles.seen() == [(START_S, "NO", 10)]


def test_a_new_incarnation_closes_nothing_until_all_of_it_speaks_and_opens_nothing(tiles: Tiles) -> None:
    tiles.write(hashes=devices(5), incarnation=OLD)
    tiles.write(hashes=devices(5), incarnation=NEW, window=1)
    for partition in (0, 1):
        tiles.audit(end_ms(0) + 1, incarnation=OLD, partition=partition, partitions=2)
    assert tiles.seen() == [(START_S, "NO", 10)]
    tiles.audit(end_ms(5), incarnation=NEW, partition=0, partitions=2)
    assert tiles.seen() == [(START_S, "NO", 10)]
    tiles.audit(end_ms(5), incarnation=NEW, partition=1, partitions=2)
    assert tiles.seen() == [(START_S, "NO", 10), (START_S + 5, "NO", 10)]


def test_partitions_that_were_added_count_before_anything_more_is_closed(tiles: Tiles) -> None:
    tiles.write(hashes=devices(5))
    tiles.write(hashes=devices(5), window=1)
    tiles.audit(end_ms(0) + 1, partition=0, partitions=1)
    tiles.audit(end_ms(9), partition=0, partitions=2, tile=1)
    assert tiles.seen() == [(START_S, "NO", 10)]
    tiles.audit(end_ms(1) + 1, partition=1, partitions=2)
    assert tiles.seen() == [(START_S, "NO", 10), (START_S + 5, "NO", 10)]


def test_another_generation_is_another_result(tiles: Tiles) -> None:
    tiles.write(hashes=devices(5), generation=7)
    tiles.audit(end_ms(9), generation=7)
    assert tiles.seen() == []
    tiles.write(hashes=devices(5), n=3)
    tiles.audit(end_ms(9))
    assert tiles.seen() == [(START_S, "NO", 3)]


def test_figures_are_in_the_metrics_unit(tiles: Tiles) -> None:
    tiles.write(hashes=devices(7))
    tiles.audit(end_ms(9))
    columns = "n, late_n, devices, value_mean, value_min, value_max, value_sum, good_ms, attempted_ms, good_share"
    assert tiles.seen(columns) == [(10, 0, 5, 2.0, -1.5, 4.25, 20.0, 30, 40, 0.75)]


def test_nothing_judged_has_no_share(tiles: Tiles) -> None:
    tiles.write(hashes=devices(7), good_ms=0, attempted_ms=0)
    tiles.audit(end_ms(9))
    assert tiles.seen("good_share") == [(None,)]


def test_partitions_tiles_and_late_rows_add_up(tiles: Tiles) -> None:
    tiles.write(hashes=devices(4), min=-9_000)
    tiles.write(hashes=devices(4, first=2), tile=1, hi=200)
    tiles.write(hashes=devices(2, first=10), partition=1, max=9_000)
    tiles.write(hashes=devices(4, first=1), late=1, n=2, sum=4_000)
    tiles.audit(end_ms(9))
    columns = "n, late_n, devices, value_sum, value_min, value_max, good_ms"
    assert tiles.seen(columns) == [(32, 2, 5, 64.0, -9.0, 9.0, 120)]


def test_writing_again_or_late_by_a_stalled_worker_changes_nothing(tiles: Tiles) -> None:
    tiles.write(hashes=devices(6), hi=100, n=10)
    tiles.write(hashes=devices(6), hi=200, n=25, sum=50_000)
    tiles.write(hashes=devices(6), hi=200, n=25, sum=50_000)
    tiles.write(hashes=devices(6), hi=150, n=12)
    tiles.audit(end_ms(9))
    assert tiles.seen("n, value_sum") == [(25, 50.0)]
    tiles.store.command("OPTIMIZE TABLE tiles FINAL")
    assert tiles.seen("n, value_sum") == [(25, 50.0)]


@pytest.mark.parametrize(("count", "shown"), [(4, None), (5, 5), (9, 5), (10, 10), (255, 255)])
def test_fewer_than_k_devices_are_not_published_and_counts_are_rounded_down(
    tiles: Tiles, count: int, shown: int | None
) -> None:
    tiles.write(hashes=devices(count))
    tiles.audit(end_ms(9))
    assert tiles.seen("devices") == ([] if shown is None else [(shown,)])


def test_devices_are_counted_once_over_all_rows(tiles: Tiles) -> None:
    for partition in range(4):
        tiles.write(hashes=devices(4), partition=partition)
    tiles.audit(end_ms(9))
    assert tiles.seen() == []


def test_shared_hosts_are_published_in_any_number_and_apart(tiles: Tiles) -> None:
    tiles.write(hashes=devices(1), shared=1, n=4)
    tiles.write(hashes=devices(6), shared=0, n=7)
    tiles.audit(end_ms(9))
    assert tiles.seen("shared, devices, n") == [(0, 5, 7), (1, 0, 4)]


@pytest.mark.parametrize("count", [300, 3_000, 40_000])
def test_many_devices_are_estimated(tiles: Tiles, count: int) -> None:
    every = devices(count)
    chance = random.Random(count)
    for partition in range(4):
        some = sorted(chance.sample(every, count // 2))
        tiles.write(hashes=some, partition=partition)
    tiles.write(hashes=every, partition=4)
    tiles.audit(end_ms(9))
    [(shown,)] = tiles.seen("devices")
    assert shown % 5 == 0
    assert abs(shown - count) < 0.2 * count


def test_quantiles_are_those_of_all_readings_together(tiles: Tiles) -> None:
    parts = [([-65, 1, 577], [2, 50, 40]), ([1, 900], [5, 3])]
    for tile, (buckets, counts) in enumerate(parts):
        tiles.write(
            hashes=devices(6), tile=tile, n=sum(counts), min=-2, max=30_000, hist_bucket=buckets, hist_count=counts
        )  # fmt: skip
    tiles.audit(end_ms(9))
    known = [quantile([-65, 1, 577, 900], [2, 55, 40, 3], percent) for percent in (50, 90, 95, 99)]
    expected = [tuple(value / 1000 for value in known if value is not None)]
    assert tiles.seen("p50, p90, p95, p99") == expected
    period = f"metric = 'wait', from = {START_S}, to = {START_S + 3600}"
    for call in (f"telemetry_over(grid = '60s', {period}, slice = map('country', 'NO'))",
                 f"telemetry_by(grid = '60s', {period}, by = ['country', 'service'])"):  # fmt: skip
        view = f"{public_of(tiles.store.address.database)}.{call}"
        assert tiles.store.ask(f"SELECT p50, p90, p95, p99 FROM {view}") == expected
        [(windows, n, mean, share)] = tiles.store.ask(f"SELECT windows, n, value_mean, good_share FROM {view}")
        assert (windows, n, mean, share) == (1, 100, 2 * 20_000 / 1000 / 100, 0.75)


def test_a_question_for_one_slice_reads_only_that(tiles: Tiles) -> None:
    for country in ("NO", "SE", "DK"):
        tiles.write(hashes=devices(6), country=country)
    tiles.audit(end_ms(9))
    view = f"{public_of(tiles.store.address.database)}.telemetry"
    where = f"country = 'SE' AND metric = 'wait' AND window_start >= toDateTime({START_S})"
    assert tiles.store.ask(f"SELECT country, n FROM {view} WHERE {where}") == [("SE", 10)]


def test_quality_adds_up_what_came_in(tiles: Tiles) -> None:
    tiles.audit(end_ms(0), tile=0, hi=50)
    tiles.audit(end_ms(0), tile=0, hi=100)
    tiles.audit(end_ms(1), tile=1, hi=200)
    tiles.audit(end_ms(1), generation=7)
    columns = ("topic", "incarnation", "partition", "offset", "recorded_at", "reason", "raw")
    rejects = [("telemetry", NEW, 0, offset, end_ms(0), f"$.{name}: missing", b"") for offset, name in enumerate("aab")]
    tiles.store.insert_rows("quarantine", columns, [*rejects, rejects[0]])
    view = f"{public_of(tiles.store.address.database)}.data_quality"
    counted = tiles.store.ask(
        f"SELECT lane, measure, reason, value FROM {view} WHERE measure != 'age_s' ORDER BY measure, reason"
    )
    sums = {"duplicate": 2, "events": 20, "invalid": 2, "late": 4, "overflow": 6}
    quarantined = [("telemetry", "quarantined", "$.a: missing", 2), ("telemetry", "quarantined", "$.b: missing", 1)]
    rest = [("telemetry", "tick", "", 4), ("telemetry", "valid", "", 12)]
    assert counted == [*(("telemetry", name, "", value) for name, value in sums.items()), *quarantined, *rest]
    [(as_of, age_s)] = tiles.store.ask(
        f"SELECT toUnixTimestamp64Milli(as_of), value FROM {view} WHERE lane = 'telemetry' AND measure = 'age_s'"
    )
    assert as_of == end_ms(1) - GRACE_MS
    assert age_s > 0
