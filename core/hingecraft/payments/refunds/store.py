"""The table `refunds`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.payments.refunds.model import Refund, RefundRequest, State

_COLUMNS = """
r.id, r.payment_id, r.reference, r.amount, r.currency, r.reason, r.is_rest, r.state, r.request::text AS request,
r.provider_ref, r.failure, r.created_at, now() - r.created_at AS age,
CASE WHEN r.state = 'asked' AND r.failure IS NOT NULL THEN now() - r.updated_at END AS error_kept_for,
r.provider_ref IS NOT NULL AND EXISTS (
    SELECT FROM settlements s
    WHERE s.payment_id = r.payment_id AND s.kind = 'refund' AND s.provider_ref = r.provider_ref
) AS booked, r.provider_ref IS NOT NULL AND EXISTS (
    SELECT FROM settlements s
    WHERE s.payment_id = r.payment_id AND s.kind = 'refund_reversal' AND s.provider_ref = r.provider_ref
) AS undone
"""
OF_PAYMENT = f"SELECT {_COLUMNS} FROM refunds r WHERE r.payment_id = $1 ORDER BY r.created_at, r.id"
OF_REFERENCE = f"SELECT {_COLUMNS} FROM refunds r WHERE r.payment_id = $1 AND r.reference = $2"
UNANSWERED = f"""
SELECT {_COLUMNS} FROM refunds r JOIN payments p ON p.id = r.payment_id
WHERE r.state = 'asked' AND coalesce(p.livemode, true) = $1 AND r.created_at < now() - $2::interval
ORDER BY r.created_at LIMIT 200
"""
ASK = """
INSERT INTO refunds (id, payment_id, reference, amount, currency, reason, is_rest, request, requested_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)
"""
# While a refund is `asked`, `failure` is the error that Stripe keeps for its key, and `updated_at` is when that was
# first known.
KEEP_ERROR = """
UPDATE refunds SET failure = $2, updated_at = clock_timestamp()
WHERE id = $1 AND state = 'asked' AND failure IS NULL RETURNING true
"""
# The first answer stands: all answers are about the same refund.
ANSWER = """
UPDATE refunds SET state = $2, provider_ref = $3, failure = $4, updated_at = clock_timestamp()
WHERE id = $1 AND state = 'asked' RETURNING true
"""


async def of_payment(conn: Connection, payment_id: UUID) -> list[Refund]:
    """The refunds of a payment, in order."""
    return [_refund(row) for row in await conn.fetch(OF_PAYMENT, payment_id)]


async def of_reference(conn: Connection, payment_id: UUID, reference: str) -> Refund | None:
    """The refund of a payment that the reference names."""
    row = await conn.fetchrow(OF_REFERENCE, payment_id, reference)
    return _refund(row) if row else None


async def unanswered(conn: Connection, older: timedelta, *, livemode: bool) -> list[Refund]:
    """Refunds that Stripe has not answered."""
    return [_refund(row) for row in await conn.fetch(UNANSWERED, livemode, older)]


async def ask(
    conn: Connection,
    refund_id: UUID,
    wanted: RefundRequest,
    amount: Decimal,
    currency: str,
    request: Mapping[str, Any],
    actor: str,
) -> None:
    """Write it down before Stripe is called."""
    await conn.execute(
        ASK,
        refund_id,
        wanted.payment_id,
        wanted.reference,
        amount,
        currency,
        wanted.reason,
        wanted.amount is None,
        json.dumps(request),
        actor,
    )


async def answer(
    conn: Connection, refund_id: UUID, state: State, *, provider_ref: str | None, failure: str | None
) -> bool:
    """Write Stripe's answer; False if it is written already."""
    return bool(await conn.fetchval(ANSWER, refund_id, state, provider_ref, failure))


async def keep_error(conn: Connection, refund_id: UUID, failure: str) -> bool:
    """Write down that Stripe keeps an error for the key; False if that is known, or if Stripe has answered."""
    return bool(await conn.fetchval(KEEP_ERROR, refund_id, failure))


def _refund(row: asyncpg.Record) -> Refund:
    found = dict(row)
    return Refund(**{**found, "state": State(found["state"]), "request": json.loads(found["request"])})
