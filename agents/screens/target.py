"""The dashboard of one target: its history, what the verdict says now, why it moved, and what happened around."""

from agents.screens.dashboard import Dashboard, Notes, Row, Variable
from agents.screens.lines import Lines, Series
from agents.screens.palette import BAD, GOOD, QUIET, WATCH
from agents.screens.parts import CHANGES, FEEDBACK_AGE, INTERVAL, TELEMETRY_AGE, TENANT, TENANTS, UNIT, ways
from agents.screens.stats import Stat
from agents.screens.tables import Column, Table
from agents.screens.words import MIXTURES, TRENDS, VERDICTS

ONE = f"{TENANT} AND target = ${{target:singlequote}}"
STATUS = f"FROM xpulse_pub.target_status\nWHERE {ONE}"


def build() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        uid="xpulse-target",
        title="One target",
        description="History of one target with its interval, its verdicts, what moved it and what happened around.",
        variables=(TENANTS, TARGETS),
        links=ways(),
        notes=(CHANGES, ITS_ALERTS, VERSIONS),
        since="now-7d",
        refresh="30s",
        rows=(
            Row(height=4, panels=tuple((panel, 4) for panel in HEADLINES)),
            Row(height=11, panels=((HISTORY, 24),)),
            Row(height=9, panels=((PARTS, 12), (AROUND, 12))),
            Row(height=9, panels=((PROMISE, 12), (VERDICTS_TABLE, 12))),
        ),
    )


TARGETS = Variable(
    name="target",
    label="Target",
    sql=f"SELECT target FROM xpulse_pub.target_status WHERE {TENANT} ORDER BY drifting DESC, target",
)
ITS_ALERTS = Notes(
    name="Alerts",
    sql=f"""SELECT
    started_at AS time,
    concat(toString(severity), ' alert, ', toString(state)) AS title,
    summary AS text
FROM xpulse_pub.alerts
WHERE {ONE} AND calls = 'yes' AND $__timeFilter(started_at)
ORDER BY time""",
    colour=BAD,
)
VERSIONS = Notes(
    name="Versions",
    sql=f"""SELECT
    min(at) AS time,
    concat('version ', toString(version)) AS title,
    'first verdict under this version of the target' AS text
FROM xpulse_pub.verdicts
WHERE {ONE} AND $__timeFilter(at)
GROUP BY version
ORDER BY time""",
    colour=QUIET,
)

HEADLINES = (
    Stat(
        title="Verdict",
        description="For the calendar period so far; it holds however often one looks.",
        sql=f"SELECT verdict\n{STATUS}",
        decimals=None,
        words=VERDICTS,
    ),
    Stat(
        title="Score lately",
        description="Of the rolling window, in the objective's unit; happiness is in points from -100 to 100.",
        sql=f"SELECT rolling_score AS score\n{STATUS}",
        decimals=1,
    ),
    Stat(
        title="Its interval and answers",
        description="Interval of the rolling window and how many answers or windows are behind it.",
        sql="SELECT if(isNull(rolling_lower), 'too few answers', concat(toString(round(rolling_lower, 1)), ' to ',\n"
        "    toString(round(rolling_upper, 1)), ', n ', toString(rolling_n))) AS interval\n"
        f"{STATUS}",
        decimals=None,
    ),
    Stat(
        title="Coverage",
        description="Share of the released answers that name all dimensions of the slice; under 80 % the score may be "
        "another one with all answers.",
        sql=f"SELECT coverage\n{STATUS}",
        unit="percentunit",
        steps=((0, WATCH), (0.8, GOOD)),
        missing="not about answers",
    ),
    FEEDBACK_AGE,
    TELEMETRY_AGE,
)

HISTORY = Lines(
    title="${target}",
    description="The rolling window with its interval against the objective that held at the time. Marks: changes, "
    "alerts, and the first verdict under each version.",
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

PARTS = Table(
    title="What moved it",
    description="Contributions of parts to the newest change that raised an alert, in points; those of a dimension add "
    "up, * stands for all others. Only parts that are published.",
    sql=f"""SELECT
    at AS "Alert of",
    part['dimension'] AS "Dimension",
    part['value'] AS "Value",
    toFloat64OrNull(part['points']) AS "Points",
    toFloat64OrNull(part['share']) AS "Share of the change",
    toUInt64OrNull(part['n']) AS "n",
    is_mix AS "Mixture"
FROM
(
    SELECT at, contributions, is_mix
    FROM xpulse_pub.alerts
    WHERE {ONE}
    ORDER BY length(contributions) > 0 DESC, started_at DESC
    LIMIT 1
)
ARRAY JOIN if(empty(contributions), [map('dimension', 'not told apart')], contributions) AS part
ORDER BY abs("Points") DESC, "Dimension", "Value\"""",
    columns=(
        Column(name="Alert of", unit="dateTimeFromNow", width=140),
        Column(name="Points", decimals=1, width=90),
        Column(name="Share of the change", unit="percentunit", decimals=0, width=150),
        Column(name="n", width=80),
        Column(name="Mixture", width=130, words=MIXTURES),
    ),
    missing="no alert yet",
)

AROUND = Table(
    title="What happened around",
    description="Changes and moves of telemetry near the change that raised the newest alert, closest first. They are "
    "coincidences, not causes.",
    sql=f"""SELECT
    around['at'] AS "At",
    around['kind'] AS "Kind",
    around['title'] AS "What",
    around['where'] AS "Where",
    around['name'] AS "Name"
FROM
(
    SELECT coincidences
    FROM xpulse_pub.alerts
    WHERE {ONE}
    ORDER BY length(coincidences) > 0 DESC, started_at DESC
    LIMIT 1
)
ARRAY JOIN if(empty(coincidences), [map('title', 'nothing known')], coincidences) AS around""",
    columns=(Column(name="At", width=180), Column(name="Kind", width=110), Column(name="What", width=200)),
    missing="no alert yet",
)

PROMISE = Table(
    title="What was promised",
    description="The version in force, who answers for it, and why it replaced the one before.",
    sql=f"""SELECT line.1 AS "Of the target", line.2 AS "Says"
FROM
(
    SELECT [
        ('purpose', purpose), ('owner', owner), ('objective', concat(toString(objective), ' (', {UNIT}, ')')),
        ('period', toString(period)), ('least n', toString(min_respondents)),
        ('version', concat(toString(version), ', by ', author)), ('why this version', reason), ('runbook', runbook)
    ] AS lines
    FROM xpulse_pub.targets
    WHERE {ONE}
)
ARRAY JOIN lines AS line""",
    columns=(Column(name="Of the target", width=160),),
)

VERDICTS_TABLE = Table(
    title="Newest verdicts",
    description="Of the calendar period so far, newest first: score, interval and answers, each as it was told then.",
    sql=f"""SELECT
    at AS "As of",
    version AS "Version",
    verdict AS "Verdict",
    score AS "Score",
    {INTERVAL} AS "Interval",
    n AS "n",
    trend AS "Trend"
FROM xpulse_pub.verdicts
WHERE {ONE} AND $__timeFilter(at)
ORDER BY at DESC, version DESC
LIMIT 50""",
    columns=(
        Column(name="As of", unit="dateTimeFromNow", width=130),
        Column(name="Version", width=80),
        Column(name="Verdict", width=170, words=VERDICTS),
        Column(name="Score", decimals=1, width=80),
        Column(name="Interval", width=130),
        Column(name="n", width=80),
        Column(name="Trend", width=110, words=TRENDS),
    ),
    missing="no verdict in this range",
)
