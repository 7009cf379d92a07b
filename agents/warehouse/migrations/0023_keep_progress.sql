-- How far each partition has come, in as many rows as there are partitions: the audit is kept for ever, and every question reads this.

-- A merge drops earlier versions of a row; what a partition has reached is worked out anew then.
ALTER TABLE ${database}.tile_audit MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

ALTER TABLE ${database}.tile_audit ADD PROJECTION IF NOT EXISTS progress
(
    SELECT generation, incarnation, partitions, partition, max(arrival)
    GROUP BY generation, incarnation, partitions, partition
);

ALTER TABLE ${database}.tile_audit MATERIALIZE PROJECTION progress;
