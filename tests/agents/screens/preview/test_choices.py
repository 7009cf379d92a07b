"""What a person may look at: ranges and values out of those on offer."""

import pytest

from agents.screens.macros import ALL
from agents.screens.preview.choices import Wish, fixed_options, offer, time_range
from streams.errors import ConfigError

NOW_S = 1_000_000_003.2


@pytest.mark.parametrize(
    ("since", "until", "length_s", "interval_s"),
    [
        ("now-5m", "now", 300, 1),
        ("now-6h", "now", 21_600, 120),
        ("now-30d", "now", 2_592_000, 10_800),
        ("now-2h", "now-1h", 3_600, 15),
        ("1000000000000", "1000000060000", 60, 1),
    ],
)
def test_ranges_are_read_as_grafana_writes_them(since: str, until: str, length_s: int, interval_s: int) -> None:
    found = time_range(Wish(since=since, until=until), NOW_S)
    assert (found.end_s - found.start_s, found.interval_s) == (length_s, interval_s)


def test_a_range_ends_on_the_next_multiple_so_that_all_ask_the_same() -> None:
    ends = {time_range(Wish(since="now-5m"), 1_000_000_000 + ahead).end_s for ahead in (0.1, 2.0, 4.9, 5.0)}
    assert ends == {1_000_000_005}


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [
        ("yesterday", "now", "from is 'yesterday'; allowed: now, now-15m"),
        ("now-1h", "now+1h", "to is 'now[+]1h'"),
        ("now-1h' OR 1", "now", "allowed"),
        ("now-1h", "now-2h", "ends before it starts"),
        ("now-99999d", "now", "allowed"),
    ],
)
def test_other_ranges_are_refused(since: str, until: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        time_range(Wish(since=since, until=until), NOW_S)


OPTIONS = [("Acme", "acme"), ("d'Arc", "d'Arc")]


@pytest.mark.parametrize(
    ("variable", "wished", "chosen"),
    [
        ({}, ["d'Arc"], ("d'Arc",)),
        ({}, ["' OR 1=1"], ("acme",)),
        ({}, ["d'Arc", "acme"], ("d'Arc",)),
        ({"multi": True}, ["acme", "d'Arc", "x"], ("acme", "d'Arc")),
        ({"multi": True, "includeAll": True}, [], (ALL,)),
        ({"current": {"value": "d'Arc"}}, [], ("d'Arc",)),
        ({"current": {"value": "gone"}}, [], ("acme",)),
        ({"multi": True, "includeAll": True, "current": {"value": [ALL]}}, ["acme"], ("acme",)),
    ],
)
def test_only_what_is_on_offer_is_chosen(
    variable: dict[str, object], wished: list[str], chosen: tuple[str, ...]
) -> None:
    assert offer({"name": "tenant", **variable}, OPTIONS, wished).chosen == chosen


def test_nothing_on_offer_is_nothing_chosen() -> None:
    assert offer({"name": "tenant"}, [], ["acme"]).chosen == ()


@pytest.mark.parametrize(
    ("kind", "text", "options"),
    [
        ("custom", "country, Service : service", [("country", "country"), ("Service", "service")]),
        ("constant", "a, b", [("a, b", "a, b")]),
    ],
)
def test_lists_are_read(kind: str, text: str, options: list[tuple[str, str]]) -> None:
    assert fixed_options({"name": "by", "type": kind, "query": text}) == options


def test_other_kinds_of_variables_are_named() -> None:
    with pytest.raises(
        ConfigError, match="variable by is of type textbox; the preview knows queries of ClickHouse, custom"
    ):
        fixed_options({"name": "by", "type": "textbox"})
