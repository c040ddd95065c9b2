-- Sites that Wix could not be asked about are put off, apart from the lease: a reconciliation that an owner asks for, or one
-- with --all, asks about them nevertheless.
-- @step quick
ALTER TABLE wix_sites ADD COLUMN IF NOT EXISTS put_off_until timestamptz;
COMMENT ON COLUMN wix_sites.put_off_until IS 'Wix could not be asked about the site: regular reconciliations begin with others until then';
