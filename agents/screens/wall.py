"""The wall: four screens of one message each, 30 seconds each, readable from five metres.

No axes, no tables, no title bars; at most twelve numbers per screen. Letters are at least 48 pixels high at 1080p,
which is 20 arc minutes from four metres on a 55-inch screen. Every screen says how old it is.
"""

from typing import Final

from agents.screens.dashboard import Dashboard, Row
from agents.screens.palette import BAD, GOOD, QUIET, WATCH
from agents.screens.panels import NO_DATA, Panel, Word
from agents.screens.parts import FEW, TENANT, TENANTS, TO_ON_CALL, TO_TARGETS, WORST_FIRST
from agents.screens.stats import Look, Tiles

WALL: Final = "wall"
"""Tag of these screens."""
SECONDS_EACH: Final = 30
"""How long the playlist shows each."""
LEAST_PX: Final = 48
MOST_NUMBERS: Final = 12

SIGNS: Final = (
    ("^[✘▲‼↘].*", Word(text="", colour=BAD)),
    ("^STALE.*", Word(text="", colour=BAD)),
    ("^[?!].*", Word(text="", colour=WATCH)),
    ("^[✔↗].*", Word(text="", colour=GOOD)),
    ("^[…–].*", Word(text="", colour=QUIET)),
)
"""What a text begins with -> its colour."""
_WIDE: Final = Look(value_px=76, title_px=48, orientation="horizontal", align="auto")
_TILE: Final = Look(value_px=96, title_px=48, orientation="vertical")


def _tiles(sql: str, *, says: str, look: Look = _WIDE, missing: str = NO_DATA) -> Tiles:
    return Tiles(
        title="", description=says, sql=sql, value="Says", decimals=None, patterns=SIGNS, look=look, missing=missing
    )


def _moved(number: int) -> str:
    """Return how far a part moved the score, in SQL."""
    value, points = f"parts[{number}]['value']", f"parts[{number}]['points']"
    return f"concat(if({value} = '*', 'all others', {value}), ': ', {points}, ' points')"


def _label(column: str) -> str:
    """Return a target's name for people, in SQL: what its slice names, without the names of dimensions."""
    return f"replaceAll(replaceRegexpAll({column}, '^[^/]*/|[a-z_]+=', ''), ',', ' ')"


def _named(column: str, *, after: str = ": ") -> str:
    """Return a target's name for people with what it is about before it, in SQL, e.g. "happiness: NO mail"."""
    about = f"replaceAll(replaceRegexpOne({column}, '(-by-[^/]*)?/.*$', ''), '-', ' ')"
    return f"if({_label(column)} IN ('', {column}), {about}, concat({about}, '{after}', {_label(column)}))"


def _counted(sign: str, condition: str) -> str:
    """Return a count with a sign, in SQL; none has the sign of nothing."""
    return f"concat(if(countIf({condition}) = 0, '– ', '{sign} '), toString(countIf({condition})))"


def _age(name: str) -> Tiles:
    return _tiles(
        f"""SELECT
    '{name}' AS "Name",
    multiIf(
        count() = 0, 'STALE: nothing has come yet',
        max(value) >= 1800, concat('STALE, from ', formatReadableTimeDelta(max(value), 'days', 'minutes'), ' ago'),
        max(value) < 60, '✔ under a minute',
        concat('✔ ', toString(intDiv(toUInt64(max(value)), 60)), ' min')) AS "Says"
FROM xpulse_pub.data_quality
WHERE measure = 'age_s' AND lane IN ('feedback', 'telemetry') AND ({TENANT} OR tenant = '')""",
        says="Time since the end of the older one of the newest released epoch and the newest closed window; from half "
        "an hour on it says STALE.",
        look=Look(value_px=64, title_px=48, orientation="vertical", align="auto"),
    )


COUNTS: Final = _tiles(
    f"""SELECT pair.1 AS "Name", pair.2 AS "Says"
FROM
(
    SELECT [
        ('targets hold', {_counted("✔", "verdict = 'met'")}),
        ('do not hold', {_counted("✘", "verdict = 'missed'")}),
        ('not sure yet', {_counted("?", "verdict = 'undecided'")}),
        ('too few answers', {_counted("…", "verdict IN ('too_few', 'no_data')")})
    ] AS pairs
    FROM xpulse_pub.target_status
    WHERE {TENANT}
)
ARRAY JOIN pairs AS pair""",
    says="How many targets hold, by their verdict for the calendar period so far.",
    look=_TILE,
)

