-- Telemetry for everybody, sealed periods and the hot tail together.

-- What a query needs to tell them apart, in one row: it is read once per query, so both halves follow the same decision
-- whatever is committed meanwhile. `days` repeats `periods` for whole days: by them ClickHouse skips the tiles.
CREATE OR REPLACE VIEW ${database}.telemetry_cut AS
SELECT
    (SELECT max(generation) FROM ${database}.telemetry_closed) AS generation,
    (SELECT max(closed_before) FROM ${database}.telemetry_closed) AS closed_before,
    (SELECT greatest(max(period_s), 1) FROM ${database}.current_profile) AS period_s,
    groupArrayArray(starts) AS periods,
    groupArrayArray(ids) AS seals,
    groupArrayIf(day, length(starts) * period_s >= 86400) AS days
FROM
(
    SELECT
        toYYYYMMDD(period_start) AS day,
        groupArray(period_start) AS starts,
        groupArray((period_start, generation, seal)) AS ids
    FROM ${database}.seals_committed
    GROUP BY day
);

CREATE OR REPLACE VIEW ${database}.telemetry_states_60s AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n, late_n, sum, min, max, good_ms, attempted_ms, devices
FROM ${database}.sealed_60s
WHERE (period_start, generation, seal) IN tupleElement(cut, 5)
UNION ALL
SELECT
    t.tenant, t.metric, t.window_start AS window_start, t.window_s AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), tupleElement(cut, 3)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6);

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
    good_share Nullable(Float64) COMMENT 'good_ms / attempted_ms, from 0 to 1; NULL when nothing was judged'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
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
    if(attempted = 0, NULL, good / attempted) AS good_share
FROM
(
    SELECT
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared,
        sum(s.n) AS readings,
        sum(s.late_n) AS late_readings,
        sum(s.sum) AS total,
        min(s.min) AS smallest,
        max(s.max) AS largest,
        sum(s.good_ms) AS good,
        sum(s.attempted_ms) AS attempted,
        arraySlice(arraySort(groupUniqArrayArray(s.devices)), 1, 256) AS hashes,
        -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
        if(length(hashes) < 256, length(hashes), toUInt64(255 * pow(2, 48) / hashes[256])) AS distinct_devices
    FROM ${database}.telemetry_states_60s AS s
    GROUP BY
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared
)
WHERE shared = 1 OR distinct_devices >= (SELECT max(k) FROM ${database}.current_profile)
COMMENT 'Closed windows of telemetry, one row per metric, window and the dimensions that the metric is grouped by';

CREATE OR REPLACE VIEW ${database}.telemetry_states_15m AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n, late_n, sum, min, max, good_ms, attempted_ms, devices
FROM ${database}.sealed_15m
WHERE (period_start, generation, seal) IN tupleElement(cut, 5)
UNION ALL
SELECT
    t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 900) * 900, 'UTC') AS window_start, toUInt32(900) AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), tupleElement(cut, 3)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6);

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
    good_share Nullable(Float64) COMMENT 'good_ms / attempted_ms, from 0 to 1; NULL when nothing was judged'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
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
    if(attempted = 0, NULL, good / attempted) AS good_share
FROM
(
    SELECT
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared,
        sum(s.n) AS readings,
        sum(s.late_n) AS late_readings,
        sum(s.sum) AS total,
        min(s.min) AS smallest,
        max(s.max) AS largest,
        sum(s.good_ms) AS good,
        sum(s.attempted_ms) AS attempted,
        arraySlice(arraySort(groupUniqArrayArray(s.devices)), 1, 256) AS hashes,
        -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
        if(length(hashes) < 256, length(hashes), toUInt64(255 * pow(2, 48) / hashes[256])) AS distinct_devices
    FROM ${database}.telemetry_states_15m AS s
    WHERE s.window_start + toIntervalSecond(s.window_s) < (SELECT max(closed_before) FROM ${database}.telemetry_closed)
    GROUP BY
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared
)
WHERE shared = 1 OR distinct_devices >= (SELECT max(k) FROM ${database}.current_profile)
COMMENT 'Telemetry in windows of 15 minutes, published when the last of its base windows is closed';

CREATE OR REPLACE VIEW ${database}.telemetry_states_1d AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n, late_n, sum, min, max, good_ms, attempted_ms, devices
FROM ${database}.sealed_1d
WHERE (period_start, generation, seal) IN tupleElement(cut, 5)
UNION ALL
SELECT
    t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 86400) * 86400, 'UTC') AS window_start, toUInt32(86400) AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), tupleElement(cut, 3)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6);

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
    good_share Nullable(Float64) COMMENT 'good_ms / attempted_ms, from 0 to 1; NULL when nothing was judged'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
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
    if(attempted = 0, NULL, good / attempted) AS good_share
FROM
(
    SELECT
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared,
        sum(s.n) AS readings,
        sum(s.late_n) AS late_readings,
        sum(s.sum) AS total,
        min(s.min) AS smallest,
        max(s.max) AS largest,
        sum(s.good_ms) AS good,
        sum(s.attempted_ms) AS attempted,
        arraySlice(arraySort(groupUniqArrayArray(s.devices)), 1, 256) AS hashes,
        -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
        if(length(hashes) < 256, length(hashes), toUInt64(255 * pow(2, 48) / hashes[256])) AS distinct_devices
    FROM ${database}.telemetry_states_1d AS s
    WHERE s.window_start + toIntervalSecond(s.window_s) < (SELECT max(closed_before) FROM ${database}.telemetry_closed)
    GROUP BY
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared
)
WHERE shared = 1 OR distinct_devices >= (SELECT max(k) FROM ${database}.current_profile)
COMMENT 'Telemetry per day (UTC), published when the last of its base windows is closed';
