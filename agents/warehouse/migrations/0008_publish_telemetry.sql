-- Telemetry for everybody: closed windows of enough devices.

-- How far all partitions together have come. Partitions count only together, for each topic incarnation and each number
-- of partitions that it had: as long as one of them has not spoken, the others prove nothing. The best of these stands,
-- so a window that was closed stays closed while a new incarnation starts.
CREATE OR REPLACE VIEW ${database}.telemetry_progress AS
SELECT generation, max(slowest) AS reached
FROM
(
    SELECT generation, incarnation, partitions, min(newest) AS slowest, count() AS speaking
    FROM
    (
        SELECT generation, incarnation, partitions, partition, max(arrival) AS newest
        FROM ${database}.tile_audit
        GROUP BY generation, incarnation, partitions, partition
    )
    GROUP BY generation, incarnation, partitions
)
WHERE speaking = partitions
GROUP BY generation;

-- Windows that end before `closed_before` are closed: anything that still arrives for them is late. No row: none is.
CREATE OR REPLACE VIEW ${database}.telemetry_closed AS
SELECT g.generation AS generation, g.reached - toIntervalMillisecond(p.grace_ms) AS closed_before, p.k AS k
FROM ${database}.telemetry_progress AS g
INNER JOIN ${database}.current_profile AS p ON g.generation = p.generation;

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
        sum(t.n) AS readings,
        sumIf(t.n, t.late = 1) AS late_readings,
        sum(t.sum) AS total,
        min(t.min) AS smallest,
        max(t.max) AS largest,
        sum(t.good_ms) AS good,
        sum(t.attempted_ms) AS attempted,
        arraySlice(arraySort(groupUniqArrayArray(t.devices)), 1, 256) AS hashes,
        -- Fewer than 256 hashes are all there are; else the largest of the smallest 256 tells how dense they lie.
        if(length(hashes) < 256, length(hashes), toUInt64(255 * pow(2, 48) / hashes[256])) AS distinct_devices
    FROM ${database}.tiles AS t FINAL
    WHERE t.generation = (SELECT max(generation) FROM ${database}.telemetry_closed)
      AND t.window_start + toIntervalSecond(t.window_s) < (SELECT max(closed_before) FROM ${database}.telemetry_closed)
    GROUP BY
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared
)
WHERE shared = 1 OR distinct_devices >= (SELECT max(k) FROM ${database}.current_profile)
COMMENT 'Closed windows of telemetry, one row per metric, window and the dimensions that the metric is grouped by';
