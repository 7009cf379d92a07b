"""The dashboard "Data quality": how fresh, how whole and how well labelled the figures of the other screens are."""

from agents.screens.dashboard import Dashboard, Row
from agents.screens.lines import Lines, Series
from agents.screens.palette import BAD, GOOD, WATCH
from agents.screens.parts import FEEDBACK_AGE, TELEMETRY_AGE, TENANT, TENANTS, TO_QUALITY, ways
from agents.screens.slice import DIMENSIONS
from agents.screens.stats import Stat
from agents.screens.tables import Column, Table
from agents.screens.words import PARTIAL, STALE

QUALITY = "FROM xpulse_pub.data_quality"


def build() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        uid="xpulse-quality",
        title="Data quality",
        description="Freshness of every lane, what was refused and why, how many answers name their place, and how "
        "many of those who were asked answered.",
        variables=(TENANTS,),
        links=ways(TO_QUALITY),
        since="now-7d",
        refresh="30s",
        rows=(
            Row(height=4, panels=tuple((panel, 4) for panel in HEADLINES)),
            Row(height=9, panels=((INTAKE, 12), (QUARANTINE, 12))),
            Row(height=9, panels=((LABELS, 12), (ANSWERS, 12))),
            Row(height=7, panels=((RESPONSE, 4), (COHORTS, 20))),
        ),
    )


HEADLINES = (
    FEEDBACK_AGE,
    TELEMETRY_AGE,
    Stat(
        title="Age of tickets and changes",
        description="Time since the newest record of the records lane that all partitions have passed.",
        sql=f"SELECT value AS age\n{QUALITY}\nWHERE lane = 'records' AND measure = 'age_s'",
        unit="s",
        steps=((0, GOOD), (600, WATCH), (900, BAD)),
        above=(900, STALE),
    ),
    Stat(
        title="Quarantined",
        description="Records that could not be decoded or believed, since the installation began; kept with reasons.",
        sql=f"SELECT sum(value) AS quarantined\n{QUALITY}\nWHERE measure = 'quarantined'",
        unit="locale",
        steps=((0, GOOD), (1, WATCH)),
    ),
    Stat(
        title="Late telemetry",
        description="Share of the valid records that came after their window had closed; they count apart.",
        sql="SELECT sumIf(value, measure = 'late') / nullIf(sumIf(value, measure = 'valid'), 0) AS late\n"
        f"{QUALITY}\nWHERE lane = 'telemetry'",
        unit="percentunit",
        decimals=2,
        steps=((0, GOOD), (0.01, WATCH), (0.05, BAD)),
    ),
    Stat(
        title="Answers in 24 hours",
        description="Released answers of the last 24 hours: they are published in blocks of at least k people, so the "
        "newest ones follow later.",
        sql="SELECT sum(n) AS answers\nFROM xpulse_pub.feedback_released\n"
        f"WHERE {TENANT} AND epoch > $__toTime - toIntervalHour(24) AND epoch <= $__toTime",
        unit="locale",
        steps=((1, GOOD),),
    ),
)

INTAKE = Table(
    title="What came in",
    description="Records by lane and fate. Events are valid, invalid, duplicate or ticks; late and overflow are parts "
    "of valid.",
    sql=f"""SELECT
    lane AS "Lane",
    measure AS "Fate",
    value AS "Records",
    as_of AS "Newest"
{QUALITY}
WHERE measure NOT IN ('age_s', 'quarantined') AND ({TENANT} OR tenant = '')
ORDER BY lane DESC, value DESC, measure""",
    columns=(
        Column(name="Lane", width=140),
        Column(name="Fate", width=160),
        Column(name="Records", unit="locale", width=140),
        Column(name="Newest", unit="dateTimeFromNow"),
    ),
)

