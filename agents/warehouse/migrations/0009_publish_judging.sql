-- Targets, verdicts, alerts and changes for everybody. All of them say only what follows from published rows.

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
    indicator LowCardinality(String) COMMENT 'happiness: score from -100 to 100; good_time: share of use time that was good, in %',
    metric LowCardinality(String) COMMENT 'Metric of a good_time target; else empty',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    objective Float64 COMMENT 'Promised level, in the indicator''s unit',
    period LowCardinality(String) COMMENT 'Calendar period of the verdict: day, week, month or quarter',
    window_s UInt32 COMMENT 'Length of the rolling window for display, seconds',
    min_respondents UInt32 COMMENT 'Below this n the verdict is too_few',
    severity LowCardinality(String) COMMENT 'Of its alerts: info, warning or critical',
    runbook String COMMENT 'What to do when it drifts'
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
    JSONExtractString(body, 'runbook') AS runbook
FROM
(
    SELECT tenant, target, version, state, valid_from, recorded_at, author, reason, body
    FROM ${database}.targets FINAL
    WHERE valid_from <= now64(3)
    ORDER BY version DESC
    LIMIT 1 BY tenant, target
)
COMMENT 'Experience targets as they are in force now';

CREATE OR REPLACE VIEW ${public}.verdicts
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    target String COMMENT 'Id of the target',
    version UInt32 COMMENT 'Version of the target that was judged',
    at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window that was judged last',
    verdict LowCardinality(String) COMMENT 'met, missed, undecided, too_few or no_data; for the calendar period so far',
    score Nullable(Float64) COMMENT 'Of the period, in the objective''s unit; NULL without data',
    lower Nullable(Float64) COMMENT 'Lower end of its interval, valid at every look',
    upper Nullable(Float64) COMMENT 'Upper end of its interval, valid at every look',
    n UInt64 COMMENT 'Answers (happiness) or windows (good_time) in the period',
    rolling_score Nullable(Float64) COMMENT 'Of the rolling window, for display only',
    rolling_lower Nullable(Float64) COMMENT 'Lower end of its interval, for display only',
    rolling_upper Nullable(Float64) COMMENT 'Upper end of its interval, for display only',
    rolling_n UInt64 COMMENT 'Answers or windows in the rolling window',
    trend LowCardinality(String) COMMENT 'up, flat, down or unknown',
    coverage Nullable(Float64) COMMENT 'Share of the released answers that name all dimensions of the slice, from 0 to 1',
    evidence Float64 COMMENT 'Of the drift detector, against its alarm level: 1 and more fires',
    drifting UInt8 COMMENT '1: a drift was raised and recovery is not confirmed yet'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, target, version, at, verdict, score, lower, upper, n,
    rolling_score, rolling_lower, rolling_upper, rolling_n, trend, coverage, evidence, drifting
FROM ${database}.verdicts FINAL
COMMENT 'Ledger of verdicts, one row per target version and instant';

CREATE OR REPLACE VIEW ${public}.target_status
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    target String COMMENT 'Id of the target',
    version UInt32 COMMENT 'Version of the target that was judged',
    purpose String COMMENT 'What the target is for',
    owner String COMMENT 'Who answers for it',
    indicator LowCardinality(String) COMMENT 'happiness: score from -100 to 100; good_time: share of use time that was good, in %',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    objective Float64 COMMENT 'Promised level, in the indicator''s unit',
    at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window that was judged last',
    verdict LowCardinality(String) COMMENT 'met, missed, undecided, too_few or no_data; for the calendar period so far',
    score Nullable(Float64) COMMENT 'Of the period, in the objective''s unit; NULL without data',
    lower Nullable(Float64) COMMENT 'Lower end of its interval, valid at every look',
    upper Nullable(Float64) COMMENT 'Upper end of its interval, valid at every look',
    n UInt64 COMMENT 'Answers (happiness) or windows (good_time) in the period',
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
    runbook String COMMENT 'What to do'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, alert_id, dedup_key, target, version, detector, state, reason, severity, started_at, at,
    slice, objective, score, lower, upper, n, coverage, summary, runbook
FROM ${database}.alerts FINAL
ORDER BY sequence DESC
LIMIT 1 BY tenant, alert_id
COMMENT 'Drift alerts in their newest state';

CREATE OR REPLACE VIEW ${public}.changes
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    change_id String COMMENT 'Id of the change',
    kind LowCardinality(String) COMMENT 'deploy, wave, process or exclusion',
    started_at DateTime64(3, 'UTC') COMMENT 'Actual start',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End; NULL = open or of no length',
    application LowCardinality(String) COMMENT 'Application that changed; empty = none',
    wave Nullable(UInt32) COMMENT 'Number of the roll-out wave',
    title String COMMENT 'In words',
    country LowCardinality(String) COMMENT 'Where; empty = everywhere',
    site LowCardinality(String) COMMENT 'Where; empty = everywhere',
    business_unit LowCardinality(String) COMMENT 'For whom; empty = everybody',
    service LowCardinality(String) COMMENT 'Service that changed; empty = none',
    channel LowCardinality(String) COMMENT 'Channel that changed; empty = none',
    assignment_group LowCardinality(String) COMMENT 'Group that changed; empty = none',
    touchpoint LowCardinality(String) COMMENT 'Touchpoint that changed; empty = none'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, change_id, kind, event_time AS started_at, c.end AS ended_at, application, wave, title,
    country, site, business_unit, service, channel, assignment_group, touchpoint
FROM ${database}.changes AS c FINAL
COMMENT 'Deliberate changes of the environment, each in its newest revision';
