-- The rows that statistics of members' payments count, by time: donations are most rows of these tables.
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_members_created_idx ON payments (created_at)
WHERE purpose <> 'donation';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS settlements_members_created_idx ON settlements (created_at)
WHERE purpose <> 'donation';

-- Attempts to pay that failed: few rows of the audit log.
-- @step online
-- @partitions payment_audit
CREATE INDEX CONCURRENTLY IF NOT EXISTS each_partition_attempts_idx
ON each_partition (created_at, payment_id) WHERE details ?| '{declined,attempts}';
-- Takes over the indexes of the partitions, which are there; later partitions get theirs with it.
-- @step quick
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS payment_audit_attempts_idx
ON payment_audit (created_at, payment_id) WHERE details ?| '{declined,attempts}';

-- Events that were given up.
-- @step online
-- @partitions provider_events
CREATE INDEX CONCURRENTLY IF NOT EXISTS each_partition_given_up_idx
ON each_partition (received_at) WHERE ignored_because LIKE 'given up: %';
-- @step quick
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS provider_events_given_up_idx
ON provider_events (received_at) WHERE ignored_because LIKE 'given up: %';
