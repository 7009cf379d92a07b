"""Alerts in the words of Alertmanager's API, version 2: labels identify, `endsAt` says until when it holds.

Alertmanager forgets an alert at its `endsAt`, so a firing one gets an end in the future, put off at each post. The
deliver agent's own sign of life gets a near end: that is the dead-man's switch.
"""

from typing import Any

from agents.notify._labels import annotations_of, instant, labels_of
from agents.notify._port import Notice

Labels = dict[str, str]
ALIVE = "XpulseAlive"
"""Name of the sign of life."""


def alert_of(notice: Notice, *, now_ms: int, hold_ms: int) -> dict[str, Any]:
    """Return one state of one alert.

    Args:
        notice: Firing or resolved.
        now_ms: Alertmanager's clock, more or less; ms UTC. Judged time may run ahead of it, ends may not.
        hold_ms: How long a firing alert holds without being posted again.
    """
    starts_ms = min(notice.alert.started_at_ms, now_ms - 1)
    ends_ms = now_ms + hold_ms if notice.is_firing else max(starts_ms + 1, min(notice.alert.at_ms, now_ms))
    link = notice.alert.link
    return {
        "labels": labels_of(notice),
        "annotations": annotations_of(notice),
        "startsAt": instant(starts_ms),
        "endsAt": instant(ends_ms),
        **({"generatorURL": link} if link.startswith(("http://", "https://")) else {}),
    }


def ended_of(labels: Labels, *, now_ms: int) -> dict[str, Any]:
    """Return the end of an alert that goes on under other labels."""
    return {"labels": labels, "startsAt": instant(now_ms - 1), "endsAt": instant(now_ms)}


def alive_of(installation: str, *, since_ms: int, now_ms: int, hold_ms: int) -> dict[str, Any]:
    """Return the sign of life since an instant; it ends by itself after `hold_ms`."""
    return {
        "labels": {"alertname": ALIVE, "installation": installation, "severity": "none", "hours": "any"},
        "annotations": {
            "summary": "xpulse delivers alerts. This alert always fires; when it ends, xpulse calls nobody any more."
        },
        "startsAt": instant(min(since_ms, now_ms)),
        "endsAt": instant(now_ms + hold_ms),
    }
