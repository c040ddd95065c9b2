"""The standing rows of `external_payments`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.providers.stripe.links import LinkPlan, PaymentLink

POLICY = "SELECT 'stripe' = ANY (disabled_providers) FROM route_policy"
SAVED = """
SELECT provider_id, idempotency_key FROM external_payments
WHERE provider = 'stripe' AND kind = 'standing' AND provider_id IS NOT NULL
"""
RENAME = """
UPDATE external_payments e SET idempotency_key = r.key
FROM unnest($1::text[], $2::text[]) AS r (former, key)
WHERE e.provider = 'stripe' AND e.kind = 'standing' AND e.idempotency_key = r.former
"""
RETIRE = """
UPDATE external_payments SET status = 'expired', updated_at = now()
WHERE provider = 'stripe' AND kind = 'standing' AND status = 'pending' AND idempotency_key LIKE 'hc\\_link\\_%'
  AND NOT idempotency_key = ANY ($1)
RETURNING provider_id, currency
"""
# A link that is switched on again becomes the newest; of two links with one key, one is published.
KEEP = """
WITH others AS (
    UPDATE external_payments SET status = 'expired', updated_at = now()
    WHERE provider = 'stripe' AND kind = 'standing' AND status = 'pending' AND idempotency_key = $4
      AND provider_id <> $1
)
INSERT INTO external_payments AS kept (gateway, provider, provider_id, provider_url, currency, kind, status,
                                       idempotency_key, request, livemode, updated_at)
VALUES ('stripe', 'stripe', $1, $2, $3, 'standing', 'pending', $4, '{}', $5, now())
ON CONFLICT (provider, provider_id) DO UPDATE SET status = 'pending', provider_url = excluded.provider_url,
    idempotency_key = excluded.idempotency_key, updated_at = now()
WHERE (kept.status, kept.provider_url, kept.idempotency_key)
    IS DISTINCT FROM ('pending', excluded.provider_url, excluded.idempotency_key)
RETURNING id
"""
ADD = """
INSERT INTO external_payments (gateway, provider, provider_id, provider_url, currency, kind, status, amount,
                               price_currency, expires_at)
VALUES ($1, $2, $3, $4, $5, 'standing', 'pending', $6, $7, $8) RETURNING id
"""
# An invoice for any coin may be saved for several; a Payment Link is in one currency.
OPEN_TWIN = """
SELECT hc_currency_key(currency) FROM external_payments
WHERE kind = 'standing' AND status = 'pending' AND provider = $1
  AND hc_link_id(provider, provider_id, provider_url) = $2 AND (expires_at IS NULL OR expires_at > now())
  AND (provider = 'stripe' OR hc_currency_key(currency) = $3)
LIMIT 1
"""
RELEASE_ENDED = """
UPDATE external_payments SET provider_id = NULL
WHERE provider = $1 AND provider_id = $2 AND kind = 'standing' AND idempotency_key IS NULL
  AND (status <> 'pending' OR expires_at <= now())
"""
# If the account does not have the link in this mode, as after going live, its id is removed and it is not published.
FORGET = """
UPDATE external_payments SET provider_id = NULL, checked_at = coalesce(checked_at, now()), updated_at = now()
WHERE provider = 'stripe' AND kind = 'standing' AND idempotency_key IS NULL AND status = 'pending'
  AND provider_id = ANY ($1::text[])
RETURNING hc_currency_key(currency) AS currency, provider_url
"""
# An id belongs to one row: an open row takes it from a closed one.
RELEASE = """
UPDATE external_payments e SET provider_id = NULL FROM unnest($1::text[], $2::text[]) AS l (id, url)
WHERE e.provider = 'stripe' AND e.provider_id = l.id AND e.kind = 'standing' AND e.idempotency_key IS NULL
  AND e.status <> 'pending' AND EXISTS (
    SELECT FROM external_payments n WHERE n.kind = 'standing' AND n.provider = 'stripe' AND n.provider_id IS NULL
      AND n.status = 'pending' AND hc_link_path(n.provider_url) = hc_link_path(l.url))
