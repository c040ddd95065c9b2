-- The audit trail: append-only for everyone, the owner included, and partitioned by month.
-- @step quick
CREATE SEQUENCE IF NOT EXISTS payment_audit_id_seq;
CREATE TABLE IF NOT EXISTS payment_audit (
    id bigint NOT NULL DEFAULT nextval('payment_audit_id_seq'),
    created_at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    payment_id uuid,
    request_id text,
    details jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT payment_audit_pkey PRIMARY KEY (id, created_at),
    CONSTRAINT payment_audit_details_object CHECK (jsonb_typeof(details) = 'object')
) PARTITION BY RANGE (created_at);
CREATE TABLE IF NOT EXISTS payment_audit_default PARTITION OF payment_audit DEFAULT;
CREATE INDEX IF NOT EXISTS payment_audit_payment_idx ON payment_audit (payment_id, id) WHERE payment_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS payment_audit_created_idx ON payment_audit (created_at DESC, id DESC);

CREATE OR REPLACE FUNCTION hc_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_audit_append_only';
END
$$;
CREATE OR REPLACE TRIGGER payment_audit_append_only BEFORE UPDATE OR DELETE ON payment_audit
FOR EACH ROW EXECUTE FUNCTION hc_refuse_change();
CREATE OR REPLACE TRIGGER payment_audit_no_truncate BEFORE TRUNCATE ON payment_audit
FOR EACH STATEMENT EXECUTE FUNCTION hc_refuse_change();
CREATE OR REPLACE TRIGGER payment_audit_no_truncate BEFORE TRUNCATE ON payment_audit_default
FOR EACH STATEMENT EXECUTE FUNCTION hc_refuse_change();

-- Statement triggers are not inherited by partitions, so each new one is given its own.
-- A month whose rows already lie in the default partition keeps them there.
-- @step quick
CREATE OR REPLACE FUNCTION hc_keep_partitions(parent text, months_ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first_day date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    child text;
    made int := 0;
    taken boolean;
BEGIN
    IF parent NOT IN (SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid) THEN
        RAISE EXCEPTION '% is not a partitioned table', parent;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('hc_keep_partitions'));
    FOR i IN 0..months_ahead LOOP
        child := parent || '_' || to_char(first_day, 'YYYY_MM');
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE created_at >= %L AND created_at < %L)',
            parent || '_default', first_day::text || ' 00:00+00', (first_day + interval '1 month')::date::text || ' 00:00+00')
            INTO taken;
        IF to_regclass(quote_ident(child)) IS NULL AND NOT taken THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                child, parent, first_day::text || ' 00:00+00', (first_day + interval '1 month')::date::text || ' 00:00+00');
            IF parent = 'payment_audit' THEN
                EXECUTE format('CREATE TRIGGER payment_audit_no_truncate BEFORE TRUNCATE ON %I '
                    'FOR EACH STATEMENT EXECUTE FUNCTION hc_refuse_change()', child);
            END IF;
            made := made + 1;
        END IF;
        first_day := (first_day + interval '1 month')::date;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION hc_keep_partitions(text, int) FROM public;
SELECT hc_keep_partitions('payment_audit', 3);
