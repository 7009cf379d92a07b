"""What a setting may be, and what a wrong one is told."""

import pytest

from agents.settings import Settings, read_settings
from streams.errors import ConfigError


@pytest.mark.parametrize("name", ["XPULSE_LEAVES_GROUP", "XPULSE_WEBHOOK_MAY_BE_LOCAL"])
@pytest.mark.parametrize("value", ["Yes", "true", "1", ""])
def test_what_is_yes_or_no_is_nothing_else(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is '{value}'; allowed: yes, no$"):
        read_settings({name: value})


@pytest.mark.parametrize("value", ["-1", "65536", "http", ""])
def test_a_port_is_a_port(value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^XPULSE_GATEWAY_PORT is '{value}'; allowed: 0 to 65535$"):
        read_settings({"XPULSE_GATEWAY_PORT": value})


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"^unknown setting XPULSE_BROKER; allowed: XPULSE_PROFILE, .*XPULSE_BROKERS"):
        read_settings({"XPULSE_BROKER": "kafka:9092"})


def test_another_process_gets_the_same_settings() -> None:
    given = Settings(leaves_group="no", gateway_port=1, brokers="one:9092,two:9092", generation=7)
    assert read_settings(given.environment()) == given
