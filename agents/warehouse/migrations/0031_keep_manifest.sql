-- What a query must know to tell sealed parts and the hot tail apart, kept as a row: to find it out in every query (telemetry_cut)
-- took a fourth of what a question for one service took. A part is a period, or an hour where a period is a day.

CREATE TABLE IF NOT EXISTS ${database}.telemetry_manifest
(
    scales_at DateTime64(3, 'UTC') COMMENT 'When the profile was written; a row made from an older one never counts',
    profile LowCardinality(String),
    generation UInt16,
    grace_ms UInt32,
    k UInt16,
    part_s UInt32 COMMENT 'Length of a part, seconds',
    seals Array(Tuple(DateTime('UTC'), UInt16, UInt64)) COMMENT 'All seals in force: period_start, generation, seal',
    whole Array(Tuple(DateTime('UTC'), UInt16, UInt64)) COMMENT 'Those of whole days',
    parts Array(Tuple(DateTime('UTC'), UInt16, UInt64)) COMMENT 'The others; hours only of days that are not sealed',
    run_from DateTime('UTC') COMMENT 'Everything from here to run_until is sealed: by this, tiles are skipped unread',
    run_until DateTime('UTC'),
    parts_before_run Array(DateTime('UTC')) COMMENT 'Sealed parts before the run',
    days_before_run Array(UInt32) COMMENT 'Sealed days before the run, YYYYMMDD',
    written_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY scales_at
COMMENT 'Which seals readers count, and at which scales: the newest row';

-- What the newest row has to be. A run ends with the newest sealed part and begins where the last gap ends.
CREATE OR REPLACE VIEW ${database}.telemetry_manifest_due AS
WITH
    (SELECT argMax((name, generation, grace_ms, k, greatest(period_s, 1), written_at), written_at) FROM ${database}.profile) AS scales,
    tupleElement(scales, 5) AS period_s,
    arraySort(groupArrayIf((period_start, tupleElement(newest, 1), tupleElement(newest, 2)), length_s = period_s)) AS own,
    arraySort(groupArrayIf((period_start, tupleElement(newest, 1), tupleElement(newest, 2)), length_s != period_s)) AS hours,
    if(period_s = 86400, arrayMap(x -> toYYYYMMDD(tupleElement(x, 1)), own), []) AS days,
    arrayFilter(x -> NOT has(days, toYYYYMMDD(tupleElement(x, 1))), hours) AS parts_of_days,
    arrayMap(x -> tupleElement(x, 1) + toIntervalSecond(if(has(parts_of_days, x), 3600, period_s)), seals) AS ends,
    arrayLastIndex(
        (start, end_before) -> start != end_before,
        arrayMap(x -> tupleElement(x, 1), seals),
        arrayPushFront(arrayPopBack(ends), toDateTime(0, 'UTC'))
    ) AS begin
SELECT
    tupleElement(scales, 6) AS scales_at,
    tupleElement(scales, 1) AS profile,
    tupleElement(scales, 2) AS generation,
    tupleElement(scales, 3) AS grace_ms,
    tupleElement(scales, 4) AS k,
    if(period_s = 86400, 3600, period_s) AS part_s,
    arraySort(arrayConcat(own, parts_of_days)) AS seals,
    if(period_s % 86400 = 0, own, []) AS whole,
    if(period_s % 86400 = 0, parts_of_days, own) AS parts,
    if(empty(seals), toDateTime(0, 'UTC'), tupleElement(seals[begin], 1)) AS run_from,
    if(empty(seals), toDateTime(0, 'UTC'), ends[-1]) AS run_until,
    arrayFilter(start -> start < run_from, arrayMap(x -> tupleElement(x, 1), if(period_s = 86400, parts_of_days, own))) AS parts_before_run,
    arrayFilter(day -> day < toYYYYMMDD(run_from), days) AS days_before_run
FROM
(
    SELECT period_s AS length_s, period_start, max((generation, seal)) AS newest
    FROM ${database}.seals
    WHERE profile = tupleElement(scales, 1) AND generation <= tupleElement(scales, 2)
      AND period_s IN (tupleElement(scales, 5), if(tupleElement(scales, 5) = 86400, 3600, tupleElement(scales, 5)))
    GROUP BY length_s, period_start
);

INSERT INTO ${database}.telemetry_manifest
SELECT *, now64(6)
FROM ${database}.telemetry_manifest_due
WHERE (SELECT count() FROM ${database}.telemetry_manifest) = 0;

-- The views of 0030 on the newest row; how far each partition has come is all that they still find out themselves. A condition that
-- a row has no use for falls away before anything is read. The row is there always, which the engine does not know of a subquery.

CREATE OR REPLACE VIEW ${database}.telemetry_windows_60s AS
WITH
    assumeNotNull((
        SELECT argMax(
            (
                generation, grace_ms, k, part_s, seals, whole, parts,
                parts_before_run, days_before_run, notEmpty(parts_before_run), notEmpty(days_before_run), run_from, run_until
            ),
            (scales_at, written_at)
        )
        FROM ${database}.telemetry_manifest
    )) AS manifest,
    (
        SELECT max(slowest) - toIntervalMillisecond(tupleElement(manifest, 2))
        FROM
        (
            SELECT min(newest) AS slowest
            FROM
            (
                SELECT incarnation, partitions, partition, max(arrival) AS newest
                FROM ${database}.tile_audit
                WHERE generation = tupleElement(manifest, 1)
                GROUP BY incarnation, partitions, partition
            )
            GROUP BY incarnation, partitions
            HAVING count() = partitions
        )
    ) AS closed_before
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(manifest, 3) AS is_shown,
    s.tenant AS tenant, s.metric AS metric, s.window_start AS window_start, s.window_s AS window_s,
    if(is_shown, s.country, '') AS country,
    if(is_shown, s.site, '') AS site,
    if(is_shown, s.business_unit, '') AS business_unit,
    s.service AS service,
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
WHERE (s.period_start, s.generation, s.seal) IN tupleElement(manifest, 5)
UNION ALL
SELECT
    t.shared = 1 OR uniqUpToArray(32)(t.marks) >= tupleElement(manifest, 3) AS is_shown,
    t.tenant AS tenant, t.metric AS metric, t.window_start AS window_start, t.window_s AS window_s,
    if(is_shown, t.country, '') AS country,
    if(is_shown, t.site, '') AS site,
    if(is_shown, t.business_unit, '') AS business_unit,
    t.service AS service,
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
WHERE t.generation = tupleElement(manifest, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < closed_before
  AND (t.window_start < tupleElement(manifest, 12) OR t.window_start >= tupleElement(manifest, 13))
  AND (NOT tupleElement(manifest, 10) OR toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(manifest, 4), 1)) * tupleElement(manifest, 4), 'UTC') NOT IN tupleElement(manifest, 8))
  AND (NOT tupleElement(manifest, 11) OR toYYYYMMDD(t.window_start) NOT IN tupleElement(manifest, 9))
