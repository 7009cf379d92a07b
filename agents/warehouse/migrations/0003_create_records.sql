-- Records: one row per entity in its newest state. A later revision replaces, a retraction is a state, and a repeated
-- delivery is the same row again. Restricted: nothing here is published as it is.

-- Answers.

CREATE TABLE IF NOT EXISTS ${database}.feedback
(
    tenant LowCardinality(String),
    response_id String,
    version UInt128 COMMENT 'Revision, state, record timestamp and offset, packed in that order',
    event_id String,
    source LowCardinality(String),
    revision UInt32,
    state LowCardinality(String) COMMENT 'partial, final or retracted',
    person String COMMENT 'Pseudonym',
    event_time DateTime64(3, 'UTC') COMMENT 'When it was answered',
    log_time DateTime64(3, 'UTC') COMMENT 'Record timestamp of this revision',
    score Nullable(UInt8),
    scale LowCardinality(String) COMMENT 'Only 0-10 feeds happiness',
    lost_minutes Nullable(UInt32),
    factors Array(LowCardinality(String)),
    comment_ref String,
    ticket_id String,
    signal_id String,
    invitation_id String,
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, response_id);

-- Questions put to people.

CREATE TABLE IF NOT EXISTS ${database}.invitations
(
    tenant LowCardinality(String),
    invitation_id String,
    version UInt128 COMMENT 'Revision, state, record timestamp and offset, packed in that order',
    event_id String,
    source LowCardinality(String),
    revision UInt32,
    outcome LowCardinality(String) COMMENT 'pending, shown, answered, dismissed or expired',
    person String COMMENT 'Pseudonym',
    event_time DateTime64(3, 'UTC') COMMENT 'When it was sent',
    log_time DateTime64(3, 'UTC') COMMENT 'Record timestamp of this revision',
    reason LowCardinality(String),
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, invitation_id);

-- Tickets as they stand.

CREATE TABLE IF NOT EXISTS ${database}.tickets
(
    tenant LowCardinality(String),
    ticket_id String,
    version UInt128 COMMENT 'Revision, state, record timestamp and offset, packed in that order',
    event_id String,
    source LowCardinality(String),
    revision UInt32,
    kind LowCardinality(String) COMMENT 'opened, assigned, resolved, reopened or closed',
    person String COMMENT 'Pseudonym; empty = unknown',
    event_time DateTime64(3, 'UTC') COMMENT 'When it changed',
    log_time DateTime64(3, 'UTC') COMMENT 'Record timestamp of this revision',
    category LowCardinality(String),
    reassignment_count UInt32,
    reopen_count UInt32,
    made_sla Nullable(UInt8),
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, ticket_id);

-- Deliberate changes of the environment.

CREATE TABLE IF NOT EXISTS ${database}.changes
(
    tenant LowCardinality(String),
    change_id String,
    version UInt128 COMMENT 'Revision, state, record timestamp and offset, packed in that order',
    event_id String,
    source LowCardinality(String),
    revision UInt32,
    kind LowCardinality(String) COMMENT 'deploy, wave, process or exclusion',
    event_time DateTime64(3, 'UTC') COMMENT 'Actual start',
    log_time DateTime64(3, 'UTC') COMMENT 'Record timestamp of this revision',
    end Nullable(DateTime64(3, 'UTC')),
    application LowCardinality(String),
    wave Nullable(UInt32),
    title String,
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, change_id);

-- What operators did about targets and alerts.

CREATE TABLE IF NOT EXISTS ${database}.actions
(
    tenant LowCardinality(String),
    action_id String,
    version UInt128 COMMENT 'Revision, state, record timestamp and offset, packed in that order',
    event_id String,
    source LowCardinality(String),
    revision UInt32,
    kind LowCardinality(String) COMMENT 'ack, exclusion or maintenance',
    event_time DateTime64(3, 'UTC') COMMENT 'From when it holds',
    log_time DateTime64(3, 'UTC') COMMENT 'Record timestamp of this revision',
    end Nullable(DateTime64(3, 'UTC')),
    actor String,
    target String,
    alert_id String,
    reason String,
    country LowCardinality(String),
    site LowCardinality(String),
    business_unit LowCardinality(String),
    service LowCardinality(String),
    channel LowCardinality(String),
    assignment_group LowCardinality(String),
    touchpoint LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, action_id);
