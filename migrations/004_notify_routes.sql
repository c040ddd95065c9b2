-- A change of what routes read wakes the listeners; nothing else does, since every notifying commit
-- in the cluster queues for one lock. The payload is constant, so that equal ones collapse.
-- @step quick
CREATE OR REPLACE FUNCTION notify_hc_routes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('hc_routes_changed', '');
    RETURN NULL;
END
$$;

-- Routes read a payment only to see whether its single-use checkout may still be published. The triggers on
-- single-use checkouts are off until the policy publishes them (007): a trigger that asked would cost every payment.
-- @step quick
CREATE OR REPLACE TRIGGER payments_left_pending AFTER UPDATE OF status ON payments
FOR EACH ROW WHEN (old.status = 'pending' AND new.status <> 'pending')
EXECUTE FUNCTION notify_hc_routes();
ALTER TABLE payments DISABLE TRIGGER payments_left_pending;

-- @step quick
CREATE OR REPLACE TRIGGER standing_link_added AFTER INSERT ON external_payments
FOR EACH ROW WHEN (new.kind = 'standing') EXECUTE FUNCTION notify_hc_routes();
CREATE OR REPLACE TRIGGER standing_link_changed
AFTER UPDATE OF kind, currency, provider, provider_url, status, amount, expires_at, created_at ON external_payments
FOR EACH ROW WHEN (
    (old.kind = 'standing' OR new.kind = 'standing')
    AND (old.kind, old.currency, old.provider, old.provider_url, old.status, old.amount, old.expires_at, old.created_at)
    IS DISTINCT FROM
    (new.kind, new.currency, new.provider, new.provider_url, new.status, new.amount, new.expires_at, new.created_at)
) EXECUTE FUNCTION notify_hc_routes();
CREATE OR REPLACE TRIGGER standing_link_removed AFTER DELETE ON external_payments
FOR EACH ROW WHEN (old.kind = 'standing') EXECUTE FUNCTION notify_hc_routes();
CREATE OR REPLACE TRIGGER single_use_link_opened AFTER INSERT ON external_payments
FOR EACH ROW WHEN (new.kind = 'single' AND new.status = 'pending' AND new.provider_url IS NOT NULL)
EXECUTE FUNCTION notify_hc_routes();
CREATE OR REPLACE TRIGGER single_use_link_changed
AFTER UPDATE OF status, provider_url, expires_at ON external_payments
FOR EACH ROW WHEN (
    new.kind = 'single' AND (old.status = 'pending' OR new.status = 'pending')
    AND (old.status, old.provider_url, old.expires_at) IS DISTINCT FROM (new.status, new.provider_url, new.expires_at)
) EXECUTE FUNCTION notify_hc_routes();
ALTER TABLE external_payments
    DISABLE TRIGGER single_use_link_opened,
    DISABLE TRIGGER single_use_link_changed;
CREATE OR REPLACE TRIGGER checkouts_emptied AFTER TRUNCATE ON external_payments
FOR EACH STATEMENT EXECUTE FUNCTION notify_hc_routes();

-- @step quick
CREATE OR REPLACE TRIGGER wallet_added AFTER INSERT ON wallets
FOR EACH STATEMENT EXECUTE FUNCTION notify_hc_routes();
CREATE OR REPLACE TRIGGER wallet_changed AFTER UPDATE ON wallets
FOR EACH ROW WHEN (
    (old.coin, old.wallet_address, old.created_at) IS DISTINCT FROM (new.coin, new.wallet_address, new.created_at)
) EXECUTE FUNCTION notify_hc_routes();
CREATE OR REPLACE TRIGGER wallet_removed AFTER DELETE OR TRUNCATE ON wallets
FOR EACH STATEMENT EXECUTE FUNCTION notify_hc_routes();
