-- Webhooks out: who wants to be told, and one row for each endpoint and event.
-- @step quick
CREATE TABLE IF NOT EXISTS webhook_endpoints (
    name text CONSTRAINT webhook_endpoints_pkey PRIMARY KEY,
    url text NOT NULL,
    events text [] NOT NULL DEFAULT '{routes.updated}',
    disabled_at timestamptz,
    disabled_because text,
    failures int NOT NULL DEFAULT 0,
    delivered_version bigint,
    delivered_at timestamptz,
    CONSTRAINT webhook_endpoints_name_shape CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    CONSTRAINT webhook_endpoints_events_known CHECK (
        events <@ '{routes.updated,payment.completed,payment.failed,payment.refunded}'
    )
);
COMMENT ON COLUMN webhook_endpoints.failures IS 'failed deliveries since the last one that arrived';

CREATE TABLE IF NOT EXISTS outbox (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    endpoint text NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    attempts int NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    finished_at timestamptz,
    answer text,
    CONSTRAINT outbox_pkey PRIMARY KEY (id, created_at),
    CONSTRAINT outbox_state_known CHECK (state IN ('pending', 'delivered', 'superseded', 'dead'))
) PARTITION BY RANGE (created_at);
CREATE TABLE IF NOT EXISTS outbox_default PARTITION OF outbox DEFAULT;
CREATE INDEX IF NOT EXISTS outbox_due_idx ON outbox (next_attempt_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS outbox_endpoint_idx ON outbox (endpoint, type) WHERE state = 'pending';
COMMENT ON COLUMN outbox.answer IS 'what the endpoint or the network said to the last attempt';
SELECT hc_keep_partitions('outbox', 3);
