-- Subscriptions of members, as Stripe has them: copied from its answers, never from an event.
-- @step quick
CREATE TABLE IF NOT EXISTS subscriptions (
    id text CONSTRAINT subscriptions_pkey PRIMARY KEY,
    user_id uuid NOT NULL,
    livemode boolean NOT NULL,
    customer_id text NOT NULL,
    purpose text NOT NULL,
    payment_id uuid,
    price_id text,
    product_id text,
    status text NOT NULL CONSTRAINT subscriptions_status_known CHECK (
        status IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled')
    ),
    current_period_start timestamptz,
    current_period_end timestamptz,
    cancel_at_period_end boolean NOT NULL,
    paused_because text,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    paid_invoice text,
    paid_invoice_at timestamptz,
    asked_at timestamptz NOT NULL
);
COMMENT ON TABLE subscriptions IS 'copies of Stripe''s subscriptions of members; credits and access follow from paid invoices only';
COMMENT ON COLUMN subscriptions.payment_id IS 'the payment whose checkout started it; NULL: it was made elsewhere';
COMMENT ON COLUMN subscriptions.cancel_at_period_end IS 'it will end: Stripe says so with this field or with cancel_at, by its billing mode';
COMMENT ON COLUMN subscriptions.paid_invoice IS 'the latest invoice, if money was paid for it; it must have a payment here';
COMMENT ON COLUMN subscriptions.asked_at IS 'when Stripe was asked for what is stored here; an earlier answer changes nothing';
CREATE INDEX IF NOT EXISTS subscriptions_user_idx ON subscriptions (user_id, livemode);
CREATE INDEX IF NOT EXISTS subscriptions_payment_idx ON subscriptions (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS subscriptions_due_idx ON subscriptions (current_period_end)
WHERE status NOT IN ('canceled', 'incomplete_expired');
ALTER TABLE subscriptions ENABLE ROW LEVEL SECURITY;
