"""Purchases of members by our rows and by Stripe's objects, which must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from support.sandbox import Sandbox

PAYMENTS = """
SELECT p.source, p.status, p.amount, p.currency,
    ARRAY(SELECT concat_ws(' ', kind, trim_scale(amount), currency, trim_scale(usd_amount))
          FROM settlements WHERE payment_id = p.id ORDER BY 1) AS settlements,
    ARRAY(SELECT status FROM external_payments WHERE payment_id = p.id ORDER BY 1) AS checkouts,
    ARRAY(SELECT concat_ws(' ', action, details ->> 'because') FROM payment_audit WHERE payment_id = p.id
          AND action LIKE 'access%' ORDER BY id) AS access,
    ARRAY(SELECT concat_ws(' ', coalesce(revoked_because, 'given'), downloads_used, download_limit)
          FROM entitlements WHERE payment_id = p.id) AS entitlements
FROM payments p WHERE p.user_id = $1 ORDER BY p.source, p.status, p.amount, p.created_at
"""
HELD = """
SELECT ARRAY(SELECT concat_ws(' ', status, trim_scale(amount), currency, subscription_id IS NOT NULL) FROM purchases
             WHERE user_id = $1 ORDER BY 1) AS purchases,
       ARRAY(SELECT concat_ws(' ', status, cancel_at_period_end) FROM subscriptions WHERE user_id = $1 ORDER BY 1)
           AS subscriptions,
       (SELECT count(*) FROM downloads WHERE user_id = $1) AS downloads,
       (SELECT count(*) FROM customers WHERE user_id = $1 AND customer_id IS NOT NULL) AS customers
"""
# By the PaymentIntent of each charge: its money, and the access that it gave.
CHARGED = """
SELECT c.provider_ref AS intent, p.status, p.user_id, sum(s.amount) AS left,
       count(*) FILTER (WHERE s.kind = 'charge') AS charges,
       (SELECT count(*) FROM entitlements e WHERE e.payment_id = p.id) AS entitlements,
       (SELECT e.revoked_because FROM entitlements e WHERE e.payment_id = p.id) AS revoked
