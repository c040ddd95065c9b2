-- The tables that HingeCraft already has, created only where they are missing.
-- @step quick
CREATE TABLE IF NOT EXISTS payments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    amount numeric,
    currency text,
    status text,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE IF NOT EXISTS external_payments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    payment_id uuid,
    gateway text,
    currency text,
    amount numeric,
    status text,
    provider_payload jsonb,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE IF NOT EXISTS wallets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    coin text,
    wallet_address text,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE IF NOT EXISTS "ContributionIntent" (
    "_id" text PRIMARY KEY,
    amount_entered numeric,
    source text,
    "_createdDate" timestamptz DEFAULT now()
);

-- Tables that were found instead of created may lack what a row saved by hand leans on.
-- @step quick
ALTER TABLE payments
    ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN status SET DEFAULT 'pending',
    ALTER COLUMN created_at SET DEFAULT now();
-- @step quick
ALTER TABLE external_payments
    ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN status SET DEFAULT 'pending',
    ALTER COLUMN created_at SET DEFAULT now();
-- @step quick
ALTER TABLE wallets
    ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN created_at SET DEFAULT now();
-- @step quick
ALTER TABLE "ContributionIntent" ALTER COLUMN "_createdDate" SET DEFAULT now();

-- @step online
-- @unless SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = 'payments'::regclass AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND a.attname = 'id')
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_id_key ON payments (id);
-- @step online
-- @unless SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = 'external_payments'::regclass AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND a.attname = 'id')
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS external_payments_id_key ON external_payments (id);
-- @step online
-- @unless SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = '"ContributionIntent"'::regclass AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND a.attname = '_id')
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS contribution_intent_id_key ON "ContributionIntent" ("_id");
