"""What a demo found, in words."""

from __future__ import annotations

from agents.demo.check import Comparison
from agents.demo.report import Counts, Exit, Report

VERDICTS: dict[Exit, str] = {
    "ok": "OK: every window exact, every planted drift alerted, nothing else.",
    "wrong": "WRONG: the warehouse and the truth differ.",
    "missed": "MISSED: a planted drift raised no alert.",
    "false_alert": "FALSE ALERT: something fired that was not planted.",
    "loss": "LOSS: the embedded broker died; what survived is exact, the rest is named below.",
}


def summarise(report: Report) -> str:
    """Return the report as a few lines of text."""
    lines = [
        "",
        _telemetry(report.events),
        f"windows     {_counted(report.topic)} by the topic's own records, {_counted(report.senders)} by the senders",
        f"audit       {_counted(report.audits)} tiles",
        f"feedback    {_counted(report.feedback)} answers in the right state",
        f"real input  {report.real_events:,} readings of {report.real_metrics} metrics of this machine",
        _freshness(report),
        *(_alert_lines(report)),
        *(_trouble(report)),
        "",
        VERDICTS[report.exit],
    ]
    return "\n".join(lines)


def _telemetry(e: Counts) -> str:
    what = f"{e.folded:,} folded ({e.late} late), {e.duplicate} duplicates, {e.invalid} in quarantine"
    return f"telemetry   {e.produced:,} records: {what}"


def _freshness(report: Report) -> str:
    p50, p99 = _seconds(report.freshness_p50_s), _seconds(report.freshness_p99_s)
    return f"freshness   p50 {p50}, p99 {p99} from the gateway to a query"


def _counted(found: Comparison) -> str:
    unclear = f" ({found.undetermined} cannot be judged)" if found.undetermined else ""
    return f"{found.exact:,} of {found.expected:,} exact{unclear}"


def _alert_lines(report: Report) -> list[str]:
    lines = [
        f"alert       {alert.target} {alert.state}, "
        + (f"planted, noticed after {alert.delay_s} s" if alert.planted else "NOT planted")
        for alert in report.alerts
    ]
    return lines + [f"no alert    {target}, although planted" for target in report.missed]


def _trouble(report: Report) -> list[str]:
    restarts = [f"restarted   {name} {count}×" for name, count in report.restarts.items() if count]
    lost = [
        f"lost        telemetry partition {lost.partition}, offsets {lost.first} to {lost.end - 1} of log "
        f"{lost.incarnation}: acknowledged, never read"
        for lost in report.lost
    ]
    unknown = [f"unknown     {report.unknown} events whose acknowledgement died with the log"] if report.unknown else []
    refused = [f"refused     {text}" for text in report.refused]
    late = [f"unfinished  {name} had not caught up in time" for name in report.unfinished]
    examples = [
        f"differs     {text}"
        for part in (report.senders, report.topic, report.audits, report.feedback)
        for text in part.examples
    ]
    return restarts + lost + unknown + refused + late + examples


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
