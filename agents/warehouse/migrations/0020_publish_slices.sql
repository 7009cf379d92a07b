-- Feedback by slice and time, with its interval and with how much of what was released names the slice.

-- Blocks with their labels by name, so that a question may choose its dimensions.
CREATE OR REPLACE VIEW ${database}.labelled_blocks AS
SELECT
    tenant, epoch,
    CAST(map(
        'country', country, 'site', site, 'business_unit', business_unit, 'service', service, 'channel', channel,
        'assignment_group', assignment_group, 'touchpoint', touchpoint
    ), 'Map(String, String)') AS labels,
    n, detractors, neutrals, promoters
FROM ${public}.feedback_released;

CREATE OR REPLACE VIEW ${database}.labelled_bundles AS
SELECT
    tenant, epoch,
    CAST(map(
        'country', country, 'site', site, 'business_unit', business_unit, 'service', service, 'channel', channel,
        'assignment_group', assignment_group, 'touchpoint', touchpoint
    ), 'Map(String, String)') AS labels,
    n, lost_n, lost_sum
FROM ${public}.feedback_details;

CREATE OR REPLACE VIEW ${public}.happiness_by_day
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    day DateTime('UTC') COMMENT 'Start of the day (UTC) in which the answers were released',
    dimension LowCardinality(String) COMMENT 'all, country, site, business_unit, service, channel, assignment_group or touchpoint',
    value String COMMENT 'Value of the dimension; * = blocks that mix several, empty = unknown. The rows of a dimension add up',
    n UInt64 COMMENT 'Answers; add counts over rows, never average scores',
    detractors UInt64 COMMENT 'Answers from 0 to 6',
    neutrals UInt64 COMMENT 'Answers of 7 or 8',
    promoters UInt64 COMMENT 'Answers of 9 or 10',
    score Float64 COMMENT 'Happiness: 100 x (promoters - detractors) / n, from -100 to 100',
    lower Float64 COMMENT 'Lower end of its 95 % interval (adjusted Wald), from -100',
    upper Float64 COMMENT 'Upper end of its 95 % interval (adjusted Wald), to 100',
    released_n UInt64 COMMENT 'All answers that were released that day, in whatever slice',
    coverage Float64 COMMENT 'Share of them that names the dimension (is not *), from 0 to 1',
    is_partial UInt8 COMMENT '1: coverage is under 0.8, the score may be another one with all answers: least to most',
    least Nullable(Float64) COMMENT 'The score if every answer without a name were one more detractor of this row; NULL for *',
    most Nullable(Float64) COMMENT 'The score if every one of them were one more promoter of it; NULL for *'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, day, dimension, value, n, detractors, neutrals, promoters,
    100 * (toFloat64(promoters) - toFloat64(detractors)) / n AS score,
    -100 + 200 * greatest(0., mean - 1.959963984540054 * error) AS lower,
    -100 + 200 * least(1., mean + 1.959963984540054 * error) AS upper,
    released_n,
    named_n / released_n AS coverage,
    coverage < 0.8 AS is_partial,
    if(value = '*', NULL, 100 * (toFloat64(promoters) - toFloat64(detractors) - (released_n - named_n)) / (n + released_n - named_n)) AS least,
    if(value = '*', NULL, 100 * (toFloat64(promoters) - toFloat64(detractors) + (released_n - named_n)) / (n + released_n - named_n)) AS most
FROM
(
    SELECT
        tenant, day, dimension, value,
        sum(b.n) AS n,
        sum(b.detractors) AS detractors,
        sum(b.neutrals) AS neutrals,
        sum(b.promoters) AS promoters,
        (neutrals / 2 + promoters + 1.5) / (n + 3) AS mean,
        sqrt(greatest(0., (neutrals / 4 + promoters + 1.125) / (n + 3) - mean * mean) / (n + 3)) AS error,
        sum(n) OVER (PARTITION BY tenant, day, dimension) AS released_n,
        sum(if(value = '*', 0, n)) OVER (PARTITION BY tenant, day, dimension) AS named_n
    FROM
    (
        SELECT
            tenant,
            -- An epoch is known by its end: the one that ends at midnight belongs to the day before.
            toStartOfDay(epoch - toIntervalMillisecond(1)) AS day,
            label.1 AS dimension,
            label.2 AS value,
            b.n AS n, b.detractors AS detractors, b.neutrals AS neutrals, b.promoters AS promoters
        FROM ${database}.labelled_blocks AS b
        ARRAY JOIN arrayConcat([('all', 'all')], arrayMap((d, v) -> (d, v), mapKeys(labels), mapValues(labels))) AS label
    ) AS b
    GROUP BY tenant, day, dimension, value
)
COMMENT 'Happiness per day and value of each dimension; the row * holds what names none, so that the rows add up';

