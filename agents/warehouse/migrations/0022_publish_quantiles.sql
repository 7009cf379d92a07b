-- Telemetry with its quantiles, and without telling by an error of windows that have too few devices (see 0019): their columns
-- are emptied where it is decided that they are not shown. Organisation, metric and time stay, for by them ClickHouse
-- skips what is not asked for. The price: a condition on country or service is asked after the windows are merged.

CREATE OR REPLACE VIEW ${database}.telemetry_windows_60s AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(cut, 7) AS is_shown,
    s.tenant AS tenant, s.metric AS metric, s.window_start AS window_start, s.window_s AS window_s,
    if(is_shown, s.country, '') AS country,
    if(is_shown, s.site, '') AS site,
    if(is_shown, s.business_unit, '') AS business_unit,
    if(is_shown, s.service, '') AS service,
    if(is_shown, s.application, '') AS application,
    if(is_shown, s.device_model, '') AS device_model,
    if(is_shown, s.os_version, '') AS os_version,
    if(is_shown, s.shared, 0) AS shared,
    if(is_shown, s.n, 1) AS readings,
    if(is_shown, s.late_n, 0) AS late_readings,
    if(is_shown, s.sum, 0) AS total,
    if(is_shown, s.min, 0) AS smallest,
    if(is_shown, s.max, 0) AS largest,
    if(is_shown, s.good_ms, 0) AS good,
    if(is_shown, s.attempted_ms, 0) AS attempted,
    if(is_shown, s.distinct_devices, 0) AS distinct_devices,
    if(is_shown, s.hist_bucket, []) AS buckets,
    if(is_shown, s.hist_count, []) AS counts
FROM ${database}.sealed_60s AS s
WHERE (s.period_start, s.generation, s.seal) IN tupleElement(cut, 5)
UNION ALL
SELECT
    t.shared = 1 OR uniqUpToArray(32)(t.marks) >= tupleElement(cut, 7) AS is_shown,
    t.tenant AS tenant, t.metric AS metric, t.window_start AS window_start, t.window_s AS window_s,
    if(is_shown, t.country, '') AS country,
    if(is_shown, t.site, '') AS site,
    if(is_shown, t.business_unit, '') AS business_unit,
    if(is_shown, t.service, '') AS service,
    if(is_shown, t.application, '') AS application,
    if(is_shown, t.device_model, '') AS device_model,
    if(is_shown, t.os_version, '') AS os_version,
    if(is_shown, t.shared, 0) AS shared,
    if(is_shown, sum(t.n), 1) AS readings,
    if(is_shown, sumIf(t.n, t.late = 1), 0) AS late_readings,
    if(is_shown, sum(t.sum), 0) AS total,
    if(is_shown, min(t.min), 0) AS smallest,
    if(is_shown, max(t.max), 0) AS largest,
    if(is_shown, sum(t.good_ms), 0) AS good,
    if(is_shown, sum(t.attempted_ms), 0) AS attempted,
    -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
    if(
        is_shown,
        if(
            length(groupUniqArrayArray(t.devices)) < 256,
            length(groupUniqArrayArray(t.devices)),
            toUInt64(255 * pow(2, 48) / greatest(arraySort(groupUniqArrayArray(t.devices))[256], 1))
        ),
        0
    ) AS distinct_devices,
    if(is_shown, tupleElement(sumMap(t.hist_bucket, t.hist_count), 1), []) AS buckets,
    if(is_shown, tupleElement(sumMap(t.hist_bucket, t.hist_count), 2), []) AS counts
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
GROUP BY t.tenant, t.metric, t.window_start, t.window_s, t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared;

-- Where a period is shorter than 15 minutes, a window is merged from its sealed parts and the hot tail.
CREATE OR REPLACE VIEW ${database}.telemetry_parts_15m AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n, late_n, sum, min, max, good_ms, attempted_ms, devices,
    arrayMap(x -> toUInt32(x), arraySlice(devices, 1, 32)) AS marks, hist_bucket, hist_count
FROM ${database}.sealed_15m
WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 900 = 0, [], tupleElement(cut, 5))
UNION ALL
SELECT
    t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 900) * 900, 'UTC') AS window_start, toUInt32(900) AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices, t.marks, t.hist_bucket, t.hist_count
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
SETTINGS optimize_move_to_prewhere_if_final = 1;

