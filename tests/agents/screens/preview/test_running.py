"""The preview as it runs: every dashboard in a real browser over a small world, and what it gives to how many."""

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from agents.links import Bases, with_links
from agents.screens.devices import NO_WINDOW, NONE_IN_RANGE
from agents.screens.macros import ALL, View, expand
from agents.screens.preview.answers import KEPT_S
from agents.screens.preview.app import MOST_LOOKS
from agents.screens.preview.shelf import FOLDER, WALL, Screen, read_shelf
from agents.screens.sample import LAPTOPS, QUEUE, TENANTS
from tests.agents.local.services import wait_until
from tests.agents.screens.chromium import Browser
from tests.agents.screens.preview import world
from tests.agents.screens.preview.conftest import Shown
from tests.agents.screens.preview.page import DRAWN_ANEW, READING, TEXTS, TILES
from tests.agents.screens.preview.reading import Moment, config_of, texts
from tests.streams.alerting import ALERT

pytestmark = pytest.mark.integration

SHELF = read_shelf(FOLDER)
WALLS = [uid for uid, screen in SHELF.items() if WALL in screen.tags]
LEAST_PX = 48
MOST_NUMBERS = 12


@dataclass(frozen=True)
class Drawn:
    """A dashboard that is open in the browser, as it was drawn first.

    Attributes:
        tiles: By the panel's id.
        first_s: From when on it may have been drawn; unix seconds.
        last_s: Until when.
    """

    screen: Screen
    tiles: dict[str, Any]
    first_s: float
    last_s: float


def look(browser: Browser, url: str) -> dict[str, Any]:
    """Open an address, wait until every question has been asked once, and return the tiles by panel id."""
    browser.open(url)
    browser.wait("document.body?.dataset.rounds >= 1")
    tiles: dict[str, Any] = browser.js(TILES)
    return tiles


@pytest.fixture(scope="module", params=sorted(SHELF))
def drawn(request: pytest.FixtureRequest, browser: Browser, shown: Shown) -> Drawn:
    """Each dashboard in turn, of the made-up organisation whose names are hostile."""
    screen = SHELF[request.param]
    browser.troubles.clear()
    browser.hosts.clear()
    kiosk = "&kiosk" if WALL in screen.tags else ""
    begun_s = time.time()
    tiles = look(browser, f"{shown.url}/d/{screen.uid}?var-tenant={quote(TENANTS[0])}{kiosk}")
    return Drawn(screen, tiles, begun_s - 1, time.time() + 1)


