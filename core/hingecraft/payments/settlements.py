"""Settlements: one row for each movement of money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ConflictError, InvalidError
from hingecraft.money.model import plain
from hingecraft.payments.books import Books, locked
from hingecraft.payments.ledger import BookedPayment, UnknownPaymentError
from hingecraft.payments.model import Status, unknown_payment
from hingecraft.payments.writing import Cause
from hingecraft.providers import wallet
from hingecraft.providers.findings import CheckoutStatus, Finding, Money

# However the hash is written: `hc_transaction_key` makes one of its spellings.
WORTH = """
SELECT usd_amount FROM settlements WHERE payment_id = $1 AND kind = 'manual' AND provider_ref = hc_transaction_key($2)
"""
COUNTED = """
SELECT EXISTS (SELECT FROM settlements WHERE provider = 'wallet' AND kind = 'manual'
               AND hc_transaction_key(provider_ref) = hc_transaction_key($1))
"""
OF_PAYMENT = """
SELECT id, created_at, provider, livemode, kind, provider_ref, amount, currency, usd_amount, corrects, reason
FROM settlements WHERE payment_id = $1 ORDER BY created_at, id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A deposit that an admin has found on the chain."""

    tx_hash: str
    amount: Decimal
    coin: str
    note: str | None


async def confirm(
    database: Database, books: Books, payment_id: UUID, deposit: Deposit, *, actor: str, request_id: str
) -> Mapping[str, Any]:
    """Complete a payment to a wallet, which an admin has seen on the chain: no provider reports it."""
    async with database.transaction() as conn:
        payment = await _awaiting(conn, payment_id, deposit)
        finding = Finding(
            provider=wallet.NAME,
            livemode=payment.livemode is not False,
            told_by="an admin",
            payment_id=payment_id,
            checkout_status=CheckoutStatus.PAID,
            money=(Money(kind="manual", ref=deposit.tx_hash, amount=deposit.amount, currency=deposit.coin),),
            fresh=True,
            details={
                "txHash": deposit.tx_hash,
                "amount": plain(deposit.amount),
                "coin": deposit.coin,
                "note": deposit.note,
            },
        )
        await books.record(conn, finding, Cause(actor=actor, action="payment_confirmed", request_id=request_id))
        return {"usdAmount": await conn.fetchval(WORTH, payment_id, deposit.tx_hash)}


async def _awaiting(conn: Connection, payment_id: UUID, deposit: Deposit) -> BookedPayment:
    try:
        payment = await locked(conn, payment_id)
    except UnknownPaymentError:
        raise unknown_payment() from None
    if payment.provider != wallet.NAME:
        raise ConflictError("not_a_wallet", "Only wallet payments can be confirmed by hand.")
    if deposit.coin != payment.currency:
        raise InvalidError(
            "wrong_coin",
            f"This payment is waiting for {payment.currency}, not {deposit.coin}.",
            fields={"coin": f"must be {payment.currency}"},
        )
    if payment.status not in {Status.AWAITING_CONFIRMATION, Status.EXPIRED}:
        raise ConflictError("not_awaiting", f"This payment is {payment.status} and needs no confirmation.")
    if await conn.fetchval(COUNTED, deposit.tx_hash):
        raise ConflictError("hash_counted", "This transaction hash has already been recorded.")
    return payment


async def of_payment(conn: Connection, payment_id: UUID) -> list[dict[str, Any]]:
    """The settlements of one payment."""
    return [dict(row) for row in await conn.fetch(OF_PAYMENT, payment_id)]