CREATE OR REPLACE VIEW ${database}.telemetry_windows_15m AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(cut, 7) AS is_shown,
    s.tenant AS tenant, s.metric AS metric, s.window_start AS window_start, s.window_s AS window_s,
    if(is_shown, s.country, '') AS country,
    if(is_shown, s.site, '') AS site,
    if(is_shown, s.business_unit, '') AS business_unit,
    if(is_shown, s.service, '') AS service,
    if(is_shown, s.application, '') AS application,
    if(is_shown, s.device_model, '') AS device_model,
    if(is_shown, s.os_version, '') AS os_version,
    if(is_shown, s.shared, 0) AS shared,
    if(is_shown, s.n, 1) AS readings,
    if(is_shown, s.late_n, 0) AS late_readings,
    if(is_shown, s.sum, 0) AS total,
    if(is_shown, s.min, 0) AS smallest,
    if(is_shown, s.max, 0) AS largest,
    if(is_shown, s.good_ms, 0) AS good,
    if(is_shown, s.attempted_ms, 0) AS attempted,
    if(is_shown, s.distinct_devices, 0) AS distinct_devices,
    if(is_shown, s.hist_bucket, []) AS buckets,
    if(is_shown, s.hist_count, []) AS counts
FROM ${database}.sealed_15m AS s
WHERE (s.period_start, s.generation, s.seal) IN if(tupleElement(cut, 3) % 900 = 0, tupleElement(cut, 5), [])
UNION ALL
SELECT
    p.shared = 1 OR uniqUpToArray(32)(p.marks) >= tupleElement(cut, 7) AS is_shown,
    p.tenant AS tenant, p.metric AS metric, p.window_start AS window_start, p.window_s AS window_s,
    if(is_shown, p.country, '') AS country,
    if(is_shown, p.site, '') AS site,
    if(is_shown, p.business_unit, '') AS business_unit,
    if(is_shown, p.service, '') AS service,
    if(is_shown, p.application, '') AS application,
    if(is_shown, p.device_model, '') AS device_model,
    if(is_shown, p.os_version, '') AS os_version,
    if(is_shown, p.shared, 0) AS shared,
    if(is_shown, sum(p.n), 1) AS readings,
    if(is_shown, sum(p.late_n), 0) AS late_readings,
    if(is_shown, sum(p.sum), 0) AS total,
    if(is_shown, min(p.min), 0) AS smallest,
    if(is_shown, max(p.max), 0) AS largest,
    if(is_shown, sum(p.good_ms), 0) AS good,
    if(is_shown, sum(p.attempted_ms), 0) AS attempted,
    -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
    if(
        is_shown,
        if(
            length(groupUniqArrayArray(p.devices)) < 256,
            length(groupUniqArrayArray(p.devices)),
            toUInt64(255 * pow(2, 48) / greatest(arraySort(groupUniqArrayArray(p.devices))[256], 1))
        ),
        0
    ) AS distinct_devices,
    if(is_shown, tupleElement(sumMap(p.hist_bucket, p.hist_count), 1), []) AS buckets,
    if(is_shown, tupleElement(sumMap(p.hist_bucket, p.hist_count), 2), []) AS counts
FROM ${database}.telemetry_parts_15m AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY p.tenant, p.metric, p.window_start, p.window_s, p.country, p.site, p.business_unit, p.service, p.application, p.device_model, p.os_version, p.shared;

-- Where a period is shorter than a day, a window is merged from its sealed parts and the hot tail.
CREATE OR REPLACE VIEW ${database}.telemetry_parts_1d AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n, late_n, sum, min, max, good_ms, attempted_ms, devices,
    arrayMap(x -> toUInt32(x), arraySlice(devices, 1, 32)) AS marks, hist_bucket, hist_count
FROM ${database}.sealed_1d
WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 86400 = 0, [], tupleElement(cut, 5))
UNION ALL
SELECT
    t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 86400) * 86400, 'UTC') AS window_start, toUInt32(86400) AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices, t.marks, t.hist_bucket, t.hist_count
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
SETTINGS optimize_move_to_prewhere_if_final = 1;

