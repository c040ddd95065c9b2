-- A coin that lives on several networks is lost when it is sent on the wrong one, and a coin that goes to an exchange is
-- lost without its memo (XRP calls it a destination tag). Wallets say both; which networks a coin has is data.
-- @step quick
ALTER TABLE wallets
    ADD COLUMN IF NOT EXISTS network text,
    ADD COLUMN IF NOT EXISTS memo text;
COMMENT ON COLUMN wallets.network IS 'needed for a coin that has rows in currency_networks, such as TRC20 for USDT';
COMMENT ON COLUMN wallets.memo IS 'memo or destination tag that a payment to this address must carry';

-- @step quick
ALTER TABLE currencies
    ADD COLUMN IF NOT EXISTS wallet_amount text,
    ADD COLUMN IF NOT EXISTS wallet_memo text;
COMMENT ON COLUMN currencies.wallet_amount IS
'how wallet_uri carries an amount: {amount} in whole coins, {units} in the smallest ones; NULL where it cannot';
COMMENT ON COLUMN currencies.wallet_memo IS 'how wallet_uri carries a memo, with {memo} in its place; NULL where it cannot';
CREATE TABLE IF NOT EXISTS currency_networks (
    currency text NOT NULL,
    network text NOT NULL,
    name text NOT NULL,
    aliases text [] NOT NULL DEFAULT '{}',
    wallet_uri text,
    wallet_amount text,
    wallet_memo text,
    CONSTRAINT currency_networks_pkey PRIMARY KEY (currency, network),
    CONSTRAINT currency_networks_currency_shape CHECK (currency ~ '^[A-Z0-9]{2,16}$'),
    CONSTRAINT currency_networks_network_shape CHECK (network ~ '^[A-Z0-9]{2,20}$'),
    CONSTRAINT currency_networks_name_given CHECK (btrim(name) <> ''),
    CONSTRAINT currency_networks_aliases_shape CHECK (array_to_string(aliases, '') ~ '^[A-Z0-9]*$'),
    CONSTRAINT currency_networks_wallet_uri_shape CHECK (wallet_uri LIKE '%:%{address}%'),
    CONSTRAINT currency_networks_wallet_amount_shape CHECK (wallet_amount ~ '=[{](amount|units)[}]$'),
    CONSTRAINT currency_networks_wallet_memo_shape CHECK (wallet_memo ~ '=[{]memo[}]$')
);
COMMENT ON TABLE currency_networks IS
'the networks of a coin that has several: a wallet of such a coin is published only with one of them';
COMMENT ON COLUMN currency_networks.wallet_uri IS 'as in currencies; NULL: the bare address, since no form names the network';
CREATE OR REPLACE TRIGGER currency_networks_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON currency_networks
FOR EACH STATEMENT EXECUTE FUNCTION notify_hc_routes();

-- The contracts are those that the issuers name: Tether's and Circle's, on Ethereum, Base and Solana.
-- @step quick
INSERT INTO currency_networks (currency, network, name, aliases, wallet_uri, wallet_amount) VALUES
('USDT', 'ERC20', 'Ethereum (ERC-20)', '{ETH,ETHEREUM}',
 'ethereum:0xdAC17F958D2ee523a2206206994597C13D831ec7@1/transfer?address={address}', 'uint256={units}'),
('USDT', 'SOLANA', 'Solana', '{SOL,SPL}',
 'solana:{address}?spl-token=Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCE8BenwNYB', 'amount={amount}'),
('USDT', 'TRC20', 'Tron (TRC-20)', '{TRON,TRX}', NULL, NULL),
('USDT', 'BEP20', 'BNB Smart Chain (BEP-20)', '{BSC,BNB,BNBSMARTCHAIN}', NULL, NULL),
('USDT', 'POLYGON', 'Polygon', '{MATIC,POL}', NULL, NULL),
('USDT', 'ARBITRUM', 'Arbitrum One', '{ARB,ARBITRUMONE}', NULL, NULL),
('USDT', 'OPTIMISM', 'OP Mainnet (Optimism)', '{OP}', NULL, NULL),
('USDT', 'AVALANCHE', 'Avalanche C-Chain', '{AVAX,AVAXC}', NULL, NULL),
('USDT', 'TON', 'TON', '{TONCOIN}', NULL, NULL),
('USDC', 'ERC20', 'Ethereum (ERC-20)', '{ETH,ETHEREUM}',
 'ethereum:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48@1/transfer?address={address}', 'uint256={units}'),
