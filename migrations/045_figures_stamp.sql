-- Names the contents of figures, so that pods keep what they have read of them until something is added.
-- @step quick
CREATE TABLE IF NOT EXISTS figures_stamp (
    is_only boolean NOT NULL DEFAULT true CONSTRAINT figures_stamp_pkey PRIMARY KEY,
    stamp uuid NOT NULL DEFAULT gen_random_uuid(),
    CONSTRAINT figures_stamp_one_row CHECK (is_only)
);
COMMENT ON TABLE figures_stamp IS 'one row: the contents of figures have another stamp whenever something was added';
INSERT INTO figures_stamp DEFAULT VALUES ON CONFLICT DO NOTHING;
-- @step quick
CREATE OR REPLACE FUNCTION hc_fold_figures(most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    folded int;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('hc_fold_figures')) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM figure_changes WHERE id IN (SELECT id FROM figure_changes ORDER BY id LIMIT most) RETURNING *
    ), added AS (
        INSERT INTO figures AS f (minutes, start, livemode, currency, movements, received, refunded, disputed, usd,
                                  without_value, paid, failed, expired, abandoned)
        SELECT m.minutes, date_bin(make_interval(mins => m.minutes), t.start, timestamptz '2000-01-01 00:00+00'), t.livemode,
               t.currency,
               sum(t.movements), sum(t.received), sum(t.refunded), sum(t.disputed), sum(t.usd), sum(t.without_value),
               sum(t.paid), sum(t.failed), sum(t.expired), sum(t.abandoned)
        FROM taken t CROSS JOIN unnest('{15,60,1440}'::smallint []) AS m (minutes)
        GROUP BY 1, 2, 3, 4
        ON CONFLICT ON CONSTRAINT figures_pkey DO UPDATE SET
            movements = f.movements + excluded.movements, received = f.received + excluded.received,
            refunded = f.refunded + excluded.refunded, disputed = f.disputed + excluded.disputed,
            usd = f.usd + excluded.usd, without_value = f.without_value + excluded.without_value,
            paid = f.paid + excluded.paid, failed = f.failed + excluded.failed,
            expired = f.expired + excluded.expired, abandoned = f.abandoned + excluded.abandoned
    )
    SELECT count(*) INTO folded FROM taken;
    IF folded > 0 THEN
        UPDATE figures_stamp SET stamp = gen_random_uuid();
    END IF;
    RETURN folded;
END
$$;
REVOKE ALL ON FUNCTION hc_fold_figures(int) FROM public;
