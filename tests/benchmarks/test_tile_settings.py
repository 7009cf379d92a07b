"""What the table about tiles rests on: rows are counted right, and they grow as they should."""

from dataclasses import replace

from benchmarks.pacer import templates
from benchmarks.tile_settings import HORIZONS, PARTITIONS, SHAPES, TILE_SIZES, Setting, as_json, lines, measure

KEYS = 1_000
SETTING = Setting(keys=KEYS, tile_size=2_048, flush_ms=1_000, events=4 * PARTITIONS * 2_048)


def test_every_event_is_sent_and_larger_tiles_keep_fewer_rows() -> None:
    prepared = templates(SHAPES[KEYS], 4_000)
    small, large = (measure(replace(SETTING, tile_size=size), prepared) for size in (256, 2_048))
    rare = measure(replace(SETTING, flush_ms=5_000), prepared)
    assert 0 < large.kept < small.kept <= small.sent < 1
    assert large.kept <= rare.sent < large.sent
    assert 0.9 * KEYS < large.active <= KEYS
    assert all(point.cpu_us > 0 for point in (small, large, rare))
    page = list(lines(as_json([small, large, rare])))
    assert len(page) == 2 + 3 + 1 + 2 + len(TILE_SIZES) * len(HORIZONS)


def test_with_one_key_a_tile_is_one_row() -> None:
    ((key, template),) = templates(SHAPES[KEYS], 1)
    point = measure(SETTING, [(key, template)])
    assert point.active == 1
    assert round(point.kept * SETTING.events) == 4 * PARTITIONS  # no window ends in these few seconds
