"""The tables `purchases` and `entitlements`, and payments of products."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.members.subscriptions.model import RUNNING
from hingecraft.payments.history import Position
from hingecraft.payments.model import Status
from hingecraft.periods import Period
from hingecraft.purchases.access import Because, Entitlement, Held, purchase_status
from hingecraft.purchases.model import PURPOSE, MemberPayment, Purchase
from hingecraft.purchases.renewal_grace import UNTIL

_AT_ONCE = 200
# The payment of a later period is found by its entitlement; one that is not paid has only its product.
PAYMENT = """
SELECT p.id, p.user_id, p.status, r.id AS product_id, r.type AS product_type, p.amount,
       hc_currency_key(p.currency) AS currency, e.purchase_id
FROM payments p
LEFT JOIN entitlements e ON e.payment_id = p.id
LEFT JOIN purchases b ON b.id = e.purchase_id
JOIN products r ON r.id = coalesce(b.product_id, p.product::uuid)
WHERE p.id = $1 AND p.purpose = $2
"""
OPEN_PAYMENT = """
SELECT p.id, p.status, p.amount, p.currency, e.provider_id
FROM payments p JOIN external_payments e ON e.payment_id = p.id AND e.kind = 'single'
WHERE p.user_id = $1 AND p.product = $2 AND p.livemode = $3 AND p.status IN ('creating', 'unknown', 'pending')
"""
WAITS = "SELECT EXISTS (SELECT FROM payments WHERE id = $1 AND status IN ('creating', 'unknown', 'pending'))"
KNOWN = "SELECT id FROM payments WHERE id = ANY ($1::uuid[])"
GRANT = """
WITH bought AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::uuid[], $5::numeric[], $6::text[],
                         $7::timestamptz[], $8::timestamptz[], $9::int[])
        AS b (payment_id, user_id, livemode, product_id, amount, currency, starts_at, ends_at, download_limit)
), purchased AS (
    INSERT INTO purchases (user_id, livemode, product_id, payment_id, amount, currency, status, starts_at, ends_at)
    SELECT user_id, livemode, product_id, payment_id, amount, currency, 'active', starts_at, ends_at FROM bought
    ON CONFLICT ON CONSTRAINT purchases_payment_key DO NOTHING RETURNING id, payment_id
)
INSERT INTO entitlements (purchase_id, user_id, payment_id, starts_at, ends_at, download_limit)
SELECT p.id, b.user_id, b.payment_id, b.starts_at, b.ends_at, b.download_limit
FROM purchased p JOIN bought b USING (payment_id)
RETURNING payment_id, purchase_id
"""
# Refunding one period of a subscription ends that period's access, and not the subscription.
UPDATE_ACCESS = """
WITH standing AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[]) AS s (payment_id, because)
), changed AS (
    UPDATE entitlements e SET revoked_because = s.because, revoked_at = CASE WHEN s.because IS NOT NULL THEN now() END
    FROM standing s WHERE e.payment_id = s.payment_id AND e.revoked_because IS DISTINCT FROM s.because
    RETURNING e.payment_id, e.purchase_id, e.revoked_because
), purchase AS (
    UPDATE purchases p SET status = coalesce(c.revoked_because, 'active')
    FROM changed c WHERE p.id = c.purchase_id AND p.subscription_id IS NULL
)
SELECT payment_id, purchase_id FROM changed
"""
# What `access.Entitlement` is made of, of an entitlement `e`, its purchase `b` and the product `bought`.
ENTITLEMENT = f"""
e.id, bought.id AS product_id, bought.type AS product_type, e.starts_at, {UNTIL} AS ends_at, e.revoked_because,
e.download_limit, e.downloads_used
"""
HELD = f"""
SELECT p.type AS held_type, p.active, p.file, now() AS moment, h.*
FROM products p LEFT JOIN LATERAL (
    SELECT {ENTITLEMENT.format(grace="$4")}
    FROM entitlements e JOIN purchases b ON b.id = e.purchase_id JOIN products bought ON bought.id = b.product_id
    WHERE e.user_id = $1 AND b.livemode = $3
      AND (b.product_id = p.id OR (p.type = 'design' AND bought.type = 'subscription'))
) h ON true
WHERE p.id = $2
"""
# A subscription's purchase, by what was written before the call, or by an earlier period.
OF_SUBSCRIPTION = """
SELECT user_id, product_id FROM purchases WHERE subscription_id = $1
UNION ALL
SELECT p.user_id, p.product::uuid FROM external_payments e JOIN payments p ON p.id = e.payment_id
WHERE e.provider = 'stripe' AND e.provider_id = $1 AND p.purpose = $2 AND p.product IS NOT NULL
LIMIT 1
"""
GRANT_PERIOD = """
WITH first AS (
    SELECT payment_id FROM external_payments WHERE provider = 'stripe' AND provider_id = $5 AND kind = 'single'
), purchased AS (
    INSERT INTO purchases AS p (user_id, livemode, product_id, payment_id, subscription_id, amount, currency, status,
                                starts_at, ends_at)
    VALUES ($2, $3, $4, coalesce((SELECT payment_id FROM first), $1), $5, $6, $7, 'active', $8, $9)
    ON CONFLICT ON CONSTRAINT purchases_subscription_key DO UPDATE SET
        starts_at = least(p.starts_at, excluded.starts_at), ends_at = greatest(p.ends_at, excluded.ends_at)
    RETURNING id
)
INSERT INTO entitlements (purchase_id, user_id, payment_id, starts_at, ends_at, download_limit)
SELECT id, $2, $1, $8, $9, $10 FROM purchased
ON CONFLICT ON CONSTRAINT entitlements_payment_key DO NOTHING
RETURNING purchase_id
"""
RUNS = """
SELECT EXISTS (
    SELECT FROM purchases b JOIN subscriptions s ON s.id = b.subscription_id
    WHERE b.user_id = $1 AND b.product_id = $2 AND b.livemode = $3 AND s.status = ANY ($4::text[])
)
"""
# Subscriptions whose first payment has ended, and that are not over here. Stripe ends them after 23 hours.
ABANDONED = r"""
SELECT e.provider_id FROM external_payments e JOIN payments p ON p.id = e.payment_id
LEFT JOIN subscriptions s ON s.id = e.provider_id
WHERE e.provider = 'stripe' AND e.kind = 'single' AND e.provider_id LIKE 'sub\_%' AND e.provider_id > $1
  AND p.livemode = $2 AND p.status IN ('expired', 'failed') AND coalesce(s.status, 'incomplete') = 'incomplete'
  AND p.created_at > now() - interval '2 days'
