"""The settings of every process, read once at its start from `XPULSE_*` environment variables.

Each setting declares its default and its meaning here; `xpulse settings` prints this list. Defaults suit a laptop:
loopback addresses and a per-user data folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from streams.errors import ConfigError
from streams.profile import PROFILES, Profile

PREFIX = "XPULSE_"
ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds `infra/`, `schemas/` and `grafana/`: a checkout, or the container's application folder."""
LARGEST_GENERATION = 65_535


def _setting(default: Any, meaning: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"help": meaning, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Addresses, files and the time profile of one process."""

    profile: str = _setting("standard", "time scales: standard or demo")
    generation: int = _setting(0, "generation of the fold; 0 = the one in force in the warehouse")
    brokers: str = _setting("127.0.0.1:9092", "Kafka brokers, host:port[,host:port…]")
    group_prefix: str = _setting("xpulse", "first part of every consumer group's name")
    leaves_group: str = _setting(
        "yes", "a worker that is asked to end leaves its group at once; no = the group finds out after 6 s"
    )
    clickhouse_host: str = _setting("127.0.0.1", "ClickHouse host, HTTP interface")
    clickhouse_port: int = _setting(8123, "ClickHouse port, HTTP interface")
    clickhouse_database: str = _setting("xpulse", "restricted database; readers use the one with _pub added")
    clickhouse_user: str = _setting("xpulse", "ClickHouse user that writes")
    clickhouse_password_file: str = _setting("", "file that holds that user's password; empty = none")
    gateway_host: str = _setting("127.0.0.1", "address on which the gateway listens")
    gateway_port: int = _setting(8080, "port on which the gateway listens")
    metrics_host: str = _setting("127.0.0.1", "address on which a process serves its own metrics")
    metrics_port: int = _setting(0, "port on which a process serves its own metrics; 0 = none")
    data_dir: str = _setting("", "folder for working files; empty = the per-user state folder")
    key_file: str = _setting("", "file that holds the key of the pseudonyms")
    directory_dir: str = _setting("", "folder of the loaded directories")
    catalogue_file: str = _setting(str(ROOT / "infra" / "metrics.yaml"), "metric catalogue")
    release_file: str = _setting(
        str(ROOT / "infra" / "release.yaml"), "release rules of single tenants: k, epoch and levels"
    )
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    log_format: str = _setting("text", "text for people, json for collectors")
    screens_url: str = _setting("", "address of Grafana for people's browsers, in the links of alerts; empty = no link")
    silences_url: str = _setting("", "address of Alertmanager's pages for the same; empty = no link")
    webhook_url: str = _setting("", "address that receives alerts; empty = none", secret=True)
    webhook_may_be_local: str = _setting("no", "yes = the webhook may be on this machine")
    webhook_secret_file: str = _setting(
        "", "file of whsec_… secrets that sign the webhook's bodies; empty = not signed"
    )
    alertmanager_url: str = _setting(
        "", "base address of Alertmanager (of a cluster: all, with commas); empty = none", secret=True
    )

    def time_profile(self) -> Profile:
        """Return the time scales.

        Raises:
            ConfigError: No such profile.
        """
        if self.profile not in PROFILES:
            raise ConfigError(f"{PREFIX}PROFILE is {self.profile!r}; allowed: {', '.join(PROFILES)}")
        return PROFILES[self.profile]

    def clickhouse_password(self) -> str:
        """Return the writer's password; empty if no file is set.

        Raises:
            ConfigError: The file cannot be read.
        """
        if not self.clickhouse_password_file:
            return ""
        try:
            return Path(self.clickhouse_password_file).read_text().strip()
        except OSError as error:
            raise ConfigError(f"{PREFIX}CLICKHOUSE_PASSWORD_FILE: {error.strerror}: {error.filename}") from error

    def key_path(self) -> Path:
        """Return the file that holds the key of the pseudonyms.

        Raises:
            ConfigError: None is set.
        """
        if not self.key_file:
            raise ConfigError(f"{PREFIX}KEY_FILE is not set: a file of 64 hexadecimal digits")
        return Path(self.key_file)

    def environment(self) -> dict[str, str]:
        """Return the variables that give another process the same settings."""
        return {f"{PREFIX}{f.name.upper()}": str(getattr(self, f.name)) for f in fields(self)}


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: Variables; None = the process's own.

    Raises:
        ConfigError: An unknown `XPULSE_*` variable, a port or generation that is no number from 0 to 65535, or
            something else than yes or no where it must be one of the two.
    """
    found = os.environ if environment is None else environment
    given = {name: value for name, value in found.items() if name.startswith(PREFIX) and name not in _NOT_SETTINGS}
    known = {f"{PREFIX}{f.name.upper()}": f for f in fields(Settings)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0]}; allowed: {', '.join(known)}")
    return Settings(**{known[name].name: _parse(name, value) for name, value in given.items()})


_NOT_SETTINGS = frozenset({f"{PREFIX}TEST_DATA", f"{PREFIX}REQUIRE"})
"""Variables of the test suite that share the prefix."""
_YES_OR_NO = frozenset({f"{PREFIX}LEAVES_GROUP", f"{PREFIX}WEBHOOK_MAY_BE_LOCAL"})


def _parse(name: str, value: str) -> Any:
    if name in _YES_OR_NO and value not in ("yes", "no"):
        raise ConfigError(f"{name} is {value!r}; allowed: yes, no")
    if not name.endswith(("_PORT", "_GENERATION")):
        return value
    if not value.isdecimal() or int(value) > 65_535:
        raise ConfigError(f"{name} is {value!r}; allowed: 0 to 65535")
    return int(value)