('USDC', 'BASE', 'Base', '{}',
 'ethereum:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913@8453/transfer?address={address}', 'uint256={units}'),
('USDC', 'SOLANA', 'Solana', '{SOL,SPL}',
 'solana:{address}?spl-token=EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v', 'amount={amount}'),
('USDC', 'POLYGON', 'Polygon', '{MATIC,POL}', NULL, NULL),
('USDC', 'ARBITRUM', 'Arbitrum One', '{ARB,ARBITRUMONE}', NULL, NULL),
('USDC', 'OPTIMISM', 'OP Mainnet (Optimism)', '{OP}', NULL, NULL),
('USDC', 'AVALANCHE', 'Avalanche C-Chain', '{AVAX,AVAXC}', NULL, NULL),
('USDC', 'STELLAR', 'Stellar', '{XLM}', NULL, NULL),
('USDC', 'ALGORAND', 'Algorand', '{ALGO}', NULL, NULL)
ON CONFLICT (currency, network) DO NOTHING;

-- BIP 21 for Bitcoin and its kin, ERC-681, Solana Pay, SEP-7, CIP-13, and XRP's request links. A form that the owner has
-- changed stays theirs. Ether names its chain: without that a wallet takes whichever network is chosen in it.
-- @step quick
UPDATE currencies c SET wallet_uri = form.after, wallet_amount = form.amount, wallet_memo = form.memo
FROM (VALUES
    ('BTC', 'bitcoin:{address}', 'bitcoin:{address}', 'amount={amount}', NULL),
    ('LTC', 'litecoin:{address}', 'litecoin:{address}', 'amount={amount}', NULL),
    ('DOGE', 'dogecoin:{address}', 'dogecoin:{address}', 'amount={amount}', NULL),
    ('ADA', 'web+cardano:{address}', 'web+cardano:{address}', 'amount={amount}', NULL),
    ('SOL', 'solana:{address}', 'solana:{address}', 'amount={amount}', 'memo={memo}'),
    ('ETH', 'ethereum:{address}', 'ethereum:{address}@1', 'value={units}', NULL),
    ('XLM', 'web+stellar:pay?destination={address}', 'web+stellar:pay?destination={address}', 'amount={amount}', 'memo={memo}'),
    ('XRP', 'xrpl:{address}', 'xrpl://{address}', 'amount={amount}', 'dt={memo}')
) AS form (code, before, after, amount, memo)
WHERE c.code = form.code AND c.wallet_uri = form.before AND c.wallet_amount IS NULL AND c.wallet_memo IS NULL;

-- @step quick
ALTER TABLE currencies
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS currencies_wallet_amount_shape,
    ADD CONSTRAINT currencies_wallet_amount_shape CHECK (wallet_amount ~ '=[{](amount|units)[}]$') NOT VALID,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS currencies_wallet_memo_shape,
    ADD CONSTRAINT currencies_wallet_memo_shape CHECK (wallet_memo ~ '=[{]memo[}]$') NOT VALID;
-- @step online
ALTER TABLE currencies VALIDATE CONSTRAINT currencies_wallet_amount_shape;
-- @step online
ALTER TABLE currencies VALIDATE CONSTRAINT currencies_wallet_memo_shape;

