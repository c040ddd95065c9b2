-- Members at Stripe: one customer for each user and mode, and the users that were deleted.
-- @step quick
CREATE TABLE IF NOT EXISTS customers (
    user_id uuid NOT NULL,
    livemode boolean NOT NULL,
    number integer NOT NULL,
    customer_id text CONSTRAINT customers_customer_key UNIQUE,
    email text,
    idempotency_key text NOT NULL,
    request jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT customers_pkey PRIMARY KEY (user_id, livemode, number)
);
COMMENT ON TABLE customers IS 'one customer of Stripe for each user and mode; a customer that was deleted there keeps its row';
COMMENT ON COLUMN customers.number IS '1 is the first; the next is made when Stripe has deleted the one before';
COMMENT ON COLUMN customers.customer_id IS 'NULL: Stripe has not answered yet, so the same request is sent again with the same key';
COMMENT ON COLUMN customers.request IS 'the exact parameters that Stripe was, or will be, asked with; NULL once the user is deleted';
COMMENT ON COLUMN customers.deleted_at IS 'when we learned that Stripe has deleted the customer';
CREATE UNIQUE INDEX IF NOT EXISTS customers_current_key ON customers (user_id, livemode) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS customers_unanswered_idx ON customers (created_at) WHERE customer_id IS NULL AND deleted_at IS NULL;

CREATE TABLE IF NOT EXISTS deleted_users (
    user_id uuid CONSTRAINT deleted_users_pkey PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
COMMENT ON TABLE deleted_users IS 'users that an admin has deleted: later events about them are recorded and grant nothing';
COMMENT ON COLUMN deleted_users.finished_at IS 'when Stripe had deleted all customers of the user; NULL: reconciliation goes on';
CREATE INDEX IF NOT EXISTS deleted_users_unfinished_idx ON deleted_users (deleted_at) WHERE finished_at IS NULL;

-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_user_idx ON payments (user_id, created_at DESC) WHERE user_id IS NOT NULL;
