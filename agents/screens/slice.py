"""The dashboard "Slice": one drill-down over every dimension of the feedback, with a preset for each kind of reader."""

from typing import Final

from agents.screens.dashboard import Choice, Dashboard, Link, Listed, Notes, Row, Variable
from agents.screens.lines import Lines, Series
from agents.screens.palette import GOOD, QUIET, WATCH
from agents.screens.parts import CHANGES, FEEDBACK_AGE, FEW, TO_SLICE, ways
from agents.screens.stats import Stat
from agents.screens.tables import Column, Table
from agents.screens.words import LIGHTS, PARTIAL

DIMENSIONS: Final = {
    "country": "Country",
    "site": "Site",
    "business_unit": "Business unit",
    "service": "Service",
    "channel": "Channel",
    "assignment_group": "Assignment group",
    "touchpoint": "Touchpoint",
}
TENANT: Final = "tenant IN (${tenant:singlequote})"
SELECTED: Final = "\n  AND ".join(
    f"$__conditionalAll({name} IN (${{{name}:singlequote}}), ${name})" for name in DIMENSIONS
)
NAMED: Final = " AND ".join(f"$__conditionalAll({name} != '*', ${name})" for name in DIMENSIONS)
PERIOD: Final = "epoch > $__fromTime AND epoch <= $__toTime"
_LABELS = ", ".join(f"'{name}', {name}" for name in DIMENSIONS)
BY: Final = f"map('tenant', tenant, {_LABELS})[${{by:singlequote}}]"
SUMS: Final = "sum(n) AS answers, sum(detractors) AS low, sum(neutrals) AS middle, sum(promoters) AS high"
SCORE: Final = "100 * (toFloat64(high) - low) / answers"
MEAN: Final = "((middle / 2 + high + 1.5) / (answers + 3))"
ERROR: Final = f"sqrt(greatest(0., (middle / 4 + high + 1.125) / (answers + 3) - {MEAN} * {MEAN}) / (answers + 3))"
LOWER: Final = f"-100 + 200 * greatest(0., {MEAN} - 1.959963984540054 * {ERROR})"
UPPER: Final = f"-100 + 200 * least(1., {MEAN} + 1.959963984540054 * {ERROR})"
"""Adjusted Wald, as the view happiness_by has it."""


def build() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        uid="xpulse-slice",
        title="Slice",
        description="Happiness of any slice: how much, how sure, of how many, and which parts make it.",
        variables=(TENANTS, SPLIT, *FILTERS),
        links=(*PRESETS, *ways(TO_SLICE)),
        notes=(CHANGES_OF_MANY,),
        since="now-30d",
        refresh="1m",
        rows=(
            Row(height=4, panels=((HAPPINESS, 5), (INTERVAL, 6), (ANSWERS, 4), (COVERAGE, 5), (AGE, 4))),
            Row(height=10, panels=((PARTS, 24),)),
            Row(height=9, panels=((OVER_TIME, 24),)),
            Row(height=9, panels=((SERVICE_LEVEL, 12), (LOST_TIME, 12))),
        ),
    )


TENANTS = Variable(
    name="tenant",
    label="Organisation",
    sql="SELECT tenant FROM xpulse_pub.target_status GROUP BY tenant ORDER BY max(at) DESC, tenant",
    is_multi=True,
)
SPLIT = Listed(name="by", label="Split by", values=("country", *[d for d in DIMENSIONS if d != "country"], "tenant"))
FILTERS: tuple[Choice, ...] = tuple(
    Variable(
        name=name,
        label=label,
        sql=f"SELECT {name}\nFROM xpulse_pub.feedback_released\n"
        f"WHERE {TENANT} AND {name} NOT IN ('', '*')\nGROUP BY {name}\nORDER BY {name}",
        is_multi=True,
    )
    for name, label in DIMENSIONS.items()
)
CHANGES_OF_MANY = Notes(name="Changes", sql=CHANGES.sql.replace("tenant = ${tenant:singlequote}", TENANT))

_KEPT = "&".join(f"${{{name}:queryparam}}" for name in ("tenant", *DIMENSIONS))
PRESETS: Final = tuple(
    Link(title=title, url=f"/d/xpulse-slice?var-by={by}&{_KEPT}", tooltip=tooltip)
    for title, by, tooltip in (
        ("For a country manager", "service", "Which service lets my country down? Choose the country."),
        ("For a service owner", "country", "Where is my service worst? Choose the service."),
        ("For a service-desk manager", "assignment_group", "Which group needs help?"),
        ("For a CIO", "business_unit", "Which part of the business suffers?"),
        ("For a provider", "tenant", "Which customer suffers? All organisations together."),
    )
)

