"""Where an alert leads: the screen of its target, and the form that silences it. Empty where nothing is configured."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import msgspec

from streams.errors import ConfigError
from streams.events.judging import Alert

SCREEN = "d/xpulse-target"
"""The dashboard of one target below the address of the screens; its variables are `tenant` and `target`."""
_MOST_LINK = 200
_LEAST_BEFORE_MS = 3_600_000
"""How long before the change the picture begins at least: an hour."""


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
    """Return the address of the target's screen, from before the change until now.

    Without a range, which then is the screen's own, if it grows too long with one; empty without a base, or if it is
    too long even so.
    """
    asked = {"var-tenant": alert.tenant, "var-target": alert.target}
    ways = (_joined(base, SCREEN, one) for one in ({**asked, "from": str(_begin_ms(alert)), "to": "now"}, asked))
    return next((way for way in ways if len(way) <= _MOST_LINK), "")


def _begin_ms(alert: Alert) -> int:
    """Return where the picture begins: as long before the change as it took to be said, so that it is in the middle."""
    since_ms = alert.since_ms or alert.started_at_ms
    return max(0, since_ms - max(_LEAST_BEFORE_MS, alert.at_ms - since_ms))


def silence(alert: Alert, base: str) -> str:
    """Return the address of Alertmanager's form for a new silence of this target and detector; empty without a base."""
    wanted = ",".join(f"{name}={_quoted(getattr(alert, name))}" for name in ("tenant", "target", "detector"))
    return f"{base.rstrip('/')}/#/silences/new?filter={quote('{' + wanted + '}', safe='')}" if base else ""


def _quoted(value: str) -> str:
    """Return a label's value as Alertmanager's matchers have it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _joined(base: str, path: str, asked: Mapping[str, str]) -> str:
    return f"{base.rstrip('/')}/{path}?{urlencode(asked, safe='/,', quote_via=quote)}" if base else ""
