"""The dashboard "Pipeline": the processes behind the screens, from their metrics in Prometheus."""

from typing import Final

from agents.metrics import MetricName
from agents.screens.dashboard import Dashboard, Row
from agents.screens.lines import MetricLines
from agents.screens.parts import FEEDBACK_AGE, TELEMETRY_AGE, TENANTS, TO_PIPELINE, ways

RATE: Final = "$__rate_interval"


def _rate(name: MetricName, by: str) -> str:
    return f"sum by ({by}) (rate({name}[{RATE}]))"


def _failed(name: MetricName, by: str) -> str:
    return f'sum by ({by}) (rate({name}{{outcome="failed"}}[{RATE}]))'


def _quantile(share: float, name: MetricName, by: str) -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({name}_bucket[{RATE}])))"


def _most(name: MetricName, by: str) -> str:
    return f"max by ({by}) ({name})"


def build() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        uid="xpulse-pipeline",
        title="Pipeline",
        description="Throughput, lag, freshness, storage, judging and delivery of the running processes.",
        variables=(TENANTS,),
        links=ways(TO_PIPELINE),
        since="now-1h",
        rows=(
            Row(height=4, panels=((FEEDBACK_AGE, 12), (TELEMETRY_AGE, 12))),
            Row(height=8, panels=((INTAKE, 8), (FRESHNESS, 8), (LAG, 8))),
            Row(height=8, panels=((STORAGE, 8), (REFUSED, 8), (GATEWAY, 8))),
            Row(height=8, panels=((JUDGING, 8), (DELIVERY, 8), (RESTARTS, 8))),
        ),
    )


INTAKE = MetricLines(
    title="Records per second",
    description="Read from each topic, ticks included, and what of it entered results.",
    queries=(
        (_rate("xpulse_events_in_total", "topic"), "{{topic}} read"),
        (_rate("xpulse_events_folded_total", "topic"), "{{topic}} folded"),
    ),
    unit="cps",
)
FRESHNESS = MetricLines(
    title="Until it can be queried",
    description="From a record's timestamp until ClickHouse has acknowledged it: median and 99th percentile by topic.",
    queries=(
        (_quantile(0.5, "xpulse_freshness_seconds", "topic"), "{{topic}} median"),
        (_quantile(0.99, "xpulse_freshness_seconds", "topic"), "{{topic}} 99 %"),
    ),
    unit="s",
)
LAG = MetricLines(
    title="Lag",
    description="Age of the newest stored record, the slowest partition of each topic.",
    queries=((_most("xpulse_lag_seconds", "topic"), "{{topic}}"),),
    unit="s",
)
STORAGE = MetricLines(
    title="Rows written per second",
    description="Rows that ClickHouse acknowledged by table, and attempts that failed and are made again.",
    queries=(
        (_rate("xpulse_rows_written_total", "table"), "{{table}}"),
        (_failed("xpulse_flushes_total", "topic"), "{{topic}} failed"),
    ),
    unit="cps",
)
REFUSED = MetricLines(
    title="Refused, late and double per second",
    description="Records put into quarantine, those that came after their window had closed, and repeated ids.",
    queries=(
        (_rate("xpulse_events_invalid_total", "topic"), "{{topic}} invalid"),
        (_rate("xpulse_events_late_total", "topic"), "{{topic}} late"),
        (_rate("xpulse_events_duplicate_total", "topic"), "{{topic}} duplicate"),
    ),
    unit="cps",
)
GATEWAY = MetricLines(
    title="Gateway",
    description="Requests per second by route and class of status, and refusals by reason.",
    queries=(
        (_rate("xpulse_gateway_requests_total", "route, status"), "{{route}} {{status}}"),
        (_rate("xpulse_gateway_rejections_total", "reason"), "refused: {{reason}}"),
    ),
    unit="reqps",
)
JUDGING = MetricLines(
    title="Time to judge",
    description="One round over all targets: median and 99th percentile.",
    queries=(
        (_quantile(0.5, "xpulse_judge_seconds", "job"), "median"),
        (_quantile(0.99, "xpulse_judge_seconds", "job"), "99 %"),
    ),
    unit="s",
)
DELIVERY = MetricLines(
    title="Deliveries per second",
    description="Attempts to deliver alerts by way out and outcome.",
    queries=((_rate("xpulse_deliveries_total", "notifier, outcome"), "{{notifier}} {{outcome}}"),),
    unit="cps",
)
RESTARTS = MetricLines(
    title="Restarts and open alerts",
    description="Parts that the supervisor started again in the last hour, and alerts that fire now.",
    queries=(
        ("sum by (part) (increase(xpulse_part_restarts_total[1h]))", "{{part}} restarts"),
        ("sum(xpulse_alerts_open)", "alerts open"),
    ),
    unit="none",
)
