-- Why an alert was raised, for everybody; and the service level beside the experience level, per slice.

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
    kind LowCardinality(String) COMMENT 'drift, absence, slow_burn, watermelon or stall',
    calls LowCardinality(String) COMMENT 'yes; inhibited: another alert explains it; replayed: it comes from old data',
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

-- Tickets count when they are closed, in the period in which that became known here, so that a period gains none later.
-- A ticket without a known person counts, but does not help a row over k.
CREATE OR REPLACE VIEW ${public}.sla
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    period_start DateTime('UTC') COMMENT 'Start of the period in which the tickets were closed; shown once it is over',
    period_s UInt32 COMMENT 'Length of the period, seconds',
    country LowCardinality(String) COMMENT 'Empty = unknown',
    service LowCardinality(String) COMMENT 'Empty = unknown',
    tickets UInt64 COMMENT 'Closed tickets that say whether they kept the service level, of at least k people',
    made UInt64 COMMENT 'Those that did',
    share Float64 COMMENT 'made / tickets, from 0 to 1',
    lower Float64 COMMENT 'Lower end of its 95 % interval (Wilson)',
    upper Float64 COMMENT 'Upper end of its 95 % interval (Wilson)'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH 1.959963984540054 AS z
SELECT
    tenant, period_start, period_s, country, service, tickets, made,
    made / tickets AS share,
    greatest(0, (share + z * z / 2 / tickets - z * sqrt(share * (1 - share) / tickets + z * z / 4 / tickets / tickets)) / (1 + z * z / tickets)) AS lower,
    least(1, (share + z * z / 2 / tickets + z * sqrt(share * (1 - share) / tickets + z * z / 4 / tickets / tickets)) / (1 + z * z / tickets)) AS upper
FROM
(
    SELECT
        t.tenant AS tenant,
        toDateTime(intDiv(toUnixTimestamp(t.log_time), p.period_s) * p.period_s, 'UTC') AS period_start,
        p.period_s AS period_s,
        t.country AS country,
        t.service AS service,
        count() AS tickets,
        countIf(t.made_sla = 1) AS made,
        uniqExactIf(t.person, t.person != '') AS people
    FROM ${database}.tickets AS t FINAL
    CROSS JOIN (SELECT toUInt32(period_s) AS period_s FROM ${database}.current_profile) AS p
    WHERE t.kind = 'closed' AND isNotNull(t.made_sla)
    GROUP BY tenant, period_start, period_s, country, service
)
WHERE people >= (SELECT max(k) FROM ${database}.current_profile)
  AND period_start + toIntervalSecond(period_s) <= (SELECT max(reached) FROM ${database}.records_progress_total)
COMMENT 'Service level per period, country and service: closed tickets of at least k people, in periods that are over';

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
            tenant, target, slice, objective,
            toDateTime64(multiIf(period = 'day', toStartOfDay(now('UTC')), period = 'week', toDateTime(toMonday(now('UTC')), 'UTC'), period = 'month', toDateTime(toStartOfMonth(now('UTC')), 'UTC'), toDateTime(toStartOfQuarter(now('UTC')), 'UTC')), 3, 'UTC') AS begin
        FROM ${public}.targets
        WHERE state = 'active' AND indicator = 'happiness' AND hasAll(['country', 'service'], mapKeys(slice))
    )
SELECT
    tenant, target, slice, begin AS period_start, tickets, made, 90. AS sla_goal,
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
        t.tenant AS tenant, t.target AS target, t.slice AS slice, t.objective AS objective, t.begin AS begin,
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
    GROUP BY tenant, target, slice, objective, begin
)
COMMENT 'Service level and experience level of one slice and calendar period, side by side';
