-- Downloads of designs: one row for each URL, which is counted once on the entitlement that it was granted by.
-- @step quick
CREATE TABLE IF NOT EXISTS downloads (
    id uuid CONSTRAINT downloads_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid,
    product_id uuid NOT NULL,
    entitlement_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT downloads_product_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT downloads_entitlement_fkey FOREIGN KEY (entitlement_id) REFERENCES entitlements (id),
    CONSTRAINT downloads_counted_whole CHECK ((user_id IS NULL) = (entitlement_id IS NULL))
);
COMMENT ON TABLE downloads IS 'URLs of designs; while one is valid its user gets it again, and it is not counted again';
COMMENT ON COLUMN downloads.entitlement_id IS 'what it was counted on; NULL: an admin''s, which is not counted';
CREATE INDEX IF NOT EXISTS downloads_user_idx ON downloads (user_id, product_id, expires_at DESC);
CREATE INDEX IF NOT EXISTS downloads_entitlement_idx ON downloads (entitlement_id);

-- Users read their own rows, as in migration 025.
-- @step quick
ALTER TABLE downloads ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_rows ON downloads;
CREATE POLICY own_rows ON downloads FOR SELECT USING (
    user_id = (SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid)
);
