-- What every pod serves, as the engine last saw it: one row, read by those who wait for a version.
-- @step quick
CREATE TABLE IF NOT EXISTS routes_served (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT routes_served_one_row CHECK (only_row),
    version bigint NOT NULL,
    pods integer NOT NULL,
    lagging text[] NOT NULL,
    reported_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE routes_served IS 'what every pod serves, as the engine last saw it: one row';
COMMENT ON COLUMN routes_served.version IS 'every pod has served this version or a newer one; it never falls';
COMMENT ON COLUMN routes_served.pods IS 'how many pods there were';
COMMENT ON COLUMN routes_served.lagging IS 'the pods that did not serve the newest version yet, by name';