CREATE OR REPLACE VIEW ${database}.telemetry_windows_1d AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(cut, 7) AS is_shown,
    s.tenant AS tenant, s.metric AS metric, s.window_start AS window_start, s.window_s AS window_s,
    if(is_shown, s.country, '') AS country,
    if(is_shown, s.site, '') AS site,
    if(is_shown, s.business_unit, '') AS business_unit,
    if(is_shown, s.service, '') AS service,
    if(is_shown, s.application, '') AS application,
    if(is_shown, s.device_model, '') AS device_model,
    if(is_shown, s.os_version, '') AS os_version,
    if(is_shown, s.shared, 0) AS shared,
    if(is_shown, s.n, 1) AS readings,
    if(is_shown, s.late_n, 0) AS late_readings,
    if(is_shown, s.sum, 0) AS total,
    if(is_shown, s.min, 0) AS smallest,
    if(is_shown, s.max, 0) AS largest,
    if(is_shown, s.good_ms, 0) AS good,
    if(is_shown, s.attempted_ms, 0) AS attempted,
    if(is_shown, s.distinct_devices, 0) AS distinct_devices,
    if(is_shown, s.hist_bucket, []) AS buckets,
    if(is_shown, s.hist_count, []) AS counts
FROM ${database}.sealed_1d AS s
WHERE (s.period_start, s.generation, s.seal) IN if(tupleElement(cut, 3) % 86400 = 0, tupleElement(cut, 5), [])
UNION ALL
SELECT
    p.shared = 1 OR uniqUpToArray(32)(p.marks) >= tupleElement(cut, 7) AS is_shown,
    p.tenant AS tenant, p.metric AS metric, p.window_start AS window_start, p.window_s AS window_s,
    if(is_shown, p.country, '') AS country,
    if(is_shown, p.site, '') AS site,
    if(is_shown, p.business_unit, '') AS business_unit,
    if(is_shown, p.service, '') AS service,
    if(is_shown, p.application, '') AS application,
    if(is_shown, p.device_model, '') AS device_model,
    if(is_shown, p.os_version, '') AS os_version,
    if(is_shown, p.shared, 0) AS shared,
    if(is_shown, sum(p.n), 1) AS readings,
    if(is_shown, sum(p.late_n), 0) AS late_readings,
    if(is_shown, sum(p.sum), 0) AS total,
    if(is_shown, min(p.min), 0) AS smallest,
    if(is_shown, max(p.max), 0) AS largest,
    if(is_shown, sum(p.good_ms), 0) AS good,
    if(is_shown, sum(p.attempted_ms), 0) AS attempted,
    -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
    if(
        is_shown,
        if(
            length(groupUniqArrayArray(p.devices)) < 256,
            length(groupUniqArrayArray(p.devices)),
            toUInt64(255 * pow(2, 48) / greatest(arraySort(groupUniqArrayArray(p.devices))[256], 1))
        ),
        0
    ) AS distinct_devices,
    if(is_shown, tupleElement(sumMap(p.hist_bucket, p.hist_count), 1), []) AS buckets,
    if(is_shown, tupleElement(sumMap(p.hist_bucket, p.hist_count), 2), []) AS counts
FROM ${database}.telemetry_parts_1d AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY p.tenant, p.metric, p.window_start, p.window_s, p.country, p.site, p.business_unit, p.service, p.application, p.device_model, p.os_version, p.shared;

