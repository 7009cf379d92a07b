-- A target says itself what service level should be kept beside it; and words for the kinds and indicators that came since.

CREATE OR REPLACE VIEW ${public}.targets
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    target String COMMENT 'Id of the target',
    version UInt32 COMMENT 'Version in force',
    state LowCardinality(String) COMMENT 'active or retired',
    valid_from DateTime64(3, 'UTC') COMMENT 'From when this version holds',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When it was written down',
    author String COMMENT 'Who did',
    reason String COMMENT 'Why this version replaced the one before',
    purpose String COMMENT 'What the target is for',
    owner String COMMENT 'Who answers for it',
    indicator LowCardinality(String) COMMENT 'happiness (score from -100 to 100); good_time, low_scores, lost_time_above (in %); lost_minutes_480 (mean minutes); dex (0 to 100)',
    metric LowCardinality(String) COMMENT 'What exactly is measured: the metric, the limit, the cap or the leaves; empty for happiness',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    objective Float64 COMMENT 'Promised level, in the indicator''s unit',
    period LowCardinality(String) COMMENT 'Calendar period of the verdict: day, week, month or quarter',
    window_s UInt32 COMMENT 'Length of the rolling window for display, seconds',
    min_respondents UInt32 COMMENT 'Below this n the verdict is too_few',
    severity LowCardinality(String) COMMENT 'Of its alerts: info, warning or critical',
    runbook String COMMENT 'What to do when it drifts',
    sla_goal Float64 COMMENT 'Percent of the tickets of the slice that should keep the service level, for the view watermelon'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, target, version, state, valid_from, recorded_at, author, reason,
    JSONExtractString(body, 'purpose') AS purpose,
    JSONExtractString(body, 'owner') AS owner,
    JSONExtractString(body, 'indicator') AS indicator,
    JSONExtractString(body, 'metric') AS metric,
    JSONExtract(body, 'slice', 'Map(String, String)') AS slice,
    JSONExtractFloat(body, 'objective') AS objective,
    JSONExtractString(body, 'period') AS period,
    toUInt32(JSONExtractUInt(body, 'window_s')) AS window_s,
    toUInt32(JSONExtractUInt(body, 'min_respondents')) AS min_respondents,
    JSONExtractString(body, 'severity') AS severity,
    JSONExtractString(body, 'runbook') AS runbook,
    if(JSONHas(body, 'sla_goal'), JSONExtractFloat(body, 'sla_goal'), 90.) AS sla_goal
FROM
(
    SELECT tenant, target, version, state, valid_from, recorded_at, author, reason, body
    FROM ${database}.targets FINAL
    WHERE valid_from <= now64(3)
    ORDER BY version DESC
    LIMIT 1 BY tenant, target
)
COMMENT 'Experience targets as they are in force now';

