-- Telemetry: absolute aggregates of one key in one tile, versioned by the first offset they do not contain (`hi`).

CREATE TABLE IF NOT EXISTS ${database}.tiles
(
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
    late UInt8 COMMENT '1: arrived after the end of the window plus grace',
    generation UInt16 COMMENT 'Meaning of the fold; another one is another result',
    incarnation UUID COMMENT 'Topic id: changes when the topic is created anew',
    partition UInt16,
    tile UInt64 COMMENT 'Offset divided by the tile size',
    hi UInt64 COMMENT 'Version: first offset that the row does not contain',
    n UInt64,
    sum Int128 COMMENT 'Milli-units',
    sum_squares Int128 COMMENT 'Squares of milli-units',
    min Int64 COMMENT 'Milli-units',
    max Int64 COMMENT 'Milli-units',
    good_ms UInt64,
    attempted_ms UInt64,
    hist_bucket Array(Int32) COMMENT 'Upper bits of the value as Float64',
    hist_count Array(UInt32),
    devices Array(UInt64) COMMENT 'The smallest 256 hashes (48 bits) of the devices'
)
ENGINE = ReplacingMergeTree(hi)
PARTITION BY toYYYYMMDD(window_start)
ORDER BY (
    tenant, metric, window_s, window_start,
    country, site, business_unit, service, application, device_model, os_version,
    shared, late, generation, incarnation, partition, tile
);

CREATE TABLE IF NOT EXISTS ${database}.tile_audit
(
    generation UInt16,
    incarnation UUID,
    partition UInt16,
    tile UInt64,
    hi UInt64 COMMENT 'Version: first offset that the row does not count',
    partitions UInt16 COMMENT 'How many partitions the topic had',
    first UInt64 COMMENT 'First offset that the row counts',
    n_in UInt64 COMMENT 'n_valid + n_invalid + n_duplicate + n_tick',
    n_valid UInt64,
    n_invalid UInt64,
    n_duplicate UInt64,
    n_late UInt64 COMMENT 'Part of n_valid',
    n_tick UInt64,
    n_overflow UInt64 COMMENT 'Part of n_valid: folded as __other__',
    arrival DateTime64(3, 'UTC') COMMENT 'Newest record timestamp so far',
    closed UInt8 COMMENT '1: the tile is complete'
)
ENGINE = ReplacingMergeTree(hi)
ORDER BY (generation, incarnation, partition, tile);
