"""The dashboard "Devices": what devices and applications do to people, from telemetry in windows of 15 minutes."""

from typing import Final

from agents.screens.dashboard import Dashboard, Row
from agents.screens.lines import Lines, Series
from agents.screens.palette import BAD, GOOD, WATCH
from agents.screens.parts import CHANGES, TELEMETRY_AGE, TENANT, TENANTS, TO_DEVICES, TO_ONE_TARGET, ways
from agents.screens.stats import Stat
from agents.screens.tables import Column, Table
from agents.screens.words import VERDICTS

NO_WINDOW: Final = "no whole window of 15 minutes yet"
NONE_IN_RANGE: Final = "no whole window of 15 minutes in this range"
WINDOWS: Final = "xpulse_pub.telemetry_15m"
LATELY: Final = "window_start >= $__toTime - toIntervalHour(24) AND window_start < $__toTime"
RANGE: Final = "window_start >= $__fromTime AND window_start < $__toTime"


def _share(metrics: str) -> str:
    return (
        f"SELECT if(sum(attempted_ms) = 0, NULL, sum(good_ms) / sum(attempted_ms)) AS good\nFROM {WINDOWS}\n"
        f"WHERE {TENANT} AND metric IN ({metrics}) AND {LATELY}"
    )


def _crashes(metric: str, *, beside: str) -> str:
    """Return how many there were: none at all is 0 only where what happens anyway was seen."""
    return (
        f"SELECT if(count() = 0, NULL, sumIf(value_sum, metric = {metric})) AS crashes\nFROM {WINDOWS}\n"
        f"WHERE {TENANT} AND metric IN ({metric}, {beside}) AND {LATELY}"
    )


def build() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        uid="xpulse-devices",
        title="Devices and applications",
        description="Good use time, crashes and start-up time; the applications and models that let people down.",
        variables=(TENANTS,),
        links=ways(TO_DEVICES),
        notes=(CHANGES,),
        since="now-24h",
        refresh="1m",
        rows=(
            Row(height=4, panels=tuple((panel, 4) for panel in HEADLINES)),
            Row(height=9, panels=((APPLICATIONS, 12), (MODELS, 12))),
            Row(height=9, panels=((OVER_TIME, 14), (SCORES, 10))),
        ),
    )


HEADLINES = (
    Stat(
        title="Good time of applications",
        description="Share of the use time of the last 24 hours in which applications answered fast and were usable; "
        "whole windows only.",
        sql=_share("'app.response_time', 'app.usable'"),
        unit="percentunit",
        decimals=1,
        steps=((0, BAD), (0.9, WATCH), (0.95, GOOD)),
        missing=NO_WINDOW,
    ),
    Stat(
        title="Good time of devices",
        description="Share of the use time of the last 24 hours in which processor and memory had room.",
        sql=_share("'device.cpu_utilization', 'device.memory_utilization'"),
        unit="percentunit",
        decimals=1,
        steps=((0, BAD), (0.9, WATCH), (0.95, GOOD)),
        missing=NO_WINDOW,
    ),
    Stat(
        title="Crashes of applications",
        description="Applications that ended by themselves in the last 24 hours, in published windows.",
        sql=_crashes("'app.crash'", beside="'app.start_time'"),
        missing=NO_WINDOW,
        unit="locale",
    ),
    Stat(
        title="Crashes of devices",
        description="Devices that crashed in the last 24 hours, in published windows of at least k devices.",
        sql=_crashes("'device.crash'", beside="'device.boot_time'"),
        missing=NO_WINDOW,
        unit="locale",
    ),
    Stat(
        title="Start-up time",
        description="Mean time from power-on to a usable desktop in the last 24 hours.",
        sql=f"SELECT if(sum(n) = 0, NULL, sum(value_sum) / sum(n)) AS seconds\nFROM {WINDOWS}\n"
        f"WHERE {TENANT} AND metric = 'device.boot_time' AND {LATELY}",
        unit="s",
        decimals=0,
        steps=((0, GOOD), (60, WATCH), (120, BAD)),
        missing=NO_WINDOW,
    ),
    TELEMETRY_AGE,
)