ORDER BY e.provider_id LIMIT $3
"""
NOW = "SELECT now()"
_PURCHASES = f"""
SELECT b.id, b.user_id, b.product_id, r.type AS product_type, r.name AS product_name, b.amount, b.currency, b.status,
       b.subscription_id, b.starts_at, b.ends_at, b.created_at, now() AS moment, h.open_until,
       r.period_unit, r.period_count,
       coalesce(h.downloads_used, 0) AS downloads_used, h.download_limit,
       CASE WHEN b.subscription_id IS NOT NULL THEN
           coalesce(s.cancel_at_period_end OR s.status IN ('canceled', 'incomplete_expired'), false)
       END AS cancels
FROM purchases b JOIN products r ON r.id = b.product_id
LEFT JOIN subscriptions s ON s.id = b.subscription_id
LEFT JOIN LATERAL (
    SELECT e.downloads_used, e.download_limit, {UNTIL.format(grace="$2")} AS open_until FROM entitlements e
    WHERE e.purchase_id = b.id ORDER BY e.starts_at DESC LIMIT 1
) h ON true
"""
PURCHASE = f"{_PURCHASES} WHERE b.id = $3 AND b.livemode = $1"
PURCHASES = f"""
{_PURCHASES}
WHERE b.livemode = $1 AND ($3::uuid IS NULL OR b.user_id = $3) AND ($4::text IS NULL OR r.type = $4)
  AND ($5::timestamptz IS NULL OR (b.created_at, b.id) < ($5, $6::uuid))
ORDER BY b.created_at DESC, b.id DESC LIMIT $7
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPayment:
    """A payment of a product that may still be paid."""

    id: UUID
    status: Status
    amount: Decimal
    currency: str
    intent_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A one-time payment that was paid, with the access that it buys."""

    payment_id: UUID
    user_id: UUID
    livemode: bool
    product_id: UUID
    amount: Decimal
    currency: str
    starts_at: datetime
    ends_at: datetime | None
    download_limit: int | None


async def payment(conn: Connection, payment_id: UUID) -> MemberPayment | None:
    """A payment of a product."""
    row = await conn.fetchrow(PAYMENT, payment_id, PURPOSE)
    return MemberPayment(**{**dict(row), "status": Status(row["status"])}) if row else None


async def open_payment(conn: Connection, user_id: UUID, product_id: UUID, *, livemode: bool) -> OpenPayment | None:
    """The user's payment of a product that may still be paid: there is one at most."""
    row = await conn.fetchrow(OPEN_PAYMENT, user_id, str(product_id), livemode)
    if row is None:
        return None
    found = dict(row)
    return OpenPayment(intent_id=found.pop("provider_id"), **{**found, "status": Status(row["status"])})