CREATE OR REPLACE VIEW ${public}.lost_time_by_day
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    day DateTime('UTC') COMMENT 'Start of the day (UTC) in which the bundles were published, 2 to 6 days after the answers',
    dimension LowCardinality(String) COMMENT 'all, country, site, business_unit, service, channel, assignment_group or touchpoint',
    value String COMMENT 'Value of the dimension; * = bundles that mix several, empty = unknown. The rows of a dimension add up',
    n UInt64 COMMENT 'Answers in the bundles',
    lost_n UInt64 COMMENT 'Those that told lost minutes; 0 = none, or too few people to be told',
    lost_minutes UInt64 COMMENT 'Their lost minutes added up, each answer cut off at 480',
    mean_minutes Nullable(Float64) COMMENT 'lost_minutes / lost_n, from 0 to 480; NULL if nobody told',
    released_n UInt64 COMMENT 'Answers of all bundles of that day, in whatever slice',
    coverage Float64 COMMENT 'Share of them that names the dimension (is not *), from 0 to 1',
    is_partial UInt8 COMMENT '1: coverage is under 0.8, too many bundles mix several values'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, day, dimension, value, n, lost_n, lost_minutes,
    if(lost_n = 0, NULL, lost_minutes / lost_n) AS mean_minutes,
    released_n,
    named_n / released_n AS coverage,
    coverage < 0.8 AS is_partial
FROM
(
    SELECT
        tenant, day, dimension, value,
        sum(b.n) AS n,
        sum(b.lost_n) AS lost_n,
        sum(b.lost_sum) AS lost_minutes,
        sum(n) OVER (PARTITION BY tenant, day, dimension) AS released_n,
        sum(if(value = '*', 0, n)) OVER (PARTITION BY tenant, day, dimension) AS named_n
    FROM
    (
        SELECT
            tenant,
            toStartOfDay(epoch - toIntervalMillisecond(1)) AS day,
            label.1 AS dimension,
            label.2 AS value,
            b.n AS n, b.lost_n AS lost_n, b.lost_sum AS lost_sum
        FROM ${database}.labelled_bundles AS b
        ARRAY JOIN arrayConcat([('all', 'all')], arrayMap((d, v) -> (d, v), mapKeys(labels), mapValues(labels))) AS label
    ) AS b
    GROUP BY tenant, day, dimension, value
)
COMMENT 'Lost time per day and value of each dimension, from bundles; the row * holds what names none';

-- Views with parameters. ClickHouse lists no columns for them; SHOW CREATE VIEW shows these, with their comments.

CREATE OR REPLACE VIEW ${public}.happiness_over
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    n UInt64 COMMENT 'Answers',
    detractors UInt64 COMMENT 'Answers from 0 to 6',
    neutrals UInt64 COMMENT 'Answers of 7 or 8',
    promoters UInt64 COMMENT 'Answers of 9 or 10',
    score Nullable(Float64) COMMENT 'Happiness: 100 x (promoters - detractors) / n, from -100 to 100; NULL without answers',
    lower Nullable(Float64) COMMENT 'Lower end of its 95 % interval (adjusted Wald), from -100',
    upper Nullable(Float64) COMMENT 'Upper end of its 95 % interval (adjusted Wald), to 100',
    released_n UInt64 COMMENT 'All answers that were released in the period, in whatever slice',
    coverage Float64 COMMENT 'Share of them that names all dimensions asked for (none is *), from 0 to 1',
    is_partial UInt8 COMMENT '1: coverage is under 0.8, the score may be another one with all answers: least to most',
    least Nullable(Float64) COMMENT 'The score if every answer without a name were one more detractor of this row; NULL for *',
    most Nullable(Float64) COMMENT 'The score if every one of them were one more promoter of it; NULL for *'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, n, detractors, neutrals, promoters,
    if(n = 0, NULL, 100 * (toFloat64(promoters) - toFloat64(detractors)) / n) AS score,
    if(n = 0, NULL, -100 + 200 * greatest(0., mean - 1.959963984540054 * error)) AS lower,
    if(n = 0, NULL, -100 + 200 * least(1., mean + 1.959963984540054 * error)) AS upper,
    released_n,
    named_n / released_n AS coverage,
    coverage < 0.8 AS is_partial,
    if(n = 0, NULL, 100 * (toFloat64(promoters) - toFloat64(detractors) - (released_n - named_n)) / (n + released_n - named_n)) AS least,
    if(n = 0, NULL, 100 * (toFloat64(promoters) - toFloat64(detractors) + (released_n - named_n)) / (n + released_n - named_n)) AS most
