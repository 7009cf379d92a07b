-- Details of feedback, in bundles: whole released blocks, at least 20 people together. A mark is the commit, as with
-- blocks: bundles and members without one are nothing.

-- What the members of a block told, and which of them, as it was when the block was released: later corrections change
-- nothing that is published. Restricted; counts once the block's epoch is marked.
CREATE TABLE IF NOT EXISTS ${database}.release_details
(
    tenant LowCardinality(String),
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch of the block',
    run String,
    block String,
    people Array(String) COMMENT 'Pseudonyms of the members',
    lost_people Array(String) COMMENT 'Those of them who told lost minutes',
    factor_people Array(String) COMMENT 'Those of them who named factors',
    scores Array(UInt32) COMMENT 'Answers by score, 0 to 10',
    lost_bands Array(UInt32) COMMENT 'Answers that told lost minutes, by band',
    lost_sums Array(UInt64) COMMENT 'Their minutes, each answer cut off at 480: one sum, room for more caps',
    factors Map(String, UInt32) COMMENT 'Answers that name a factor'
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, epoch, run, block);

CREATE TABLE IF NOT EXISTS ${database}.release_bundles
(
    tenant LowCardinality(String),
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch in which it was published',
    run String COMMENT 'Hash of all bundles of the epoch',
    bundle String COMMENT 'Keyed hash of the blocks',
    level UInt8 COMMENT '0 is the finest',
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String),
    n UInt32,
    scores Array(UInt32),
    lost_n UInt32,
    lost_bands Array(UInt32),
    lost_sums Array(UInt64),
    factors Map(String, UInt32)
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, epoch, run, bundle);

CREATE TABLE IF NOT EXISTS ${database}.release_bundled
(
    tenant LowCardinality(String),
    block String,
    epoch DateTime64(3, 'UTC'),
    run String,
    bundle String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, block, epoch, run);

-- As with blocks, the earliest mark counts for ever, by the server's clock.
CREATE TABLE IF NOT EXISTS ${database}.release_bundle_marks
(
    tenant LowCardinality(String),
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch',
    run String,
    bundles UInt32,
    blocks UInt32,
    rule String COMMENT 'The rule that was followed, JSON',
    marked_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (tenant, epoch);

-- Whole bundles of marked epochs, and nothing else. One with a withdrawn block is withdrawn.
CREATE OR REPLACE VIEW ${public}.feedback_details
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch in which the bundle was published',
    bundle String COMMENT 'Id of the bundle: whole released blocks with at least 20 different people, published once and for ever',
    level UInt8 COMMENT '0: the blocks share country, service and channel; higher levels waited longer and share less',
    country LowCardinality(String) COMMENT 'Common country of the blocks; * = mixed, empty = unknown',
    site LowCardinality(String) COMMENT 'Common site; * = mixed, empty = unknown',
    business_unit LowCardinality(String) COMMENT 'Common business unit; * = mixed, empty = unknown',
    service LowCardinality(String) COMMENT 'Common service; * = mixed, empty = unknown',
    channel LowCardinality(String) COMMENT 'Common channel; * = mixed, empty = unknown',
    assignment_group LowCardinality(String) COMMENT 'Common assignment group; * = mixed, empty = unknown',
    touchpoint LowCardinality(String) COMMENT 'Common touchpoint; * = mixed, empty = unknown',
    n UInt32 COMMENT 'Answers; each is in exactly one bundle',
    scores Array(UInt32) COMMENT 'Answers by score: eleven counts, for 0 to 10; add up with sumForEach',
    lost_n UInt32 COMMENT 'Answers that told lost minutes, of at least k different people; 0 = none, or too few to be told',
    lost_sum UInt64 COMMENT 'Their lost minutes added up, each answer cut off at 480; mean = sum(lost_sum) / sum(lost_n)',
    lost_bands Array(UInt32) COMMENT 'Their answers by lost minutes: up to 0, 1, 3, 7, 15, 30, 60, 120, 240, 480, and more',
    factors Map(String, UInt32) COMMENT 'Factor -> answers that name it; empty = none, or of fewer than k different people'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT DISTINCT
    tenant, epoch, bundle, level,
    country, site, business_unit, service, channel, assignment_group, touchpoint,
    n, scores, lost_n, lost_sums[1] AS lost_sum, lost_bands, factors
FROM ${database}.release_bundles
WHERE (tenant, epoch, run) IN (
    SELECT tenant, epoch, argMin(run, (marked_at, run)) FROM ${database}.release_bundle_marks GROUP BY tenant, epoch
)
AND (tenant, bundle) NOT IN (
    SELECT tenant, bundle FROM ${database}.release_bundled
    WHERE (tenant, block) IN (SELECT tenant, block FROM ${database}.release_withdrawn)
)
COMMENT 'Details of released feedback, one row per bundle of whole blocks: scores, lost minutes and factors as sums';