async def known(conn: Connection, payment_ids: Collection[UUID]) -> set[UUID]:
    """The payments among these that exist here."""
    return {row["id"] for row in await conn.fetch(KNOWN, payment_ids)}


async def waits(conn: Connection, payment_id: UUID | None) -> bool:
    """Whether a payment is here, and may still be paid."""
    return bool(await conn.fetchval(WAITS, payment_id))


async def grant(conn: Connection, bought: Sequence[Bought]) -> dict[UUID, UUID]:
    """Record purchases with their entitlements: the new purchases by payment. A payment that has one gets no second."""
    columns = zip(
        *(
            (
                each.payment_id, each.user_id, each.livemode, each.product_id, each.amount, each.currency,
                each.starts_at, each.ends_at, each.download_limit,
            )
            for each in bought
        ),
        strict=True,
    )  # fmt: skip
    return {row["payment_id"]: row["purchase_id"] for row in await conn.fetch(GRANT, *columns)}


async def of_subscription(conn: Connection, subscription_id: str) -> tuple[UUID, UUID] | None:
    """The user and the product of a subscription that was begun here."""
    row = await conn.fetchrow(OF_SUBSCRIPTION, subscription_id, PURPOSE)
    return (row["user_id"], row["product_id"]) if row else None


async def abandoned(conn: Connection, after: str, *, livemode: bool) -> list[str]:
    """Subscriptions that may wait at Stripe for a payment that has ended here, in the order of their ids."""
    return [row["provider_id"] for row in await conn.fetch(ABANDONED, after, livemode, _AT_ONCE)]


async def has_running(conn: Connection, user_id: UUID, product_id: UUID, *, livemode: bool) -> bool:
    """Whether the user has a subscription to the product that is not over, paid or not."""
    return bool(await conn.fetchval(RUNS, user_id, product_id, livemode, list(RUNNING)))


async def grant_period(conn: Connection, subscription_id: str, bought: Bought) -> UUID | None:
    """Record a paid period of a subscription: its purchase; None if this payment has an entitlement."""
    purchase_id: UUID | None = await conn.fetchval(
        GRANT_PERIOD, bought.payment_id, bought.user_id, bought.livemode, bought.product_id, subscription_id,
        bought.amount, bought.currency, bought.starts_at, bought.ends_at, bought.download_limit,
    )  # fmt: skip
    return purchase_id


async def update_access(conn: Connection, reasons: Mapping[UUID, Because | None]) -> dict[UUID, UUID]:
    """Revoke or restore entitlements by the reason given for each payment; returns changed purchases by payment."""
    rows = await conn.fetch(UPDATE_ACCESS, list(reasons), list(reasons.values()))
    return {row["payment_id"]: row["purchase_id"] for row in rows}


async def held(conn: Connection, user_id: UUID, product_id: UUID, *, livemode: bool, grace: timedelta) -> Held | None:
    """A product with the user's entitlements to it, past ones included; None: no product has the id."""
    rows = await conn.fetch(HELD, user_id, product_id, livemode, grace)
    if not rows:
        return None
    return Held(
        product_id=product_id,
        product_type=rows[0]["held_type"],
        active=rows[0]["active"],
        file=rows[0]["file"],
        moment=rows[0]["moment"],
        entitlements=[entitlement_of(row) for row in rows if row["id"] is not None],
    )


def entitlement_of(row: asyncpg.Record) -> Entitlement:
    """From the columns of `ENTITLEMENT`."""
    return Entitlement(**{each.name: row[each.name] for each in fields(Entitlement)})


async def purchase(conn: Connection, purchase_id: UUID, *, livemode: bool, grace: timedelta) -> Purchase | None:
    """One purchase."""
    row = await conn.fetchrow(PURCHASE, livemode, grace, purchase_id)
    return _purchase(row) if row else None


async def purchases(
    conn: Connection,
    user_id: UUID | None,
    *,
    livemode: bool,
    grace: timedelta,
    kind: str | None,
    after: Position | None,
    limit: int,
) -> list[Purchase]:
    """A user's purchases, or everybody's, the newest first."""
    moment, last = (after.created_at, after.id) if after else (None, None)
    return [_purchase(row) for row in await conn.fetch(PURCHASES, livemode, grace, user_id, kind, moment, last, limit)]


def _purchase(row: asyncpg.Record) -> Purchase:
    found = dict(row)
    ends_at, moment = found.pop("open_until"), found.pop("moment")
    unit, count = found.pop("period_unit"), found.pop("period_count")
    found["status"] = purchase_status(row["status"], ends_at, moment, cancelled=bool(row["cancels"]))
    is_renewed = row["product_type"] == "subscription"
    return Purchase(**found, period=Period(unit=unit, count=count) if is_renewed else None)