def rows_of(shown: Shown, screen: Screen, panel: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Ask a panel's question by another way than the preview does; return the columns and the rows."""
    at_s = int(time.time())
    chosen = {"tenant": TENANTS[0], "target": QUEUE, "by": "country"}
    values = {variable["name"]: chosen.get(variable["name"], ALL) for variable in screen.variables()}
    number, unit = int(screen.since[4:-1]), {"h": 3600, "d": 86_400}[screen.since[-1]]
    view = View(start_s=at_s - number * unit, end_s=at_s + 5, interval_s=300, chosen=values)
    found = shown.reader.query(expand(panel["targets"][0]["rawSql"], view))
    return list(found.column_names), [tuple(row) for row in found.result_rows]


def test_every_dashboard_is_drawn_without_a_complaint(drawn: Drawn, browser: Browser, shown: Shown) -> None:
    tiles = drawn.tiles
    asked = {str(panel["id"]) for panel in drawn.screen.model["panels"] if _asks_clickhouse(panel)}
    assert [tiles[number]["text"] for number in asked if tiles[number]["failed"]] == []
    assert all("another data source" in tile["text"] for number, tile in tiles.items() if number not in asked)
    assert browser.troubles == []
    assert browser.hosts == {shown.url.removeprefix("http://")}
    if WALL in drawn.screen.tags:
        assert_readable_from_five_metres(browser)


def assert_readable_from_five_metres(browser: Browser) -> None:
    texts = browser.js(TEXTS)
    assert texts
    assert [one for one in texts if one["px"] < LEAST_PX or one["cut"]] == []
    assert browser.js("document.documentElement.scrollHeight <= innerHeight")
    assert sum(len(re.findall(r"\d+(?:\.\d+)?", one["text"])) for one in texts) <= MOST_NUMBERS


def _asks_clickhouse(panel: dict[str, Any]) -> bool:
    return all("rawSql" in target for target in panel.get("targets", []))


def test_figures_are_those_of_sql(drawn: Drawn, shown: Shown) -> None:
    """Every stat and every cell of every table, asked and written by another way."""
    wrong = []
    for panel in drawn.screen.model["panels"]:
        if not _asks_clickhouse(panel) or panel["type"] not in ("stat", "table"):
            continue
        columns, rows = rows_of(shown, drawn.screen, panel)
        # The preview keeps an answer for a while: a figure may be older than the page.
        moment = Moment(drawn.first_s - KEPT_S, drawn.last_s, time.time())
        wanted = [
            [texts(value, config_of(panel, name), moment) for name, value in zip(columns, row, strict=True)]
            for row in rows
        ]
        seen = _seen(drawn.tiles[str(panel["id"])], panel)
        if len(seen) != len(wanted) or not all(map(_is_as_wanted, seen, wanted)):
            wrong.append((panel["title"], seen, wanted))
    assert wrong == []
    if drawn.screen.uid == "xpulse-targets":  # the other way could be wrong as well: what the sample was made with
        (table,) = [tile for tile in drawn.tiles.values() if tile["head"][:1] == ["Target"]]
        assert [row[:9] for row in table["rows"]] == [
            [QUEUE, "60.0", "41.3", "35 to 47.8", "400", "✘ missed", "30.5", "↘ down", "▲ drifting"],
            [LAPTOPS, "99.0", "99.5", "", "400", "✔ met", "30.5", "↘ down", "– steady"],
        ]


def _seen(tile: dict[str, Any], panel: dict[str, Any]) -> list[list[str]]:
    """Return the texts of a tile as rows of an answer."""
    if panel["type"] == "table":
        assert tile["rows"] or tile["text"] == panel["fieldConfig"]["defaults"]["noValue"]
        return list(tile["rows"])
    if tile["names"]:
        return [list(pair) for pair in zip(tile["names"], tile["values"], strict=True)]
    return [[value] for value in tile["values"]]


def _is_as_wanted(seen: list[str], wanted: list[set[str]]) -> bool:
    return len(seen) == len(wanted) and all(text in allowed for text, allowed in zip(seen, wanted, strict=True))


def test_what_cannot_be_drawn_says_so(browser: Browser, shown: Shown) -> None:
    tiles = look(browser, f"{shown.url}/d/odd")
    assert "cannot draw a panel of type piechart" in tiles["1"]["text"]
    assert "another data source" in tiles["2"]["text"]
    assert tiles["3"]["text"].strip() == "ClickHouse error 47"
    choices = browser.js("document.getElementById('variables').innerText")
    assert "variable free is of type textbox; the preview knows" in choices
    assert "variable job is of type query; the preview knows queries of ClickHouse" in choices


def test_what_is_empty_says_why(browser: Browser, shown: Shown) -> None:
    tiles = look(browser, f"{shown.url}/d/xpulse-devices")
    said = {
        panel["title"]: tiles[str(panel["id"])]["text"].split() for panel in SHELF["xpulse-devices"].model["panels"]
    }
    for words, titles in (
        (
            NO_WINDOW,
            (
                "Good time of applications",
                "Good time of devices",
                "Crashes of applications",
                "Crashes of devices",
                "Start-up time",
            ),
        ),
        (NONE_IN_RANGE, ("Worst applications", "Worst models", "Good time")),
    ):
        assert [title for title, text in said.items() if text == words.split()] == list(titles)


def test_bars_states_and_words_are_drawn(browser: Browser, shown: Shown) -> None:
    tiles = look(browser, f"{shown.url}/d/odd")
    assert tiles["4"]["text"].split() == ["NO", "20%", "DE", "60%"]
    bars = "[...document.querySelectorAll('.filled')].map((one) => [one.style.width, one.style.backgroundColor])"
    assert browser.js(bars) == [["25%", "rgb(0, 114, 178)"], ["75%", "rgb(213, 94, 0)"]]
    blocks = "[...document.querySelectorAll('.block')].map((one) => [one.innerText, one.style.left, one.style.width])"
    assert browser.js(blocks) == [["✔ met", "25%", "50%"], ["✘ missed", "75%", "25%"]]
    assert tiles["5"]["text"].startswith("NO")
    assert browser.js("document.querySelector('.prose').innerHTML") == (
        "<h2>Head</h2><p>say <strong>it</strong> &lt;b&gt;so&lt;/b&gt;</p><ul><li>one</li><li>two</li></ul>"
    )


def test_an_address_cannot_choose_what_is_not_on_offer(browser: Browser, shown: Shown) -> None:
    foreign = quote("' OR 1 = 1 --")
    tiles = look(browser, f"{shown.url}/d/xpulse-targets?var-tenant={foreign}&var-target={foreign}")
    assert browser.js("document.querySelector('[data-variable=tenant]').value") == world.TENANT
    assert "1 of 2" in [value for tile in tiles.values() for value in tile["values"]]


def test_the_link_of_an_alert_opens_its_target(browser: Browser, shown: Shown) -> None:
    now_ms = int(time.time() * 1000)
    told = msgspec.structs.replace(ALERT, tenant=world.TENANT, target=world.CRM, started_at_ms=now_ms, at_ms=now_ms)
    link = with_links(told, Bases(screens=shown.url)).link
    tiles = look(browser, link)
    assert browser.js("document.querySelector('[data-variable=target]').value") == world.CRM
    assert tiles["1"]["values"] == ["✔ met"]
    begin = browser.js("Number(document.getElementById('range').value)")
    assert begin == now_ms - 3_600_000


def test_keys_move_through_the_screens(browser: Browser, shown: Shown) -> None:
    order = [entry["uid"] for entry in httpx.get(f"{shown.url}/api/screens", timeout=20).json()]
    ring = [uid for uid in order if uid in WALLS] or order
    look(browser, f"{shown.url}/")
    place = "location.pathname.slice(3)"
    assert browser.js(place) == ring[0]
    for key, uid in (("ArrowRight", ring[1]), ("ArrowLeft", ring[0]), ("ArrowLeft", ring[-1])):
        browser.press(key)
        browser.wait(f"{place} === {uid!r} && document.querySelector('section.tile')")
    browser.press(" ")
    assert browser.js("location.search.includes('playlist')")
    browser.press(" ")
    assert not browser.js("location.search.includes('playlist')")
    browser.press("k")
    assert browser.js("document.querySelector('header').checkVisibility()") is False
    browser.press("?")
    assert browser.js("document.getElementById('keys').open")
    browser.press("Escape")
    assert not browser.js("document.getElementById('keys').open")


def test_the_playlist_goes_on_and_silence_is_said(browser: Browser, shown: Shown) -> None:
    first, second = [uid for uid in SHELF if uid in WALLS][:2]
    later = "Date.now = ((now) => () => now() + 31_000)(Date.now)"
    look(browser, f"{shown.url}/d/{first}?kiosk")
    browser.js(later)
    browser.wait("document.getElementById('banner').checkVisibility()", within_s=20)
    assert browser.js("document.getElementById('banner').innerText").startswith("STALE: nothing new for 3")
    look(browser, f"{shown.url}/d/{first}?kiosk&playlist")
    browser.js(later)
    browser.wait(f"location.pathname === '/d/{second}'", within_s=20)


def test_a_drift_turns_its_tile_within_fifteen_seconds(browser: Browser, shown: Shown) -> None:
    titles = {panel["title"]: panel["id"] for panel in SHELF["xpulse-targets"].model["panels"]}
    look(browser, f"{shown.url}/d/xpulse-targets")
    drifting = f"document.querySelector('[data-panel=\"{titles['Targets drifting']}\"] .value')"
    assert browser.js(f"{drifting}.innerText") == "0"
    before = browser.js(f"getComputedStyle({drifting}).color")
    world.drift(shown.writer)
    assert browser.wait(f"{drifting}.innerText === '1'", within_s=15) < 15
    assert browser.js(f"getComputedStyle({drifting}).color") != before
    browser.wait("document.querySelector('tbody tr').innerText.includes('▲ drifting')")
    assert browser.js("document.querySelector('tbody td').innerText") == world.MAIL


def test_a_reader_keeps_the_focus_the_selection_and_the_place(browser: Browser, shown: Shown) -> None:
    look(browser, f"{shown.url}/d/odd")
    told = browser.js(READING)
    assert told["steps"] == [
        ["/d/b", "b 2", "a 1 b 2 c 3", True],
        ["/d/b", "b 2", "new 0 b 2 c 4", True],
        ["/d/b", "b 2", "c 4 b 2 a 1", True],
        ["/d/b", "b 9", "b 9", True],
        [None, "", "d 0", False],
    ]
    assert told["top"] >= 20


def test_drawing_the_same_again_touches_no_row(browser: Browser, shown: Shown) -> None:
    look(browser, f"{shown.url}/d/xpulse-targets")
    assert browser.js(DRAWN_ANEW) == 0
    assert browser.js("document.activeElement.innerText") == world.MAIL


def test_streams_are_bounded_and_given_back(shown: Shown) -> None:
    url = f"{shown.url}/api/screens/odd/stream"
    with ExitStack() as stack, httpx.Client(timeout=20) as opened:
        looks = [stack.enter_context(opened.stream("GET", url)) for _ in range(MOST_LOOKS + 1)]
        streams = [look.iter_lines() for look in looks if look.status_code == 200]
        assert {next(stream) for stream in streams} == {"event: span"}
        assert looks[-1].status_code == 503
        assert not _is_let_in(url)
    wait_until(lambda: _is_let_in(url), "a place that was given back")


def _is_let_in(url: str) -> bool:
    with httpx.stream("GET", url, timeout=20) as stream:
        assert stream.status_code in (200, 503)
        return stream.status_code == 200
