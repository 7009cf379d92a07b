"""What a setting may be, and what a wrong one is told."""

import pytest
from typer.testing import CliRunner

from agents.cli import app
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


def printed(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["settings"], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_what_the_command_prints_gives_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(monkeypatch, XPULSE_LEAVES_GROUP="no", XPULSE_GATEWAY_PORT="9", XPULSE_CATALOGUE_FILE="/my metrics")
    assert "(default: 8080)\nXPULSE_GATEWAY_PORT=9\n" in said
    lines = [line for line in said.splitlines() if not line.startswith("#")]
    found = dict(line.split("=", 1) for line in lines)
    assert read_settings(found) == Settings(leaves_group="no", gateway_port=9, catalogue_file="/my metrics")


def test_the_command_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(monkeypatch, XPULSE_WEBHOOK_URL="https://chat.example/hooks/s3cr3t")
    assert "s3cr3t" not in said
    assert "# XPULSE_WEBHOOK_URL=(set, not shown)" in said


def test_the_command_refuses_what_a_process_would(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="XPULSE_PROFILE is 'fast'; allowed: standard, demo"):
        printed(monkeypatch, XPULSE_PROFILE="fast")