APPLICATIONS = Table(
    title="Worst applications",
    description="By the share of their use time in the range that was good; crashes are per 1,000 hours of use.",
    sql=f"""SELECT
    application AS "Application",
    if(sum(attempted_ms) = 0, NULL, sum(good_ms) / sum(attempted_ms)) AS "Good time",
    sumIf(attempted_ms, metric = 'app.usable') / 3600000 AS "Hours of use",
    sumIf(value_sum, metric = 'app.crash') AS "Crashes",
    if("Hours of use" = 0, NULL, 1000 * "Crashes" / "Hours of use") AS "Per 1,000 hours",
    if(sumIf(n, metric = 'app.start_time') = 0, NULL,
        sumIf(value_sum, metric = 'app.start_time') / sumIf(n, metric = 'app.start_time')) AS "Start"
FROM {WINDOWS}
WHERE {TENANT} AND metric IN ('app.response_time', 'app.usable', 'app.crash', 'app.start_time') AND {RANGE}
GROUP BY application
HAVING application != ''
ORDER BY "Good time", application
LIMIT 20""",
    columns=(
        Column(name="Good time", unit="percentunit", decimals=1, width=110),
        Column(name="Hours of use", unit="locale", decimals=0, width=120),
        Column(name="Crashes", unit="locale", width=100),
        Column(name="Per 1,000 hours", decimals=2, width=130),
        Column(name="Start", unit="s", decimals=1, width=90),
    ),
    missing=NONE_IN_RANGE,
)

MODELS = Table(
    title="Worst models",
    description="By the share of their time in the range in which processor and memory had room.",
    sql=f"""SELECT
    device_model AS "Model",
    if(sum(attempted_ms) = 0, NULL, sum(good_ms) / sum(attempted_ms)) AS "Good time",
    sumIf(value_sum, metric = 'device.crash') AS "Crashes",
    if(sumIf(n, metric = 'device.boot_time') = 0, NULL,
        sumIf(value_sum, metric = 'device.boot_time') / sumIf(n, metric = 'device.boot_time')) AS "Start-up",
    if(sumIf(n, metric = 'device.login_time') = 0, NULL,
        sumIf(value_sum, metric = 'device.login_time') / sumIf(n, metric = 'device.login_time')) AS "Log-in"
FROM {WINDOWS}
WHERE {TENANT} AND {RANGE} AND metric IN (
    'device.cpu_utilization', 'device.memory_utilization', 'device.crash', 'device.boot_time', 'device.login_time')
GROUP BY device_model
HAVING device_model != ''
ORDER BY "Good time", device_model
LIMIT 20""",
    columns=(
        Column(name="Good time", unit="percentunit", decimals=1, width=110),
        Column(name="Crashes", unit="locale", width=100),
        Column(name="Start-up", unit="s", decimals=0, width=100),
        Column(name="Log-in", unit="s", decimals=0, width=100),
    ),
    missing=NONE_IN_RANGE,
)

OVER_TIME = Lines(
    title="Good time",
    description="Share of use time that was good, in windows of 15 minutes; a window appears when it is complete.",
    sql=f"""SELECT
    window_start AS time,
    sumIf(good_ms, metric IN ('app.response_time', 'app.usable'))
        / nullIf(sumIf(attempted_ms, metric IN ('app.response_time', 'app.usable')), 0) AS "Applications",
    sumIf(good_ms, metric IN ('device.cpu_utilization', 'device.memory_utilization'))
        / nullIf(sumIf(attempted_ms, metric IN ('device.cpu_utilization', 'device.memory_utilization')), 0) AS "Devices"
FROM {WINDOWS}
WHERE {TENANT} AND {RANGE}
  AND metric IN ('app.response_time', 'app.usable', 'device.cpu_utilization', 'device.memory_utilization')
GROUP BY time
ORDER BY time""",
    series=(Series(name="Applications", colour=GOOD), Series(name="Devices", colour=WATCH)),
    unit="percentunit",
    missing=NONE_IN_RANGE,
)

SCORES = Table(
    title="Digital experience targets",
    description="Targets about telemetry, worst first: DEX-like scores (0 to 100) and shares of good time (%).",
    sql=f"""SELECT
    target AS "Target",
    rolling_score AS "Score",
    objective AS "Objective",
    verdict AS "Verdict"
FROM xpulse_pub.target_status
WHERE {TENANT} AND indicator IN ('dex', 'good_time')
ORDER BY indexOf(['missed', 'undecided', 'too_few', 'no_data', 'met'], verdict), score - objective, target
LIMIT 20""",
    columns=(
        Column(name="Target", link=TO_ONE_TARGET),
        Column(name="Score", decimals=1, width=80),
        Column(name="Objective", decimals=1, width=90),
        Column(name="Verdict", width=170, words=VERDICTS),
    ),
    missing="no target about telemetry was judged yet",
)
