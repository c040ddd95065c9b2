"""The one statement that turns the data into the next version of the routes.

It costs a few index probes for each currency, whatever the number of payments: each LATERAL look-up
stops at the newest row of a partial index. Policy, pin, comparison and insert are in the same
statement, so that nothing can change between what was decided and what is published. `committed_at` is
when the newest of the rows behind it was committed, where the server keeps commit times.

`$1` is a version that some pod serves although this database has not published it, as after a backup was
restored: pods never go backwards, so the next version must be above it. 0 where there is none.

`$2` is the version whose document the caller has; any other is answered with its document. NULL: without a document.
"""

from hingecraft.money.store import STAMP
from hingecraft.routes.wallets import WALLET_OF_CURRENCY

_BEFORE_WALLET = """
WITH policy AS MATERIALIZED (
    SELECT disabled_providers, single_use_checkouts, paused, pin_version,
           (SELECT nowpayments_live FROM installation) AS nowpayments_live,
           pin_version IS NOT NULL AND NOT EXISTS (
               SELECT FROM payment_routes WHERE version = pin_version) AS pin_missing
    FROM route_policy
), newest AS MATERIALIZED (
    SELECT version, checksum, generated_at, restored_from, next_expiry
    FROM payment_routes ORDER BY version DESC LIMIT 1
), live AS (
    SELECT c.code, link.expires_at, jsonb_build_object(
        'currency', c.code,
        'name', c.name,
        'symbol', c.symbol,
        'kind', c.kind,
        'provider', coalesce(
            link.provider, CASE WHEN usual.enabled OR wallet.route IS NULL THEN usual.name ELSE 'wallet' END),
        'available', link.provider IS NOT NULL OR usual.enabled OR wallet.route IS NOT NULL,
        'url', link.provider_url,
        'generate', '/charter/generate-payment',
        'wallet', wallet.route,
        'updatedAt', to_char(greatest(c.updated_at, link.created_at, wallet.created_at) AT TIME ZONE 'UTC',
                             'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    )
    || CASE WHEN link.amount IS NULL THEN '{}' ELSE jsonb_build_object('amount', trim_scale(link.amount)) END
    || CASE WHEN link.expires_at IS NULL THEN '{}' ELSE jsonb_build_object('expiresAt',
        to_char(link.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END AS route
    FROM policy
    CROSS JOIN currencies c
    CROSS JOIN LATERAL (
        SELECT name, NOT name = ANY (policy.disabled_providers) AS enabled
        FROM (SELECT CASE c.kind WHEN 'fiat' THEN 'stripe' ELSE 'nowpayments' END AS name) n
    ) usual
    LEFT JOIN LATERAL (
        (SELECT e.provider, e.provider_url, e.amount, e.created_at, e.id,
                CASE WHEN isfinite(e.expires_at) THEN e.expires_at END AS expires_at
         FROM external_payments e
         WHERE hc_currency_key(e.currency) = c.code
           AND e.kind = 'standing' AND e.status = 'pending' AND e.provider_url IS NOT NULL
           AND hc_link_gap(e.provider, e.provider_id, e.provider_url, e.checked_at IS NOT NULL,
                           policy.nowpayments_live) IS NULL
           AND e.provider_url ~ '^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])[:/])'
           AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
           AND NOT e.provider = ANY (policy.disabled_providers)
         ORDER BY e.created_at DESC, e.id DESC LIMIT 1)
        UNION ALL
        (SELECT e.provider, e.provider_url, e.amount, e.created_at, e.id,
                CASE WHEN isfinite(e.expires_at) THEN e.expires_at END AS expires_at
         FROM external_payments e
         WHERE policy.single_use_checkouts
           AND hc_currency_key(e.currency) = c.code
           AND e.kind = 'single' AND e.status = 'pending' AND e.provider_url IS NOT NULL AND NOT e.carries_email
           AND e.provider_url ~ '^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])[:/])'
           AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
           AND NOT e.provider = ANY (policy.disabled_providers)
           AND NOT EXISTS (SELECT FROM payments p WHERE p.id = e.payment_id AND p.status <> 'pending')
         ORDER BY e.created_at DESC, e.id DESC LIMIT 1)
        ORDER BY created_at DESC, id DESC LIMIT 1
    ) link ON true
    LEFT JOIN LATERAL (
        SELECT created_at, jsonb_strip_nulls(jsonb_build_object(
            'address', address, 'uri', uri, 'network', network, 'networkName', network_name, 'memo', memo)) AS route
        FROM ("""
