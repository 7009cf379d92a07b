"""An alert as Alertmanager's webhook body, version 4: receivers that know Alertmanager know us."""

from typing import Any

from agents.notify._labels import annotations_of, instant, labels_of
from agents.notify._port import Notice

RECEIVER = "webhook"
STILL_FIRING = "0001-01-01T00:00:00Z"
"""End of an alert that has not ended, as Alertmanager writes it."""


def body_of(notice: Notice) -> dict[str, Any]:
    """Return the body for one state of one alert.

    References:
        Prometheus Alertmanager, "Configuration", webhook_config.
    """
    alert = notice.alert
    labels, annotations = labels_of(notice), annotations_of(notice)
    return {
        "version": "4",
        "groupKey": f"{alert.tenant}/{alert.target}",
        "truncatedAlerts": 0,
        "status": alert.state,
        "receiver": RECEIVER,
        "groupLabels": {"tenant": alert.tenant, "target": alert.target},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": alert.link,
        "alerts": [
            {
                "status": alert.state,
                "labels": labels,
                "annotations": annotations,
                "startsAt": instant(alert.started_at_ms),
                "endsAt": STILL_FIRING if notice.is_firing else instant(alert.at_ms),
                "generatorURL": alert.link,
                "fingerprint": alert.dedup_key[:16],
            }
        ],
    }
