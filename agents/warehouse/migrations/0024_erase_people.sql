-- Whom to forget. The row tells of nobody by itself: `subject` is a hash of a pseudonym, which is a keyed hash itself.

CREATE TABLE IF NOT EXISTS ${database}.erasures
(
    tenant LowCardinality(String),
    erasure_id String,
    version UInt128 COMMENT 'Revision, state, record timestamp and offset, packed in that order',
    event_id String,
    source LowCardinality(String),
    revision UInt32,
    event_time DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    log_time DateTime64(3, 'UTC') COMMENT 'Record timestamp: what lies in the log until then is gone',
    subject String COMMENT 'SHA-256 of tenant, a zero byte and the pseudonym, hexadecimal',
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, erasure_id);
