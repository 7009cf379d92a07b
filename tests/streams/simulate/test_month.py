"""A simulated month: its windows are what the fold makes of their readings, and its stories are where they say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.aggregates import Groups, Readings, aggregate, device_hash
from streams.catalogue import parse_catalogue
from streams.codecs import encode_json
from streams.errors import ConfigError
from streams.fold import PartitionFold
from streams.keys import Keys
from streams.simulate.month import BAD, DAY_S, Month, stories
from streams.simulate.month_cells import READINGS, build_cells
from streams.simulate.month_keys import KeyGroup, build_groups
from streams.simulate.month_readings import readings
from streams.simulate.month_windows import (
    QUARTER_S,
    Course,
    Windows,
    aggregates,
    base_windows,
    days,
    minutes,
    quarters,
)
from streams.simulate.organisation import Size, build_organisation
from streams.tiles import Rules

START_S = 1_780_012_800
SIZE = Size(
    countries=3, sites=6, business_units=4, services=4, applications=6, people=600, devices=400, shared_devices=20,
    skew=0.4,
)  # fmt: skip
MONTH = Month(tenant="acme", seed=3, end_s=START_S + 4 * DAY_S, days=4, size=SIZE)
ORGANISATION = build_organisation("acme", SIZE, 3)
CATALOGUE = parse_catalogue(Path("infra/metrics.yaml").read_text(encoding="utf-8"), source="metrics.yaml")
GROUPS = build_groups(ORGANISATION, CATALOGUE, 250, 3)
EFFECTS = [effect for story in stories(MONTH, ORGANISATION) for effect in story.effects]
COURSE = Course(3, MONTH.start_s, ORGANISATION.countries, EFFECTS, build_cells(3))
RULES = Rules(tile_size=65_536, horizon=1, window_ms=60_000, grace_ms=300_000, max_keys=5_000)
FIGURES = ("window", "n", "minimum", "maximum", "good", "attempted", "bucket", "bucket_count", "bucket_length",
           "device", "device_length")  # fmt: skip


def folded(group: KeyGroup, windows: Windows, window_s: int) -> Groups:
    """What the real fold makes of the readings, in the order of windows and keys."""
    events = list(readings("acme", group, windows))
    keys = Keys(CATALOGUE)
    fold = PartitionFold(replace(RULES, window_ms=window_s * 1000), keys, None)
    end_ms = 1000 * (windows.first_s + 600)
    fold.push(0, [encode_json(event) for event in events], [min(event.event_time_ms, end_ms) for event in events])
    [rows] = fold.changes()
    assert rows.groups is not None
    assert [(key.dimensions, key.shared) for key in keys.keys] == list(group.keys)
    return rows.groups


def assert_same(found: Groups, expected: Groups) -> None:
    for name in FIGURES:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    for name in ("total", "squares"):
        for half, other in zip(getattr(found, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(half, other, name)


@settings(max_examples=15)
@given(group=st.sampled_from(GROUPS), hour=st.integers(0, 95), first=st.integers(0, 57))
def test_windows_are_what_the_fold_makes_of_their_readings(group: KeyGroup, hour: int, first: int) -> None:
    words, masks = minutes(group, COURSE, START_S + hour * 3600, START_S + (hour + 1) * 3600)
    part = slice(first, first + 3)
    windows = base_windows(group, words[part], masks[part], START_S + hour * 3600 + first * 60)
    assert_same(aggregates(group, windows), folded(group, windows, 60))


@settings(max_examples=6)
@given(group=st.sampled_from(GROUPS), hour=st.integers(0, 95))
def test_quarters_are_what_the_fold_would_make_of_the_readings_of_all_their_windows(group: KeyGroup, hour: int) -> None:
    at_s = START_S + hour * 3600
    words, masks = minutes(group, COURSE, at_s, at_s + QUARTER_S)
    merged = aggregates(group, quarters(group, words, masks, at_s))
    assert_same(merged, folded(group, base_windows(group, words, masks, at_s), QUARTER_S))


@pytest.mark.parametrize("group", [GROUPS[0], GROUPS[-1]], ids=["first", "last"])
def test_a_day_is_what_a_plain_aggregation_of_all_readings_gives(group: KeyGroup) -> None:
    one = _first_key(group)
    words, masks = minutes(one, COURSE, START_S, START_S + DAY_S)
    found = aggregates(one, days(quarters(one, words, masks, START_S)))
    events = list(readings("acme", one, base_windows(one, words, masks, START_S)))
    value = np.array([round(event.value * 1000) for event in events], np.int64)
    good = one.good[0][np.searchsorted(one.values[0], value)]
    nought = np.zeros(len(events), np.int64)
    device = np.array([device_hash(event.device) for event in events], np.int64)
    attempted = np.full(len(events), one.covers_ms, np.int64)
    expected = aggregate(
        Readings(nought, nought + START_S // DAY_S, nought, value, device, np.where(good, attempted, 0), attempted)
    )
    assert_same(found, expected)


def _first_key(group: KeyGroup) -> KeyGroup:
    return replace(
        group, keys=group.keys[:1], values=group.values[:1], buckets=group.buckets[:1], good=group.good[:1],
        hashes=group.hashes[:1], names=group.names[:1], panel=group.panel[:1], place=group.place[:1],
    )  # fmt: skip


def test_any_part_of_a_month_is_drawn_alike() -> None:
    whole, _ = minutes(GROUPS[0], COURSE, START_S, START_S + DAY_S)
    part, _ = minutes(GROUPS[0], COURSE, START_S + 7200, START_S + 9000)
    np.testing.assert_array_equal(whole[120:150], part)


def test_keys_are_different_bounded_and_in_order() -> None:
    keys = [(group.metric, *key) for group in GROUPS for key in group.keys]
    assert len(keys) == len(set(keys)) == 250
    assert all(list(group.keys) == sorted(group.keys) for group in GROUPS)
    assert all((np.diff(group.values, axis=1) >= 0).all() for group in GROUPS)
    assert all((np.diff(group.buckets, axis=1) > 0).all() for group in GROUPS)
    with pytest.raises(ConfigError, match=r"keys is 100000; allowed: 1 to \d+"):
        build_groups(ORGANISATION, CATALOGUE, 100_000, 3)


def test_a_busy_hour_has_more_readings_than_a_night() -> None:
    words, masks = minutes(GROUPS[0], COURSE, START_S, START_S + DAY_S)
    n = base_windows(GROUPS[0], words, masks, START_S).counts.sum(axis=(1, 2))
    assert n.max() > 1.5 * n.min()
    assert n.max() <= max(READINGS[0]) * len(GROUPS[0])


def test_a_rollout_is_seen_where_and_while_it_lasts() -> None:
    story = stories(MONTH, ORGANISATION)[0]
    [effect] = story.effects
    assert effect.condition == BAD
    group = next(group for group in GROUPS if group.metric == effect.metrics[0])
    here = group.where(effect.where)
    at_s = int(MONTH.start_s + effect.from_s) // 3600 * 3600 + 3600
    words, masks = minutes(group, COURSE, at_s, at_s + 3600)
    counts = base_windows(group, words, masks, at_s).counts.astype(int)
    good = (counts * group.good).sum(axis=(0, 2)) / counts.sum(axis=(0, 2))
    assert good[here].max() < 0.85
    assert np.delete(good, here).min() > 0.95


def test_stories_lie_within_the_month_and_their_places_exist() -> None:
    for story in stories(MONTH, ORGANISATION):
        assert 0 <= story.from_s <= MONTH.end_s - MONTH.start_s
        assert story.where.get("application", "crm") in ORGANISATION.applications
        assert story.where.get("site", next(iter(ORGANISATION.sites))) in ORGANISATION.sites
    assert stories(MONTH, ORGANISATION) == stories(MONTH, ORGANISATION)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"days": 0}, "days is 0; allowed: 1 to 90"), ({"end_s": 61}, "end_s is 61"), ({"keys": 0}, "keys is 0")],
)
def test_a_month_that_cannot_be_is_refused(wrong: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(MONTH, **wrong)  # type: ignore[arg-type]


def test_the_last_day_may_be_under_way() -> None:
    month = replace(MONTH, end_s=START_S + 4 * DAY_S + 600)
    assert (month.start_s, month.tail_s) == (START_S + DAY_S, START_S + 4 * DAY_S)
    assert (MONTH.start_s, MONTH.tail_s) == (START_S, MONTH.end_s)
