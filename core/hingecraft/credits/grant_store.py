"""Reads what grants and taking back need: offers, what was sold, grants of payments, customers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hingecraft.credits.grants import Offer
from hingecraft.credits.taking_back import Granted
from hingecraft.db.connection import Connection
from hingecraft.providers.findings import Line

OFFERS = """
SELECT price_id, credits, plan_type, reason, unit_amount AS amount, unit_currency AS currency
FROM credit_prices WHERE price_id = ANY ($1::text[])
"""
# The parameters that our own checkouts were made with.
SOLD = """
SELECT payment_id, currency, request -> 'line_items' AS items FROM external_payments
WHERE payment_id = ANY ($1::uuid[]) AND kind = 'single' AND request ->> 'mode' = 'payment' AND request ? 'line_items'
"""
# What add_user_credits has granted for the event, by the same lock as it takes.
HOLD_EVENTS = """
SELECT pg_advisory_xact_lock(hashtextextended('grant:' || event, 0))
FROM (SELECT DISTINCT event FROM unnest($1::text[]) AS e (event) ORDER BY event) AS events
"""
GRANTED_BEFORE = """
SELECT stripe_event_id, stripe_price_id FROM credits_transactions
WHERE stripe_event_id = ANY ($1::text[]) AND delta > 0
"""
# The grants of payments, each with what was taken of it: rows that take or give back name their grant.
GRANTS = """
WITH rows AS (
    SELECT id, user_id, stripe_payment_id, stripe_price_id, delta, reason, plan_type,
           (metadata ->> 'grant')::bigint AS grant_id
    FROM credits_transactions WHERE stripe_payment_id = ANY ($1::text[])
)
SELECT g.stripe_payment_id AS payment, g.id, g.user_id, g.delta AS credits, g.reason, g.plan_type,
       g.stripe_price_id AS price_id, -coalesce(sum(t.delta), 0)::int AS taken
FROM rows g LEFT JOIN rows t ON t.grant_id = g.id
WHERE g.grant_id IS NULL AND g.delta > 0
GROUP BY g.id, g.user_id, g.stripe_payment_id, g.stripe_price_id, g.delta, g.reason, g.plan_type ORDER BY g.id
"""
OF_CUSTOMER = "SELECT user_id FROM customers WHERE customer_id = $1 AND livemode = $2"
IS_OURS = "SELECT EXISTS (SELECT FROM installation WHERE id::text = $1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantKey:
    """An event and a price, for which `add_user_credits` grants once."""

    event: str
    price_id: str | None


async def offers(conn: Connection, prices: Collection[str]) -> dict[str, Offer]:
    """The rows of these prices, whether they are still sold or not; without those that nobody has entered."""
    rows = await conn.fetch(OFFERS, list(prices)) if prices else []
    return {row["price_id"]: Offer(**dict(row)) for row in rows}


async def sold(conn: Connection, payment_ids: Collection[UUID]) -> dict[UUID, tuple[Line, ...]]:
    """The lines of our own checkouts, by payment."""
    rows = await conn.fetch(SOLD, list(payment_ids)) if payment_ids else []
    return {row["payment_id"]: _lines(json.loads(row["items"]), row["currency"]) for row in rows}


def _lines(items: Sequence[Mapping[str, object]], currency: str) -> tuple[Line, ...]:
    return tuple(
        Line(
            ref=str(number),
            price=str(item["price"]) if item.get("price") else None,
            quantity=int(str(item.get("quantity", 1))),
            currency=currency,
        )
        for number, item in enumerate(items, 1)
    )


async def granted_before(conn: Connection, events: Collection[str]) -> set[GrantKey]:
    """The grants of these events so far; nobody else grants for them until this transaction ends."""
    await conn.execute(HOLD_EVENTS, list(events))
    rows = await conn.fetch(GRANTED_BEFORE, list(events))
    return {GrantKey(event=row["stripe_event_id"], price_id=row["stripe_price_id"]) for row in rows}


async def grants(conn: Connection, stripe_payments: Collection[str]) -> dict[str, list[Granted]]:
    """The grants of PaymentIntents."""
    found: dict[str, list[Granted]] = {}
    for row in await conn.fetch(GRANTS, list(stripe_payments)) if stripe_payments else []:
        each = dict(row)
        found.setdefault(each.pop("payment"), []).append(Granted(**each))
    return found


async def user_of_customer(conn: Connection, customer_id: str, *, livemode: bool) -> UUID | None:
    """The user of a customer, also of one that Stripe has deleted since."""
    found: UUID | None = await conn.fetchval(OF_CUSTOMER, customer_id, livemode)
    return found


async def is_ours(conn: Connection, installation: str) -> bool:
    """Whether metadata with this installation was written by this database."""
    return bool(await conn.fetchval(IS_OURS, installation))
