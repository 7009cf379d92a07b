-- Feedback for everybody: whole blocks of marked epochs, and nothing else.

CREATE OR REPLACE VIEW ${public}.feedback_released
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch in which the block was released',
    block String COMMENT 'Id of the block: answers of at least k different people, published once and for ever',
    level UInt8 COMMENT '0: the members share country, service and channel; higher levels waited longer and share less',
    country LowCardinality(String) COMMENT 'Common country of the members; * = mixed, empty = unknown',
    site LowCardinality(String) COMMENT 'Common site; * = mixed, empty = unknown',
    business_unit LowCardinality(String) COMMENT 'Common business unit; * = mixed, empty = unknown',
    service LowCardinality(String) COMMENT 'Common service; * = mixed, empty = unknown',
    channel LowCardinality(String) COMMENT 'Common channel; * = mixed, empty = unknown',
    assignment_group LowCardinality(String) COMMENT 'Common assignment group; * = mixed, empty = unknown',
    touchpoint LowCardinality(String) COMMENT 'Common touchpoint; * = mixed, empty = unknown',
    n UInt32 COMMENT 'Answers, each of another person',
    detractors UInt32 COMMENT 'Answers from 0 to 6',
    neutrals UInt32 COMMENT 'Answers of 7 or 8',
    promoters UInt32 COMMENT 'Answers of 9 or 10'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT DISTINCT
    tenant, epoch, block, level,
    country, site, business_unit, service, channel, assignment_group, touchpoint,
    n, detractors, neutrals, promoters
FROM ${database}.release_blocks
WHERE (tenant, epoch, run) IN (
    SELECT tenant, epoch, argMin(run, (marked_at, run)) FROM ${database}.release_marks GROUP BY tenant, epoch
)
AND (tenant, block) NOT IN (SELECT tenant, block FROM ${database}.release_withdrawn)
COMMENT 'Released feedback, one row per block: every public feedback figure is a sum of these rows';

CREATE OR REPLACE VIEW ${public}.happiness
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch of the release',
    country LowCardinality(String) COMMENT '* = mixed, empty = unknown',
    site LowCardinality(String) COMMENT '* = mixed, empty = unknown',
    business_unit LowCardinality(String) COMMENT '* = mixed, empty = unknown',
    service LowCardinality(String) COMMENT '* = mixed, empty = unknown',
    channel LowCardinality(String) COMMENT '* = mixed, empty = unknown',
    assignment_group LowCardinality(String) COMMENT '* = mixed, empty = unknown',
    touchpoint LowCardinality(String) COMMENT '* = mixed, empty = unknown',
    blocks UInt64 COMMENT 'How many blocks were summed',
    n UInt64 COMMENT 'Answers; sum counts over rows, never average scores',
    detractors UInt64 COMMENT 'Answers from 0 to 6',
    neutrals UInt64 COMMENT 'Answers of 7 or 8',
    promoters UInt64 COMMENT 'Answers of 9 or 10',
    score Float64 COMMENT 'Happiness: 100 x (promoters - detractors) / n, from -100 to 100',
    lower Float64 COMMENT 'Lower end of its 95 % interval (adjusted Wald), from -100',
    upper Float64 COMMENT 'Upper end of its 95 % interval (adjusted Wald), to 100'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, epoch, country, site, business_unit, service, channel, assignment_group, touchpoint,
    blocks, n, detractors, neutrals, promoters,
    100 * (toFloat64(promoters) - toFloat64(detractors)) / n AS score,
    greatest(-100, 100 * (p - d - 1.959963984540054 * sqrt((p + d - pow(p - d, 2)) / (n + 3)))) AS lower,
    least(100, 100 * (p - d + 1.959963984540054 * sqrt((p + d - pow(p - d, 2)) / (n + 3)))) AS upper
FROM
(
    SELECT
        tenant, epoch, country, site, business_unit, service, channel, assignment_group, touchpoint,
        count() AS blocks,
        sum(f.n) AS n,
        sum(f.detractors) AS detractors,
        sum(f.neutrals) AS neutrals,
        sum(f.promoters) AS promoters,
        (sum(f.promoters) + 0.75) / (sum(f.n) + 3) AS p,
        (sum(f.detractors) + 0.75) / (sum(f.n) + 3) AS d
    FROM ${public}.feedback_released AS f
    GROUP BY tenant, epoch, country, site, business_unit, service, channel, assignment_group, touchpoint
)
COMMENT 'Happiness per epoch and labels: released blocks with the same labels added up';
