-- What each version of a target promised: a history needs the objective that held at the time, not the newest one.

CREATE OR REPLACE VIEW ${public}.target_versions
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    target String COMMENT 'Id of the target',
    version UInt32 COMMENT 'Version of the target, as in verdicts and alerts',
    state LowCardinality(String) COMMENT 'active or retired',
    valid_from DateTime64(3, 'UTC') COMMENT 'From when this version holds, until the next one does; never in the future',
    reason String COMMENT 'Why this version replaced the one before',
    indicator LowCardinality(String) COMMENT 'happiness (score from -100 to 100); good_time, low_scores, lost_time_above (in %); lost_minutes_480 (mean minutes); dex (0 to 100)',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    objective Float64 COMMENT 'Promised level, in the indicator''s unit'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, target, version, state, valid_from, reason,
    JSONExtractString(body, 'indicator') AS indicator,
    JSONExtract(body, 'slice', 'Map(String, String)') AS slice,
    JSONExtractFloat(body, 'objective') AS objective
FROM
(
    SELECT tenant, target, version, state, valid_from, reason, body
    FROM ${database}.targets
    WHERE valid_from <= now64(3)
    ORDER BY recorded_at DESC
    LIMIT 1 BY tenant, target, version
)
COMMENT 'Versions of experience targets that are or were in force';
