-- The time scales in force: the newest row.

CREATE TABLE IF NOT EXISTS ${database}.profile
(
    name LowCardinality(String),
    generation UInt16,
    window_s UInt32,
    grace_ms UInt32,
    epoch_ms UInt32,
    k UInt16 COMMENT 'Different people or devices below which nothing is published',
    written_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY written_at;

CREATE OR REPLACE VIEW ${database}.current_profile AS
SELECT name, generation, window_s, grace_ms, epoch_ms, k, written_at
FROM ${database}.profile
ORDER BY written_at DESC
LIMIT 1;
