-- Wix's list of the sites that have the app is read once a day, by one reconciliation at a time.
-- @step quick
CREATE TABLE IF NOT EXISTS wix_installation_lists (
    app_id uuid CONSTRAINT wix_installation_lists_pkey PRIMARY KEY,
    due_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz
);
COMMENT ON TABLE wix_installation_lists IS 'when Wix''s list of the sites that have the app is read next: one row for each id of an app';
ALTER TABLE wix_installation_lists ENABLE ROW LEVEL SECURITY;
