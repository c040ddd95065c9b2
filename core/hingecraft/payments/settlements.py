"""Money that has moved: one row for each movement, and the public total made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ConflictError, InvalidError, MissingError
from hingecraft.money.model import plain
from hingecraft.outbox import service as outbox
from hingecraft.payments import audit
from hingecraft.payments.model import Status, require_move

LOCK_PAYMENT = """
SELECT id, status, amount, coalesce(price_currency, currency) AS price_currency, hc_currency_key(currency) AS currency,
       provider, livemode
FROM payments WHERE id = $1 FOR UPDATE
"""
# A wallet's money is worth what its coin was worth that day, if anybody noted that down; dollars are dollars.
SETTLE = """
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
SELECT $1, $2, $3, $4, $5, $6, $7,
    CASE WHEN $7 = 'USD' THEN $6 ELSE $6 * (
        SELECT usd FROM fx_rates WHERE currency = $7 AND day = (now() AT TIME ZONE 'UTC')::date) END
ON CONFLICT ON CONSTRAINT settlements_movement_key DO NOTHING
RETURNING id, usd_amount
"""
COMPLETE = "UPDATE payments SET status = 'completed', reconciled = true, updated_at = now() WHERE id = $1"
CLOSE_CHECKOUTS = """
UPDATE external_payments SET status = 'completed', reconciled = true, updated_at = now()
WHERE payment_id = $1 AND provider = $2
"""
TOTAL = """
SELECT currency, sum(charges) AS charges, sum(amount) AS amount, sum(usd_amount) AS usd_amount,
       sum(unconverted) AS unconverted, max(updated_at) AS updated_at
FROM settlement_totals GROUP BY currency ORDER BY currency
"""
OF_PAYMENT = """
SELECT created_at, provider, livemode, kind, provider_ref, amount, currency, usd_amount
FROM settlements WHERE payment_id = $1 ORDER BY created_at, id
"""
_MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What somebody saw arrive on the chain."""

    tx_hash: str
    amount: Decimal
    coin: str
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotal:
    """All money of one currency, net of refunds."""

    currency: str
    charges: int
    amount: Decimal
    usd_amount: Decimal
    unconverted: Decimal
    updated_at: datetime


async def confirm(database: Database, payment_id: UUID, seen: Seen, request_id: str) -> Mapping[str, Any]:
    """A wallet payment was seen on the chain: an admin says so, since no provider ever will."""
    async with database.transaction() as conn:
        payment = await conn.fetchrow(LOCK_PAYMENT, payment_id)
        if payment is None:
            raise MissingError("unknown_payment", "There is no payment with this id.")
        if payment["provider"] != "wallet":
            raise ConflictError("not_a_wallet", "Only a wallet payment is confirmed by hand.")
        if seen.coin != payment["currency"]:
            raise InvalidError(
                "wrong_coin",
                f"This payment waits for {payment['currency']}, not {seen.coin}.",
                fields={"coin": f"must be {payment['currency']}"},
            )
        if payment["status"] not in {Status.AWAITING_CONFIRMATION, Status.EXPIRED}:
            raise ConflictError("not_awaiting", f"This payment is {payment['status']}: it waits for no confirmation.")
        require_move(Status(payment["status"]), Status.COMPLETED)
        settled = await _settle(conn, dict(payment), seen)
        await conn.execute(COMPLETE, payment_id)
        await conn.execute(CLOSE_CHECKOUTS, payment_id, payment["provider"])
        await audit.append(
            conn,
            actor="admin",
            action="payment_confirmed",
            request_id=request_id,
            payment_id=payment_id,
            txHash=seen.tx_hash,
            amount=plain(seen.amount),
            coin=seen.coin,
            note=seen.note,
        )
        await outbox.announce_payment(
            conn,
            "payment.completed",
            {
                "paymentId": str(payment_id),
                "status": Status.COMPLETED.value,
                "amount": Decimal(plain(payment["amount"])),
                "currency": payment["price_currency"],
            },
        )
    return {"usdAmount": settled["usd_amount"]}


async def _settle(conn: Connection, payment: Mapping[str, Any], seen: Seen) -> Mapping[str, Any]:
    settled = await conn.fetchrow(
        SETTLE,
        payment["id"],
        payment["provider"],
        payment["livemode"] is not False,
        _MANUAL,
        seen.tx_hash,
        seen.amount,
        seen.coin,
    )
    if settled is None:
        raise ConflictError("hash_counted", "This transaction hash was counted before: a hash counts once.")
    return dict(settled)


async def totals(database: Database) -> Sequence[CurrencyTotal]:
    """Everything that was settled, by currency."""
    async with database.connection() as conn:
        return [CurrencyTotal(**dict(row)) for row in await conn.fetch(TOTAL)]


async def of_payment(conn: Connection, payment_id: UUID) -> list[dict[str, Any]]:
    """The movements of one payment's money."""
    return [dict(row) for row in await conn.fetch(OF_PAYMENT, payment_id)]
