-- What is not published must not be told by an error either. ClickHouse evaluates a reader's condition where it is cheapest,
-- which may be before the WHERE of a view: `throwIf(block = '…')` or a number that does not parse would then tell of rows that
-- the view leaves out. So their columns are emptied first, in the view itself: whatever is evaluated on such a row, and
-- whenever, sees constants. Only organisation and time stay as they are, for by them ClickHouse skips what is not asked for.

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
    tenant, epoch,
    if(is_published, b.block, '') AS block,
    if(is_published, b.level, 0) AS level,
    if(is_published, b.country, '') AS country,
    if(is_published, b.site, '') AS site,
    if(is_published, b.business_unit, '') AS business_unit,
    if(is_published, b.service, '') AS service,
    if(is_published, b.channel, '') AS channel,
    if(is_published, b.assignment_group, '') AS assignment_group,
    if(is_published, b.touchpoint, '') AS touchpoint,
    if(is_published, b.n, 1) AS n,
    if(is_published, b.detractors, 0) AS detractors,
    if(is_published, b.neutrals, 0) AS neutrals,
    if(is_published, b.promoters, 0) AS promoters
FROM
(
    SELECT
        *,
        (tenant, epoch, run) IN (
            SELECT tenant, epoch, argMin(run, (marked_at, run)) FROM ${database}.release_marks GROUP BY tenant, epoch
        )
        AND (tenant, block) NOT IN (SELECT tenant, block FROM ${database}.release_withdrawn) AS is_published
    FROM ${database}.release_blocks
) AS b
WHERE is_published
COMMENT 'Released feedback, one row per block: every public feedback figure is a sum of these rows';

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
    tenant, epoch,
    if(is_published, b.bundle, '') AS bundle,
    if(is_published, b.level, 0) AS level,
    if(is_published, b.country, '') AS country,
    if(is_published, b.site, '') AS site,
    if(is_published, b.business_unit, '') AS business_unit,
    if(is_published, b.service, '') AS service,
    if(is_published, b.channel, '') AS channel,
    if(is_published, b.assignment_group, '') AS assignment_group,
    if(is_published, b.touchpoint, '') AS touchpoint,
    if(is_published, b.n, 1) AS n,
    if(is_published, b.scores, []) AS scores,
    if(is_published, b.lost_n, 0) AS lost_n,
    if(is_published, b.lost_sums[1], 0) AS lost_sum,
    if(is_published, b.lost_bands, []) AS lost_bands,
    if(is_published, b.factors, map()) AS factors
FROM
(
    SELECT
        *,
        (tenant, epoch, run) IN (
            SELECT tenant, epoch, argMin(run, (marked_at, run)) FROM ${database}.release_bundle_marks GROUP BY tenant, epoch
        )
        AND (tenant, bundle) NOT IN (
            SELECT tenant, bundle FROM ${database}.release_bundled
            WHERE (tenant, block) IN (SELECT tenant, block FROM ${database}.release_withdrawn)
        ) AS is_published
    FROM ${database}.release_bundles
) AS b
WHERE is_published
COMMENT 'Details of released feedback, one row per bundle of whole blocks: scores, lost minutes and factors as sums';

-- Tickets count when they are closed, in the period in which that became known here, so that a period gains none later.
-- A ticket without a known person counts, but does not help a row over k.
CREATE OR REPLACE VIEW ${public}.sla
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    period_start DateTime('UTC') COMMENT 'Start of the period in which the tickets were closed; shown once it is over',
    period_s UInt32 COMMENT 'Length of the period, seconds',
    country LowCardinality(String) COMMENT 'Empty = unknown',
    service LowCardinality(String) COMMENT 'Empty = unknown',
    tickets UInt64 COMMENT 'Closed tickets that say whether they kept the service level, of at least k people',
    made UInt64 COMMENT 'Those that did',
    share Float64 COMMENT 'made / tickets, from 0 to 1',
    lower Float64 COMMENT 'Lower end of its 95 % interval (Wilson)',
    upper Float64 COMMENT 'Upper end of its 95 % interval (Wilson)'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH 1.959963984540054 AS z
SELECT
    tenant, period_start, period_s, country, service, tickets, made,
    made / tickets AS share,
    greatest(0, (share + z * z / 2 / tickets - z * sqrt(share * (1 - share) / tickets + z * z / 4 / tickets / tickets)) / (1 + z * z / tickets)) AS lower,
    least(1, (share + z * z / 2 / tickets + z * sqrt(share * (1 - share) / tickets + z * z / 4 / tickets / tickets)) / (1 + z * z / tickets)) AS upper
FROM
(
    SELECT
        tenant, period_s, is_published,
        if(is_published, c.period_start, toDateTime(0, 'UTC')) AS period_start,
        if(is_published, c.country, '') AS country,
        if(is_published, c.service, '') AS service,
        if(is_published, c.tickets, 1) AS tickets,
        if(is_published, c.made, 0) AS made
    FROM
    (
        SELECT
            *,
            people >= (SELECT max(k) FROM ${database}.current_profile)
            AND period_start + toIntervalSecond(period_s) <= (SELECT max(reached) FROM ${database}.records_progress_total) AS is_published
        FROM
        (
            SELECT
                t.tenant AS tenant,
                toDateTime(intDiv(toUnixTimestamp(t.log_time), p.period_s) * p.period_s, 'UTC') AS period_start,
                p.period_s AS period_s,
                t.country AS country,
                t.service AS service,
                count() AS tickets,
                countIf(t.made_sla = 1) AS made,
                uniqExactIf(t.person, t.person != '') AS people
            FROM ${database}.tickets AS t FINAL
            CROSS JOIN (SELECT toUInt32(period_s) AS period_s FROM ${database}.current_profile) AS p
            WHERE t.kind = 'closed' AND isNotNull(t.made_sla)
            GROUP BY tenant, period_start, period_s, country, service
        )
    ) AS c
)
WHERE is_published
COMMENT 'Service level per period, country and service: closed tickets of at least k people, in periods that are over';
