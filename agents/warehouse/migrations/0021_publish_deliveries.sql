-- What became of alerts: every state that they had, and who was told.

CREATE OR REPLACE VIEW ${public}.alert_history
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    alert_id String COMMENT 'One per episode; see alerts for its newest state',
    sequence UInt32 COMMENT 'Number of the state within its episode, from 1 on; gaps do not matter',
    target String COMMENT 'Id of the target',
    version UInt32 COMMENT 'Version of the target that was judged',
    kind LowCardinality(String) COMMENT 'drift, absence, slow_burn, watermelon or stall',
    state LowCardinality(String) COMMENT 'firing or resolved',
    reason String COMMENT 'Why it came into this state',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    calls LowCardinality(String) COMMENT 'yes; inhibited: another alert explains it; replayed: it comes from old data',
    started_at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window at which it fired',
    at DateTime64(3, 'UTC') COMMENT 'End of the epoch or window of this state',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant',
    score Nullable(Float64) COMMENT 'In the objective''s unit; NULL without data',
    n UInt64 COMMENT 'Answers or windows behind the score'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    tenant, alert_id, sequence, target, version, kind, state, reason, severity, calls, started_at, at, slice, score, n
FROM ${database}.alerts FINAL
COMMENT 'Alerts in all their states, one row per state';

CREATE OR REPLACE VIEW ${public}.deliveries
(
    tenant LowCardinality(String) COMMENT 'Organisation',
    alert_id String COMMENT 'Alert that was told',
    sequence UInt32 COMMENT 'State of it that was told; see alert_history',
    notifier LowCardinality(String) COMMENT 'Way out, by its name',
    outcome LowCardinality(String) COMMENT 'delivered, retry (failed, tried again later), refused, given_up or withheld (the alert does not call)',
    at DateTime64(3, 'UTC') COMMENT 'When it was tried',
    target String COMMENT 'Id of the target; empty = the alert is no more',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    slice Map(String, String) COMMENT 'Dimension -> value; empty = the whole tenant'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    d.tenant AS tenant, d.alert_id AS alert_id, d.sequence AS sequence, d.notifier AS notifier, d.outcome AS outcome, d.at AS at,
    a.target AS target, a.severity AS severity, a.slice AS slice
FROM ${database}.deliveries AS d
LEFT JOIN (SELECT tenant, alert_id, sequence, target, severity, slice FROM ${database}.alerts FINAL) AS a
    ON a.tenant = d.tenant AND a.alert_id = d.alert_id AND a.sequence = d.sequence
COMMENT 'Attempts to tell somebody of an alert, one row per attempt';
