-- Sealed telemetry without merging it again at each question: a sealed row is final if its period holds the whole window.

-- How many devices a sealed row counts, beside their hashes, which are most of its bytes.

ALTER TABLE ${database}.sealed_60s ADD COLUMN IF NOT EXISTS distinct_devices UInt64
    MATERIALIZED if(length(devices) < 256, length(devices), toUInt64(255 * pow(2, 48) / greatest(devices[256], 1)))
    COMMENT 'Different devices; an estimate from 256 on';

ALTER TABLE ${database}.sealed_60s MATERIALIZE COLUMN distinct_devices;

ALTER TABLE ${database}.sealed_15m ADD COLUMN IF NOT EXISTS distinct_devices UInt64
    MATERIALIZED if(length(devices) < 256, length(devices), toUInt64(255 * pow(2, 48) / greatest(devices[256], 1)))
    COMMENT 'Different devices; an estimate from 256 on';

ALTER TABLE ${database}.sealed_15m MATERIALIZE COLUMN distinct_devices;

ALTER TABLE ${database}.sealed_1d ADD COLUMN IF NOT EXISTS distinct_devices UInt64
    MATERIALIZED if(length(devices) < 256, length(devices), toUInt64(255 * pow(2, 48) / greatest(devices[256], 1)))
    COMMENT 'Different devices; an estimate from 256 on';

ALTER TABLE ${database}.sealed_1d MATERIALIZE COLUMN distinct_devices;

-- The newest seal of each period, of the generation in force or, where that one has none, of an earlier one.
CREATE OR REPLACE VIEW ${database}.seals_committed AS
SELECT
    period_start,
    max((s.generation, s.seal)) AS newest,
    tupleElement(newest, 1) AS generation,
    tupleElement(newest, 2) AS seal,
    argMax(s.sealed_at, (s.generation, s.seal)) AS sealed_at
FROM ${database}.seals AS s
INNER JOIN ${database}.current_profile AS p ON s.profile = p.name AND s.period_s = p.period_s
WHERE s.generation <= p.generation
GROUP BY period_start;

-- What a query needs to tell sealed periods and the hot tail apart, in one row: it is read once per query, so both halves
-- follow the same decision whatever is committed meanwhile. `days` repeats `periods` for whole days: by them ClickHouse
-- skips the tiles. Each table behind it is read once, too: this row used to cost more than most questions.
CREATE OR REPLACE VIEW ${database}.telemetry_cut AS
SELECT
    generation, closed_before, period_s, periods, seals,
    arrayMap(x -> tupleElement(x, 1), arrayFilter(x -> tupleElement(x, 2) * period_s >= 86400, sealed_days)) AS days,
    k
FROM (SELECT max(generation) AS generation, max(closed_before) AS closed_before FROM ${database}.telemetry_closed) AS c
CROSS JOIN (SELECT greatest(max(period_s), 1) AS period_s, max(k) AS k FROM ${database}.current_profile) AS p
CROSS JOIN
(
    SELECT
        groupArrayArray(starts) AS periods,
        groupArrayArray(ids) AS seals,
        groupArray((day, length(starts))) AS sealed_days
    FROM
    (
        SELECT
            toYYYYMMDD(period_start) AS day,
            groupArray(period_start) AS starts,
            groupArray((period_start, generation, seal)) AS ids
        FROM ${database}.seals_committed
        GROUP BY day
    )
) AS s;

-- Closed windows, and whether everybody may see them. Whether there are k different devices is asked by counting up to 32 of them: that costs a
-- fraction of counting all, and most questions do not ask for more. So a k above 32 would hide what is not sealed yet.

CREATE OR REPLACE VIEW ${database}.telemetry_windows_60s AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n AS readings, late_n AS late_readings, sum AS total, min AS smallest, max AS largest,
    good_ms AS good, attempted_ms AS attempted, distinct_devices,
    shared = 1 OR distinct_devices >= tupleElement(cut, 7) AS is_shown