CREATE OR REPLACE VIEW ${public}.target_status
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    target String COMMENT 'Id of the target',
    version UInt32 COMMENT 'Version of the target that was judged',
    purpose String COMMENT 'What the target is for',
    owner String COMMENT 'Who answers for it',
    indicator LowCardinality(String) COMMENT 'happiness (score from -100 to 100); good_time, low_scores, lost_time_above (in %); lost_minutes_480 (mean minutes); dex (0 to 100)',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    objective Float64 COMMENT 'Promised level, in the indicator''s unit',
    at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window that was judged last',
    verdict LowCardinality(String) COMMENT 'met, missed, undecided, too_few or no_data; for the calendar period so far',
    score Nullable(Float64) COMMENT 'Of the period, in the objective''s unit; NULL without data',
    lower Nullable(Float64) COMMENT 'Lower end of its interval, valid at every look',
    upper Nullable(Float64) COMMENT 'Upper end of its interval, valid at every look',
    n UInt64 COMMENT 'Answers, or windows of telemetry, in the period',
    rolling_score Nullable(Float64) COMMENT 'Of the rolling window, for display only',
    rolling_lower Nullable(Float64) COMMENT 'Lower end of its interval, for display only',
    rolling_upper Nullable(Float64) COMMENT 'Upper end of its interval, for display only',
    rolling_n UInt64 COMMENT 'Answers or windows in the rolling window',
    trend LowCardinality(String) COMMENT 'up, flat, down or unknown',
    coverage Nullable(Float64) COMMENT 'Share of the released answers that name all dimensions of the slice, from 0 to 1',
    drifting UInt8 COMMENT '1: a drift was raised and recovery is not confirmed yet',
    runbook String COMMENT 'What to do when it drifts'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    v.tenant AS tenant, v.target AS target, v.version AS version,
    JSONExtractString(t.body, 'purpose') AS purpose,
    JSONExtractString(t.body, 'owner') AS owner,
    JSONExtractString(t.body, 'indicator') AS indicator,
    JSONExtract(t.body, 'slice', 'Map(String, String)') AS slice,
    JSONExtractFloat(t.body, 'objective') AS objective,
    v.at AS at, v.verdict AS verdict, v.score AS score, v.lower AS lower, v.upper AS upper, v.n AS n,
    v.rolling_score AS rolling_score, v.rolling_lower AS rolling_lower, v.rolling_upper AS rolling_upper,
    v.rolling_n AS rolling_n, v.trend AS trend, v.coverage AS coverage, v.drifting AS drifting,
    JSONExtractString(t.body, 'runbook') AS runbook
FROM
(
    SELECT * FROM ${public}.verdicts ORDER BY at DESC, version DESC LIMIT 1 BY tenant, target
) AS v
INNER JOIN
(
    SELECT tenant, target, version, body FROM ${database}.targets FINAL
) AS t ON t.tenant = v.tenant AND t.target = v.target AND t.version = v.version
WHERE (v.tenant, v.target) NOT IN (SELECT tenant, target FROM ${public}.targets WHERE state = 'retired')
COMMENT 'Newest verdict of each active target, with what the judged version promised';

CREATE OR REPLACE VIEW ${public}.watermelon
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    target String COMMENT 'Id of the happiness target; its slice names nothing but country and service',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    period_start DateTime64(3, 'UTC') COMMENT 'Start of the calendar period; the figures are those since then',
    tickets UInt64 COMMENT 'Closed tickets in periods that are over',
    made UInt64 COMMENT 'Those that kept the service level',
    sla_goal Float64 COMMENT 'Percent of the tickets that should keep it',
    sla_lower Nullable(Float64) COMMENT 'Lower end of the 95 % interval of that share, percent (Wilson)',
    sla_upper Nullable(Float64) COMMENT 'Upper end of it, percent',
    sla LowCardinality(String) COMMENT 'green: the lower end reaches the goal; red: the upper end does not; else undecided',
    n UInt64 COMMENT 'Released answers',
    objective Float64 COMMENT 'Promised happiness',
    score Nullable(Float64) COMMENT 'Happiness, from -100 to 100',
    xla_lower Nullable(Float64) COMMENT 'Lower end of its 95 % interval (adjusted Wald)',
    xla_upper Nullable(Float64) COMMENT 'Upper end of it',
    xla LowCardinality(String) COMMENT 'green, red or undecided, likewise',
    state LowCardinality(String) COMMENT 'healthy (green, green), watermelon (green, red), obsolete (red, green), failing (red, red) or undecided'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    1.959963984540054 AS z,
    targets AS
    (
        SELECT
            tenant, target, slice, objective, sla_goal AS goal,
            toDateTime64(multiIf(period = 'day', toStartOfDay(now('UTC')), period = 'week', toDateTime(toMonday(now('UTC')), 'UTC'), period = 'month', toDateTime(toStartOfMonth(now('UTC')), 'UTC'), toDateTime(toStartOfQuarter(now('UTC')), 'UTC')), 3, 'UTC') AS begin
        FROM ${public}.targets
        WHERE state = 'active' AND indicator = 'happiness' AND hasAll(['country', 'service'], mapKeys(slice))
    )
