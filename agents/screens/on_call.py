"""The dashboard "On-call": what fires, why, what to do, and who was told."""

from agents.screens.dashboard import Dashboard, Row
from agents.screens.palette import BAD, GOOD
from agents.screens.parts import FEEDBACK_AGE, INTERVAL, TELEMETRY_AGE, TENANT, TENANTS, TO_ON_CALL, TO_ONE_TARGET, ways
from agents.screens.stats import Stat
from agents.screens.tables import Column, Table
from agents.screens.words import CALLS, OUTCOMES, SEVERITIES


def build() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        uid="xpulse-on-call",
        title="On-call",
        description="Open alerts with what explains them, the runbook, and who was told.",
        variables=(TENANTS,),
        links=ways(TO_ON_CALL),
        since="now-24h",
        rows=(
            Row(height=4, panels=tuple((panel, 6) for panel in HEADLINES)),
            Row(height=13, panels=((OPEN, 24),)),
            Row(height=9, panels=((WHY, 12), (AROUND, 12))),
            Row(height=9, panels=((HISTORY, 12), (DELIVERIES, 12))),
        ),
    )


FIRING = f"FROM xpulse_pub.alerts\nWHERE {TENANT} AND state = 'firing'"

HEADLINES = (
    Stat(
        title="Alerts firing",
        description="Alerts that are firing and may call somebody.",
        sql=f"SELECT countIf(calls = 'yes') AS firing\n{FIRING}",
        steps=((0, GOOD), (1, BAD)),
    ),
    Stat(
        title="Not delivered",
        description="Attempts of the last 24 hours that were refused or given up.",
        sql="SELECT countIf(outcome IN ('refused', 'given_up')) AS lost\nFROM xpulse_pub.deliveries\n"
        f"WHERE {TENANT} AND at > $__toTime - toIntervalHour(24)",
        steps=((0, GOOD), (1, BAD)),
    ),
    FEEDBACK_AGE,
    TELEMETRY_AGE,
)

OPEN = Table(
    title="Open alerts",
    description="Everything that fires, what calls first and the oldest before the newer; each carries only what is "
    "published.",
    sql=f"""SELECT
    started_at AS "Since",
    severity AS "Severity",
    calls AS "Calls",
    kind AS "Kind",
    target AS "Target",
    usual AS "Usual",
    score AS "Score",
    objective AS "Objective",
    {INTERVAL} AS "Interval",
    n AS "n",
    summary AS "What",
    runbook AS "Runbook"
{FIRING}
ORDER BY calls = 'yes' DESC, indexOf(['critical', 'warning', 'info'], severity), started_at, target""",
    columns=(
        Column(name="Since", unit="dateTimeFromNow", width=120),
        Column(name="Severity", width=110, words=SEVERITIES),
        Column(name="Calls", width=170, words=CALLS),
        Column(name="Kind", width=100),
        Column(name="Target", width=280, link=TO_ONE_TARGET),
        Column(name="Usual", decimals=1, width=70),
        Column(name="Score", decimals=1, width=70),
        Column(name="Objective", decimals=1, width=90),
        Column(name="Interval", width=120),
        Column(name="n", width=70),
    ),
    missing="nothing fires",
)

WHY = Table(
    title="Which parts moved them",
    description="Contributions of parts to the changes behind the open alerts, largest first, in the target's unit.",
    sql=f"""SELECT
    target AS "Target",
    part['dimension'] AS "Dimension",
    part['value'] AS "Value",
    toFloat64OrNull(part['points']) AS "Points",
    toFloat64OrNull(part['share']) AS "Share of the change",
    toUInt64OrNull(part['n']) AS "n"
FROM
(
    SELECT target, contributions
    {FIRING}
)
ARRAY JOIN contributions AS part
ORDER BY abs("Points") DESC, "Target", "Dimension", "Value"
LIMIT 50""",
    columns=(
        Column(name="Target", width=260, link=TO_ONE_TARGET),
        Column(name="Points", decimals=1, width=80),
        Column(name="Share of the change", unit="percentunit", decimals=0, width=150),
        Column(name="n", width=70),
    ),
    missing="no open alert names its parts",
)

AROUND = Table(
    title="What happened around",
    description="Coincidences of the open alerts, closest first: changes and moves of telemetry. They are no causes.",
    sql=f"""SELECT
    target AS "Target",
    around['at'] AS "At",
    around['kind'] AS "Kind",
    around['title'] AS "What",
    around['where'] AS "Where"
FROM
(
    SELECT target, started_at, coincidences
    {FIRING}
)
ARRAY JOIN coincidences AS around, arrayEnumerate(coincidences) AS place
ORDER BY place, started_at DESC, "Target"
LIMIT 50""",
    columns=(Column(name="Target", width=260, link=TO_ONE_TARGET), Column(name="At", width=180)),
    missing="no open alert has something around it",
)

HISTORY = Table(
    title="What alerts did",
    description="Every state of every alert in the time range, newest first.",
    sql=f"""SELECT
    at AS "At",
    state AS "State",
    severity AS "Severity",
    calls AS "Calls",
    target AS "Target",
    reason AS "Reason"
FROM xpulse_pub.alert_history
WHERE {TENANT} AND $__timeFilter(at)
ORDER BY at DESC, target
LIMIT 100""",
    columns=(
        Column(name="At", unit="dateTimeFromNow", width=120),
        Column(name="State", width=90),
        Column(name="Severity", width=110, words=SEVERITIES),
        Column(name="Calls", width=170, words=CALLS),
        Column(name="Target", width=260, link=TO_ONE_TARGET),
    ),
    missing="no alert in this range",
)

DELIVERIES = Table(
    title="Who was told",
    description="Attempts to deliver alerts in the time range, newest first.",
    sql=f"""SELECT
    at AS "At",
    notifier AS "By",
    outcome AS "Outcome",
    severity AS "Severity",
    target AS "Target"
FROM xpulse_pub.deliveries
WHERE {TENANT} AND $__timeFilter(at)
ORDER BY at DESC, target, notifier
LIMIT 100""",
    columns=(
        Column(name="At", unit="dateTimeFromNow", width=120),
        Column(name="By", width=120),
        Column(name="Outcome", width=140, words=OUTCOMES),
        Column(name="Severity", width=110, words=SEVERITIES),
        Column(name="Target", link=TO_ONE_TARGET),
    ),
    missing="nobody was told in this range",
)