GROUP BY t.tenant, t.metric, t.window_start, t.window_s, t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared
SETTINGS optimize_move_to_prewhere_if_final = 1;

-- The two larger sizes hold what was a view of its own before, for planning it again cost as much as to read. Where a part is shorter
-- than a window, the window is merged from its sealed parts and the hot tail.

CREATE OR REPLACE VIEW ${database}.telemetry_windows_15m AS
WITH
    assumeNotNull((
        SELECT argMax(
            (
                generation, grace_ms, k, part_s, seals, whole, parts,
                parts_before_run, days_before_run, notEmpty(parts_before_run), notEmpty(days_before_run), run_from, run_until
            ),
            (scales_at, written_at)
        )
        FROM ${database}.telemetry_manifest
    )) AS manifest,
    (
        SELECT max(slowest) - toIntervalMillisecond(tupleElement(manifest, 2))
        FROM
        (
            SELECT min(newest) AS slowest
            FROM
            (
                SELECT incarnation, partitions, partition, max(arrival) AS newest
                FROM ${database}.tile_audit
                WHERE generation = tupleElement(manifest, 1)
                GROUP BY incarnation, partitions, partition
            )
            GROUP BY incarnation, partitions
            HAVING count() = partitions
        )
    ) AS closed_before
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(manifest, 3) AS is_shown,
    s.tenant AS tenant, s.metric AS metric, s.window_start AS window_start, s.window_s AS window_s,
    if(is_shown, s.country, '') AS country,
    if(is_shown, s.site, '') AS site,
    if(is_shown, s.business_unit, '') AS business_unit,
    s.service AS service,
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
WHERE (s.period_start, s.generation, s.seal) IN if(tupleElement(manifest, 4) % 900 = 0, tupleElement(manifest, 5), [])
UNION ALL
SELECT
    p.shared = 1 OR uniqUpToArray(32)(p.marks) >= tupleElement(manifest, 3) AS is_shown,
    p.tenant AS tenant, p.metric AS metric, p.window_start AS window_start, p.window_s AS window_s,
    if(is_shown, p.country, '') AS country,
    if(is_shown, p.site, '') AS site,
    if(is_shown, p.business_unit, '') AS business_unit,
    p.service AS service,
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
FROM
(
    SELECT
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared,
        n, late_n, sum, min, max, good_ms, attempted_ms, devices,
        arrayMap(x -> toUInt32(x), arraySlice(devices, 1, 32)) AS marks, hist_bucket, hist_count
    FROM ${database}.sealed_15m
    WHERE (period_start, generation, seal) IN if(tupleElement(manifest, 4) % 900 = 0, [], tupleElement(manifest, 5))
    UNION ALL
    SELECT
        t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 900) * 900, 'UTC') AS window_start, toUInt32(900) AS window_s,
        t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
        t.n, if(t.late = 1, t.n, 0) AS late_n, t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices, t.marks, t.hist_bucket, t.hist_count
    FROM ${database}.tiles AS t FINAL
    WHERE t.generation = tupleElement(manifest, 1)
      AND t.window_start + toIntervalSecond(t.window_s) < closed_before
      AND (t.window_start < tupleElement(manifest, 12) OR t.window_start >= tupleElement(manifest, 13))
      AND (NOT tupleElement(manifest, 10) OR toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(manifest, 4), 1)) * tupleElement(manifest, 4), 'UTC') NOT IN tupleElement(manifest, 8))
      AND (NOT tupleElement(manifest, 11) OR toYYYYMMDD(t.window_start) NOT IN tupleElement(manifest, 9))
) AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < closed_before
GROUP BY p.tenant, p.metric, p.window_start, p.window_s, p.country, p.site, p.business_unit, p.service, p.application, p.device_model, p.os_version, p.shared
SETTINGS optimize_move_to_prewhere_if_final = 1;