SELECT
    tenant, target, slice, begin AS period_start, tickets, made, goal AS sla_goal,
    if(tickets = 0, NULL, greatest(0, 100 * (share + z * z / 2 / tickets - z * sqrt(share * (1 - share) / tickets + z * z / 4 / tickets / tickets)) / (1 + z * z / tickets))) AS sla_lower,
    if(tickets = 0, NULL, least(100, 100 * (share + z * z / 2 / tickets + z * sqrt(share * (1 - share) / tickets + z * z / 4 / tickets / tickets)) / (1 + z * z / tickets))) AS sla_upper,
    multiIf(ifNull(sla_lower >= sla_goal, 0), 'green', ifNull(sla_upper < sla_goal, 0), 'red', 'undecided') AS sla,
    n, objective,
    if(n = 0, NULL, 100 * (toFloat64(promoters) - toFloat64(detractors)) / n) AS score,
    if(n = 0, NULL, greatest(-100, 100 * (p - d - z * sqrt((p + d - pow(p - d, 2)) / (n + 3))))) AS xla_lower,
    if(n = 0, NULL, least(100, 100 * (p - d + z * sqrt((p + d - pow(p - d, 2)) / (n + 3))))) AS xla_upper,
    multiIf(ifNull(xla_lower >= objective, 0), 'green', ifNull(xla_upper < objective, 0), 'red', 'undecided') AS xla,
    multiIf(sla = 'green' AND xla = 'green', 'healthy', sla = 'green' AND xla = 'red', 'watermelon', sla = 'red' AND xla = 'green', 'obsolete', sla = 'red' AND xla = 'red', 'failing', 'undecided') AS state
FROM
(
    SELECT
        t.tenant AS tenant, t.target AS target, t.slice AS slice, t.objective AS objective, t.goal AS goal, t.begin AS begin,
        sum(f.tickets) AS tickets, sum(f.made) AS made, sum(f.n) AS n,
        sum(f.detractors) AS detractors, sum(f.promoters) AS promoters,
        made / greatest(tickets, 1) AS share,
        (promoters + 0.75) / (n + 3) AS p,
        (detractors + 0.75) / (n + 3) AS d
    FROM targets AS t
    LEFT JOIN
    (
        SELECT tenant, toDateTime64(period_start, 3, 'UTC') AS at, country, service, tickets, made, 0 AS n, 0 AS detractors, 0 AS promoters
        FROM ${public}.sla
        UNION ALL
        SELECT tenant, epoch, country, service, 0, 0, n, detractors, promoters
        FROM ${public}.feedback_released
    ) AS f ON f.tenant = t.tenant
    WHERE f.at >= t.begin AND (f.country = t.slice['country'] OR NOT mapContains(t.slice, 'country'))
      AND (f.service = t.slice['service'] OR NOT mapContains(t.slice, 'service'))
    GROUP BY tenant, target, slice, objective, goal, begin
)
COMMENT 'Service level and experience level of one slice and calendar period, side by side';

