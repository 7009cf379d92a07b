"""Links of an alert: exactly what is configured, and nothing that a name could bend."""

from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import pytest

from agents.links import Bases, with_links
from streams.errors import ConfigError
from tests.streams.alerting import ALERT

BASES = Bases(screens="https://screens.example/grafana", alertmanager="https://alerts.example")


def test_without_addresses_there_are_no_links() -> None:
    plain = with_links(ALERT, Bases())
    assert (plain.link, plain.silence_link) == ("", "")


def test_the_screen_is_that_of_the_target_from_the_change_on() -> None:
    link = urlsplit(with_links(msgspec.structs.replace(ALERT, since_ms=1_772_000_000_000), BASES).link)
    assert (link.netloc, link.path) == ("screens.example", "/grafana/d/xpulse-targets")
    assert parse_qs(link.query) == {
        "var-tenant": ["acme"], "var-target": ["happiness-by-country/country=NO"], "from": ["1772000000000"],
    }  # fmt: skip


def test_a_link_that_would_be_cut_is_left_out() -> None:
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
