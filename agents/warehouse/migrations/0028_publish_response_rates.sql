-- How many of those who were asked answered. When an invitation was first heard of decides which cohort it is in. It has to
-- be kept, though the row of the invitation is replaced: who answered would else be in another cohort than who did not.

CREATE TABLE IF NOT EXISTS ${database}.invitation_times
(
    tenant LowCardinality(String),
    invitation_id String,
    person SimpleAggregateFunction(min, String) COMMENT 'Pseudonym',
    log_time SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Record timestamp of the first record',
    asked_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'Of the first that tells of it and not of its outcome: pending or shown',
    answered_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'Of the first that says answered'
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, invitation_id);

-- A row is its own mark: of rows with the same start the earliest counts for ever, by the server's clock.
CREATE TABLE IF NOT EXISTS ${database}.release_cohorts
(
    tenant LowCardinality(String),
    start DateTime64(3, 'UTC') COMMENT 'Where the cohort before it ended',
    end DateTime64(3, 'UTC') COMMENT 'First instant that is not in it',
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch in which it was due',
    invited UInt32,
    answered UInt32,
    rule String COMMENT 'The rule that was followed, JSON',
    marked_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (tenant, start);

CREATE OR REPLACE VIEW ${public}.response_rates
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    cohort_start DateTime64(3, 'UTC') COMMENT 'Invitations heard of from then on; the end of the cohort before',
    cohort_end DateTime64(3, 'UTC') COMMENT 'First instant that is not in the cohort; a day later, or more where few were invited',
    epoch DateTime64(3, 'UTC') COMMENT 'End of the epoch in which it was released: when all had had their time to answer',
    invited UInt32 COMMENT 'People who were invited, each counted once; at least 20, or k if that is more',
    answered UInt32 COMMENT 'Those who answered their first invitation of the cohort before its deadline',
    rate Float64 COMMENT 'answered / invited, from 0 to 1; of several cohorts divide the sums',
    lower Float64 COMMENT 'Lower end of its 95 % interval (Wilson)',
    upper Float64 COMMENT 'Upper end of its 95 % interval (Wilson)'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH 1.959963984540054 AS z
SELECT
    tenant, cohort_start, cohort.1 AS cohort_end, cohort.2 AS epoch, cohort.3 AS invited, cohort.4 AS answered,
    answered / invited AS rate,
    greatest(0, (rate + z * z / 2 / invited - z * sqrt(rate * (1 - rate) / invited + z * z / 4 / invited / invited)) / (1 + z * z / invited)) AS lower,
    least(1, (rate + z * z / 2 / invited + z * sqrt(rate * (1 - rate) / invited + z * z / 4 / invited / invited)) / (1 + z * z / invited)) AS upper
FROM
(
    SELECT tenant, start AS cohort_start, argMin((end, epoch, invited, answered), (marked_at, end, invited, answered)) AS cohort
    FROM ${database}.release_cohorts
    GROUP BY tenant, start
)
COMMENT 'Response rate of each cohort of invitations, published once, after its deadline';
