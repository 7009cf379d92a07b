"""What several dashboards have in common: the organisation, the age of what is shown, and the ways between screens."""

from typing import Final

from agents.screens.dashboard import Link, Notes, Variable
from agents.screens.palette import BAD, GOOD, WATCH
from agents.screens.stats import Stat
from agents.screens.words import STALE

TENANT: Final = "tenant = ${tenant:singlequote}"
TENANTS: Final = Variable(
    name="tenant",
    label="Organisation",
    sql="SELECT tenant FROM xpulse_pub.target_status GROUP BY tenant ORDER BY max(at) DESC, tenant",
)
FEW: Final = 20
"""Answers below which a screen shows no figure of its own making; targets say so themselves (`min_respondents`)."""

INTERVAL: Final = "if(isNull(lower), '', concat(toString(round(lower, 1)), ' to ', toString(round(upper, 1))))"
UNIT: Final = """multiIf(
        indicator = 'happiness', 'points, -100 to 100', indicator = 'good_time', '% of use time good',
        indicator = 'dex', 'points, 0 to 100', indicator LIKE 'lost_minutes%', 'minutes, less is better',
        '% of answers, less is better')"""
DIRECTION: Final = "if(indicator IN ('low_scores', 'lost_time_above') OR indicator LIKE 'lost_minutes%', -1, 1)"
"""1: more is better."""
WORST_FIRST: Final = f"""drifting DESC,
    indexOf(['missed', 'undecided', 'too_few', 'no_data', 'met'], verdict),
    {DIRECTION} * (score - objective),
    target"""

FEEDBACK_AGE: Final = Stat(
    title="Age of the feedback",
    description="Time since the end of the newest released epoch of this organisation.",
    sql="SELECT value AS age\nFROM xpulse_pub.data_quality\n"
    f"WHERE lane = 'feedback' AND measure = 'age_s' AND {TENANT}",
    unit="s",
    steps=((0, GOOD), (1200, WATCH), (1800, BAD)),
    above=(1800, STALE),
)
TELEMETRY_AGE: Final = Stat(
    title="Age of the telemetry",
    description="Time since the end of the newest closed window, over all organisations.",
    sql="SELECT value AS age\nFROM xpulse_pub.data_quality\nWHERE lane = 'telemetry' AND measure = 'age_s'",
    unit="s",
    steps=((0, GOOD), (600, WATCH), (900, BAD)),
    above=(900, STALE),
)

CHANGES: Final = Notes(
    name="Changes",
    sql=f"""SELECT
    started_at AS time,
    title,
    concat(kind, if(application = '', '', concat(' of ', application)), if(country = '', '', concat(' in ', country)))
        AS text
FROM xpulse_pub.changes
WHERE {TENANT} AND $__timeFilter(started_at)
ORDER BY time""",
)

TO_TARGETS: Final = Link(
    title="Targets", url="/d/xpulse-targets?${tenant:queryparam}", tooltip="All targets, worst first"
)
TO_SLICE: Final = Link(title="Slice", url="/d/xpulse-slice?${tenant:queryparam}", tooltip="Any slice of the feedback")
TO_DEVICES: Final = Link(
    title="Devices", url="/d/xpulse-devices?${tenant:queryparam}", tooltip="Devices and applications"
)
TO_ON_CALL: Final = Link(title="On-call", url="/d/xpulse-on-call?${tenant:queryparam}", tooltip="Open alerts and why")
TO_QUALITY: Final = Link(
    title="Data quality", url="/d/xpulse-quality?${tenant:queryparam}", tooltip="How far to trust the rest"
)
TO_PIPELINE: Final = Link(title="Pipeline", url="/d/xpulse-pipeline", tooltip="The processes behind the screens")
TO_ONE_TARGET: Final = (
    "Its history",
    "/d/xpulse-target?${tenant:queryparam}&var-target=${__data.fields.Target}&${__url_time_range}",
)
"""Link of a column: the row's target."""


def ways(*without: Link) -> tuple[Link, ...]:
    """Return the links to all screens but the given ones."""
    every = (TO_TARGETS, TO_SLICE, TO_DEVICES, TO_ON_CALL, TO_QUALITY, TO_PIPELINE)
    return tuple(link for link in every if link not in without)
