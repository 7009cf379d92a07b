"""The dashboard "Experience targets": what was promised, what is, how sure that is, and how fresh."""

from agents.screens.dashboard import Dashboard, Row, Variable
from agents.screens.lines import Lines, Series
from agents.screens.palette import BAD, GOOD, QUIET, WATCH
from agents.screens.parts import (
    CHANGES,
    FEEDBACK_AGE,
    INTERVAL,
    TELEMETRY_AGE,
    TENANT,
    TENANTS,
    TO_ONE_TARGET,
    TO_TARGETS,
    UNIT,
    WORST_FIRST,
    ways,
)
from agents.screens.stats import Stat
from agents.screens.tables import Column, Table
from agents.screens.words import DRIFTS, SEVERITIES, TRENDS, VERDICTS


def build() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        uid="xpulse-targets",
        title="Experience targets",
        description="Every target now: score, interval, verdict, trend and drift; open alerts; how fresh it all is.",
        variables=(TENANTS, TARGETS),
        links=ways(TO_TARGETS),
        notes=(CHANGES,),
        rows=(
            Row(height=4, panels=tuple((panel, 4) for panel in HEADLINES)),
            Row(height=11, panels=((NOW, 24),)),
            Row(height=9, panels=((HISTORY, 12), (ALERTS, 12))),
            Row(height=8, panels=((INTAKE, 24),)),
        ),
    )


TARGETS = Variable(
    name="target",
    label="Target in the history",
    sql=f"SELECT target FROM xpulse_pub.target_status WHERE {TENANT} ORDER BY drifting DESC, target",
)

HEADLINES = (
    Stat(
        title="Targets met",
        description="Targets whose verdict for the calendar period is met, of all active targets.",
        sql=f"SELECT concat(toString(countIf(verdict = 'met')), ' of ', toString(count())) AS met\n"
        f"FROM xpulse_pub.target_status\nWHERE {TENANT}",
        decimals=None,
    ),
    Stat(
        title="Targets missed",
        description="Targets that are surely below their objective for the calendar period so far.",
        sql=f"SELECT countIf(verdict = 'missed') AS missed\nFROM xpulse_pub.target_status\nWHERE {TENANT}",
        steps=((0, GOOD), (1, BAD)),
    ),
    Stat(
        title="Targets drifting",
        description="Targets with a supported shift away from the objective whose recovery is not confirmed yet.",
        sql=f"SELECT countIf(drifting = 1) AS drifting\nFROM xpulse_pub.target_status\nWHERE {TENANT}",
        steps=((0, GOOD), (1, BAD)),
    ),
    Stat(
        title="Alerts firing",
        description="Alerts that are firing and may call somebody.",
        sql=f"SELECT countIf(state = 'firing' AND calls = 'yes') AS firing\nFROM xpulse_pub.alerts\nWHERE {TENANT}",
        steps=((0, GOOD), (1, BAD)),
    ),
    FEEDBACK_AGE,
    TELEMETRY_AGE,
)

NOW = Table(
    title="Targets now",
    description="Worst first. Score, interval and n are of the calendar period that the verdict belongs to; the "
    "interval holds however often one looks. Lately is the rolling window, for display only.",
    sql=f"""SELECT
    target AS "Target",
    objective AS "Objective",
    score AS "Score",
    {INTERVAL} AS "Interval",
    n AS "n",
    verdict AS "Verdict",
    rolling_score AS "Lately",
    trend AS "Trend",
    drifting AS "Drift",
    {UNIT} AS "Measured in",
    owner AS "Owner",
    at AS "As of"
FROM xpulse_pub.target_status
WHERE {TENANT}
ORDER BY
    {WORST_FIRST}""",
    columns=(
        Column(name="Target", width=340, link=TO_ONE_TARGET),
        Column(name="Objective", decimals=1, width=90),
        Column(name="Score", decimals=1, width=80),
        Column(name="Interval", width=130),
        Column(name="n", width=80),
        Column(name="Verdict", width=170, words=VERDICTS),
        Column(name="Lately", decimals=1, width=80),
        Column(name="Trend", width=110, words=TRENDS),
        Column(name="Drift", width=120, words=DRIFTS),
        Column(name="Measured in", width=170),
        Column(name="As of", unit="dateTimeFromNow"),
    ),
    missing="no target was judged yet",
)

HISTORY = Lines(
    title="History of ${target}",
    description="The rolling window with its interval, for display, against the objective that held at the time.",
    sql=f"""SELECT
    v.at AS time,
    v.rolling_score AS "Score",
    v.rolling_lower AS "Lower",
    v.rolling_upper AS "Upper",
    p.objective AS "Objective"
FROM xpulse_pub.verdicts AS v
INNER JOIN xpulse_pub.target_versions AS p
    ON p.tenant = v.tenant AND p.target = v.target AND p.version = v.version
WHERE v.{TENANT} AND v.target = ${{target:singlequote}} AND $__timeFilter(v.at)
ORDER BY time""",
    series=(
        Series(name="Score", colour=GOOD),
        Series(name="Lower", colour=QUIET),
        Series(name="Upper", colour=QUIET, fill_below_to="Lower"),
        Series(name="Objective", colour=WATCH, dashed=True, stepped=True),
    ),
    missing="no verdict in this range",
)

ALERTS = Table(
    title="Open alerts",
    description="Alerts that are firing and may call somebody, the oldest first. The words name interval, answers and "
    "runbook, and only what is published.",
    sql=f"""SELECT
    started_at AS "Since",
    severity AS "Severity",
    score AS "Score",
    objective AS "Objective",
    summary AS "What"
FROM xpulse_pub.alerts
WHERE {TENANT} AND state = 'firing' AND calls = 'yes'
ORDER BY started_at, target""",
    columns=(
        Column(name="Since", unit="dateTimeFromNow", width=120),
        Column(name="Severity", width=110, words=SEVERITIES),
        Column(name="Score", decimals=1, width=70),
        Column(name="Objective", decimals=1, width=90),
    ),
    missing="nothing fires that calls",
)

INTAKE = Table(
    title="What came in",
    description="Records by lane and fate. Events are valid, invalid, duplicate or ticks; late and overflow are parts "
    "of valid. Quarantined ones are kept with their reason.",
    sql=f"""SELECT
    lane AS "Lane",
    measure AS "Fate",
    reason AS "Reason",
    value AS "Records",
    as_of AS "Newest"
FROM xpulse_pub.data_quality
WHERE measure != 'age_s' AND ({TENANT} OR tenant = '')
ORDER BY lane DESC, measure = 'quarantined', value DESC, reason""",
    columns=(
        Column(name="Lane", width=140),
        Column(name="Fate", width=160),
        Column(name="Records", unit="locale", width=140),
        Column(name="Newest", unit="dateTimeFromNow", width=160),
    ),
)