FROM
(
    SELECT
        tenant,
        sumIf(b.n, is_inside) AS n,
        sumIf(b.detractors, is_inside) AS detractors,
        sumIf(b.neutrals, is_inside) AS neutrals,
        sumIf(b.promoters, is_inside) AS promoters,
        (neutrals / 2 + promoters + 1.5) / (n + 3) AS mean,
        sqrt(greatest(0., (neutrals / 4 + promoters + 1.125) / (n + 3) - mean * mean) / (n + 3)) AS error,
        sum(b.n) AS released_n,
        sumIf(b.n, is_named) AS named_n
    FROM
    (
        SELECT
            *,
            arrayAll(d -> labels[d] = {slice:Map(String, String)}[d], mapKeys({slice:Map(String, String)})) AS is_inside,
            arrayAll(d -> labels[d] != '*', mapKeys({slice:Map(String, String)})) AS is_named
        FROM ${database}.labelled_blocks
        WHERE epoch > {from:DateTime('UTC')} AND epoch <= {to:DateTime('UTC')}
          AND throwIf(NOT hasAll(mapKeys(labels), mapKeys({slice:Map(String, String)})), 'slice: use country, site, business_unit, service, channel, assignment_group, touchpoint') = 0
    ) AS b
    GROUP BY tenant
)
COMMENT 'Happiness of one slice and period: happiness_over(from = …, to = …, slice = map(\'country\', \'DE\')); map() = everything';

CREATE OR REPLACE VIEW ${public}.happiness_by
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    slice Map(String, String) COMMENT 'Dimension -> value, of the dimensions asked for; * = mixed, empty = unknown',
    n UInt64 COMMENT 'Answers',
    detractors UInt64 COMMENT 'Answers from 0 to 6',
    neutrals UInt64 COMMENT 'Answers of 7 or 8',
    promoters UInt64 COMMENT 'Answers of 9 or 10',
    score Float64 COMMENT 'Happiness: 100 x (promoters - detractors) / n, from -100 to 100',
    lower Float64 COMMENT 'Lower end of its 95 % interval (adjusted Wald), from -100',
    upper Float64 COMMENT 'Upper end of its 95 % interval (adjusted Wald), to 100',
    released_n UInt64 COMMENT 'All answers that were released in the period, in whatever slice',
    coverage Float64 COMMENT 'Share of them that names all dimensions asked for (none is *), from 0 to 1',
    is_partial UInt8 COMMENT '1: coverage is under 0.8, the score may be another one with all answers: least to most',
    least Nullable(Float64) COMMENT 'The score if every answer without a name were one more detractor of this row; NULL for *',
    most Nullable(Float64) COMMENT 'The score if every one of them were one more promoter of it; NULL for *'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, slice, n, detractors, neutrals, promoters,
    100 * (toFloat64(promoters) - toFloat64(detractors)) / n AS score,
    -100 + 200 * greatest(0., mean - 1.959963984540054 * error) AS lower,
    -100 + 200 * least(1., mean + 1.959963984540054 * error) AS upper,
    released_n,
    named_n / released_n AS coverage,
    coverage < 0.8 AS is_partial,
    if(has(mapValues(slice), '*'), NULL, 100 * (toFloat64(promoters) - toFloat64(detractors) - (released_n - named_n)) / (n + released_n - named_n)) AS least,
    if(has(mapValues(slice), '*'), NULL, 100 * (toFloat64(promoters) - toFloat64(detractors) + (released_n - named_n)) / (n + released_n - named_n)) AS most
FROM
(
    SELECT
        tenant, slice,
        sum(b.n) AS n,
        sum(b.detractors) AS detractors,
        sum(b.neutrals) AS neutrals,
        sum(b.promoters) AS promoters,
        (neutrals / 2 + promoters + 1.5) / (n + 3) AS mean,
        sqrt(greatest(0., (neutrals / 4 + promoters + 1.125) / (n + 3) - mean * mean) / (n + 3)) AS error,
        sum(n) OVER (PARTITION BY tenant) AS released_n,
        sum(if(has(mapValues(slice), '*'), 0, n)) OVER (PARTITION BY tenant) AS named_n
    FROM
    (
        SELECT
            tenant, n, detractors, neutrals, promoters,
            mapFromArrays({by:Array(String)}, arrayMap(d -> labels[d], {by:Array(String)})) AS slice
        FROM ${database}.labelled_blocks
        WHERE epoch > {from:DateTime('UTC')} AND epoch <= {to:DateTime('UTC')}
          AND throwIf(NOT hasAll(mapKeys(labels), {by:Array(String)}), 'by: use country, site, business_unit, service, channel, assignment_group, touchpoint') = 0
    ) AS b
    GROUP BY tenant, slice
)
COMMENT 'Happiness of a period by any dimensions: happiness_by(from = …, to = …, by = [\'country\', \'service\']); rows add up';

