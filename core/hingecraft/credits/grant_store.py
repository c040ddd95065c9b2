"""Reads what grants and taking back need, and writes them: offers, what was sold, grants of payments, customers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft import audit
from hingecraft.credits import store
from hingecraft.credits.grants import Offer
from hingecraft.credits.model import Entry, Written
from hingecraft.credits.taking_back import Granted
from hingecraft.db.connection import Connection
from hingecraft.providers.findings import Line

# In one statement: the mode of the credits; deleted users; the parameters that our own checkouts were made with; the
# prices that these and $3 name; and what `add_user_credits` has granted for the events, as it is after their locks are
# taken. Until the transaction ends, it grants nothing for them, and test-mode credits do not go live if $5.
READ = """
WITH sold AS MATERIALIZED (
    SELECT payment_id, currency, request -> 'line_items' AS items FROM external_payments
    WHERE payment_id = ANY ($2::uuid[]) AND kind = 'single' AND request ->> 'mode' = 'payment'
      AND request ? 'line_items'
)
SELECT coalesce(
        (SELECT credits_livemode FROM installation WHERE $5 AND credits_livemode IS NOT NULL FOR SHARE),
        (SELECT credits_livemode FROM installation)
    ) AS livemode,
    ARRAY(SELECT user_id FROM deleted_users WHERE user_id = ANY ($1::uuid[])) AS deleted,
    ARRAY(SELECT ROW(payment_id, currency, items::text) FROM sold) AS sold,
    ARRAY(
        SELECT ROW(price_id, credits, plan_type, reason, unit_amount, unit_currency) FROM credit_prices
        WHERE price_id = ANY ($3::text[])
           OR price_id IN (SELECT item ->> 'price' FROM sold, jsonb_array_elements(sold.items) AS item)
    ) AS offers,
    ARRAY(SELECT ROW(event, price_id) FROM hc_hold_grants($4::text[])) AS granted
"""
OFFERS = """
SELECT price_id, credits, plan_type, reason, unit_amount AS amount, unit_currency AS currency
FROM credit_prices WHERE price_id = ANY ($1::text[])
"""
# The rows of the ledger, and one row in the audit log for each change of a payment ($8 says whose each row is).
WRITE = """
WITH written AS MATERIALIZED (
    SELECT place, outcome, transaction_id, balance FROM hc_write_credits($1::jsonb)
), changed AS (
    SELECT r.change, jsonb_agg(r.details || jsonb_build_object('balance', w.balance) ORDER BY w.place) AS rows
    FROM written w JOIN unnest($7::jsonb[], $8::int[]) WITH ORDINALITY AS r (details, change, place) USING (place)
    WHERE w.outcome = 'written' GROUP BY r.change
), audited AS (
    INSERT INTO payment_audit (actor, action, payment_id, request_id, details)
    SELECT t.actor, t.action, t.payment_id, t.request_id, t.details || jsonb_build_object('rows', c.rows)
    FROM unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::jsonb[]) WITH ORDINALITY
        AS t (actor, action, payment_id, request_id, details, change)
    JOIN changed c USING (change)
)
SELECT outcome, transaction_id, balance FROM written ORDER BY place
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantKey:
    """An event and a price, for which `add_user_credits` grants once."""

    event: str
    price_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFacts:
    """The facts that decide about grants."""

    # Whether the credits are live; None before the first sale.
    livemode: bool | None
    # Users that an admin has deleted.
    deleted: frozenset[UUID]
    # The lines of our own checkouts, by payment.
    sold: Mapping[UUID, Sequence[Line]]
    # The rows of prices, whether they are still sold or not; without those that nobody has entered.
    offers: Mapping[str, Offer]
    # What `add_user_credits` has granted for the events.
    granted: frozenset[GrantKey]


@dataclass(frozen=True, slots=True)
class Explained:
    """A row of the ledger, and what the audit log says about it."""

    entry: Entry
    details: Mapping[str, Any]


async def offers(conn: Connection, prices: Collection[str]) -> dict[str, Offer]:
    """The rows of these prices, whether they are still sold or not; without those that nobody has entered."""
    rows = await conn.fetch(OFFERS, list(prices)) if prices else []
    return {row["price_id"]: Offer(**dict(row)) for row in rows}


async def read(
    conn: Connection, *, users: Collection[UUID], payments: Collection[UUID], prices: Collection[str],
    events: Collection[str], test: bool,
) -> GrantFacts:  # fmt: skip
    """The facts about these; for the payments of our own checkouts, also about the prices of their lines.

    Nobody else grants for the events until the transaction ends. If it is about money of test mode, the credits do not
    go live either.
    """
    row = await conn.fetchrow(READ, list(users), list(payments), list(prices), list(events), test)
    assert row is not None
    return GrantFacts(
        livemode=row["livemode"],
        deleted=frozenset(row["deleted"]),
        sold={payment_id: _lines(json.loads(items), currency) for payment_id, currency, items in row["sold"]},
        offers={each[0]: _offer(*each) for each in row["offers"]},
        granted=frozenset(GrantKey(event=event, price_id=price_id) for event, price_id in row["granted"]),
    )


def _offer(price_id: str, credits_: int, plan_type: str, reason: str, amount: Decimal, currency: str) -> Offer:
    return Offer(
        price_id=price_id, credits=credits_, plan_type=plan_type, reason=reason, amount=amount, currency=currency
    )


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


async def write(conn: Connection, changes: Sequence[tuple[audit.Row, Sequence[Explained]]]) -> list[Written]:
    """Write the rows of changes of payments, and one row in the audit log for each change that has written any.

    The audit row's `details` get `rows`: those that were written, each with the balance after it.
    """
    rows = [each for _, explained in changes for each in explained]
    of_changes = [number for number, (_, explained) in enumerate(changes, 1) for _ in explained]
    audited = audit.columns([row for row, _ in changes])
    return await store.written(
        conn, WRITE, [each.entry for each in rows], *audited, [json.dumps(each.details) for each in rows], of_changes
    )


async def grants(conn: Connection, stripe_payments: Collection[str]) -> dict[str, list[Granted]]:
    """The grants of PaymentIntents."""
    found: dict[str, list[Granted]] = {}
    for row in await conn.fetch(GRANTS, list(stripe_payments)) if stripe_payments else []:
        each = dict(row)
        found.setdefault(each.pop("payment"), []).append(Granted(**each))
    return found
