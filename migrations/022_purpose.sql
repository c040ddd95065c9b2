-- What a payment is for, and whose it is. The columns have no default: software from now on names the purpose, and a
-- purpose that is forgotten for a user's payment is an error. Software of before knows neither column and goes on writing
-- while it is replaced; all that it takes is donations of nobody in particular, which a trigger fills in. A later
-- migration drops the two triggers, once no such software is supported.
-- @step quick
-- @unless SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'payments'::regclass AND attname = 'purpose')
CREATE OR REPLACE FUNCTION hc_fill_payment_purpose() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.purpose := 'donation';
    RETURN NEW;
END
$$;
-- Postgres keeps the value for the rows that are there, without writing them; for new rows there is no default.
ALTER TABLE payments ADD COLUMN purpose text NOT NULL DEFAULT 'donation', ADD COLUMN user_id uuid;
-- squawk-ignore ban-drop-default
ALTER TABLE payments ALTER COLUMN purpose DROP DEFAULT;
COMMENT ON COLUMN payments.purpose IS 'what the payment is for: the name of the system that decides what follows from its money';
COMMENT ON COLUMN payments.user_id IS 'the user whose payment it is; NULL: nobody has signed in for it';
CREATE OR REPLACE TRIGGER payments_fill_purpose BEFORE INSERT ON payments
FOR EACH ROW WHEN (new.purpose IS NULL AND new.user_id IS NULL) EXECUTE FUNCTION hc_fill_payment_purpose();

-- A settlement has the purpose of its payment, also where software of before writes it.
-- @step quick
CREATE OR REPLACE FUNCTION hc_fill_settlement_purpose() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    SELECT p.purpose INTO NEW.purpose FROM payments p WHERE p.id = NEW.payment_id;
    RETURN NEW;
END
$$;
-- Its name comes before `settlements_correction`, which compares the purpose: triggers fire in the order of their names.
CREATE OR REPLACE TRIGGER settlement_purpose_filled BEFORE INSERT ON settlements
FOR EACH ROW WHEN (new.purpose IS NULL) EXECUTE FUNCTION hc_fill_settlement_purpose();
-- squawk-ignore ban-drop-default
ALTER TABLE settlements ALTER COLUMN purpose DROP DEFAULT;
-- Which purposes and sources there are is for the software to say, where each system registers itself.
-- squawk-ignore ban-drop-constraint
ALTER TABLE settlements DROP CONSTRAINT IF EXISTS settlements_purpose_known;
-- @step quick
-- squawk-ignore ban-drop-constraint
ALTER TABLE provider_events DROP CONSTRAINT IF EXISTS provider_events_source_known;
