-- Alerts of several kinds, which another one may explain; verdicts with and without what was excluded.

ALTER TABLE ${database}.alerts
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String) DEFAULT 'drift' COMMENT 'What kind of trouble it is',
    ADD COLUMN IF NOT EXISTS calls LowCardinality(String) DEFAULT 'yes' COMMENT 'yes, inhibited or replayed',
    ADD COLUMN IF NOT EXISTS inhibited_by String DEFAULT '' COMMENT 'Alert that explains it; else empty',
    ADD COLUMN IF NOT EXISTS body String DEFAULT '' COMMENT 'The alert event, JSON';

ALTER TABLE ${database}.verdicts
    ADD COLUMN IF NOT EXISTS excluded_n UInt64 DEFAULT 0 COMMENT 'Part of the period that exclusions take out',
    ADD COLUMN IF NOT EXISTS plain_verdict LowCardinality(String) DEFAULT '' COMMENT 'The verdict with everything in',
    ADD COLUMN IF NOT EXISTS plain_score Nullable(Float64) COMMENT 'The score with everything in';

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
    drifting UInt8 COMMENT '1: a drift was raised and recovery is not confirmed yet',
    excluded_n UInt64 COMMENT 'Answers or windows of the period that exclusions take out of verdict, score, interval and n',
    plain_verdict LowCardinality(String) COMMENT 'The verdict with everything in; empty in rows from before exclusions',
    plain_score Nullable(Float64) COMMENT 'The score with everything in'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, target, version, at, verdict, score, lower, upper, n,
    rolling_score, rolling_lower, rolling_upper, rolling_n, trend, coverage, evidence, drifting,
    excluded_n, plain_verdict, plain_score
FROM ${database}.verdicts FINAL
COMMENT 'Ledger of verdicts, one row per target version and instant';

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
    inhibited_by String COMMENT 'Alert that explains it; else empty'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, alert_id, dedup_key, target, version, detector, state, reason, severity, started_at, at,
    slice, objective, score, lower, upper, n, coverage, summary, runbook, kind, calls, inhibited_by
FROM ${database}.alerts FINAL
ORDER BY sequence DESC
LIMIT 1 BY tenant, alert_id
COMMENT 'Alerts in their newest state';