-- @step quick
CREATE OR REPLACE FUNCTION hc_network_key(typed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT nullif(upper(regexp_replace(typed, '[^A-Za-z0-9]', '', 'g')), '') $$;
CREATE OR REPLACE FUNCTION hc_wallet_uri(form text, memo_form text, address text, memo text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(replace(form, '{address}', address), address)
        || CASE WHEN form IS NULL OR memo_form IS NULL OR memo IS NULL THEN ''
           ELSE CASE WHEN strpos(form, '?') > 0 THEN '&' ELSE '?' END || replace(memo_form, '{memo}', memo) END
$$;
COMMENT ON FUNCTION hc_wallet_uri(text, text, text, text) IS
'what a wallet application opens; the bare address where the coin and its network have no such form';
CREATE OR REPLACE FUNCTION hc_wallet_problem(wallet_coin text, wallet_network text, wallet_memo text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN given.kind IS DISTINCT FROM 'crypto' THEN format(
            '%s is not the code of a coin in currencies, such as BTC: correct coin.', coalesce(given.coin, 'Nothing'))
        WHEN known.networks IS NOT NULL AND given.network IS NULL THEN format(
            '%s runs on several networks, and coins sent on the wrong one are lost: set network to %s.',
            given.coin, known.networks)
        WHEN known.networks IS NOT NULL AND chosen.network IS NULL THEN format(
            '%s is not a network of %s that is known here: set network to %s.',
            btrim(wallet_network), given.coin, known.networks)
        WHEN given.memo !~ '^[A-Za-z0-9._~-]{1,64}$' THEN
            'A memo has at most 64 letters, digits and the signs . _ ~ - only: correct memo.'
        WHEN given.memo IS NOT NULL AND chosen.wallet_uri IS NOT NULL AND chosen.wallet_memo IS NULL THEN format(
            'A link to a %s wallet cannot carry a memo, and coins without it are lost: use an address that needs none.',
            given.coin)
    END
    FROM (SELECT hc_currency_key(wallet_coin) AS coin, hc_network_key(wallet_network) AS network,
                 nullif(btrim(wallet_memo), '') AS memo,
                 (SELECT kind FROM currencies WHERE code = hc_currency_key(wallet_coin)) AS kind) given
    CROSS JOIN LATERAL (
        SELECT string_agg(n.network, ', ' ORDER BY n.network) AS networks
        FROM currency_networks n WHERE n.currency = given.coin
    ) known
    LEFT JOIN LATERAL (
        SELECT n.network, n.wallet_uri, n.wallet_memo FROM currency_networks n
        WHERE n.currency = given.coin AND given.network = ANY (n.network || n.aliases)
        UNION ALL
        SELECT NULL, c.wallet_uri, c.wallet_memo FROM currencies c WHERE c.code = given.coin AND given.network IS NULL
        LIMIT 1
    ) chosen ON true
$$;
COMMENT ON FUNCTION hc_wallet_problem(text, text, text) IS
'why a wallet is not published, in a sentence for its owner; NULL where it is';

-- Says so to the person who saves such a wallet. It runs as the owner, since the old software writes wallets too.
-- @step quick
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
CREATE OR REPLACE FUNCTION hc_warn_of_wallet() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    problem text := hc_wallet_problem(NEW.coin, NEW.network, NEW.memo);
BEGIN
    IF problem IS NOT NULL THEN
        RAISE WARNING 'This wallet is saved but not published. %', problem;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_warn_of_wallet() FROM public;

-- @step quick
CREATE OR REPLACE TRIGGER wallet_checked AFTER INSERT OR UPDATE ON wallets
FOR EACH ROW EXECUTE FUNCTION hc_warn_of_wallet();
CREATE OR REPLACE TRIGGER wallet_changed AFTER UPDATE ON wallets
FOR EACH ROW WHEN (
    (old.coin, old.wallet_address, old.network, old.memo, old.created_at)
    IS DISTINCT FROM (new.coin, new.wallet_address, new.network, new.memo, new.created_at)
) EXECUTE FUNCTION notify_hc_routes();
-- @step quick
CREATE OR REPLACE TRIGGER currency_changed AFTER UPDATE ON currencies
FOR EACH ROW WHEN (
    (old.code, old.name, old.symbol, old.kind, old.enabled, old.wallet_uri, old.wallet_memo)
    IS DISTINCT FROM (new.code, new.name, new.symbol, new.kind, new.enabled, new.wallet_uri, new.wallet_memo)
) EXECUTE FUNCTION notify_hc_routes();