WORST: Final = _tiles(
    f"""SELECT line.1 AS "Name", line.2 AS "Says"
FROM
(
    SELECT
        isNull(rolling_score) OR verdict IN ('too_few', 'no_data') OR (indicator = 'happiness' AND rolling_n < {FEW})
            AS is_few,
        [
            (
                concat(replaceAll(toString(indicator), '_', ' '), ': ', {_label("target")}),
                concat(
                    multiIf(
                        verdict = 'missed', '✘ ', drifting = 1, '▲ ', verdict = 'met', '✔ ',
                        verdict = 'undecided', '? ', '… '),
                    if(is_few, 'too few answers lately', toString(round(rolling_score))),
                    multiIf(is_few, ', ', trend = 'up', ' ↗ ', trend = 'down', ' ↘ ', trend = 'flat', ' → ', ' '),
                    if(drifting = 1, 'drifting, ', ''), replaceAll(toString(verdict), '_', ' '))
            ),
            (
                'its interval lately',
                if(is_few OR isNull(rolling_lower), '… none yet',
                    concat('from ', toString(round(rolling_lower)), ' to ', toString(round(rolling_upper)),
                        ', target ', toString(round(objective)), ', n ', toString(rolling_n)))
            )
        ] AS lines
    FROM xpulse_pub.target_status
    WHERE {TENANT}
    ORDER BY
        {WORST_FIRST}
    LIMIT 1
)
ARRAY JOIN lines AS line""",
    says="The target that is worst off: rolling score, trend, drift and verdict in words; interval, target, answers.",
    missing="no target was judged yet",
)

WHY: Final = _tiles(
    f"""SELECT line.1 AS "Name", line.2 AS "Says"
FROM
(
    SELECT
        count() AS firing,
        argMax(
            (
                {_named("target")}, ifNull(usual, 0.), ifNull(usual + change, 0.),
                contributions, coincidences, severity, isNull(change)
            ),
            (severity = 'critical', severity = 'warning', abs(ifNull(change, 0.)), alert_id)) AS worst,
        worst.4 AS parts,
        [
            (if(firing = 0, 'everything', worst.1),
             multiIf(firing = 0, '✔ nothing drifts', worst.7, concat('! ', worst.6),
                 concat('▲ from ', toString(round(worst.2)), ' to ', toString(round(worst.3))))),
            (if(length(parts) > 0, 'most of it', 'parts'),
             if(length(parts) > 0, {_moved(1)}, '– not told apart')),
            (if(length(parts) > 1, 'and', 'more'),
             if(length(parts) > 1, {_moved(2)}, '– nothing')),
            ('around that time, no cause',
             if(length(worst.5) > 0, concat(worst.5[1]['title'], ', ', worst.5[1]['where']), '– nothing known'))
        ] AS lines
    FROM xpulse_pub.alerts
    WHERE {TENANT} AND state = 'firing' AND calls = 'yes'
)
ARRAY JOIN lines AS line""",
    says="The alert that is worst: how far its score moved, which parts moved it most, and what happened around then.",
)

