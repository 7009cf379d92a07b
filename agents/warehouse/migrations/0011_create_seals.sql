-- Sealed periods: telemetry that every partition has passed, merged from tiles into plain tables at three sizes.

-- A period's rows carry the id of the seal that wrote them. Only rows whose seal is the newest committed one of their
-- period count, so writing rows and committing them need not be one step. The id is the sum of `hi` over the period's
-- tiles: it grows with every row that is added or replaced, and what was built from less can never win.

ALTER TABLE ${database}.profile ADD COLUMN IF NOT EXISTS period_s UInt32 DEFAULT 86400 COMMENT 'Length of a sealed period'
    AFTER k;

CREATE OR REPLACE VIEW ${database}.current_profile AS
SELECT name, generation, window_s, grace_ms, epoch_ms, k, period_s, written_at
FROM ${database}.profile
ORDER BY written_at DESC
LIMIT 1;

CREATE TABLE IF NOT EXISTS ${database}.seals
(
    profile LowCardinality(String) COMMENT 'Time scales: those of another profile have periods of their own',
    period_s UInt32,
    period_start DateTime('UTC'),
    generation UInt16,
    seal UInt64 COMMENT 'Sum of hi over the tiles that it was built from',
    windows UInt64 COMMENT 'Rows of base windows that it wrote',
    n UInt64 COMMENT 'Readings in them',
    sealed_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(sealed_at)
ORDER BY (profile, period_s, period_start, generation, seal);

CREATE TABLE IF NOT EXISTS ${database}.tiles_expired
(
    day UInt32 COMMENT 'YYYYMMDD: its tiles were dropped, so none of its periods is sealed again',
    expired_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(expired_at)
ORDER BY day;

CREATE TABLE IF NOT EXISTS ${database}.sealed_60s
(
    period_start DateTime('UTC'),
    generation UInt16,
    seal UInt64,
    tenant LowCardinality(String),
    metric LowCardinality(String),
    window_start DateTime('UTC'),
    window_s UInt32,
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    application LowCardinality(String),
    device_model LowCardinality(String),
    os_version LowCardinality(String),
    shared UInt8 COMMENT '1: devices that are nobody''s',
    n UInt64,
    late_n UInt64 COMMENT 'Part of n that arrived after the window had closed',
    sum Int128 COMMENT 'Milli-units',
    sum_squares Int128 COMMENT 'Squares of milli-units',
    min Int64 COMMENT 'Milli-units',
    max Int64 COMMENT 'Milli-units',
    good_ms UInt64,
    attempted_ms UInt64,
    hist_bucket Array(Int32) COMMENT 'Upper bits of the value as Float64',
    hist_count Array(UInt64),
    devices Array(UInt64) COMMENT 'The smallest 256 hashes (48 bits) of the devices'
)
ENGINE = MergeTree
PARTITION BY (toUnixTimestamp(period_start), generation, seal)
ORDER BY (
    tenant, metric, window_s, window_start,
    country, site, business_unit, service, application, device_model, os_version, shared
)
COMMENT 'Base windows: 60 s, or what the profile says';

CREATE TABLE IF NOT EXISTS ${database}.sealed_15m
(
    period_start DateTime('UTC'),
    generation UInt16,
    seal UInt64,
    tenant LowCardinality(String),
    metric LowCardinality(String),
    window_start DateTime('UTC'),
    window_s UInt32,
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    application LowCardinality(String),
    device_model LowCardinality(String),
    os_version LowCardinality(String),
    shared UInt8 COMMENT '1: devices that are nobody''s',
    n UInt64,
    late_n UInt64 COMMENT 'Part of n that arrived after the window had closed',
    sum Int128 COMMENT 'Milli-units',
    sum_squares Int128 COMMENT 'Squares of milli-units',
    min Int64 COMMENT 'Milli-units',
    max Int64 COMMENT 'Milli-units',
    good_ms UInt64,
    attempted_ms UInt64,
    hist_bucket Array(Int32) COMMENT 'Upper bits of the value as Float64',
    hist_count Array(UInt64),
    devices Array(UInt64) COMMENT 'The smallest 256 hashes (48 bits) of the devices'
)
ENGINE = MergeTree
PARTITION BY (toUnixTimestamp(period_start), generation, seal)
ORDER BY (
    tenant, metric, window_s, window_start,
    country, site, business_unit, service, application, device_model, os_version, shared
)
COMMENT 'Windows of 15 minutes; a part of one if the period is shorter';

CREATE TABLE IF NOT EXISTS ${database}.sealed_1d
(
    period_start DateTime('UTC'),
    generation UInt16,
    seal UInt64,
    tenant LowCardinality(String),
    metric LowCardinality(String),
    window_start DateTime('UTC'),
    window_s UInt32,
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    application LowCardinality(String),
    device_model LowCardinality(String),
    os_version LowCardinality(String),
    shared UInt8 COMMENT '1: devices that are nobody''s',
    n UInt64,
    late_n UInt64 COMMENT 'Part of n that arrived after the window had closed',
    sum Int128 COMMENT 'Milli-units',
    sum_squares Int128 COMMENT 'Squares of milli-units',
    min Int64 COMMENT 'Milli-units',
    max Int64 COMMENT 'Milli-units',
    good_ms UInt64,
    attempted_ms UInt64,
    hist_bucket Array(Int32) COMMENT 'Upper bits of the value as Float64',
    hist_count Array(UInt64),
    devices Array(UInt64) COMMENT 'The smallest 256 hashes (48 bits) of the devices'
)
ENGINE = MergeTree
PARTITION BY (toUnixTimestamp(period_start), generation, seal)
ORDER BY (
    tenant, metric, window_s, window_start,
    country, site, business_unit, service, application, device_model, os_version, shared
)
COMMENT 'Days (UTC); a part of one if the period is shorter';

-- The newest seal of each period, of the generation in force or, where that one has none, of an earlier one.
CREATE OR REPLACE VIEW ${database}.seals_committed AS
SELECT
    period_start,
    max((s.generation, s.seal)) AS newest,
    tupleElement(newest, 1) AS generation,
    tupleElement(newest, 2) AS seal,
    argMax(s.sealed_at, (s.generation, s.seal)) AS sealed_at
FROM ${database}.seals AS s
WHERE s.profile = (SELECT max(name) FROM ${database}.current_profile)
  AND s.period_s = (SELECT max(period_s) FROM ${database}.current_profile)
  AND s.generation <= (SELECT max(generation) FROM ${database}.current_profile)
GROUP BY period_start;