_AFTER_WALLET = f""") found
    ) wallet ON true
    WHERE c.enabled AND policy.pin_version IS NULL
), restored AS (
    SELECT r.key AS code,
        CASE WHEN dead.link THEN NULL ELSE (r.value ->> 'expiresAt')::timestamptz END AS expires_at,
        CASE WHEN dead.link THEN (r.value - 'expiresAt' - 'amount') || jsonb_build_object('url', NULL) ELSE r.value END
        || jsonb_build_object(
            'wallet', kept.wallet,
            'available', usual.enabled OR kept.wallet <> 'null' OR (r.value -> 'url' <> 'null' AND NOT dead.link))
        || CASE WHEN NOT dead.link AND r.value -> 'url' <> 'null' THEN '{{}}' ELSE jsonb_build_object(
            'provider', CASE WHEN usual.enabled OR kept.wallet = 'null' THEN usual.name ELSE 'wallet' END) END AS route
    FROM policy
    JOIN payment_routes pinned ON pinned.version = policy.pin_version
    CROSS JOIN LATERAL jsonb_each(pinned.routes) r
    JOIN currencies c ON c.code = r.key AND c.enabled
    CROSS JOIN LATERAL (
        SELECT name, NOT name = ANY (policy.disabled_providers) AS enabled
        FROM (SELECT CASE c.kind WHEN 'fiat' THEN 'stripe' ELSE 'nowpayments' END AS name) n
    ) usual
    CROSS JOIN LATERAL (
        SELECT r.value -> 'url' <> 'null' AND (
            r.value ->> 'provider' = ANY (policy.disabled_providers)
            OR coalesce((r.value ->> 'expiresAt')::timestamptz <= statement_timestamp(), false)
            OR (SELECT bool_and(e.status <> 'pending' OR coalesce(e.expires_at <= statement_timestamp(), false))
                FROM external_payments e
                WHERE e.kind = 'standing' AND e.provider_url = r.value ->> 'url') IS TRUE
        ) AS link
    ) dead
    CROSS JOIN LATERAL (
        SELECT CASE WHEN r.value #> '{{wallet,network}}' IS NULL AND EXISTS (
            SELECT FROM currency_networks n WHERE n.currency = c.code
        ) THEN 'null' ELSE r.value -> 'wallet' END AS wallet
    ) kept
), document AS (
    SELECT coalesce(jsonb_object_agg(code, route), '{{}}') AS routes, min(expires_at) AS next_expiry
    FROM (SELECT code, route, expires_at FROM live UNION ALL SELECT code, route, expires_at FROM restored) routes
), candidate AS MATERIALIZED (
    SELECT routes, next_expiry, encode(sha256(convert_to(routes::text, 'UTF8')), 'hex') AS checksum FROM document
), published AS (
    INSERT INTO payment_routes (version, routes, checksum, generated_at, restored_from, next_expiry)
    SELECT greatest(newest.version, $1::bigint) + 1, candidate.routes, candidate.checksum, statement_timestamp(),
           policy.pin_version, candidate.next_expiry
    FROM candidate CROSS JOIN policy LEFT JOIN newest ON true
    WHERE NOT policy.paused AND NOT policy.pin_missing
      AND ((candidate.checksum, policy.pin_version) IS DISTINCT FROM (newest.checksum, newest.restored_from)
           OR newest.version < $1::bigint)
    ON CONFLICT (version) DO NOTHING
    RETURNING version, checksum, generated_at, next_expiry
)
SELECT coalesce(published.version, newest.version) AS version,
       coalesce(published.checksum, newest.checksum) AS checksum,
       coalesce(published.generated_at, newest.generated_at) AS generated_at,
       CASE WHEN published.version IS NULL THEN newest.next_expiry ELSE published.next_expiry END AS next_expiry,
       published.version IS NOT NULL AS changed, policy.paused, policy.pin_missing,
       CASE WHEN published.version IS NULL THEN newest.restored_from ELSE policy.pin_version END AS restored_from,
       carried.routes, carried.currencies,
       CASE WHEN published.version IS NOT NULL AND current_setting('track_commit_timestamp')::boolean
            THEN (SELECT max(pg_xact_commit_timestamp(read.xmin)) FROM (
                (SELECT xmin FROM external_payments
                 WHERE kind = 'standing' AND status = 'pending' AND provider_url IS NOT NULL
                 ORDER BY created_at DESC LIMIT 1)
                UNION ALL SELECT xmin FROM currencies
                UNION ALL SELECT xmin FROM currency_networks
                UNION ALL (SELECT xmin FROM wallets ORDER BY created_at DESC LIMIT 1)
                UNION ALL SELECT xmin FROM route_policy) read)
       END AS committed_at
FROM policy LEFT JOIN newest ON true LEFT JOIN published ON true LEFT JOIN LATERAL (
    SELECT CASE WHEN published.version IS NULL
                THEN (SELECT routes::text FROM payment_routes WHERE version = newest.version)
                ELSE (SELECT routes::text FROM candidate)
           END AS routes, c.stamp AS currencies
    FROM ({STAMP}) c
    WHERE coalesce(published.version, newest.version) <> $2::bigint
) carried ON true
"""
REBUILD = _BEFORE_WALLET + WALLET_OF_CURRENCY + _AFTER_WALLET
