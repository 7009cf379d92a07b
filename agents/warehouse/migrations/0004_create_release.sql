-- Release of feedback in blocks of at least k people. A mark is the commit: blocks and members without one are nothing.

CREATE TABLE IF NOT EXISTS ${database}.release_blocks
(
    tenant LowCardinality(String),
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch',
    run String COMMENT 'Hash of all blocks of the epoch',
    block String COMMENT 'Keyed hash of the members',
    level UInt8 COMMENT '0 is the finest',
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String),
    n UInt32,
    detractors UInt32,
    neutrals UInt32,
    promoters UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, epoch, run, block);

CREATE TABLE IF NOT EXISTS ${database}.release_members
(
    tenant LowCardinality(String),
    answer String COMMENT 'response_id',
    epoch DateTime64(3, 'UTC'),
    run String,
    block String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, answer, epoch, run);

-- No Replacing: the earliest mark of an epoch counts for ever, so no row may give way to a later one. The server's clock
-- decides, at the moment of the insert: a mark that was held up on its way cannot come out as the earliest.
CREATE TABLE IF NOT EXISTS ${database}.release_marks
(
    tenant LowCardinality(String),
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch',
    run String,
    blocks UInt32,
    answers UInt32,
    rule String COMMENT 'The release rule that was followed, JSON',
    marked_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (tenant, epoch);

CREATE TABLE IF NOT EXISTS ${database}.release_withdrawn
(
    tenant LowCardinality(String),
    block String,
    epoch DateTime64(3, 'UTC'),
    reason String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, block);