QUARANTINE = Table(
    title="Quarantine",
    description="Reasons why records were put aside, most frequent first; a reason names a field, never its value.",
    sql=f"""SELECT
    lane AS "Topic",
    reason AS "Reason",
    sum(value) AS "Records",
    max(as_of) AS "Newest"
{QUALITY}
WHERE measure = 'quarantined'
GROUP BY lane, reason
ORDER BY "Records" DESC, reason
LIMIT 50""",
    columns=(
        Column(name="Topic", width=140),
        Column(name="Records", unit="locale", width=110),
        Column(name="Newest", unit="dateTimeFromNow", width=140),
    ),
    missing="nothing was put aside",
)

_DIMENSIONS = ", ".join(f"('{label}', {name})" for name, label in DIMENSIONS.items())
LABELS = Table(
    title="Answers that name their place",
    description="Released answers of the range by dimension: named, mixed with other values in one block, or unknown "
    "to the directory. Under 80 % named, slices of the dimension are partial.",
    sql=f"""SELECT
    label.1 AS "Dimension",
    sumIf(n, label.2 NOT IN ('', '*')) / sum(n) AS "Named",
    sumIf(n, label.2 = '*') / sum(n) AS "Mixed",
    sumIf(n, label.2 = '') / sum(n) AS "Unknown",
    toUInt8(sumIf(n, label.2 != '*') / sum(n) < 0.8) AS "Partial"
FROM
(
    SELECT n, [{_DIMENSIONS}] AS labels
    FROM xpulse_pub.feedback_released
    WHERE {TENANT} AND epoch > $__fromTime AND epoch <= $__toTime
)
ARRAY JOIN labels AS label
GROUP BY label.1
ORDER BY "Named", "Dimension\"""",
    columns=(
        Column(name="Named", unit="percentunit", decimals=1, width=100),
        Column(name="Mixed", unit="percentunit", decimals=1, width=100),
        Column(name="Unknown", unit="percentunit", decimals=1, width=100),
        Column(name="Partial", width=130, words=PARTIAL),
    ),
    missing="no released answer in this range",
)

ANSWERS = Lines(
    title="Answers over time",
    description="Released answers per step of the range; the last step is still filling.",
    sql=f"""SELECT
    toStartOfInterval(toDateTime(epoch), toIntervalSecond(greatest($__interval_s, 3600))) AS time,
    sum(n) AS "Answers"
FROM xpulse_pub.feedback_released
WHERE {TENANT} AND epoch > $__fromTime AND epoch <= $__toTime
GROUP BY time
ORDER BY time""",
    series=(Series(name="Answers", colour=GOOD),),
    unit="locale",
    decimals=0,
    missing="no released answer in this range",
)

_RATES = f"FROM xpulse_pub.response_rates\nWHERE {TENANT} AND epoch > $__fromTime AND epoch <= $__toTime"
RESPONSE = Stat(
    title="Response rate",
    description="Answered within the deadline, of the people invited: all cohorts of the range together. Who does not "
    "answer may think otherwise than who does.",
    sql=f"SELECT sum(answered) / nullIf(sum(invited), 0) AS rate\n{_RATES}",
    unit="percentunit",
    decimals=1,
    steps=((0, GOOD),),
    missing="no cohort yet",
)
COHORTS = Table(
    title="Response rate by cohort",
    description="Invitations of a day, or of more days where fewer than 20 people were invited; released once, after "
    "the deadline, so the newest are days old. Times are UTC.",
    sql=f"""SELECT
    formatDateTime(cohort_start, '%F %T') AS "Invited from",
    formatDateTime(cohort_end, '%F %T') AS "Until",
    invited AS "People",
    answered AS "Answered",
    rate AS "Rate",
    concat(toString(round(100 * lower, 1)), ' to ', toString(round(100 * upper, 1)), ' %') AS "95 % interval"
{_RATES}
ORDER BY cohort_start DESC
LIMIT 50""",
    columns=(
        Column(name="Invited from", width=190),
        Column(name="Until", width=190),
        Column(name="People", unit="locale", width=110),
        Column(name="Answered", unit="locale", width=110),
        Column(name="Rate", unit="percentunit", decimals=1, width=110),
    ),
    missing="no cohort of invitations has passed its deadline in this range",
)