CREATE OR REPLACE VIEW ${public}.telemetry
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    metric LowCardinality(String) COMMENT 'Name in the metric catalogue, which gives unit and meaning',
    window_start DateTime('UTC') COMMENT 'Start of the window, included',
    window_s UInt32 COMMENT 'Length of the window, seconds',
    country LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    site LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    business_unit LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    service LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    application LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    device_model LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    os_version LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    shared UInt8 COMMENT '1: devices that are nobody''s (servers, meeting rooms), published in any number; 0: at least k',
    devices UInt64 COMMENT 'Different devices, rounded down to a multiple of 5; an estimate (about 6 %) from 256 on',
    n UInt64 COMMENT 'Readings',
    late_n UInt64 COMMENT 'Part of n that arrived after the window had closed',
    value_mean Float64 COMMENT 'Mean of the readings, in the metric''s unit',
    value_min Float64 COMMENT 'Smallest reading, in the metric''s unit',
    value_max Float64 COMMENT 'Largest reading, in the metric''s unit',
    value_sum Float64 COMMENT 'Sum of the readings, in the metric''s unit',
    good_ms UInt64 COMMENT 'Use time that met the metric''s rule, milliseconds; 0 for a metric without a rule',
    attempted_ms UInt64 COMMENT 'Use time that was judged by the rule, milliseconds; 0 for a metric without a rule',
    good_share Nullable(Float64) COMMENT 'good_ms / attempted_ms, from 0 to 1; NULL when nothing was judged',
    p50 Float64 COMMENT 'Median: half of the readings are not larger; in the metric''s unit, within 0.8 %',
    p90 Float64 COMMENT '90 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p95 Float64 COMMENT '95 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p99 Float64 COMMENT '99 % of the readings are not larger; in the metric''s unit, within 0.8 %'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    arrayMap(
        p -> arrayFirst((b, c) -> 100 * c >= p * readings, buckets, arrayCumSum(counts)),
        [50, 90, 95, 99]
    ) AS ranks,
    -- The middle of the whole numbers in a bucket, as streams/quantiles.py has it; never outside of what was read.
    arrayMap(
        b -> least(greatest(if(b = 0, 0., sign(b) * (
            reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65471, 46))
            + ceil(reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65472, 46))) - 1
        ) / 2), toFloat64(smallest)), toFloat64(largest)) / 1000,
        ranks
    ) AS quantiles
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    intDiv(distinct_devices, 5) * 5 AS devices,
    readings AS n,
    late_readings AS late_n,
    toFloat64(total) / 1000 / readings AS value_mean,
    smallest / 1000 AS value_min,
    largest / 1000 AS value_max,
    toFloat64(total) / 1000 AS value_sum,
    good AS good_ms,
    attempted AS attempted_ms,
    if(attempted = 0, NULL, good / attempted) AS good_share,
    quantiles[1] AS p50, quantiles[2] AS p90, quantiles[3] AS p95, quantiles[4] AS p99
FROM ${database}.telemetry_windows_60s
WHERE is_shown
COMMENT 'Closed windows of telemetry, one row per metric, window and the dimensions that the metric is grouped by';

CREATE OR REPLACE VIEW ${public}.telemetry_15m
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    metric LowCardinality(String) COMMENT 'Name in the metric catalogue, which gives unit and meaning',
    window_start DateTime('UTC') COMMENT 'Start of the window, included',
    window_s UInt32 COMMENT 'Length of the window, seconds',
    country LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    site LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    business_unit LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    service LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    application LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    device_model LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    os_version LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    shared UInt8 COMMENT '1: devices that are nobody''s (servers, meeting rooms), published in any number; 0: at least k',
    devices UInt64 COMMENT 'Different devices, rounded down to a multiple of 5; an estimate (about 6 %) from 256 on',
    n UInt64 COMMENT 'Readings',
    late_n UInt64 COMMENT 'Part of n that arrived after the window had closed',
    value_mean Float64 COMMENT 'Mean of the readings, in the metric''s unit',
    value_min Float64 COMMENT 'Smallest reading, in the metric''s unit',
    value_max Float64 COMMENT 'Largest reading, in the metric''s unit',
    value_sum Float64 COMMENT 'Sum of the readings, in the metric''s unit',
    good_ms UInt64 COMMENT 'Use time that met the metric''s rule, milliseconds; 0 for a metric without a rule',
    attempted_ms UInt64 COMMENT 'Use time that was judged by the rule, milliseconds; 0 for a metric without a rule',
    good_share Nullable(Float64) COMMENT 'good_ms / attempted_ms, from 0 to 1; NULL when nothing was judged',
    p50 Float64 COMMENT 'Median: half of the readings are not larger; in the metric''s unit, within 0.8 %',
    p90 Float64 COMMENT '90 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p95 Float64 COMMENT '95 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p99 Float64 COMMENT '99 % of the readings are not larger; in the metric''s unit, within 0.8 %'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    arrayMap(
        p -> arrayFirst((b, c) -> 100 * c >= p * readings, buckets, arrayCumSum(counts)),
        [50, 90, 95, 99]
    ) AS ranks,
    -- The middle of the whole numbers in a bucket, as streams/quantiles.py has it; never outside of what was read.
    arrayMap(
        b -> least(greatest(if(b = 0, 0., sign(b) * (
            reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65471, 46))
            + ceil(reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65472, 46))) - 1
        ) / 2), toFloat64(smallest)), toFloat64(largest)) / 1000,
        ranks
    ) AS quantiles
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    intDiv(distinct_devices, 5) * 5 AS devices,
    readings AS n,
    late_readings AS late_n,
    toFloat64(total) / 1000 / readings AS value_mean,
    smallest / 1000 AS value_min,
    largest / 1000 AS value_max,
    toFloat64(total) / 1000 AS value_sum,
    good AS good_ms,
    attempted AS attempted_ms,
    if(attempted = 0, NULL, good / attempted) AS good_share,
    quantiles[1] AS p50, quantiles[2] AS p90, quantiles[3] AS p95, quantiles[4] AS p99
