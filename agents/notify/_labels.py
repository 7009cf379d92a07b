"""An alert as labels and annotations, for Alertmanager and everybody who knows its words.

Labels identify, so they stay the same while an alert fires; figures change, so they are annotations.
"""

from datetime import UTC, datetime

from agents.notify._port import Notice


def labels_of(notice: Notice) -> dict[str, str]:
    """Return what identifies the alert and what routes may ask for."""
    alert = notice.alert
    return {
        "alertname": notice.name,
        "tenant": alert.tenant,
        "target": alert.target,
        "detector": alert.detector,
        "severity": alert.severity,
        "hours": notice.hours,
        **({"routes": ",".join(notice.duty.routes)} if notice.duty.routes else {}),
        **{f"slice_{name}": value for name, value in sorted(alert.slice.items())},
    }


def annotations_of(notice: Notice) -> dict[str, str]:
    """Return what people should read, and the figures."""
    alert = notice.alert
    figures = {
        "score": alert.score,
        "usual": alert.usual,
        "lower": alert.lower,
        "upper": alert.upper,
        "coverage": alert.coverage,
    }
    return {
        "summary": alert.summary,
        "reason": alert.reason,
        "runbook_url": alert.runbook,
        **({"dashboard_url": alert.link} if alert.link else {}),
        **({"silence_url": alert.silence_link} if alert.silence_link else {}),
        "objective": f"{alert.objective:g}",
        "n": str(alert.n),
        **{name: f"{value:.4g}" for name, value in figures.items() if value is not None},
        "alert_id": alert.alert_id,
        "dedup_key": alert.dedup_key,
        "version": str(alert.version),
    }


def instant(at_ms: int) -> str:
    """Return an instant (ms UTC) as RFC 3339 has it.

    Example:
        >>> instant(1_772_334_000_250)
        '2026-03-01T03:00:00.250Z'
    """
    at = datetime.fromtimestamp(at_ms // 1000, tz=UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"
