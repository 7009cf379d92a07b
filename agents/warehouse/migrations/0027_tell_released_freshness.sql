-- Freshness of feedback is the newest epoch that published something. Epochs in which answers only wait are marked as well,
-- and a tenant that is silent for days would tell by such a mark that somebody, one person perhaps, has just answered.

CREATE OR REPLACE VIEW ${public}.data_quality
(
    lane LowCardinality(String) COMMENT 'telemetry, records or feedback',
    tenant LowCardinality(String) COMMENT 'Organisation; empty = all together',
    measure LowCardinality(String) COMMENT 'events = valid + invalid + duplicate + tick; late and overflow are parts of valid; quarantined; age_s',
    reason LowCardinality(String) COMMENT 'Why it was quarantined; else empty',
    value Float64 COMMENT 'Count of records; for age_s: seconds from as_of to now',
    as_of DateTime64(3, 'UTC') COMMENT 'Newest record counted; for age_s: up to when the published figures are complete'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT 'telemetry' AS lane, '' AS tenant, pair.1 AS measure, '' AS reason, toFloat64(pair.2) AS value, as_of
FROM
(
    SELECT
        [
            ('events', sum(n_in)), ('valid', sum(n_valid)), ('invalid', sum(n_invalid)), ('duplicate', sum(n_duplicate)),
            ('late', sum(n_late)), ('tick', sum(n_tick)), ('overflow', sum(n_overflow))
        ] AS pairs,
        max(arrival) AS as_of
    FROM ${database}.tile_audit FINAL
    WHERE generation = (SELECT max(generation) FROM ${database}.current_profile)
    HAVING count() > 0
)
ARRAY JOIN pairs AS pair
UNION ALL
SELECT topic, '', 'quarantined', reason, toFloat64(count()), max(recorded_at)
FROM ${database}.quarantine FINAL
GROUP BY topic, reason
UNION ALL
SELECT 'telemetry', '', 'age_s', '', dateDiff('millisecond', closed_before, now64(3)) / 1000, closed_before
FROM ${database}.telemetry_closed
UNION ALL
SELECT 'records', '', 'age_s', '', dateDiff('millisecond', reached, now64(3)) / 1000, reached
FROM ${database}.records_progress_total
UNION ALL
SELECT 'feedback', tenant, 'age_s', '', dateDiff('millisecond', max(epoch), now64(3)) / 1000, max(epoch)
FROM ${database}.release_marks
WHERE blocks > 0
GROUP BY tenant
COMMENT 'Counts of the intake, reasons of the quarantine and age of the published figures';
