"""Members' purchases in tests, and what the members got for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

from support.credits import assert_books_agree
from support.members import STRIPE, Member
from support.sandbox import Sandbox

LEDGER = """
SELECT delta, reason, plan_type, ref, stripe_payment_id, stripe_price_id, stripe_event_id,
       metadata ->> 'payment' AS payment
FROM credits_transactions WHERE user_id = $1 ORDER BY id
"""
CUSTOMER = "SELECT customer_id FROM customers WHERE user_id = $1 AND deleted_at IS NULL"


async def changes(conn: asyncpg.Connection, user: UUID) -> list[tuple[int, str]]:
    """The user's rows in the ledger, which agree with the account."""
    await assert_books_agree(conn)
    return [(row["delta"], row["reason"]) for row in await conn.fetch(LEDGER, user)]


async def rows(conn: asyncpg.Connection, user: UUID) -> list[dict[str, Any]]:
    return [dict(row) for row in await conn.fetch(LEDGER, user)]


async def customer_of(conn: asyncpg.Connection, member: Member) -> str:
    found: str = await conn.fetchval(CUSTOMER, member.id)
    return found


async def post(sandbox: Sandbox, path: str, **form: Any) -> Any:
    """A call by which somebody else makes something in the account, as in Stripe's dashboard."""
    return await sandbox.ask("POST", f"/v1/{path}", data=form, headers=STRIPE)


async def session_for(sandbox: Sandbox, customer: str, *items: tuple[str, int], mode: str = "payment") -> str:
    """A session that was made without us."""
    form: dict[str, Any] = {"mode": mode, "customer": customer, "success_url": "https://www.example.com/"}
    for number, (price, quantity) in enumerate(items):
        form |= {f"line_items[{number}][price]": price, f"line_items[{number}][quantity]": str(quantity)}
    made = await post(sandbox, "checkout/sessions", **form)
    session: str = made["id"]
    return session


async def intent_of(conn: asyncpg.Connection, payment: str) -> str:
    """The PaymentIntent of the payment's charge."""
    found: str = await conn.fetchval(
        "SELECT provider_ref FROM settlements WHERE payment_id = $1::uuid AND kind = 'charge'", payment
    )
    return found


async def refund(sandbox: Sandbox, intent: str, amount: int | None = None) -> str:
    made = await post(sandbox, "refunds", payment_intent=intent, **({"amount": str(amount)} if amount else {}))
    found: str = made["id"]
    return found
