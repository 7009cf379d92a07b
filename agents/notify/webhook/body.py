"""An alert as Alertmanager's webhook body, version 4: receivers that know Alertmanager know us.

Figures are annotations, never labels: labels identify.
"""

from datetime import UTC, datetime
from typing import Any

from streams.events.judging import Alert

RECEIVER = "webhook"
STILL_FIRING = "0001-01-01T00:00:00Z"
"""End of an alert that has not ended, as Alertmanager writes it."""


def body_of(alert: Alert) -> dict[str, Any]:
    """Return the body for one state of one alert.

    References:
        Prometheus Alertmanager, "Configuration", webhook_config.
    """
    labels, annotations = _labels(alert), _annotations(alert)
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
                "startsAt": _instant(alert.started_at_ms),
                "endsAt": _instant(alert.at_ms) if alert.state == "resolved" else STILL_FIRING,
                "generatorURL": alert.link,
                "fingerprint": alert.dedup_key[:16],
            }
        ],
    }


def _labels(alert: Alert) -> dict[str, str]:
    return {
        "alertname": "ExperienceDrift",
        "tenant": alert.tenant,
        "target": alert.target,
        "detector": alert.detector,
        "severity": alert.severity,
        **{f"slice_{name}": value for name, value in sorted(alert.slice.items())},
    }


def _annotations(alert: Alert) -> dict[str, str]:
    figures = {"score": alert.score, "lower": alert.lower, "upper": alert.upper, "coverage": alert.coverage}
    return {
        "summary": alert.summary,
        "reason": alert.reason,
        "runbook_url": alert.runbook,
        "objective": f"{alert.objective:g}",
        "n": str(alert.n),
        **{name: f"{value:.4g}" for name, value in figures.items() if value is not None},
        "alert_id": alert.alert_id,
        "dedup_key": alert.dedup_key,
        "version": str(alert.version),
    }


def _instant(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"
