-- Target versions, the verdict ledger, alerts and their deliveries.

CREATE TABLE IF NOT EXISTS ${database}.targets
(
    tenant LowCardinality(String),
    target String,
    version UInt32,
    state LowCardinality(String) COMMENT 'active or retired',
    valid_from DateTime64(3, 'UTC'),
    recorded_at DateTime64(3, 'UTC'),
    author String,
    reason String,
    body String COMMENT 'The target event, JSON'
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY (tenant, target, version);

CREATE TABLE IF NOT EXISTS ${database}.verdicts
(
    tenant LowCardinality(String),
    target String,
    version UInt32 COMMENT 'Of the target',
    at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window that was judged last',
    verdict LowCardinality(String) COMMENT 'met, missed, undecided, too_few or no_data',
    score Nullable(Float64),
    lower Nullable(Float64),
    upper Nullable(Float64),
    n UInt64,
    rolling_score Nullable(Float64),
    rolling_lower Nullable(Float64),
    rolling_upper Nullable(Float64),
    rolling_n UInt64,
    trend LowCardinality(String) COMMENT 'up, flat, down or unknown',
    coverage Nullable(Float64),
    evidence Float64 COMMENT '1 and more fires',
    drifting UInt8,
    state String COMMENT 'State of the detector, JSON; restricted',
    written_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY (tenant, target, version, at);

CREATE TABLE IF NOT EXISTS ${database}.alerts
(
    tenant LowCardinality(String),
    alert_id String,
    sequence UInt32,
    dedup_key String,
    target String,
    version UInt32 COMMENT 'Of the target',
    detector LowCardinality(String),
    state LowCardinality(String) COMMENT 'firing or resolved',
    reason String,
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    started_at DateTime64(3, 'UTC'),
    at DateTime64(3, 'UTC'),
    slice Map(String, String),
    objective Float64,
    score Nullable(Float64),
    lower Nullable(Float64),
    upper Nullable(Float64),
    n UInt64,
    coverage Nullable(Float64),
    summary String,
    runbook String,
    written_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY (tenant, alert_id, sequence);

CREATE TABLE IF NOT EXISTS ${database}.deliveries
(
    tenant LowCardinality(String),
    alert_id String,
    sequence UInt32,
    notifier LowCardinality(String),
    outcome LowCardinality(String),
    reason String,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (tenant, alert_id, sequence, at);