FROM ${database}.telemetry_windows_15m
WHERE is_shown
COMMENT 'Telemetry in windows of 15 minutes, published when the last of its base windows is closed';

CREATE OR REPLACE VIEW ${public}.telemetry_1d
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    metric LowCardinality(String) COMMENT 'Name in the metric catalogue, which gives unit and meaning',
    window_start DateTime('UTC') COMMENT 'Start of the window, included',
    window_s UInt32 COMMENT 'Length of the window, seconds',
    country LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    site LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    business_unit LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    service LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    application LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    device_model LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    os_version LowCardinality(String) COMMENT 'Empty = unknown, or the metric is not grouped by it',
    shared UInt8 COMMENT '1: devices that are nobody''s (servers, meeting rooms), published in any number; 0: at least k',
    devices UInt64 COMMENT 'Different devices, rounded down to a multiple of 5; an estimate (about 6 %) from 256 on',
    n UInt64 COMMENT 'Readings',
    late_n UInt64 COMMENT 'Part of n that arrived after the window had closed',
    value_mean Float64 COMMENT 'Mean of the readings, in the metric''s unit',
    value_min Float64 COMMENT 'Smallest reading, in the metric''s unit',
    value_max Float64 COMMENT 'Largest reading, in the metric''s unit',
    value_sum Float64 COMMENT 'Sum of the readings, in the metric''s unit',
    good_ms UInt64 COMMENT 'Use time that met the metric''s rule, milliseconds; 0 for a metric without a rule',
    attempted_ms UInt64 COMMENT 'Use time that was judged by the rule, milliseconds; 0 for a metric without a rule',
    good_share Nullable(Float64) COMMENT 'good_ms / attempted_ms, from 0 to 1; NULL when nothing was judged',
    p50 Float64 COMMENT 'Median: half of the readings are not larger; in the metric''s unit, within 0.8 %',
    p90 Float64 COMMENT '90 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p95 Float64 COMMENT '95 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p99 Float64 COMMENT '99 % of the readings are not larger; in the metric''s unit, within 0.8 %'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    arrayMap(
        p -> arrayFirst((b, c) -> 100 * c >= p * readings, buckets, arrayCumSum(counts)),
        [50, 90, 95, 99]
    ) AS ranks,
    -- The middle of the whole numbers in a bucket, as streams/quantiles.py has it; never outside of what was read.
    arrayMap(
        b -> least(greatest(if(b = 0, 0., sign(b) * (
            reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65471, 46))
            + ceil(reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65472, 46))) - 1
        ) / 2), toFloat64(smallest)), toFloat64(largest)) / 1000,
        ranks
    ) AS quantiles
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    intDiv(distinct_devices, 5) * 5 AS devices,
    readings AS n,
    late_readings AS late_n,
    toFloat64(total) / 1000 / readings AS value_mean,
    smallest / 1000 AS value_min,
    largest / 1000 AS value_max,
    toFloat64(total) / 1000 AS value_sum,
    good AS good_ms,
    attempted AS attempted_ms,
    if(attempted = 0, NULL, good / attempted) AS good_share,
    quantiles[1] AS p50, quantiles[2] AS p90, quantiles[3] AS p95, quantiles[4] AS p99
