-- Hours of the day under way are sealed, too, where a period is a day: readers merge tiles of an hour at most, not those
-- of a day. The seal of the day takes their place.

-- The newest seal of each period, of the generation in force or, where that one has none, of an earlier one.
CREATE OR REPLACE VIEW ${database}.seals_committed AS
SELECT
    s.period_s AS period_s,
    period_start,
    max((s.generation, s.seal)) AS newest,
    tupleElement(newest, 1) AS generation,
    tupleElement(newest, 2) AS seal,
    argMax(s.sealed_at, (s.generation, s.seal)) AS sealed_at
FROM ${database}.seals AS s
INNER JOIN ${database}.current_profile AS p ON s.profile = p.name
WHERE s.generation <= p.generation AND (s.period_s = p.period_s OR (p.period_s = 86400 AND s.period_s = 3600))
GROUP BY s.period_s, period_start;

-- What a query needs to tell sealed periods and the hot tail apart, in one row (see 0018). A part is a period, or an hour
-- where a period is a day. `whole`: seals of whole days; `parts`: all others, hours only of days that are not sealed.
-- If no part is missing between them, all parts from `run_from` to `run_until` are sealed: that says `periods` once more, in a way by
-- which tiles are skipped.
CREATE OR REPLACE VIEW ${database}.telemetry_cut AS
WITH
    (SELECT argMax((name, generation, grace_ms, k, greatest(period_s, 1)), written_at) FROM ${database}.profile) AS scales,
    (
        SELECT max(slowest)
        FROM
        (
            SELECT min(newest) AS slowest
            FROM
            (
                SELECT incarnation, partitions, partition, max(arrival) AS newest
                FROM ${database}.tile_audit
                WHERE generation = tupleElement(scales, 2)
                GROUP BY incarnation, partitions, partition
            )
            GROUP BY incarnation, partitions
            HAVING count() = partitions
        )
    ) AS reached
SELECT
    tupleElement(scales, 2) AS generation,
    reached - toIntervalMillisecond(tupleElement(scales, 3)) AS closed_before,
    if(tupleElement(scales, 5) = 86400, 3600, tupleElement(scales, 5)) AS part_s,
    arrayMap(x -> tupleElement(x, 1), parts) AS periods,
    arrayConcat(own, parts_of_days) AS seals,
    if(tupleElement(scales, 5) = 86400, arrayMap(x -> toYYYYMMDD(tupleElement(x, 1)), own), []) AS days,
    tupleElement(scales, 4) AS k,
    if(tupleElement(scales, 5) % 86400 = 0, own, []) AS whole,
    if(tupleElement(scales, 5) % 86400 = 0, parts_of_days, own) AS parts,
    notEmpty(periods) AND toInt64(arrayMax(periods)) - toInt64(arrayMin(periods)) = part_s * (length(periods) - 1) AS is_unbroken,
    if(is_unbroken, arrayMin(periods), toDateTime(0, 'UTC')) AS run_from,
    if(is_unbroken, arrayMax(periods) + toIntervalSecond(part_s), toDateTime(0, 'UTC')) AS run_until,
    groupArrayIf((period_start, tupleElement(newest, 1), tupleElement(newest, 2)), length_s = tupleElement(scales, 5)) AS own,
    groupArrayIf((period_start, tupleElement(newest, 1), tupleElement(newest, 2)), length_s != tupleElement(scales, 5)) AS hours,
    arrayFilter(x -> NOT has(days, toYYYYMMDD(tupleElement(x, 1))), hours) AS parts_of_days
FROM
(
    SELECT period_s AS length_s, period_start, max((generation, seal)) AS newest
    FROM ${database}.seals
    WHERE profile = tupleElement(scales, 1) AND generation <= tupleElement(scales, 2)
      AND period_s IN (tupleElement(scales, 5), if(tupleElement(scales, 5) = 86400, 3600, tupleElement(scales, 5)))
    GROUP BY length_s, period_start
);

