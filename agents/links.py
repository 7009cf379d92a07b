"""Where an alert leads: the screen of its target, and the form that silences it. Empty where nothing is configured."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import msgspec

from streams.errors import ConfigError
from streams.events.judging import Alert

SCREEN = "d/xpulse-targets"
"""The dashboard of the targets below the address of the screens."""
_MOST_LINK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bases:
    """Configured addresses for people's browsers; empty = none.

    Attributes:
        screens: Of Grafana.
        alertmanager: Of Alertmanager's pages.

    Raises:
        ConfigError: One does not begin with http:// or https://.
    """

    screens: str = ""
    alertmanager: str = ""

    def __post_init__(self) -> None:
        for base in (self.screens, self.alertmanager):
            if base and not base.startswith(("http://", "https://")):
                raise ConfigError(f"address in the links of alerts: {base!r}; allowed: http://… and https://…")


def with_links(alert: Alert, bases: Bases) -> Alert:
    """Return the alert with the links that the configured addresses allow."""
    return msgspec.structs.replace(
        alert, link=drill_down(alert, bases.screens), silence_link=silence(alert, bases.alertmanager)
    )  # fmt: skip


def drill_down(alert: Alert, base: str) -> str:
    """Return the address of the target's screen around the change; empty without a base or if it grows too long."""
    asked = {"var-tenant": alert.tenant, "var-target": alert.target, "from": str(alert.since_ms or alert.started_at_ms)}
    link = _joined(base, SCREEN, asked)
    return link if len(link) <= _MOST_LINK else ""


def silence(alert: Alert, base: str) -> str:
    """Return the address of Alertmanager's form for a new silence of this target and detector; empty without a base."""
    wanted = ",".join(f"{name}={_quoted(getattr(alert, name))}" for name in ("tenant", "target", "detector"))
    return f"{base.rstrip('/')}/#/silences/new?filter={quote('{' + wanted + '}', safe='')}" if base else ""


def _quoted(value: str) -> str:
    """Return a label's value as Alertmanager's matchers have it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _joined(base: str, path: str, asked: Mapping[str, str]) -> str:
    return f"{base.rstrip('/')}/{path}?{urlencode(asked)}" if base else ""
