"""The ways to group a tile give the same; the stages of the fold add up to the whole."""

import numpy as np
import pytest

from benchmarks import columns, stages
from benchmarks.grouping import as_answer, tile
from benchmarks.services import BenchmarkError
from streams.aggregates import MAX_DEVICES, aggregate
from streams.profile import STANDARD


@pytest.mark.parametrize("groups", [1, 7, 300])
def test_plain_python_and_numpy_group_a_tile_the_same(groups: int) -> None:
    readings = tile(groups, readings=2_000)
    ours = aggregate(readings)
    assert len(ours) == groups
    columns.check("plain", columns.as_columns(columns.per_event(columns._as_events(readings))), as_answer(ours))


def test_no_row_of_a_measured_tile_is_cut_to_its_smallest_devices() -> None:
    assert all(aggregate(tile(groups)).device_length.max() < MAX_DEVICES for groups in columns.GROUPS)


def test_a_column_that_differs_is_named() -> None:
    expected = as_answer(aggregate(tile(7, readings=100)))
    found = {**expected, "minimum": expected["minimum"] - 1, "device": np.append(expected["device"], 1)}
    with pytest.raises(BenchmarkError, match="slow: other values in minimum, device"):
        columns.check("slow", found, expected)


def test_the_stages_of_the_fold_are_its_whole() -> None:
    us = stages.costs(2 * STANDARD.tile_size)
    assert list(us) == [*stages.STAGES, "the rest", stages.ALL]
    assert all(cost > 0 for cost in us.values())
    assert us[stages.ALL] == pytest.approx(sum(us.values()) - us[stages.ALL])
    assert us["the rest"] < us[stages.ALL] / 2
