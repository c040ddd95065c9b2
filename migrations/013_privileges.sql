-- A function that runs as the owner looks for temporary tables last: a caller that put one of its own first would have its
-- triggers run as the owner. A step's search_path is the schema of the tables and then pg_temp, which FROM CURRENT keeps.
-- `hingecraft migrate` puts older functions right, and takes from a platform's public roles what it grants by default;
-- a partition is closed here, since it is made between two runs.
-- @step quick
CREATE OR REPLACE FUNCTION hc_keep_partitions(parent text, months_ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first_day date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    home text;
    moment text;
    outsiders text;
    child text;
    made int := 0;
    taken boolean;
BEGIN
    SELECT n.nspname, a.attname INTO home, moment
    FROM pg_partitioned_table p
    JOIN pg_class c ON c.oid = p.partrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
    WHERE p.partrelid = to_regclass(quote_ident(parent));
    IF moment IS NULL THEN
        RAISE EXCEPTION '% is not a partitioned table', parent;
    END IF;
    SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', ')) INTO outsiders
    FROM pg_roles WHERE rolname IN ('anon', 'authenticated');
    PERFORM pg_advisory_xact_lock(hashtext('hc_keep_partitions'));
    FOR i IN 0..months_ahead LOOP
        child := parent || '_' || to_char(first_day, 'YYYY_MM');
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I WHERE %I >= %L AND %I < %L)', home, parent || '_default',
            moment, first_day::text || ' 00:00+00', moment, (first_day + interval '1 month')::date::text || ' 00:00+00')
            INTO taken;
        IF to_regclass(format('%I.%I', home, child)) IS NULL AND NOT taken THEN
            EXECUTE format('CREATE TABLE %I.%I PARTITION OF %I.%I FOR VALUES FROM (%L) TO (%L)',
                home, child, home, parent,
                first_day::text || ' 00:00+00', (first_day + interval '1 month')::date::text || ' 00:00+00');
            EXECUTE format('REVOKE ALL ON TABLE %I.%I FROM %s', home, child, outsiders);
            IF parent = 'payment_audit' THEN
                EXECUTE format('CREATE TRIGGER payment_audit_no_truncate BEFORE TRUNCATE ON %I.%I '
                    'FOR EACH STATEMENT EXECUTE FUNCTION %I.hc_refuse_change()', home, child, home);
            END IF;
            made := made + 1;
        END IF;
        first_day := (first_day + interval '1 month')::date;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION hc_keep_partitions(text, int) FROM public;
