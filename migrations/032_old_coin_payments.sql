-- What NOWPayments says of a payment of the old software names the invoice or payment that the old software had asked for:
-- its order number may be anything.
-- @step quick
CREATE OR REPLACE FUNCTION hc_coin_payload_ids(payload jsonb) RETURNS text []
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    document jsonb := payload;
BEGIN
    IF jsonb_typeof(document) = 'string' AND document #>> '{}' ~ '^\s*[\[{]' THEN
        BEGIN
            document := (document #>> '{}')::jsonb;
        EXCEPTION WHEN OTHERS THEN
            RETURN NULL;
        END;
    END IF;
    RETURN ARRAY(
        SELECT DISTINCT kind || ':' || id FROM (
            SELECT 'payment', named #>> '{}' FROM jsonb_path_query(document, '$.**.payment_id', silent => true) AS named
            UNION ALL
            SELECT 'invoice', named #>> '{}' FROM jsonb_path_query(document, '$.**.invoice_id', silent => true) AS named
            UNION ALL
            SELECT 'invoice', named #>> '{}'
            FROM jsonb_path_query(document, '$.** ? (exists (@.invoice_url)).id', silent => true) AS named
            UNION ALL
            SELECT 'invoice', substring(named #>> '{}' FROM '[?&]iid=([0-9]+)(?:[&#]|$)')
            FROM jsonb_path_query(document, '$.**.invoice_url', silent => true) AS named
        ) AS found (kind, id) WHERE id ~ '^[0-9]{1,20}$'
    );
END
$$;
COMMENT ON FUNCTION hc_coin_payload_ids(jsonb) IS 'the ids of invoices and payments in NOWPayments'' answer, at any depth, such as invoice:123';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_coin_payload_ids_idx
ON external_payments USING gin (hc_coin_payload_ids(provider_payload)) WHERE kind = 'legacy' AND provider = 'nowpayments';