CREATE OR REPLACE VIEW ${public}.alerts
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    alert_id String COMMENT 'One per episode',
    dedup_key String COMMENT 'The same for all episodes of a target and detector',
    target String COMMENT 'Id of the target',
    version UInt32 COMMENT 'Version of the target that was judged',
    detector LowCardinality(String) COMMENT 'What raised it',
    state LowCardinality(String) COMMENT 'firing or resolved',
    reason String COMMENT 'Why it is in this state',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    started_at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window at which it fired',
    at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window of this state',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    objective Float64 COMMENT 'Promised level, in the indicator''s unit',
    score Nullable(Float64) COMMENT 'In the objective''s unit; NULL without data',
    lower Nullable(Float64) COMMENT 'Lower end of its interval',
    upper Nullable(Float64) COMMENT 'Upper end of its interval',
    n UInt64 COMMENT 'Answers or windows behind the score',
    coverage Nullable(Float64) COMMENT 'Share of the released answers that name all dimensions of the slice, from 0 to 1',
    summary String COMMENT 'In words',
    runbook String COMMENT 'What to do',
    kind LowCardinality(String) COMMENT 'drift, absence, slow_burn, shift, watermelon or stall',
    calls LowCardinality(String) COMMENT 'yes; inhibited: another alert explains it; replayed: it comes from old data; mix: nothing but the mixture changed',
    inhibited_by String COMMENT 'Alert that explains it; else empty',
    since Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the first epoch or window of the change; NULL = not explained',
    usual Nullable(Float64) COMMENT 'Score before the change',
    usual_n UInt64 COMMENT 'Answers or windows behind it',
    change Nullable(Float64) COMMENT 'Score of whole epochs or windows since the change began, less the usual one',
    mix_share Nullable(Float64) COMMENT 'Part of the change that is another mixture of the parts; 1 = all of it',
    is_mix UInt8 COMMENT '1: a change of mix, the parts are as before',
    contributions Array(Map(String, String)) COMMENT 'dimension, value (* = all others), points, share of the change, n; those of a dimension add up',
    coincidences Array(Map(String, String)) COMMENT 'What happened around, closest first, no causes: kind, name, at, where, title',
    link String COMMENT 'Where to look further; empty = nowhere'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, alert_id, dedup_key, target, version, detector, state, reason, severity, started_at, at,
    slice, objective, score, lower, upper, n, coverage, summary, runbook, kind, calls, inhibited_by,
    if(JSONExtractInt(body, 'since_ms') = 0, NULL, fromUnixTimestamp64Milli(JSONExtractInt(body, 'since_ms'), 'UTC')) AS since,
    JSONExtract(body, 'usual', 'Nullable(Float64)') AS usual,
    JSONExtractUInt(body, 'usual_n') AS usual_n,
    JSONExtract(body, 'change', 'Nullable(Float64)') AS change,
    JSONExtract(body, 'mix_share', 'Nullable(Float64)') AS mix_share,
    toUInt8(JSONExtractBool(body, 'is_mix')) AS is_mix,
    JSONExtract(body, 'contributions', 'Array(Map(String, String))') AS contributions,
    JSONExtract(body, 'coincidences', 'Array(Map(String, String))') AS coincidences,
    JSONExtractString(body, 'link') AS link
FROM ${database}.alerts FINAL
ORDER BY sequence DESC
LIMIT 1 BY tenant, alert_id
COMMENT 'Alerts in their newest state, with what explains them';

CREATE OR REPLACE VIEW ${public}.alert_history
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    alert_id String COMMENT 'One per episode; see alerts for its newest state',
    sequence UInt32 COMMENT 'Number of the state within its episode, from 1 on; gaps do not matter',
    target String COMMENT 'Id of the target',
    version UInt32 COMMENT 'Version of the target that was judged',
    kind LowCardinality(String) COMMENT 'drift, absence, slow_burn, shift, watermelon or stall',
    state LowCardinality(String) COMMENT 'firing or resolved',
    reason String COMMENT 'Why it came into this state',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    calls LowCardinality(String) COMMENT 'yes; inhibited: another alert explains it; replayed: it comes from old data; mix: nothing but the mixture changed',
    started_at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window at which it fired',
    at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window of this state',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    score Nullable(Float64) COMMENT 'In the objective''s unit; NULL without data',
    n UInt64 COMMENT 'Answers or windows behind the score'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, alert_id, sequence, target, version, kind, state, reason, severity, calls, started_at, at, slice, score, n
FROM ${database}.alerts FINAL
COMMENT 'Alerts in all their states, one row per state';