WHERE: Final = _tiles(
    f"""SELECT
    f.country AS "Name",
    multiIf(
        now_n < {FEW}, '… too few answers',
        drifting = 1, concat('▲ ', toString(round(now_score)), ' drifting'),
        before_n < {FEW}, toString(round(now_score)),
        abs(now_score - before_score) <= 196 * sqrt(now_spread / now_n + before_spread / before_n),
            concat('→ ', toString(round(now_score))),
        now_score < before_score, concat('↘ ', toString(round(now_score))),
        concat('↗ ', toString(round(now_score)))) AS "Says"
FROM
(
    SELECT
        country,
        sumIf(n, is_now) AS now_n,
        sumIf(n, NOT is_now) AS before_n,
        sumIf(toInt64(promoters) - detractors, is_now) / now_n AS now_mean,
        sumIf(toInt64(promoters) - detractors, NOT is_now) / before_n AS before_mean,
        sumIf(promoters + detractors, is_now) / now_n - pow(now_mean, 2) AS now_spread,
        sumIf(promoters + detractors, NOT is_now) / before_n - pow(before_mean, 2) AS before_spread,
        100 * now_mean AS now_score,
        100 * before_mean AS before_score
    FROM
    (
        SELECT country, n, promoters, detractors, epoch > $__toTime - toIntervalDay(1) AS is_now
        FROM xpulse_pub.feedback_released
        WHERE {TENANT} AND epoch > $__toTime - toIntervalDay(2) AND epoch <= $__toTime AND country NOT IN ('', '*')
    )
    GROUP BY country
) AS f
LEFT JOIN
(
    SELECT slice['country'] AS country, max(drifting) AS drifting
    FROM xpulse_pub.target_status
    WHERE {TENANT} AND indicator = 'happiness' AND mapKeys(slice) = ['country']
    GROUP BY country
) AS t ON t.country = f.country
ORDER BY now_n < {FEW}, now_score, "Name"
LIMIT 9""",
    says="Happiness of the last 24 hours by country, lowest first, and whether it moved against the 24 hours before by "
    "more than chance allows (95 %). Drifting: the target of the country says so.",
    look=Look(value_px=88, title_px=48, orientation="auto"),
    missing="no answer was released yet",
)

CHANGED: Final = _tiles(
    f"""SELECT "Name", "Says"
FROM
(
    SELECT 1 AS place, 'alerts' AS "Name",
        if(count() = 0, '✔ none is firing', concat('▲ ', toString(count()), ' firing, newest: ',
            argMax({_named("target", after=" ")}, started_at))) AS "Says"
    FROM xpulse_pub.alerts
    WHERE {TENANT} AND state = 'firing' AND calls = 'yes'
    UNION ALL
    SELECT 2, 'rolled out in 24 hours',
        if(count() = 0, '– nothing', concat('→ ', toString(count()), ', newest: ', argMax(title, started_at)))
    FROM xpulse_pub.changes
    WHERE {TENANT} AND kind != 'exclusion' AND started_at > $__toTime - toIntervalDay(1) AND started_at <= $__toTime
    UNION ALL
    SELECT 3, 'good news of 24 hours',
        if(count() = 0, '– none', concat('✔ ', toString(count()), ' well again, newest: ',
            argMax({_named("target", after=" ")}, at)))
    FROM xpulse_pub.alerts
    WHERE {TENANT} AND state = 'resolved' AND calls = 'yes' AND at > $__toTime - toIntervalDay(1)
)
ORDER BY place""",
    says="Alerts that fire now, changes that were rolled out, and what became well again, each with its newest.",
)


def targets_now() -> Dashboard:
    """Return the first screen: what holds and what does not."""
    panels = Row(height=11, panels=((COUNTS, 24),)), Row(height=14, panels=((WORST, 24),))
    return _screen("now", "Wall: targets now", "Which targets hold, and the one that is worst off.", panels)


def worst_and_why() -> Dashboard:
    """Return the second screen: what is worst and why."""
    rows = (Row(height=25, panels=((WHY, 24),)),)
    return _screen("why", "Wall: what is worst and why", "The worst alert and the parts that moved it.", rows)


def where() -> Dashboard:
    """Return the third screen: countries over time."""
    rows = (Row(height=25, panels=((WHERE, 24),)),)
    says = "Happiness by country, and where it moved since yesterday."
    return _screen("where", "Wall: where", says, rows, age="happiness of 24 hours by country, its age")


def what_changed() -> Dashboard:
    """Return the fourth screen: alerts, rollouts, good news."""
    rows = (Row(height=25, panels=((CHANGED, 24),)),)
    return _screen("changed", "Wall: what changed", "Open alerts, rollouts and good news of the last day.", rows)


def _screen(
    name: str, title: str, description: str, rows: tuple[Row, ...], *, age: str = "age of these figures"
) -> Dashboard:
    freshness: Panel = _age(age)
    return Dashboard(
        uid=f"xpulse-wall-{name}",
        title=title,
        description=description,
        variables=(TENANTS,),
        rows=(*rows, Row(height=7, panels=((freshness, 24),))),
        links=(TO_TARGETS, TO_ON_CALL),
        since="now-24h",
        tags=("xpulse", WALL),
    )
