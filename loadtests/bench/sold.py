"""Purchases of members: the rows that are there before, Stripe's events, its invoices and its subscriptions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from bench.open_loop import Message
from bench.signed import stamped

from hingecraft.providers.stripe.metadata import CHECKOUT, INTENT

PACK, PACK_CREDITS = "price_QUICK_SCAN", 50
PLAN, PLAN_CREDITS = "price_BASIC_MONTHLY", 100
_CUSTOMERS = """
INSERT INTO customers (user_id, livemode, number, customer_id, idempotency_key)
SELECT id, false, 1, 'cus_' || replace(id::text, '-', ''), 'bench_' || id FROM unnest($1::uuid[]) AS id
"""
_CHECKOUTS = """
WITH sold AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, source, purpose, user_id)
    SELECT id, 5, 'USD', 'USD', 'pending', 'stripe', false, 'credits', 'credits', user_id
    FROM unnest($1::uuid[], $2::uuid[]) AS t (id, user_id) RETURNING id
)
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, status, kind,
                               idempotency_key, request, provider_url, livemode)
SELECT id, 'stripe', 'stripe', 'cs_test_' || id, 'USD', 5, 'pending', 'single', id::text, $3::jsonb, 'https://x', false
FROM sold
"""
_INTENTS = """
WITH sold AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, source, purpose, user_id,
                          product)
    SELECT id, 5, 'USD', 'USD', 'pending', 'stripe', false, 'purchase', 'purchase', user_id, $3
    FROM unnest($1::uuid[], $2::uuid[]) AS t (id, user_id) RETURNING id
)
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, status, kind,
                               idempotency_key, request, livemode)
SELECT id, 'stripe', 'stripe', 'pi_' || replace(id::text, '-', ''), 'USD', 5, 'pending', 'single', id::text,
       '{"capture_method": "automatic"}', false
FROM sold
"""
_REQUEST = json.dumps({"mode": "payment", "line_items": [{"price": PACK, "quantity": 1}]})
_AT_ONCE = 1000
# Stripe's objects are larger than what is read of them.
_PADDING = {f"field_{number}": None for number in range(60)}


def members(number: int) -> list[UUID]:
    return [UUID(int=0x1000 + each) for each in range(number)]


async def customers(conn: asyncpg.Connection, users: Sequence[UUID]) -> None:
    """Each member's customer at Stripe."""
    await conn.execute(_CUSTOMERS, users)
    await conn.execute("ANALYZE customers")


