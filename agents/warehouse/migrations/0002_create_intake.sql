-- What could not be decoded or believed, and how far the records lane is.

CREATE TABLE IF NOT EXISTS ${database}.quarantine
(
    topic LowCardinality(String),
    incarnation UUID,
    partition UInt16,
    offset UInt64,
    recorded_at DateTime64(3, 'UTC') COMMENT 'Record timestamp',
    reason LowCardinality(String) COMMENT 'Names the field, never the value',
    raw String
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY (topic, incarnation, partition, offset);

CREATE TABLE IF NOT EXISTS ${database}.records_progress
(
    incarnation UUID,
    partition UInt16,
    partitions UInt16 COMMENT 'How many partitions the topic had',
    hi UInt64 COMMENT 'Version: every row of a lower offset is stored',
    n_valid UInt64 COMMENT 'Since the worker started',
    n_invalid UInt64 COMMENT 'Since the worker started',
    arrival DateTime64(3, 'UTC') COMMENT 'Newest record timestamp so far'
)
ENGINE = ReplacingMergeTree(hi)
ORDER BY (incarnation, partition);
