-- Telemetry of the hot tail for less: planning a question and finding out whether a window has enough devices were most of its cost.

-- Enough of a row's devices to tell whether a window has k of them, in a fraction of the bytes: reading all hashes was half of what a question cost.
-- The lower half of a hash stands for it; should two of a window's devices ever share one (1 in 10 million windows), the window counts one less.
ALTER TABLE ${database}.tiles ADD COLUMN IF NOT EXISTS marks Array(UInt32)
    MATERIALIZED arrayMap(x -> toUInt32(x), arraySlice(devices, 1, 32))
    COMMENT 'Lower half of the smallest 32 hashes of the devices';

ALTER TABLE ${database}.tiles MATERIALIZE COLUMN marks;

-- What a query needs to tell sealed periods and the hot tail apart, in one row: it is read once per query, so both halves
-- follow the same decision whatever is committed meanwhile. `days` repeats `periods` for whole days: by them ClickHouse
-- skips the tiles. It says again what telemetry_closed and seals_committed say, straight from the tables: to plan a view of
-- views costs more than to read them.
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
    tupleElement(scales, 5) AS period_s,
    groupArrayArray(starts) AS periods,
    groupArrayArray(ids) AS seals,
    groupArrayIf(day, length(starts) * tupleElement(scales, 5) >= 86400) AS days,
    tupleElement(scales, 4) AS k
FROM
(
    SELECT
        toYYYYMMDD(period_start) AS day,
        groupArray(period_start) AS starts,
        groupArray((period_start, tupleElement(newest, 1), tupleElement(newest, 2))) AS ids
    FROM
    (
        SELECT period_start, max((generation, seal)) AS newest
        FROM ${database}.seals
        WHERE profile = tupleElement(scales, 1) AND period_s = tupleElement(scales, 5) AND generation <= tupleElement(scales, 2)
        GROUP BY period_start
    )
    GROUP BY day
);

-- Closed windows, and whether everybody may see them. Whether there are k different devices is asked of their marks, and most questions do not ask
-- for more. So a k above 32 would hide what is not sealed yet. A question's own conditions on dimensions, all of them in the sorting key, choose
-- the rows before FINAL merges them.

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
    shared = 1 OR uniqUpToArray(32)(t.marks) >= tupleElement(cut, 7) AS is_shown
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
GROUP BY
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared
SETTINGS optimize_move_to_prewhere_if_final = 1;

-- Where a period is shorter than 15 minutes, a window is merged from its sealed parts and the hot tail.
CREATE OR REPLACE VIEW ${database}.telemetry_parts_15m AS
WITH (SELECT (generation, closed_before, period_s, periods, seals, days, k) FROM ${database}.telemetry_cut) AS cut
SELECT
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared,
    n, late_n, sum, min, max, good_ms, attempted_ms, devices,
    arrayMap(x -> toUInt32(x), arraySlice(devices, 1, 32)) AS marks
FROM ${database}.sealed_15m
WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 900 = 0, [], tupleElement(cut, 5))
UNION ALL
SELECT
    t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 900) * 900, 'UTC') AS window_start, toUInt32(900) AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices, t.marks
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
SETTINGS optimize_move_to_prewhere_if_final = 1;

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
    shared = 1 OR uniqUpToArray(32)(p.marks) >= tupleElement(cut, 7) AS is_shown
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
    n, late_n, sum, min, max, good_ms, attempted_ms, devices,
    arrayMap(x -> toUInt32(x), arraySlice(devices, 1, 32)) AS marks
FROM ${database}.sealed_1d
WHERE (period_start, generation, seal) IN if(tupleElement(cut, 3) % 86400 = 0, [], tupleElement(cut, 5))
UNION ALL
SELECT
    t.tenant, t.metric, toDateTime(intDiv(toUnixTimestamp(t.window_start), 86400) * 86400, 'UTC') AS window_start, toUInt32(86400) AS window_s,
    t.country, t.site, t.business_unit, t.service, t.application, t.device_model, t.os_version, t.shared,
    t.n, if(t.late = 1, t.n, 0), t.sum, t.min, t.max, t.good_ms, t.attempted_ms, t.devices, t.marks
FROM ${database}.tiles AS t FINAL
WHERE t.generation = tupleElement(cut, 1)
  AND t.window_start + toIntervalSecond(t.window_s) < tupleElement(cut, 2)
  AND toDateTime(intDiv(toUnixTimestamp(t.window_start), greatest(tupleElement(cut, 3), 1)) * tupleElement(cut, 3), 'UTC') NOT IN tupleElement(cut, 4)
  AND toYYYYMMDD(t.window_start) NOT IN tupleElement(cut, 6)
SETTINGS optimize_move_to_prewhere_if_final = 1;

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
    shared = 1 OR uniqUpToArray(32)(p.marks) >= tupleElement(cut, 7) AS is_shown
FROM ${database}.telemetry_parts_1d AS p
WHERE p.window_start + toIntervalSecond(p.window_s) < tupleElement(cut, 2)
GROUP BY
    tenant, metric, window_start, window_s,
    country, site, business_unit, service, application, device_model, os_version, shared;
