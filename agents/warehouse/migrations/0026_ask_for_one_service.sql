-- The service of a window that stays hidden is not emptied any more: a question for one service has to choose its tiles before windows are made
-- of them, or it reads those of everybody (ten times the time). What an error could tell by it is that somewhere fewer than k devices used a service in a
-- minute; not where, not which, not with what figures.

CREATE OR REPLACE VIEW ${database}.telemetry_windows_60s AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
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
GROUP BY t.tenant, t.metric, t.window_start, t.window_s, t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared
SETTINGS optimize_move_to_prewhere_if_final = 1;

CREATE OR REPLACE VIEW ${database}.telemetry_windows_15m AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
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
FROM ${database}.telemetry_parts_15m AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY p.tenant, p.metric, p.window_start, p.window_s, p.country, p.site, p.business_unit, p.service, p.application, p.device_model, p.os_version, p.shared;

CREATE OR REPLACE VIEW ${database}.telemetry_windows_1d AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
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
WHERE (s.period_start, s.generation, s.seal) IN if(tupleElement(cut, 3) % 86400 = 0, tupleElement(cut, 5), [])
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
FROM ${database}.telemetry_parts_1d AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY p.tenant, p.metric, p.window_start, p.window_s, p.country, p.site, p.business_unit, p.service, p.application, p.device_model, p.os_version, p.shared;
