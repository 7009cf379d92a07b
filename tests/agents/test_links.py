"""Links of an alert: exactly what is configured, and nothing that a name could bend."""

from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import pytest

from agents.links import SCREEN, Bases, with_links
from agents.screens.preview.shelf import FOLDER, read_shelf
from streams.errors import ConfigError
from tests.streams.alerting import ALERT

BASES = Bases(screens="https://screens.example/grafana", alertmanager="https://alerts.example")
HOUR_MS = 3_600_000


def test_without_addresses_there_are_no_links() -> None:
    plain = with_links(ALERT, Bases())
    assert (plain.link, plain.silence_link) == ("", "")


CHANGED_MS = ALERT.started_at_ms - 2 * HOUR_MS


@pytest.mark.parametrize(
    ("since_ms", "at_ms", "begin_ms"),
    [
        (CHANGED_MS, CHANGED_MS + 5 * HOUR_MS, CHANGED_MS - 5 * HOUR_MS),
        (CHANGED_MS, CHANGED_MS + 60_000, CHANGED_MS - HOUR_MS),
        (0, ALERT.started_at_ms, ALERT.started_at_ms - HOUR_MS),
    ],
    ids=["as long before as after", "an hour at least", "a change of unknown time"],
)
def test_the_screen_is_that_of_the_target_from_before_the_change(since_ms: int, at_ms: int, begin_ms: int) -> None:
    link = urlsplit(with_links(msgspec.structs.replace(ALERT, since_ms=since_ms, at_ms=at_ms), BASES).link)
    assert (link.netloc, link.path) == ("screens.example", "/grafana/d/xpulse-target")
    assert parse_qs(link.query) == {
        "var-tenant": ["acme"], "var-target": [ALERT.target], "from": [str(begin_ms)], "to": ["now"],
    }  # fmt: skip


@pytest.mark.parametrize("tenant", ["o'Neill [x] <b>&amp;</b>", "a=b#c?d+e f", "søvik, 100 %"])
def test_no_name_bends_the_address(tenant: str) -> None:
    link = with_links(msgspec.structs.replace(ALERT, tenant=tenant), BASES).link
    assert parse_qs(urlsplit(link).query)["var-tenant"] == [tenant]


def test_the_screen_is_one_that_there_is_with_these_variables() -> None:
    screen = read_shelf(FOLDER)[SCREEN.removeprefix("d/")]
    assert [variable["name"] for variable in screen.variables()] == ["tenant", "target"]


def test_a_link_that_would_be_cut_has_no_range_or_is_left_out() -> None:
    long = msgspec.structs.replace(ALERT, target="t" * 110)
    assert with_links(long, BASES).link == f"{BASES.screens}/{SCREEN}?var-tenant=acme&var-target={long.target}"
    assert with_links(msgspec.structs.replace(ALERT, target="t" * 200), BASES).link == ""


@pytest.mark.parametrize("target", ["happy/country=NO", 'a"}&x=1#y', "back\\slash"])
def test_the_silence_matches_the_labels_whatever_the_name(target: str) -> None:
    link = with_links(msgspec.structs.replace(ALERT, target=target), BASES).silence_link
    before, _, wanted = link.partition("filter=")
    assert before == "https://alerts.example/#/silences/new?"
    assert not set(wanted) & set('"{}&#\\')
    escaped = target.replace("\\", "\\\\").replace('"', '\\"')
    assert unquote(wanted) == f'{{tenant="acme",target="{escaped}",detector="e-detector"}}'


def test_a_slash_at_the_end_is_nothing() -> None:
    slashed = Bases(screens=f"{BASES.screens}/", alertmanager=f"{BASES.alertmanager}/")
    assert with_links(ALERT, slashed) == with_links(ALERT, BASES)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"screens\.example.*allowed: http"):
        Bases(screens="screens.example")