FROM settlements c JOIN payments p ON p.id = c.payment_id JOIN settlements s ON s.payment_id = p.id
WHERE c.kind = 'charge' AND p.user_id IS NOT NULL GROUP BY c.provider_ref, p.id
"""
UNPAID_ACCESS = """
SELECT e.payment_id::text FROM entitlements e
WHERE NOT EXISTS (SELECT FROM settlements s WHERE s.payment_id = e.payment_id AND s.kind = 'charge')
"""
UNFINISHED = """
SELECT e.id::text FROM external_payments e JOIN payments p ON p.id = e.payment_id
WHERE p.user_id IS NOT NULL AND e.status IN ('creating', 'unknown')
"""
CUSTOMERS = "SELECT user_id, customer_id FROM customers WHERE customer_id IS NOT NULL"
COPIES = "SELECT id, status, cancel_at_period_end FROM subscriptions"
KINDS = ("customers", "payment_intents", "charges", "refunds", "disputes", "invoices", "invoice_payments")


class Account:
    """All objects of the account at Stripe, read once."""

    def __init__(self, objects: dict[str, list[dict[str, Any]]]) -> None:
        self._objects = objects

    @classmethod
    async def read(cls, sandbox: Sandbox) -> Account:
        found = {kind: await objects_of(sandbox, kind) for kind in KINDS}
        return cls({**found, "subscriptions": await objects_of(sandbox, "subscriptions", status="all")})

    def all(self, kind: str, **wanted: Any) -> list[dict[str, Any]]:
        return [each for each in self._objects[kind] if all(each.get(name) == value for name, value in wanted.items())]

    def customers_of(self, user: UUID) -> list[str]:
        return [each["id"] for each in self.all("customers") if each["metadata"].get("userId") == str(user)]

    def held_by(self, user: UUID) -> dict[str, Any]:
        """The objects of a user at Stripe."""
        customers = self.customers_of(user)

        def of_them(kind: str) -> list[dict[str, Any]]:
            return [each for each in self.all(kind) if each["customer"] in customers]

        return {
            "customers at Stripe": len(customers),
            "intents": sorted((each["status"], each["amount_received"]) for each in of_them("payment_intents")),
            "subscriptions at Stripe": sorted(
                (each["status"], each["cancel_at_period_end"]) for each in of_them("subscriptions")
            ),
            "invoices": sorted((each["status"], each["amount_paid"]) for each in of_them("invoices")),
        }

    def stands(self, charge: dict[str, Any]) -> tuple[Decimal, str | None]:
        """The remaining amount of a charge, and why its access has ended."""
        refunded = sum(
            each["amount"]
            for each in self.all("refunds", payment_intent=charge["payment_intent"])
            if each["status"] == "succeeded"
        )
        moves = [
            sum(move["amount"] for move in each["balance_transactions"])
            for each in self.all("disputes", payment_intent=charge["payment_intent"])
        ]
        because = "disputed" if any(moves) else None
        because = "refunded" if refunded == charge["amount"] else because
        return Decimal(charge["amount"] - refunded + sum(moves)) / 100, because


async def objects_of(sandbox: Sandbox, kind: str, **wanted: str) -> list[dict[str, Any]]:
    """All of them, the newest first."""
    found: list[dict[str, Any]] = []
    more = True
    query = "".join(f"&{name}={value}" for name, value in wanted.items())
    while more:
        after = f"&starting_after={found[-1]['id']}" if found else ""
        page = await sandbox.stripe(f"{kind}?limit=100{query}{after}")
        found += page["data"]
        more = page["has_more"]
    return found


async def held_by(conn: asyncpg.Connection, account: Account, user: UUID) -> dict[str, Any]:
    """All that is the same whenever the same was bought once."""
    held = await conn.fetchrow(HELD, user)
    assert held is not None
    payments = [dict(row) for row in await conn.fetch(PAYMENTS, user)]
    return {"payments": payments, **held, **account.held_by(user)}


async def assert_purchases_agree(conn: asyncpg.Connection, account: Account) -> None:
    """Nothing was charged twice or gave access twice, all that was paid did, and nothing else."""
    owners = {row["customer_id"]: row["user_id"] for row in await conn.fetch(CUSTOMERS)}
    rows = {row["intent"]: row for row in await conn.fetch(CHARGED)}
    charges = [each for each in account.all("charges", paid=True) if each["customer"] in owners]
    booked, charged = Counter(rows.keys()), Counter(each["payment_intent"] for each in charges)
    assert booked == charged, ([account.all("payment_intents", id=name) for name in charged - booked], booked - charged)
    for each in charges:
        row = rows[each["payment_intent"]]
        left, because = account.stands(each)
        assert (row["charges"], row["left"], row["user_id"]) == (1, left, owners[each["customer"]]), dict(row)
        assert (row["entitlements"], row["revoked"]) == (1, because), dict(row)
    assert [row[0] for row in await conn.fetch(UNPAID_ACCESS)] == []
    assert [row[0] for row in await conn.fetch(UNFINISHED)] == []
    await _assert_copies_agree(conn, account.all("subscriptions"))


async def _assert_copies_agree(conn: asyncpg.Connection, subscriptions: Sequence[dict[str, Any]]) -> None:
    copies = {row["id"]: (row["status"], row["cancel_at_period_end"]) for row in await conn.fetch(COPIES)}
    theirs = {each["id"]: (each["status"], each["cancel_at_period_end"]) for each in subscriptions}
    assert copies == {name: theirs[name] for name in copies}
    paid = {each["id"] for each in subscriptions if each["status"] in {"active", "past_due", "unpaid"}}
    assert paid <= copies.keys(), "each subscription that was paid is known"
