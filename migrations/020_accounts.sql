-- Which account of Stripe the keys belong to, so that another account's key is noticed before it does harm.
-- @step quick
ALTER TABLE installation
    ADD COLUMN IF NOT EXISTS stripe_live_account text,
    ADD COLUMN IF NOT EXISTS stripe_test_account text;
COMMENT ON COLUMN installation.stripe_live_account IS 'the account of the live key; NULL: not seen yet, the next key that is used sets it';
COMMENT ON COLUMN installation.stripe_test_account IS 'the account of the test key; NULL: not seen yet, the next key that is used sets it';

-- NOWPayments names a coin that exists on several networks once for each, and knows none by its plain name.
-- @step quick
ALTER TABLE currencies ADD COLUMN IF NOT EXISTS nowpayments_ticker text;
COMMENT ON COLUMN currencies.nowpayments_ticker IS 'what NOWPayments calls the coin, such as usdttrc20; NULL: its code in lower case';
ALTER TABLE currencies
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS currencies_nowpayments_ticker_shape,
    ADD CONSTRAINT currencies_nowpayments_ticker_shape CHECK (nowpayments_ticker ~ '^[a-z0-9]{2,32}$') NOT VALID;
UPDATE currencies SET nowpayments_ticker = 'usdttrc20' WHERE code = 'USDT' AND nowpayments_ticker IS NULL;
-- @step online
ALTER TABLE currencies VALIDATE CONSTRAINT currencies_nowpayments_ticker_shape;
