-- The audit log is append-only, so what is written there by mistake stays. An e-mail address never gets in, whoever
-- writes the row and whatever text it came in with: a note of an admin, a provider's message.
-- @step quick
CREATE OR REPLACE FUNCTION hc_mask_emails() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- A match holds whole escapes and no bare quote, so the text stays JSON.
    NEW.details := regexp_replace(
        NEW.details::text, '(\\.|[^\s"@<>(),;:\\])+@[^\s"@<>(),;:\\]+', '***', 'g')::jsonb;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION hc_mask_emails() FROM public;
CREATE OR REPLACE TRIGGER payment_audit_masked BEFORE INSERT ON payment_audit
FOR EACH ROW WHEN (strpos(new.details::text, '@') > 0) EXECUTE FUNCTION hc_mask_emails();
