-- Every version of the routes document; versions only grow.
-- @step quick
CREATE TABLE IF NOT EXISTS payment_routes (
    version bigint CONSTRAINT payment_routes_pkey PRIMARY KEY,
    routes jsonb NOT NULL,
    checksum text NOT NULL,
    generated_at timestamptz NOT NULL DEFAULT now(),
    restored_from bigint,
    next_expiry timestamptz,
    CONSTRAINT payment_routes_version_positive CHECK (version > 0),
    CONSTRAINT payment_routes_routes_object CHECK (jsonb_typeof(routes) = 'object'),
    CONSTRAINT payment_routes_checksum_sha256 CHECK (checksum ~ '^[0-9a-f]{64}$'),
    CONSTRAINT payment_routes_restores_older CHECK (restored_from < version)
);
COMMENT ON COLUMN payment_routes.checksum IS 'SHA-256 over the text of routes alone';
COMMENT ON COLUMN payment_routes.next_expiry IS 'the earliest moment at which a link in routes expires';
