"""`xpulse alerts test ROUTE`: send one marked alert to a notifier and say what happened."""

import asyncio
import getpass
import time
from dataclasses import replace
from enum import StrEnum
from typing import Annotated
from uuid import uuid4

import typer

from agents.cli.alerts.options import Data
from agents.cli.targets import running_settings
from agents.deliver_routes import notify_config
from agents.notify import NOTIFIERS, Duty, Hours, Notice, NotifyConfig
from streams.errors import ConfigError, DeliveryError
from streams.events.judging import Alert, Severity

TRIED = "Examples: xpulse alerts test alertmanager --severity critical; xpulse alerts test webhook --url https://…"
TENANT = "xpulse-test"
REPOST_S = 20.0
"""An alert holds for 15 of these in Alertmanager: five minutes."""
SETTINGS = {"webhook": "XPULSE_WEBHOOK_URL", "alertmanager": "XPULSE_ALERTMANAGER_URL"}
AFTERWARDS = {
    "alertmanager": " It fires for five minutes and then ends by itself; whom it calls, the routing decides.",
    "webhook": " No end of it will be sent.",
}


class How(StrEnum):
    """How urgent the trial is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class When(StrEnum):
    """Hours of the trial."""

    ANY = "any"
    WORKING = "working"


def try_route(
    route: Annotated[str, typer.Argument(metavar="ROUTE", help=f"Notifier: {', '.join(NOTIFIERS)}.")],
    severity: Annotated[How, typer.Option(help="Severity of the trial: routes look at it.")] = How.INFO,
    hours: Annotated[When, typer.Option(help="Hours of the trial: routes look at it.")] = When.ANY,
    routes: Annotated[str, typer.Option(help="Names of further receivers, with commas, as a target names them.")] = "",
    url: Annotated[str, typer.Option(help="Send it there instead of the configured address.")] = "",
    data: Data = None,
) -> None:
    """Send one alert that is marked as a trial to a notifier, once, and say what happened.

    It is named XpulseTest, belongs to the tenant xpulse-test, and stands in no table.
    """
    if route not in NOTIFIERS:
        raise ConfigError(f"ROUTE is {route!r}; allowed: {', '.join(NOTIFIERS)}")
    config = _config(notify_config(running_settings(data)), route, url)
    duty = Duty(_hours(hours), tuple(name.strip() for name in routes.split(",") if name.strip()))
    asyncio.run(_send(config, route, Notice(trial(_severity(severity), int(time.time() * 1000)), duty, is_test=True)))
    print(f"{route}: taken.{AFTERWARDS.get(route, '')}")


def trial(severity: Severity, now_ms: int) -> Alert:
    """Return an alert that says of itself that nothing is wrong."""
    name = uuid4().hex
    return Alert(
        tenant=TENANT,
        alert_id=name,
        dedup_key=name,
        sequence=0,
        target="test",
        version=0,
        detector="test",
        state="firing",
        reason="somebody tries a route",
        severity=severity,
        started_at_ms=now_ms,
        at_ms=now_ms,
        slice={},
        objective=0.0,
        score=None,
        lower=None,
        upper=None,
        n=0,
        coverage=None,
        summary=f"TEST: nothing is wrong. {getpass.getuser()} tries whether alerts arrive here.",
        runbook="docs/alerts.md",
    )


async def _send(config: NotifyConfig, route: str, notice: Notice) -> None:
    notifier = NOTIFIERS[route](config)
    if notifier is None:
        raise ConfigError(f"{route} is not configured; allowed: --url URL, or {SETTINGS[route]}")
    try:
        await notifier.send(notice)
    except DeliveryError as error:
        advice = "the deliver agent would try again" if error.is_retryable else "the deliver agent would not try again"
        raise DeliveryError(f"not taken: {error.reason}; {advice}", is_retryable=error.is_retryable) from error
    finally:
        await notifier.close()


def _config(config: NotifyConfig, route: str, url: str) -> NotifyConfig:
    quick = replace(config, repost_s=REPOST_S)
    if not url or route not in SETTINGS:
        return quick
    # Who names an address by hand means it.
    return replace(quick, webhook_url=url, alertmanager_url=url, webhook_may_be_local=True)


def _severity(how: How) -> Severity:
    return "critical" if how is How.CRITICAL else "warning" if how is How.WARNING else "info"


def _hours(when: When) -> Hours:
    return "working" if when is When.WORKING else "any"