_WHOLE = f"""FROM
(
    SELECT {SUMS}
    FROM xpulse_pub.feedback_released
    WHERE {TENANT} AND {PERIOD}
      AND {SELECTED}
)"""

HAPPINESS = Stat(
    title="Happiness of the slice",
    description="100 x (promoters - detractors) / answers over the chosen time range, in points from -100 to 100; all "
    "of its answers count, however they are spread over it.",
    sql=f"SELECT if(answers < {FEW}, NULL, {SCORE}) AS happiness\n{_WHOLE}",
    decimals=1,
)
INTERVAL = Stat(
    title="Its 95 % interval",
    description="Adjusted Wald, over the chosen time range.",
    sql=f"SELECT if(answers < {FEW}, '… too few answers', concat(toString(round({LOWER}, 1)), ' to ', "
    f"toString(round({UPPER}, 1)))) AS interval\n{_WHOLE}",
    decimals=None,
)
ANSWERS = Stat(
    title="Answers",
    description="Released answers of the slice in the chosen time range.",
    sql=f"SELECT answers\n{_WHOLE}",
    unit="locale",
    steps=((FEW, GOOD),),
)
COVERAGE = Stat(
    title="Coverage",
    description="Share of all released answers of the range that name every dimension that is chosen; under 80 % the "
    "slice is partial.",
    sql=f"SELECT if(count() = 0, 0, sumIf(n, {NAMED}) / sum(n)) AS coverage\n"
    f"FROM xpulse_pub.feedback_released\nWHERE {TENANT} AND {PERIOD}",
    unit="percentunit",
    steps=((0, WATCH), (0.8, GOOD)),
)
AGE = Stat(
    title=FEEDBACK_AGE.title,
    description=FEEDBACK_AGE.description,
    sql=f"SELECT max(value) AS age\nFROM xpulse_pub.data_quality\n"
    f"WHERE lane = 'feedback' AND measure = 'age_s' AND {TENANT}",
    unit="s",
    steps=FEEDBACK_AGE.steps,
    above=FEEDBACK_AGE.above,
)

PARTS = Table(
    title="Split by ${by}",
    description="The parts of the slice, lowest first. Mixed are the answers of blocks that hold several values; if "
    "more than a fifth is mixed, the parts are partial: with all answers a score may be another one.",
    sql=f"""SELECT
    multiIf(part = '*', '(mixed)', part = '', '(unknown)', part) AS "Part",
    if(answers < {FEW}, NULL, {SCORE}) AS "Happiness",
    if(answers < {FEW}, '… too few answers', concat(toString(round({LOWER}, 1)), ' to ', toString(round({UPPER}, 1))))
        AS "Interval",
    answers AS "Answers",
    low AS "Detractors",
    middle AS "Neutrals",
    high AS "Promoters",
    sum(if(part = '*', 0, answers)) OVER () / sum(answers) OVER () AS "Coverage",
    toUInt8("Coverage" < 0.8) AS "Partial"
FROM
(
    SELECT {BY} AS part, {SUMS}
    FROM xpulse_pub.feedback_released
    WHERE {TENANT} AND {PERIOD}
      AND {SELECTED}
    GROUP BY part
)
ORDER BY part IN ('*', ''), answers < {FEW}, "Happiness", part""",
    columns=(
        Column(name="Happiness", decimals=1, width=110),
        Column(name="Interval", width=170),
        Column(name="Answers", unit="locale", width=100),
        Column(name="Detractors", unit="locale", width=120),
        Column(name="Neutrals", unit="locale", width=120),
        Column(name="Promoters", unit="locale", width=120),
        Column(name="Coverage", unit="percentunit", decimals=0, width=110),
        Column(name="Partial", width=120, words=PARTIAL),
    ),
    missing="no released answer in this range",
)

OVER_TIME = Lines(
    title="Happiness over time",
    description="Points from -100 to 100 per step of the range with their interval; steps with too few answers are "
    "left out, and the last step is still filling.",
    sql=f"""SELECT
    time,
    {SCORE} AS "Happiness",
    {LOWER} AS "Lower",
    {UPPER} AS "Upper"
FROM
(
    SELECT toStartOfInterval(toDateTime(epoch), toIntervalSecond(if($__interval_s > 180, 86400, 60))) AS time, {SUMS}
    FROM xpulse_pub.feedback_released
    WHERE {TENANT} AND {PERIOD}
      AND {SELECTED}
    GROUP BY time
    HAVING answers >= {FEW}
)
ORDER BY time""",
    series=(
        Series(name="Happiness", colour=GOOD),
        Series(name="Lower", colour=QUIET),
        Series(name="Upper", colour=QUIET, fill_below_to="Lower"),
    ),
    missing="no step with enough answers",
)

