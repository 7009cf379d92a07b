"""`xpulse alerts ack | silence`: take an alert on, for the record; keep Alertmanager quiet about its target."""

import asyncio
import getpass
import time
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import httpx
import typer

from agents.cli.alerts.desk import Desk, clock
from agents.cli.alerts.options import AlertId, Alertmanager, By, Data, Reason
from agents.cli.targets import running_settings
from agents.publisher import Publisher
from agents.settings import Settings
from agents.topics import RECORDS
from streams.codecs import encode_json
from streams.errors import ConfigError, DeliveryError
from streams.events import Action
from streams.targets.periods import seconds

ACKED = 'Example: xpulse alerts ack 3f9a12 --by jane --reason "known, case 4711 with the vendor"'
SILENCED = 'Example: xpulse alerts silence 3f9a12 --for 2h --by jane --reason "mail migration tonight"'
SOURCE = "xpulse-cli"
LONGEST_S = 30 * 86_400
TIMEOUT_S = 10.0
SILENCED_BY = ("tenant", "target", "detector")
"""Labels that a silence names: it holds for the target, whatever episode."""


def ack(alert: AlertId, reason: Reason, by: By = "", data: Data = None) -> None:
    """Say that somebody has taken an alert on.

    It is an action on the topic `records`: appended, never changed, and read by replays. The alert is not updated any
    more, and its end is still told.
    """
    settings = running_settings(data)
    one = Desk(settings).alert(alert)
    action = ack_of(one, by=_who(by), reason=_why(reason), now_ms=int(time.time() * 1000))
    asyncio.run(_publish(settings, action))
    print(f"{one['alert_id']}: taken on by {action.actor} at {clock(action.event_time_ms)} (action {action.action_id})")


def ack_of(alert: dict[str, Any], *, by: str, reason: str, now_ms: int) -> Action:
    """Return the action that takes an alert on; it has an id of its own, so several may do so."""
    name = f"ack-{uuid4().hex}"
    return Action(
        event_id=name,
        tenant=alert["tenant"],
        source=SOURCE,
        event_time_ms=now_ms,
        revision=0,
        action_id=name,
        kind="ack",
        actor=by,
        target=alert["target"],
        alert_id=alert["alert_id"],
        reason=reason,
    )


async def _publish(settings: Settings, action: Action) -> None:
    publisher = Publisher(settings.brokers)
    try:
        key = f"{action.tenant}/{action.action_id}".encode()
        await publisher.publish(RECORDS, [(key, encode_json(action), action.event_time_ms, None)])
    finally:
        publisher.close()


def silence(
    alert: AlertId,
    length: Annotated[str, typer.Option("--for", help="How long, such as 30m, 2h or 7d; 30d at most.")],
    reason: Reason,
    by: By = "",
    alertmanager: Alertmanager = "",
    data: Data = None,
) -> None:
    """Keep Alertmanager quiet about the alert's target and detector for a while.

    The alert stays visible and goes on; nobody is called until the silence ends. It lies in Alertmanager, where it can
    be ended sooner.
    """
    settings = running_settings(data)
    settings = replace(settings, alertmanager_url=alertmanager or settings.alertmanager_url)
    if not settings.alertmanager_url:
        raise ConfigError("no Alertmanager is known; allowed: --alertmanager URL, or XPULSE_ALERTMANAGER_URL")
    one = Desk(settings).alert(alert)
    wanted = silence_of(one, by=_who(by), reason=_why(reason), length_s=_length(length), now_ms=int(time.time() * 1000))
    name = _post(settings.alertmanager_url.split(",")[0].strip(), wanted)
    print(f"{one['target']}: silenced until {wanted['endsAt']} (silence {name})")


def silence_of(alert: dict[str, Any], *, by: str, reason: str, length_s: int, now_ms: int) -> dict[str, Any]:
    """Return a silence in the words of Alertmanager's API, version 2."""
    return {
        "matchers": [{"name": name, "value": alert[name], "isRegex": False, "isEqual": True} for name in SILENCED_BY],
        "startsAt": _instant(now_ms),
        "endsAt": _instant(now_ms + 1000 * length_s),
        "createdBy": by,
        "comment": reason,
    }


def _post(base: str, wanted: dict[str, Any]) -> str:
    """Return the silence's id; the members of a cluster share silences, so one of them is enough.

    Raises:
        DeliveryError: Alertmanager did not take it. Its address may hold a password and is not named.
    """
    try:
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
            answer = client.post(f"{base.rstrip('/')}/api/v2/silences", json=wanted)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeliveryError(f"Alertmanager does not answer: {type(error).__name__}", is_retryable=True) from None
    if answer.status_code != 200:
        raise DeliveryError(f"Alertmanager refuses: HTTP {answer.status_code}: {answer.text[:200]}", is_retryable=False)
    return str(answer.json()["silenceID"])


def _instant(at_ms: int) -> str:
    return clock(at_ms).replace(" UTC", "Z").replace(" ", "T")


def _length(text: str) -> int:
    try:
        length_s = seconds(text)
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from error
    if not 0 < length_s <= LONGEST_S:
        raise ConfigError(f"--for is {text!r}; allowed: 1s to 30d")
    return length_s


def _who(by: str) -> str:
    who = (by or getpass.getuser()).strip()
    if not 1 <= len(who) <= 200:
        raise ConfigError("--by: allowed: 1 to 200 characters")
    return who


def _why(reason: str) -> str:
    if not 1 <= len(reason.strip()) <= 2000:
        raise ConfigError("--reason: allowed: 1 to 2000 characters")
    return reason.strip()
