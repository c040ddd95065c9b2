"""The wallet that takes a coin, and the reasons why a wallet is not published."""

from __future__ import annotations

# The newest wallet of the coin in `c` that may be published, as a subquery: routes and checkouts choose alike.
WALLET_OF_CURRENCY = """
    SELECT w.created_at, w.wallet_address AS address,
           hc_wallet_uri(CASE WHEN given.network IS NULL THEN c.wallet_uri ELSE n.wallet_uri END,
                         CASE WHEN given.network IS NULL THEN c.wallet_memo ELSE n.wallet_memo END,
                         w.wallet_address, given.memo) AS uri,
           CASE WHEN given.network IS NULL THEN c.wallet_amount ELSE n.wallet_amount END AS amount_form,
           coalesce(n.network, given.network) AS network,
           CASE WHEN given.network IS NOT NULL THEN coalesce(n.name, btrim(w.network)) END AS network_name,
           given.memo
    FROM wallets w
    CROSS JOIN LATERAL (
        SELECT hc_network_key(w.network) AS network, nullif(btrim(w.memo), '') AS memo
    ) given
    LEFT JOIN currency_networks n ON n.currency = c.code AND given.network = ANY (n.network || n.aliases)
    WHERE c.kind = 'crypto' AND hc_currency_key(w.coin) = c.code AND btrim(w.wallet_address) <> ''
      AND hc_wallet_problem(w.coin, w.network, w.memo) IS NULL
    ORDER BY w.created_at DESC, w.id DESC LIMIT 1
"""
UNPUBLISHED = """
SELECT w.id, hc_currency_key(w.coin) AS currency, found.problem
FROM wallets w CROSS JOIN LATERAL (SELECT hc_wallet_problem(w.coin, w.network, w.memo) AS problem) found
WHERE found.problem IS NOT NULL ORDER BY w.created_at DESC, w.id LIMIT $1
"""