CREATE OR REPLACE VIEW ${database}.telemetry_windows_60s AS
WITH (SELECT (generation, closed_before, part_s, periods, seals, days, k, whole, parts, run_from, run_until) FROM ${database}.telemetry_cut) AS cut
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(cut, 7) AS is_shown,
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
WHERE (s.period_start, s.generation, s.seal) IN tupleElement(cut, 5)
UNION ALL
SELECT
    t.shared = 1 OR uniqUpToArray(32)(t.marks) >= tupleElement(cut, 7) AS is_shown,
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
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
  AND (t.window_start < tupleElement(cut, 10) OR t.window_start >= tupleElement(cut, 11))
GROUP BY t.tenant, t.metric, t.window_start, t.window_s, t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared
SETTINGS optimize_move_to_prewhere_if_final = 1;

-- The two larger sizes hold what was a view of its own before, for planning it again cost as much as to read. Where a part is shorter
-- than a window, the window is merged from its sealed parts and the hot tail.

CREATE OR REPLACE VIEW ${database}.telemetry_windows_15m AS
WITH (SELECT (generation, closed_before, part_s, periods, seals, days, k, whole, parts, run_from, run_until) FROM ${database}.telemetry_cut) AS cut
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(cut, 7) AS is_shown,
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
WHERE (s.period_start, s.generation, s.seal) IN if(tupleElement(cut, 3) % 900 = 0, tupleElement(cut, 5), [])
UNION ALL
SELECT
    p.shared = 1 OR uniqUpToArray(32)(p.marks) >= tupleElement(cut, 7) AS is_shown,
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
    WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 900 = 0, [], tupleElement(cut, 5))
    UNION ALL
    SELECT
        t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 900) * 900, 'UTC') AS window_start, toUInt32(900) AS window_s,
        t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
        t.n, if(t.late = 1, t.n, 0) AS late_n, t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices, t.marks, t.hist_bucket, t.hist_count
    FROM ${database}.tiles AS t FINAL
    WHERE t.generation = tupleElement(cut, 1)
      AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
      AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
      AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
      AND (t.window_start < tupleElement(cut, 10) OR t.window_start >= tupleElement(cut, 11))
) AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY p.tenant, p.metric, p.window_start, p.window_s, p.country, p.site, p.business_unit, p.service, p.application, p.device_model, p.os_version, p.shared
SETTINGS optimize_move_to_prewhere_if_final = 1;

CREATE OR REPLACE VIEW ${database}.telemetry_windows_1d AS
WITH (SELECT (generation, closed_before, part_s, periods, seals, days, k, whole, parts, run_from, run_until) FROM ${database}.telemetry_cut) AS cut
SELECT
    s.shared = 1 OR s.distinct_devices >= tupleElement(cut, 7) AS is_shown,
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
WHERE (s.period_start, s.generation, s.seal) IN tupleElement(cut, 8)
UNION ALL
SELECT
    p.shared = 1 OR uniqUpToArray(32)(p.marks) >= tupleElement(cut, 7) AS is_shown,
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
    WHERE (period_start, generation, seal) IN tupleElement(cut, 9)
    UNION ALL
    SELECT
        t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 86400) * 86400, 'UTC') AS window_start, toUInt32(86400) AS window_s,
        t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
        t.n, if(t.late = 1, t.n, 0) AS late_n, t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices, t.marks, t.hist_bucket, t.hist_count
    FROM ${database}.tiles AS t FINAL
    WHERE t.generation = tupleElement(cut, 1)
      AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
      AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
      AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
      AND (t.window_start < tupleElement(cut, 10) OR t.window_start >= tupleElement(cut, 11))
) AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY p.tenant, p.metric, p.window_start, p.window_s, p.country, p.site, p.business_unit, p.service, p.application, p.device_model, p.os_version, p.shared
SETTINGS optimize_move_to_prewhere_if_final = 1;

DROP VIEW IF EXISTS ${database}.telemetry_parts_15m;

DROP VIEW IF EXISTS ${database}.telemetry_parts_1d;
