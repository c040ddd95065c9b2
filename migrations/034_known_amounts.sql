-- What a price costs stays known when it is archived at Stripe and no longer offered: a change of plan is shared out by the
-- amounts of both prices, and the old one is often archived.
-- @step quick
ALTER TABLE credit_prices
    ADD COLUMN IF NOT EXISTS unit_amount numeric, ADD COLUMN IF NOT EXISTS unit_currency text;
COMMENT ON COLUMN credit_prices.unit_amount IS 'what one unit costs, as Stripe last said, also where the price is not offered';
COMMENT ON COLUMN credit_prices.amount IS 'the same while the price can be offered; NULL: it is not offered';
UPDATE credit_prices SET unit_amount = amount, unit_currency = currency WHERE amount IS NOT NULL AND unit_amount IS NULL;