CREATE OR REPLACE VIEW ${database}.telemetry_windows_1d AS
WITH
    assumeNotNull((
        SELECT argMax(
            (
                generation, grace_ms, k, part_s, seals, whole, parts,
                parts_before_run, days_before_run, notEmpty(parts_before_run), notEmpty(days_before_run), run_from, run_until
            ),
            (scales_at, written_at)
        )
        FROM ${database}.telemetry_manifest
    )) AS manifest,
    (
        SELECT max(slowest) - toIntervalMillisecond(tupleElement(manifest, 2))
        FROM
        (
            SELECT min(newest) AS slowest
            FROM
            (
                SELECT incarnation, partitions, partition, max(arrival) AS newest
                FROM ${database}.tile_audit
                WHERE generation = tupleElement(manifest, 1)
                GROUP BY incarnation, partitions, partition
            )
            GROUP BY incarnation, partitions
            HAVING count() = partitions
        )
    ) AS closed_before
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(manifest, 3) AS is_shown,
    s.tenant AS tenant, s.metric AS metric, s.window_start AS window_start, s.window_s AS window_s,
    if(is_shown, s.country, '') AS country,
    if(is_shown, s.site, '') AS site,
    if(is_shown, s.business_unit, '') AS business_unit,
    s.service AS service,
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
WHERE (s.period_start, s.generation, s.seal) IN tupleElement(manifest, 6)
UNION ALL
SELECT
    p.shared = 1 OR uniqUpToArray(32)(p.marks) >= tupleElement(manifest, 3) AS is_shown,
    p.tenant AS tenant, p.metric AS metric, p.window_start AS window_start, p.window_s AS window_s,
    if(is_shown, p.country, '') AS country,
    if(is_shown, p.site, '') AS site,
    if(is_shown, p.business_unit, '') AS business_unit,
    p.service AS service,
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
FROM
(
    SELECT
        tenant, metric, window_start, window_s,
        country, site, business_unit, service, application, device_model, os_version, shared,
        n, late_n, sum, min, max, good_ms, attempted_ms, devices,
        arrayMap(x -> toUInt32(x), arraySlice(devices, 1, 32)) AS marks, hist_bucket, hist_count
    FROM ${database}.sealed_1d
    WHERE (period_start, generation, seal) IN tupleElement(manifest, 7)
    UNION ALL
    SELECT
        t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 86400) * 86400, 'UTC') AS window_start, toUInt32(86400) AS window_s,
        t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
        t.n, if(t.late = 1, t.n, 0) AS late_n, t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices, t.marks, t.hist_bucket, t.hist_count
    FROM ${database}.tiles AS t FINAL
    WHERE t.generation = tupleElement(manifest, 1)
      AND t.window_start + toIntervalSecond(t.window_s) < closed_before
      AND (t.window_start < tupleElement(manifest, 12) OR t.window_start >= tupleElement(manifest, 13))
      AND (NOT tupleElement(manifest, 10) OR toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(manifest, 4), 1)) * tupleElement(manifest, 4), 'UTC') NOT IN tupleElement(manifest, 8))
      AND (NOT tupleElement(manifest, 11) OR toYYYYMMDD(t.window_start) NOT IN tupleElement(manifest, 9))
) AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < closed_before
GROUP BY p.tenant, p.metric, p.window_start, p.window_s, p.country, p.site, p.business_unit, p.service, p.application, p.device_model, p.os_version, p.shared
SETTINGS optimize_move_to_prewhere_if_final = 1;

DROP VIEW IF EXISTS ${database}.telemetry_cut;
