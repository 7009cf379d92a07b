-- Actions are append-only for judging: a replay has to see, at each instant, the revision that was known then. So every
-- revision stays; only a repeated delivery is the same row again.

CREATE TABLE IF NOT EXISTS ${database}.actions_before AS ${database}.actions;

INSERT INTO ${database}.actions_before SELECT * FROM ${database}.actions;

CREATE OR REPLACE TABLE ${database}.actions
(
    tenant LowCardinality(String),
    action_id String,
    version UInt128 COMMENT 'Revision, state, record timestamp and offset, packed in that order',
    event_id String,
    source LowCardinality(String),
    revision UInt32,
    kind LowCardinality(String) COMMENT 'ack, exclusion or maintenance',
    event_time DateTime64(3, 'UTC') COMMENT 'From when it holds',
    log_time DateTime64(3, 'UTC') COMMENT 'Record timestamp of this revision',
    end Nullable(DateTime64(3, 'UTC')),
    actor String,
    target String,
    alert_id String,
    reason String,
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, action_id, version);

INSERT INTO ${database}.actions SELECT * FROM ${database}.actions_before;

DROP TABLE IF EXISTS ${database}.actions_before;