FROM ${database}.telemetry_windows_1d
WHERE is_shown
COMMENT 'Telemetry per day (UTC), published when the last of its base windows is closed';

-- Any slice and any period. `grid` says of which windows the figures are made: those of 60s, 15m or 1d that begin in the period.
CREATE OR REPLACE VIEW ${database}.labelled_windows AS
SELECT
    tenant, readings, total, smallest, largest, good, attempted, buckets, counts,
    CAST(map(
        'country', country, 'site', site, 'business_unit', business_unit, 'service', service, 'application', application,
        'device_model', device_model, 'os_version', os_version
    ), 'Map(String, String)') AS labels
FROM
(
    SELECT *
    FROM ${database}.telemetry_windows_60s
    WHERE is_shown AND {grid:Enum8('60s' = 1, '15m' = 2, '1d' = 3)} = '60s' AND metric = {metric:String}
      AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
    UNION ALL
    SELECT *
    FROM ${database}.telemetry_windows_15m
    WHERE is_shown AND {grid:Enum8('60s' = 1, '15m' = 2, '1d' = 3)} = '15m' AND metric = {metric:String}
      AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
    UNION ALL
    SELECT *
    FROM ${database}.telemetry_windows_1d
    WHERE is_shown AND {grid:Enum8('60s' = 1, '15m' = 2, '1d' = 3)} = '1d' AND metric = {metric:String}
      AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
);

CREATE OR REPLACE VIEW ${public}.telemetry_over
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    windows UInt64 COMMENT 'Published windows that were merged, each of one set of dimensions',
    n UInt64 COMMENT 'Readings',
    value_mean Float64 COMMENT 'Mean of the readings, in the metric''s unit',
    value_min Float64 COMMENT 'Smallest reading, in the metric''s unit',
    value_max Float64 COMMENT 'Largest reading, in the metric''s unit',
    p50 Float64 COMMENT 'Median: half of the readings are not larger; in the metric''s unit, within 0.8 %',
    p90 Float64 COMMENT '90 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p95 Float64 COMMENT '95 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p99 Float64 COMMENT '99 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    good_ms UInt64 COMMENT 'Use time that met the metric''s rule, milliseconds; 0 for a metric without a rule',
    attempted_ms UInt64 COMMENT 'Use time that was judged by the rule, milliseconds; 0 for a metric without a rule',
    good_share Nullable(Float64) COMMENT 'good_ms / attempted_ms, from 0 to 1; NULL when nothing was judged'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    arrayMap(
        p -> arrayFirst((b, c) -> 100 * c >= p * n, hist.1, arrayCumSum(hist.2)),
        [50, 90, 95, 99]
    ) AS ranks,
    -- The middle of the whole numbers in a bucket, as streams/quantiles.py has it; never outside of what was read.
    arrayMap(
        b -> least(greatest(if(b = 0, 0., sign(b) * (
            reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65471, 46))
            + ceil(reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65472, 46))) - 1
        ) / 2), toFloat64(smallest)), toFloat64(largest)) / 1000,
        ranks
    ) AS quantiles
SELECT
    tenant, windows, n,
    toFloat64(total) / 1000 / n AS value_mean,
    smallest / 1000 AS value_min,
    largest / 1000 AS value_max,
    quantiles[1] AS p50, quantiles[2] AS p90, quantiles[3] AS p95, quantiles[4] AS p99,
    good_ms, attempted_ms,
    if(attempted_ms = 0, NULL, good_ms / attempted_ms) AS good_share
