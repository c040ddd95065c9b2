-- What every publisher obeys, in one row, and the identity of this database.
-- @step quick
CREATE TABLE IF NOT EXISTS route_policy (
    only_row boolean CONSTRAINT route_policy_pkey PRIMARY KEY DEFAULT true,
    disabled_providers text [] NOT NULL DEFAULT '{}',
    single_use_checkouts boolean NOT NULL DEFAULT false,
    paused boolean NOT NULL DEFAULT false,
    pin_version bigint,
    managed text [] NOT NULL DEFAULT '{}',
    CONSTRAINT route_policy_one_row CHECK (only_row),
    CONSTRAINT route_policy_providers_known CHECK (disabled_providers <@ '{stripe,nowpayments}'),
    CONSTRAINT route_policy_managed_known CHECK (
        managed <@ '{providers.stripe,providers.nowpayments,publish.singleUseCheckouts,paused,pinVersion}'
    )
);
COMMENT ON COLUMN route_policy.managed IS 'fields that a PaymentRoutes resource has set and an admin call may not change';
INSERT INTO route_policy DEFAULT VALUES ON CONFLICT (only_row) DO NOTHING;
CREATE OR REPLACE TRIGGER policy_changed AFTER UPDATE ON route_policy
FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_hc_routes();

CREATE TABLE IF NOT EXISTS installation (
    only_row boolean CONSTRAINT installation_pkey PRIMARY KEY DEFAULT true,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT installation_one_row CHECK (only_row)
);
INSERT INTO installation DEFAULT VALUES ON CONFLICT (only_row) DO NOTHING;

-- Single-use checkouts are watched only while the policy publishes them.
-- @step quick
CREATE OR REPLACE FUNCTION hc_watch_single_use() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    act text := CASE WHEN NEW.single_use_checkouts THEN 'ENABLE' ELSE 'DISABLE' END;
BEGIN
    EXECUTE format('ALTER TABLE payments %s TRIGGER payments_left_pending', act);
    EXECUTE format('ALTER TABLE external_payments %1$s TRIGGER single_use_link_opened, '
        '%1$s TRIGGER single_use_link_changed', act);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER single_use_switched AFTER UPDATE ON route_policy
FOR EACH ROW WHEN (old.single_use_checkouts IS DISTINCT FROM new.single_use_checkouts)
EXECUTE FUNCTION hc_watch_single_use();

-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_standing_idx
ON external_payments (hc_currency_key(currency), created_at DESC, id DESC)
WHERE kind = 'standing' AND status = 'pending' AND provider_url IS NOT NULL;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_standing_url_idx
ON external_payments (provider_url) WHERE kind = 'standing';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_single_use_idx
ON external_payments (hc_currency_key(currency), created_at DESC, id DESC)
WHERE kind = 'single' AND status = 'pending' AND provider_url IS NOT NULL AND NOT carries_email;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS wallets_coin_idx
ON wallets (hc_currency_key(coin), created_at DESC, id DESC);
