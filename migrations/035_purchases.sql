-- Products that members buy, their purchases, and the entitlements that decide access.
-- @step quick
CREATE TABLE IF NOT EXISTS products (
    id uuid CONSTRAINT products_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    type text NOT NULL,
    name text NOT NULL,
    price numeric NOT NULL,
    discounted_price numeric,
    currency text NOT NULL,
    active boolean NOT NULL,
    download_limit integer,
    period_unit text,
    period_count integer,
    file text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT products_type_known CHECK (type IN ('design', 'course', 'subscription')),
    CONSTRAINT products_name_length CHECK (char_length(name) BETWEEN 1 AND 250),
    CONSTRAINT products_price_range CHECK (price > 0 AND price < 'Infinity'),
    CONSTRAINT products_discount_range CHECK (discounted_price > 0 AND discounted_price <= price),
    CONSTRAINT products_download_limit_range CHECK (download_limit BETWEEN 1 AND 1000000),
    CONSTRAINT products_period_whole CHECK ((period_unit IS NULL) = (period_count IS NULL)),
    CONSTRAINT products_period_range CHECK (
        period_unit IS NULL OR (
            period_unit IN ('day', 'week', 'month', 'year')
            AND period_count BETWEEN 1 AND
            CASE period_unit WHEN 'day' THEN 1095 WHEN 'week' THEN 156 WHEN 'month' THEN 36 ELSE 3 END
        )
    ),
    CONSTRAINT products_subscription_has_period CHECK (type <> 'subscription' OR period_unit IS NOT NULL),
    CONSTRAINT products_design_has_file CHECK (type <> 'design' OR file IS NOT NULL)
);
COMMENT ON TABLE products IS 'designs, courses and subscriptions that members buy';
COMMENT ON COLUMN products.discounted_price IS 'what is charged, where it is set';
COMMENT ON COLUMN products.period_unit IS 'a subscription''s billing period; for a design or course, how long access lasts; NULL: for good';
COMMENT ON COLUMN products.file IS 'the key of a design''s file below DOWNLOADS';
CREATE INDEX IF NOT EXISTS products_created_idx ON products (created_at DESC, id DESC);

-- @step quick
CREATE TABLE IF NOT EXISTS purchases (
    id uuid CONSTRAINT purchases_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    livemode boolean NOT NULL,
    product_id uuid NOT NULL,
    payment_id uuid NOT NULL CONSTRAINT purchases_payment_key UNIQUE,
    subscription_id text CONSTRAINT purchases_subscription_key UNIQUE,
    amount numeric NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT purchases_product_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT purchases_payment_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT purchases_status_known CHECK (status IN ('active', 'refunded', 'disputed', 'cancelled'))
);
COMMENT ON TABLE purchases IS 'one row for each one-time payment and for each subscription that was paid';
COMMENT ON COLUMN purchases.payment_id IS 'the payment that began it';
COMMENT ON COLUMN purchases.subscription_id IS 'the subscription at Stripe; NULL: it was paid once';
COMMENT ON COLUMN purchases.ends_at IS 'the end of what is paid; NULL: never. An active purchase that has ended is shown as expired';
CREATE INDEX IF NOT EXISTS purchases_user_idx ON purchases (user_id, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS purchases_created_idx ON purchases (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS purchases_product_idx ON purchases (product_id);
CREATE TABLE IF NOT EXISTS entitlements (
    id uuid CONSTRAINT entitlements_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    purchase_id uuid NOT NULL,
    user_id uuid NOT NULL,
    payment_id uuid NOT NULL CONSTRAINT entitlements_payment_key UNIQUE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    download_limit integer,
    downloads_used integer NOT NULL DEFAULT 0,
    revoked_at timestamptz,
    revoked_because text,
    CONSTRAINT entitlements_purchase_fkey FOREIGN KEY (purchase_id) REFERENCES purchases (id),
    CONSTRAINT entitlements_payment_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT entitlements_downloads_range CHECK (
        downloads_used >= 0 AND (download_limit IS NULL OR downloads_used <= download_limit)
    ),
    CONSTRAINT entitlements_revoked_whole CHECK ((revoked_at IS NULL) = (revoked_because IS NULL)),
    CONSTRAINT entitlements_revoked_known CHECK (revoked_because IN ('refunded', 'disputed'))
);
COMMENT ON TABLE entitlements IS 'access, and nothing else decides it: one row for each one-time payment and for each paid period of a subscription';
COMMENT ON COLUMN entitlements.download_limit IS 'downloads in this period, as the product had it when it was paid; NULL: no limit';
COMMENT ON COLUMN entitlements.revoked_because IS 'why access ended before its time: its payment was refunded, or disputed and not won';
CREATE INDEX IF NOT EXISTS entitlements_purchase_idx ON entitlements (purchase_id);
CREATE INDEX IF NOT EXISTS entitlements_user_idx ON entitlements (user_id);

-- Users read their own rows, as in migration 025.
-- @step quick
ALTER TABLE products ENABLE ROW LEVEL SECURITY;
ALTER TABLE purchases ENABLE ROW LEVEL SECURITY;
ALTER TABLE entitlements ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_rows ON purchases;
CREATE POLICY own_rows ON purchases FOR SELECT USING (
    user_id = (SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid)
);
DROP POLICY IF EXISTS own_rows ON entitlements;
CREATE POLICY own_rows ON entitlements FOR SELECT USING (
    user_id = (SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid)
);

-- A user has one open payment for a product. The status decides, so nothing has to be released when a payment ends.
-- @step quick
ALTER TABLE payments ADD COLUMN IF NOT EXISTS product text;
COMMENT ON COLUMN payments.product IS 'what is bought, as the system of its purpose names it; NULL: nothing that a user can have once';
-- @step online
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_open_product_key ON payments (user_id, product, livemode)
WHERE product IS NOT NULL AND status IN ('creating', 'unknown', 'pending');
-- Stripe's events of an intent contain the secret by which a browser pays it.
-- @step quick
COMMENT ON COLUMN provider_events.body IS 'the body whose signature was verified, without the secrets of intents';