CREATE OR REPLACE VIEW ${public}.lost_time_over
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    n UInt64 COMMENT 'Answers in the bundles',
    lost_n UInt64 COMMENT 'Those that told lost minutes; 0 = none, or too few people to be told',
    lost_minutes UInt64 COMMENT 'Their lost minutes added up, each answer cut off at 480',
    mean_minutes Nullable(Float64) COMMENT 'lost_minutes / lost_n, from 0 to 480; NULL if nobody told',
    released_n UInt64 COMMENT 'Answers of all bundles of the period, in whatever slice',
    coverage Float64 COMMENT 'Share of them that names all dimensions asked for (none is *), from 0 to 1',
    is_partial UInt8 COMMENT '1: coverage is under 0.8, too many bundles mix several values'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, n, lost_n, lost_minutes,
    if(lost_n = 0, NULL, lost_minutes / lost_n) AS mean_minutes,
    released_n,
    named_n / released_n AS coverage,
    coverage < 0.8 AS is_partial
FROM
(
    SELECT
        tenant,
        sumIf(b.n, is_inside) AS n,
        sumIf(b.lost_n, is_inside) AS lost_n,
        sumIf(b.lost_sum, is_inside) AS lost_minutes,
        sum(b.n) AS released_n,
        sumIf(b.n, is_named) AS named_n
    FROM
    (
        SELECT
            *,
            arrayAll(d -> labels[d] = {slice:Map(String, String)}[d], mapKeys({slice:Map(String, String)})) AS is_inside,
            arrayAll(d -> labels[d] != '*', mapKeys({slice:Map(String, String)})) AS is_named
        FROM ${database}.labelled_bundles
        WHERE epoch > {from:DateTime('UTC')} AND epoch <= {to:DateTime('UTC')}
          AND throwIf(NOT hasAll(mapKeys(labels), mapKeys({slice:Map(String, String)})), 'slice: use country, site, business_unit, service, channel, assignment_group, touchpoint') = 0
    ) AS b
    GROUP BY tenant
)
COMMENT 'Lost time of one slice and period: lost_time_over(from = …, to = …, slice = map(\'service\', \'mail\')); map() = everything';

CREATE OR REPLACE VIEW ${public}.lost_time_by
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    slice Map(String, String) COMMENT 'Dimension -> value, of the dimensions asked for; * = mixed, empty = unknown',
    n UInt64 COMMENT 'Answers in the bundles',
    lost_n UInt64 COMMENT 'Those that told lost minutes; 0 = none, or too few people to be told',
    lost_minutes UInt64 COMMENT 'Their lost minutes added up, each answer cut off at 480',
    mean_minutes Nullable(Float64) COMMENT 'lost_minutes / lost_n, from 0 to 480; NULL if nobody told',
    released_n UInt64 COMMENT 'Answers of all bundles of the period, in whatever slice',
    coverage Float64 COMMENT 'Share of them that names all dimensions asked for (none is *), from 0 to 1',
    is_partial UInt8 COMMENT '1: coverage is under 0.8, too many bundles mix several values'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, slice, n, lost_n, lost_minutes,
    if(lost_n = 0, NULL, lost_minutes / lost_n) AS mean_minutes,
    released_n,
    named_n / released_n AS coverage,
    coverage < 0.8 AS is_partial
FROM
(
    SELECT
        tenant, slice,
        sum(b.n) AS n,
        sum(b.lost_n) AS lost_n,
        sum(b.lost_sum) AS lost_minutes,
        sum(n) OVER (PARTITION BY tenant) AS released_n,
        sum(if(has(mapValues(slice), '*'), 0, n)) OVER (PARTITION BY tenant) AS named_n
    FROM
    (
        SELECT
            tenant, n, lost_n, lost_sum,
            mapFromArrays({by:Array(String)}, arrayMap(d -> labels[d], {by:Array(String)})) AS slice
        FROM ${database}.labelled_bundles
        WHERE epoch > {from:DateTime('UTC')} AND epoch <= {to:DateTime('UTC')}
          AND throwIf(NOT hasAll(mapKeys(labels), {by:Array(String)}), 'by: use country, site, business_unit, service, channel, assignment_group, touchpoint') = 0
    ) AS b
    GROUP BY tenant, slice
)
COMMENT 'Lost time of a period by any dimensions: lost_time_by(from = …, to = …, by = [\'country\']); rows add up';