_WILSON = "1.959963984540054 * sqrt(share * (1 - share) / tickets + 0.9604 / tickets / tickets)"
SERVICE_LEVEL = Table(
    title="Service level beside experience level",
    description="Watermelons are green outside and red inside: tickets keep their service level while people are "
    "unhappy. Days that are over, within the range; goals are those of the targets of one service each. A state is "
    "said when both 95 % intervals lie on one side of their goals.",
    sql=f"""SELECT
    s.service AS "Service",
    multiIf(
        t.objective IS NULL OR f.answers < {FEW}, 'undecided',
        share_lower >= goal AND {LOWER} >= t.objective, 'healthy',
        share_lower >= goal AND {UPPER} < t.objective, 'watermelon',
        share_upper < goal AND {LOWER} >= t.objective, 'obsolete',
        share_upper < goal AND {UPPER} < t.objective, 'failing', 'undecided') AS "State",
    tickets AS "Tickets",
    share AS "Service level",
    if(f.answers < {FEW}, NULL, {SCORE}) AS "Happiness",
    t.objective AS "Objective",
    f.answers AS "Answers"
FROM
(
    SELECT
        service,
        sum(sla.tickets) AS tickets,
        sum(sla.made) / tickets AS share,
        (share + 1.9208 / tickets - {_WILSON}) / (1 + 3.8416 / tickets) AS share_lower,
        (share + 1.9208 / tickets + {_WILSON}) / (1 + 3.8416 / tickets) AS share_upper
    FROM xpulse_pub.sla AS sla
    WHERE {TENANT} AND period_start >= $__fromTime AND period_start <= $__toTime
      AND $__conditionalAll(country IN (${{country:singlequote}}), $country)
      AND $__conditionalAll(service IN (${{service:singlequote}}), $service)
    GROUP BY service
) AS s
LEFT JOIN
(
    SELECT service, {SUMS}
    FROM xpulse_pub.feedback_released
    WHERE {TENANT} AND {PERIOD}
      AND {SELECTED}
    GROUP BY service
) AS f ON f.service = s.service
LEFT JOIN
(
    SELECT slice['service'] AS service, toNullable(max(targets.objective)) AS objective, max(sla_goal) / 100 AS goal
    FROM xpulse_pub.targets AS targets
    WHERE {TENANT} AND state = 'active' AND indicator = 'happiness' AND mapKeys(slice) = ['service']
    GROUP BY service
) AS t ON t.service = s.service
ORDER BY indexOf(['watermelon', 'failing', 'obsolete', 'undecided', 'healthy'], "State"), "Service\"""",
    columns=(
        Column(name="State", width=150, words=LIGHTS),
        Column(name="Tickets", unit="locale", width=90),
        Column(name="Service level", unit="percentunit", decimals=1, width=110),
        Column(name="Happiness", decimals=1, width=100),
        Column(name="Objective", decimals=1, width=100),
        Column(name="Answers", unit="locale", width=90),
    ),
    missing="no day of tickets is over in this range",
)

LOST_TIME = Table(
    title="Lost time by ${by}",
    description="Minutes that answers told as lost, cut off at 480 each. From bundles of at least 20 people, published "
    "two to six days after the answers.",
    sql=f"""SELECT
    multiIf(part = '*', '(mixed)', part = '', '(unknown)', part) AS "Part",
    if(told = 0, NULL, minutes / told) AS "Mean minutes",
    told AS "Answers that told",
    answers AS "Answers"
FROM
(
    SELECT {BY} AS part, sum(lost_sum) AS minutes, sum(lost_n) AS told, sum(n) AS answers
    FROM xpulse_pub.feedback_details
    WHERE {TENANT} AND {PERIOD}
      AND {SELECTED}
    GROUP BY part
)
ORDER BY "Mean minutes" DESC, part""",
    columns=(
        Column(name="Mean minutes", decimals=1, width=130),
        Column(name="Answers that told", unit="locale", width=150),
        Column(name="Answers", unit="locale", width=100),
    ),
    missing="no published bundle in this range",
)