"""
RESOLVE = """
WITH found AS (
    SELECT DISTINCT ON (l.id) e.id AS row, l.id AS link
    FROM unnest($1::text[], $2::text[]) AS l (id, url)
    JOIN external_payments e ON hc_link_path(e.provider_url) = hc_link_path(l.url)
    WHERE e.kind = 'standing' AND e.provider = 'stripe' AND e.provider_id IS NULL
      AND NOT EXISTS (SELECT FROM external_payments o WHERE o.provider = 'stripe' AND o.provider_id = l.id)
    ORDER BY l.id, e.status = 'pending' DESC, e.created_at DESC, e.id DESC
)
UPDATE external_payments e SET provider_id = found.link, checked_at = NULL, updated_at = now()
FROM found WHERE e.id = found.row
RETURNING hc_currency_key(e.currency) AS currency, e.provider_id
"""
ADDRESSES = """
SELECT named.provider, hc_link_id(named.provider, NULL, $2) AS id, CASE named.provider WHEN 'nowpayments' THEN
       hc_link_gap(named.provider, NULL, $2, false, (SELECT nowpayments_live FROM installation)) END AS gap
FROM (SELECT hc_link_provider($1, $2) AS provider) named
"""
SAME_PATH = """
SELECT l.id FROM unnest($1::text[], $2::text[]) AS l (id, url) WHERE hc_link_path(l.url) = hc_link_path($3)
"""
MODE = "UPDATE installation SET nowpayments_live = $1 WHERE nowpayments_live IS DISTINCT FROM $1"
TAKE_OVER = """
UPDATE external_payments SET checked_at = now()
WHERE kind = 'standing' AND checked_at IS NULL AND idempotency_key IS NULL
  AND provider IN ('stripe', 'nowpayments') AND hc_link_id(provider, provider_id, provider_url) IS NOT NULL
RETURNING provider, hc_link_id(provider, provider_id, provider_url) AS id
"""
LIST = """
SELECT hc_currency_key(currency) AS currency, provider, provider_url, amount, expires_at, created_at,
       hc_link_gap(provider, provider_id, provider_url, checked_at IS NOT NULL,
                   (SELECT nowpayments_live FROM installation)) AS gap
FROM external_payments WHERE kind = 'standing' AND status = 'pending' AND provider_url IS NOT NULL
ORDER BY hc_currency_key(currency), created_at DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLink:
    """A standing link that is open; `gap` says why it is not published."""

    currency: str
    provider: str
    provider_url: str
    amount: Decimal | None
    expires_at: datetime | None
    created_at: datetime
    gap: str | None


async def stripe_is_off(conn: Connection) -> bool:
    """Whether the policy disables Stripe."""
    return bool(await conn.fetchval(POLICY))


async def saved(conn: Connection) -> dict[str, str | None]:
    """The Payment Links of our rows by id, with our key; links saved by hand have none."""
    return {row["provider_id"]: row["idempotency_key"] for row in await conn.fetch(SAVED)}


async def rename(conn: Connection, keys: Mapping[str, str]) -> None:
    """Replace former keys by the current ones."""
    await conn.execute(RENAME, list(keys), list(keys.values()))


async def retire(conn: Connection, keys: Sequence[str]) -> list[str]:
    """Retire our links whose key is not listed; returns their currencies."""
    return [row["currency"] for row in await conn.fetch(RETIRE, keys)]


async def keep(conn: Connection, plan: LinkPlan, link: PaymentLink, address: str) -> bool:
    """Publish a link; False if it was published already."""
    livemode = plan.terms.livemode
    return await conn.fetchval(KEEP, link.id, address, plan.currency, plan.key, livemode) is not None


async def open_twin(conn: Connection, provider: str, link_id: str, currency: str) -> str | None:
    """The currency that the same link is open for already."""
    found: str | None = await conn.fetchval(OPEN_TWIN, provider, link_id, currency)
    return found


async def release(conn: Connection, provider: str, link_id: str) -> None:
    """Remove the id from a closed row, for the row that replaces it."""
    await conn.execute(RELEASE_ENDED, provider, link_id)


async def note_nowpayments_mode(conn: Connection, *, live: bool | None) -> None:
    """Whether the key of NOWPayments moves real money; links of the other mode are not published."""
    await conn.execute(MODE, live)


async def forget(conn: Connection, link_ids: Sequence[str]) -> list[asyncpg.Record]:
    """Remove ids that the account does not have from rows saved by hand; returns which."""
    return await conn.fetch(FORGET, link_ids)


async def resolve(conn: Connection, links: Sequence[PaymentLink]) -> list[asyncpg.Record]:
    """Set the ids of rows whose address is one of the links."""
    pairs = [link.id for link in links], [link.url for link in links]
    await conn.execute(RELEASE, *pairs)
    return await conn.fetch(RESOLVE, *pairs)


async def take_over(conn: Connection) -> list[asyncpg.Record]:
    """Links saved by hand whose id was just found."""
    return await conn.fetch(TAKE_OVER)


async def open_links(conn: Connection) -> list[OpenLink]:
    """All open links, published or not."""
    return [OpenLink(**dict(row)) for row in await conn.fetch(LIST)]