async def packs(conn: asyncpg.Connection, users: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """A checkout of a pack for each of them, as payment and user."""
    sold = [(uuid.uuid4(), user) for user in users]
    for first in range(0, len(sold), _AT_ONCE):
        payments, buyers = zip(*sold[first : first + _AT_ONCE], strict=True)
        await conn.execute(_CHECKOUTS, payments, buyers, _REQUEST)
    await conn.execute("ANALYZE payments; ANALYZE external_payments")
    return sold


def paid_pack(payment: UUID, user: UUID) -> Message:
    """The event of a session that was paid."""
    metadata = {"payment_id": str(payment), "userId": str(user), "planType": "credits", "source": "credits",
                "purpose": "credits"}  # fmt: skip
    session = {
        "id": f"cs_test_{payment}", "object": "checkout.session", "mode": "payment", "livemode": False,
        "currency": "usd", "amount_total": 500, "amount_subtotal": 500, "status": "complete", "payment_status": "paid",
        "payment_intent": f"pi_{payment.hex}", "payment_link": None, "client_reference_id": str(user),
        "customer": f"cus_{user.hex}", "metadata": metadata, **_PADDING,
    }  # fmt: skip
    return _event("checkout.session.completed", session, payment.hex)


def paid_invoice(user: UUID, number: int, kind: str = "invoice.paid") -> Message:
    """The event of a renewal; Stripe tells it under two names."""
    invoice_id = f"in_{user.hex}{number:08x}"
    return _event(kind, invoice(invoice_id), f"{invoice_id}_{kind}")


def invoice(invoice_id: str, *, payments: bool = False) -> dict[str, Any]:
    """A renewal of a plan, paid by card. Its id says whose it is. Events never carry the payments."""
    now = int(time.time())
    user, subscription = UUID(invoice_id[3:35]), f"sub_{invoice_id[3:35]}"
    found: dict[str, Any] = {
        "id": invoice_id, "object": "invoice", "livemode": False, "currency": "usd", "status": "paid",
        "billing_reason": "subscription_cycle", "customer": f"cus_{user.hex}", "created": now,
        "amount_due": 900, "amount_paid": 900, "amount_remaining": 0, "subtotal": 900, "total": 900,
        "starting_balance": 0, "ending_balance": 0, "metadata": {}, "total_discount_amounts": [],
        "parent": {
            "type": "subscription_details", "subscription_details": {"subscription": subscription, "metadata": {}}
        },
        "lines": {"object": "list", "has_more": False, "data": [_line(invoice_id, subscription, now)]}, **_PADDING,
    }  # fmt: skip
    if payments:
        paid_by = {"type": "payment_intent", "payment_intent": f"pi_{invoice_id[3:]}"}
        payment = {"id": f"inpay_{invoice_id[3:]}", "object": "invoice_payment", "amount_paid": 900, "status": "paid",
                   "currency": "usd", "invoice": invoice_id, "payment": paid_by}  # fmt: skip
        found["payments"] = {"object": "list", "has_more": False, "data": [payment]}
    return found


def _line(invoice_id: str, subscription: str, now: int) -> dict[str, Any]:
    details = {"invoice_item": None, "proration": False, "subscription": subscription}
    return {
        "id": f"il_{invoice_id[3:]}", "object": "line_item", "amount": 900, "currency": "usd", "quantity": 1,
        "discount_amounts": [], "metadata": {}, "period": {"start": now, "end": now + 30 * 86_400},
        "pricing": {"type": "price_details", "price_details": {"price": PLAN, "product": "prod_bench"}},
        "parent": {
            "type": "subscription_item_details", "invoice_item_details": None, "subscription_item_details": details
        },
    }  # fmt: skip


def _event(kind: str, subject: dict[str, Any], name: str) -> Message:
    return stamped({"id": f"evt_{name}", "object": "event", "type": kind, "livemode": False,
                    "created": int(time.time()), "data": {"object": subject}})  # fmt: skip


async def intents(conn: asyncpg.Connection, product: UUID, users: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """An open payment of the product for each of them, as payment and user: a user has one at a time."""
    sold = [(uuid.uuid4(), user) for user in users]
    for first in range(0, len(sold), _AT_ONCE):
        payments, buyers = zip(*sold[first : first + _AT_ONCE], strict=True)
        await conn.execute(_INTENTS, payments, buyers, str(product))
    await conn.execute("ANALYZE payments; ANALYZE external_payments")
    return sold


def paid_intent(payment: UUID, user: UUID) -> Message:
    """The event of a payment on our own page that succeeded."""
    metadata = {"payment_id": str(payment), "userId": str(user), "source": "purchase", "purpose": "purchase",
                CHECKOUT: INTENT}  # fmt: skip
    intent = {
        "id": f"pi_{payment.hex}", "object": "payment_intent", "livemode": False, "currency": "usd", "amount": 500,
        "amount_received": 500, "status": "succeeded", "customer": f"cus_{user.hex}", "metadata": metadata, **_PADDING,
    }  # fmt: skip
    return _event("payment_intent.succeeded", intent, payment.hex)


def changed_subscription(user: UUID, number: int) -> Message:
    """The event of a subscription that was renewed."""
    subscription_id = f"sub_{user.hex}"
    return _event("customer.subscription.updated", subscription(subscription_id), f"{subscription_id}{number:08x}")


def subscription(subscription_id: str) -> dict[str, Any]:
    """A running plan, whose id says whose it is."""
    now = int(time.time())
    item = {"id": f"si_{subscription_id[4:]}", "price": {"id": PLAN, "product": "prod_bench"},
            "current_period_start": now, "current_period_end": now + 30 * 86_400}  # fmt: skip
    return {
        "id": subscription_id, "object": "subscription", "livemode": False, "customer": f"cus_{subscription_id[4:]}",
        "created": now, "status": "active", "metadata": {}, "latest_invoice": None, "cancel_at_period_end": False,
        "items": {"object": "list", "has_more": False, "data": [item]}, **_PADDING,
    }  # fmt: skip