FROM ${database}.sealed_60s
WHERE (period_start, generation, seal) IN tupleElement(cut, 5)
UNION ALL
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    sum(t.n) AS readings,
    sumIf(t.n, t.late = 1) AS late_readings,
    sum(t.sum) AS total,
    min(t.min) AS smallest,
    max(t.max) AS largest,
    sum(t.good_ms) AS good,
    sum(t.attempted_ms) AS attempted,
    -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
    if(
        length(groupUniqArrayArray(t.devices)) < 256,
        length(groupUniqArrayArray(t.devices)),
        toUInt64(255 * pow(2, 48) / greatest(arraySort(groupUniqArrayArray(t.devices))[256], 1))
    ) AS distinct_devices,
    shared = 1 OR uniqUpToArray(32)(t.devices) >= tupleElement(cut, 7) AS is_shown
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
GROUP BY
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared;

-- Where a period is shorter than 15 minutes, a window is merged from its sealed parts and the hot tail.
CREATE OR REPLACE VIEW ${database}.telemetry_parts_15m AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n, late_n, sum, min, max, good_ms, attempted_ms, devices
FROM ${database}.sealed_15m
WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 900 = 0, [], tupleElement(cut, 5))
UNION ALL
SELECT
    t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 900) * 900, 'UTC') AS window_start, toUInt32(900) AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6);

CREATE OR REPLACE VIEW ${database}.telemetry_windows_15m AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n AS readings, late_n AS late_readings, sum AS total, min AS smallest, max AS largest,
    good_ms AS good, attempted_ms AS attempted, distinct_devices,
    shared = 1 OR distinct_devices >= tupleElement(cut, 7) AS is_shown
FROM ${database}.sealed_15m
WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 900 = 0, tupleElement(cut, 5), [])
UNION ALL
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    sum(p.n) AS readings,
    sum(p.late_n) AS late_readings,
    sum(p.sum) AS total,
    min(p.min) AS smallest,
    max(p.max) AS largest,
    sum(p.good_ms) AS good,
    sum(p.attempted_ms) AS attempted,
    -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
    if(
        length(groupUniqArrayArray(p.devices)) < 256,
        length(groupUniqArrayArray(p.devices)),
        toUInt64(255 * pow(2, 48) / greatest(arraySort(groupUniqArrayArray(p.devices))[256], 1))
    ) AS distinct_devices,
    shared = 1 OR uniqUpToArray(32)(p.devices) >= tupleElement(cut, 7) AS is_shown
FROM ${database}.telemetry_parts_15m AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared;

-- Where a period is shorter than a day, a window is merged from its sealed parts and the hot tail.
CREATE OR REPLACE VIEW ${database}.telemetry_parts_1d AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n, late_n, sum, min, max, good_ms, attempted_ms, devices
FROM ${database}.sealed_1d
WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 86400 = 0, [], tupleElement(cut, 5))
UNION ALL
SELECT
    t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 86400) * 86400, 'UTC') AS window_start, toUInt32(86400) AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6);

CREATE OR REPLACE VIEW ${database}.telemetry_windows_1d AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n AS readings, late_n AS late_readings, sum AS total, min AS smallest, max AS largest,
    good_ms AS good, attempted_ms AS attempted, distinct_devices,
    shared = 1 OR distinct_devices >= tupleElement(cut, 7) AS is_shown
FROM ${database}.sealed_1d
WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 86400 = 0, tupleElement(cut, 5), [])
UNION ALL
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    sum(p.n) AS readings,
    sum(p.late_n) AS late_readings,
    sum(p.sum) AS total,
    min(p.min) AS smallest,
    max(p.max) AS largest,
    sum(p.good_ms) AS good,
    sum(p.attempted_ms) AS attempted,
    -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
    if(
        length(groupUniqArrayArray(p.devices)) < 256,
        length(groupUniqArrayArray(p.devices)),
        toUInt64(255 * pow(2, 48) / greatest(arraySort(groupUniqArrayArray(p.devices))[256], 1))
    ) AS distinct_devices,
    shared = 1 OR uniqUpToArray(32)(p.devices) >= tupleElement(cut, 7) AS is_shown
FROM ${database}.telemetry_parts_1d AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared;

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
FROM ${database}.telemetry_windows_1d
WHERE is_shown
COMMENT 'Telemetry per day (UTC), published when the last of its base windows is closed';

DROP VIEW IF EXISTS ${database}.telemetry_states_60s;

DROP VIEW IF EXISTS ${database}.telemetry_states_15m;

DROP VIEW IF EXISTS ${database}.telemetry_states_1d;