FROM
(
    SELECT
        tenant,
        count() AS windows,
        sum(w.readings) AS n,
        sum(w.total) AS total,
        min(w.smallest) AS smallest,
        max(w.largest) AS largest,
        sumMap(w.buckets, w.counts) AS hist,
        sum(w.good) AS good_ms,
        sum(w.attempted) AS attempted_ms
    FROM
    (
        SELECT
            readings, total, smallest, largest, good, attempted, buckets, counts,
            tenant
        FROM ${database}.labelled_windows(grid = {grid:Enum8('60s' = 1, '15m' = 2, '1d' = 3)}, metric = {metric:String}, from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
        WHERE arrayAll(d -> labels[d] = {slice:Map(String, String)}[d], mapKeys({slice:Map(String, String)}))
          AND throwIf(NOT hasAll(mapKeys(labels), mapKeys({slice:Map(String, String)})), 'slice: use country, site, business_unit, service, application, device_model, os_version') = 0
    ) AS w
    GROUP BY tenant
)
COMMENT 'Telemetry of one slice and period: telemetry_over(grid = \'15m\', metric = …, from = …, to = …, slice = map(\'country\', \'DE\'))';

CREATE OR REPLACE VIEW ${public}.telemetry_by
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    slice Map(String, String) COMMENT 'Dimension -> value, of the dimensions asked for; empty = unknown, or not grouped by it',
    windows UInt64 COMMENT 'Published windows that were merged, each of one set of dimensions',
    n UInt64 COMMENT 'Readings',
    value_mean Float64 COMMENT 'Mean of the readings, in the metric''s unit',
    value_min Float64 COMMENT 'Smallest reading, in the metric''s unit',
    value_max Float64 COMMENT 'Largest reading, in the metric''s unit',
    p50 Float64 COMMENT 'Median: half of the readings are not larger; in the metric''s unit, within 0.8 %',
    p90 Float64 COMMENT '90 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p95 Float64 COMMENT '95 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    p99 Float64 COMMENT '99 % of the readings are not larger; in the metric''s unit, within 0.8 %',
    good_ms UInt64 COMMENT 'Use time that met the metric''s rule, milliseconds; 0 for a metric without a rule',
    attempted_ms UInt64 COMMENT 'Use time that was judged by the rule, milliseconds; 0 for a metric without a rule',
    good_share Nullable(Float64) COMMENT 'good_ms / attempted_ms, from 0 to 1; NULL when nothing was judged'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    arrayMap(
        p -> arrayFirst((b, c) -> 100 * c >= p * n, hist.1, arrayCumSum(hist.2)),
        [50, 90, 95, 99]
    ) AS ranks,
    -- The middle of the whole numbers in a bucket, as streams/quantiles.py has it; never outside of what was read.
    arrayMap(
        b -> least(greatest(if(b = 0, 0., sign(b) * (
            reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65471, 46))
            + ceil(reinterpretAsFloat64(bitShiftLeft(toInt64(abs(b)) + 65472, 46))) - 1
        ) / 2), toFloat64(smallest)), toFloat64(largest)) / 1000,
        ranks
    ) AS quantiles
SELECT
    tenant, slice, windows, n,
    toFloat64(total) / 1000 / n AS value_mean,
    smallest / 1000 AS value_min,
    largest / 1000 AS value_max,
    quantiles[1] AS p50, quantiles[2] AS p90, quantiles[3] AS p95, quantiles[4] AS p99,
    good_ms, attempted_ms,
    if(attempted_ms = 0, NULL, good_ms / attempted_ms) AS good_share
FROM
(
    SELECT
        tenant, slice,
        count() AS windows,
        sum(w.readings) AS n,
        sum(w.total) AS total,
        min(w.smallest) AS smallest,
        max(w.largest) AS largest,
        sumMap(w.buckets, w.counts) AS hist,
        sum(w.good) AS good_ms,
        sum(w.attempted) AS attempted_ms
    FROM
    (
        SELECT
            readings, total, smallest, largest, good, attempted, buckets, counts,
            tenant, mapFromArrays({by:Array(String)}, arrayMap(d -> labels[d], {by:Array(String)})) AS slice
        FROM ${database}.labelled_windows(grid = {grid:Enum8('60s' = 1, '15m' = 2, '1d' = 3)}, metric = {metric:String}, from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
        WHERE throwIf(NOT hasAll(mapKeys(labels), {by:Array(String)}), 'by: use country, site, business_unit, service, application, device_model, os_version') = 0
    ) AS w
    GROUP BY tenant, slice
)
COMMENT 'Telemetry of a period by any dimensions: telemetry_by(grid = \'1d\', metric = …, from = …, to = …, by = [\'country\'])';
