"""The table `subscriptions`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.members.subscriptions.model import RUNNING, Copy

_AT_ONCE = 200
# A renewal is a draft for an hour; its events have some time to arrive.
_BOOKED_WITHIN = timedelta(hours=2)
_RENEWED_WITHIN = timedelta(hours=26)
# An earlier answer than the stored one changes nothing, and what is over stays over. Its user is locked.
KEEP = """
WITH before AS (SELECT cancel_at_period_end FROM subscriptions WHERE id = $1)
INSERT INTO subscriptions AS s (
    id, user_id, livemode, customer_id, purpose, payment_id, price_id, product_id, status, current_period_start,
    current_period_end, cancel_at_period_end, paused_because, created_at, ended_at, paid_invoice, paid_invoice_at,
    asked_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
ON CONFLICT (id) DO UPDATE SET
    payment_id = coalesce(s.payment_id, excluded.payment_id), price_id = excluded.price_id,
    product_id = excluded.product_id, status = excluded.status,
    current_period_start = excluded.current_period_start, current_period_end = excluded.current_period_end,
    cancel_at_period_end = excluded.cancel_at_period_end, paused_because = excluded.paused_because,
    ended_at = excluded.ended_at, paid_invoice = excluded.paid_invoice, paid_invoice_at = excluded.paid_invoice_at,
    asked_at = excluded.asked_at
WHERE s.asked_at <= excluded.asked_at AND s.status NOT IN ('canceled', 'incomplete_expired')
RETURNING s.cancel_at_period_end AND NOT coalesce((SELECT cancel_at_period_end FROM before), false)
"""
PAYMENT = "SELECT purpose, user_id FROM payments WHERE id = $1 AND livemode = $2 AND user_id IS NOT NULL"
OURS = "SELECT EXISTS (SELECT FROM installation WHERE id::text = $1)"
# Of the payment's product, or of its whole purpose if payments do not name products.
RUNNING_OF = """
SELECT s.id FROM subscriptions s LEFT JOIN payments p ON p.id = s.payment_id
WHERE s.user_id = $1 AND s.livemode = $2 AND s.purpose = $3 AND s.status = ANY ($4::text[])
  AND p.product IS NOT DISTINCT FROM (SELECT product FROM payments WHERE id = $5)
ORDER BY s.created_at, s.id
"""
# Of customers that are not the user's in `customers`.
RUNS_ELSEWHERE = """
SELECT DISTINCT s.customer_id FROM subscriptions s
WHERE s.user_id = $1 AND s.livemode = $2 AND s.status = ANY ($3::text[]) AND ($4::text IS NULL OR s.purpose = $4)
  AND NOT EXISTS (
    SELECT FROM customers c WHERE c.customer_id = s.customer_id AND c.user_id = s.user_id
  )
ORDER BY 1
"""
DUE = """
SELECT id, current_period_start AS since FROM subscriptions
WHERE livemode = $1 AND status NOT IN ('canceled', 'incomplete_expired') AND current_period_end < now() AND id > $2
ORDER BY id LIMIT $3
"""
# Paid checkouts of subscriptions that no event has told us of.
UNKNOWN = r"""
SELECT p.id AS payment_id, e.provider_id AS session_id FROM payments p JOIN external_payments e ON e.payment_id = p.id
WHERE p.user_id IS NOT NULL AND p.livemode = $1 AND p.id > $2
  AND e.kind = 'single' AND (e.request ->> 'mode' = 'subscription' OR e.provider_id LIKE 'sub\_%')
  AND e.provider_id IS NOT NULL AND e.status = 'completed' AND p.created_at > now() - interval '40 days'
  AND NOT EXISTS (SELECT FROM subscriptions s WHERE s.payment_id = p.id)
ORDER BY p.id LIMIT $3
"""
BOOKED = "SELECT provider_id FROM external_payments WHERE provider = 'stripe' AND provider_id = ANY ($1::text[])"
WITHOUT_INVOICE = """
SELECT s.id, s.user_id, s.paid_invoice FROM subscriptions s
WHERE s.livemode = $1 AND (
    (s.paid_invoice_at < now() - $2::interval AND NOT EXISTS (
        SELECT FROM external_payments e WHERE e.provider = 'stripe' AND e.provider_id = s.paid_invoice
    ))
    OR (s.status IN ('trialing', 'active') AND s.current_period_end < now() - $3::interval)
)
ORDER BY s.id LIMIT $4
"""
DOUBLED = """
SELECT s.user_id, s.purpose, array_agg(s.id ORDER BY s.created_at, s.id) AS ids
FROM subscriptions s LEFT JOIN payments p ON p.id = s.payment_id
WHERE s.livemode = $1 AND s.status = ANY ($2::text[]) GROUP BY s.user_id, s.purpose, p.product HAVING count(*) > 1
ORDER BY s.user_id LIMIT $3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user of a subscription, and the purpose that it is for."""

    user_id: UUID
    purpose: str
    payment_id: UUID | None


async def keep(conn: Connection, copy: Copy, owner: Owner, asked_at: datetime) -> bool:
    """Store Stripe's answer. Whether it is new that the subscription ends with its period."""
    cancelled: bool | None = await conn.fetchval(
        KEEP, copy.id, owner.user_id, copy.livemode, copy.customer_id, owner.purpose, owner.payment_id, copy.price_id,
        copy.product_id, copy.status, copy.period_start, copy.period_end, copy.cancels, copy.paused_because,
        copy.created_at, copy.ended_at, copy.paid_invoice, copy.paid_invoice_at, asked_at,
    )  # fmt: skip
    return bool(cancelled)


async def payment(conn: Connection, payment_id: UUID, *, livemode: bool) -> tuple[str, UUID] | None:
    """The purpose and the user of a member's payment."""
    row = await conn.fetchrow(PAYMENT, payment_id, livemode)
    return (row["purpose"], row["user_id"]) if row else None


async def is_ours(conn: Connection, installation: str | None) -> bool:
    """Whether a subscription's metadata names this database."""
    return bool(await conn.fetchval(OURS, installation))


async def running_of(conn: Connection, owner: Owner, *, livemode: bool) -> list[str]:
    """The user's running subscriptions of one family."""
    rows = await conn.fetch(RUNNING_OF, owner.user_id, livemode, owner.purpose, list(RUNNING), owner.payment_id)
    return [row["id"] for row in rows]


async def customers_of(conn: Connection, user_id: UUID, *, livemode: bool, purpose: str | None = None) -> list[str]:
    """Customers at Stripe that pay for the user's running subscriptions, and that `customers` has lost."""
    rows = await conn.fetch(RUNS_ELSEWHERE, user_id, livemode, list(RUNNING), purpose)
    return [row["customer_id"] for row in rows]


async def due(conn: Connection, after: str, *, livemode: bool) -> list[tuple[str, datetime | None]]:
    """Running subscriptions whose period has ended, and when it began, in the order of their ids."""
    return [(row["id"], row["since"]) for row in await conn.fetch(DUE, livemode, after, _AT_ONCE)]


async def unknown(conn: Connection, after: UUID, *, livemode: bool) -> list[tuple[UUID, str]]:
    """Paid checkouts whose subscription is not known here, by their payments' ids, each with its session."""
    rows = await conn.fetch(UNKNOWN, livemode, after, _AT_ONCE)
    return [(row["payment_id"], row["session_id"]) for row in rows]


async def booked(conn: Connection, invoices: Collection[str]) -> set[str]:
    """The invoices among these that have a payment here."""
    return {row["provider_id"] for row in await conn.fetch(BOOKED, list(invoices))}


async def without_invoice(conn: Connection, *, livemode: bool) -> list[tuple[str, UUID, str | None]]:
    """Subscriptions whose paid invoice has no payment here, or that Stripe has not renewed."""
    rows = await conn.fetch(WITHOUT_INVOICE, livemode, _BOOKED_WITHIN, _RENEWED_WITHIN, _AT_ONCE)
    return [(row["id"], row["user_id"], row["paid_invoice"]) for row in rows]


async def doubled(conn: Connection, *, livemode: bool) -> list[tuple[UUID, str, list[str]]]:
    """Users with more than one running subscription of a family."""
    rows = await conn.fetch(DOUBLED, livemode, list(RUNNING), _AT_ONCE)
    return [(row["user_id"], row["purpose"], row["ids"]) for row in rows]
