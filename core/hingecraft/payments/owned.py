"""Finds or creates the payment of a customer's invoice, or of a session that nobody here has opened.

A system says whose money it is (`purpose.Owner`). An invoice is a checkout of its payment: that of a subscription's
first one is the payment whose checkout made the subscription, and each other invoice has a payment of its own.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.errors import AskFirstError, ForeignError
from hingecraft.payments import origins
from hingecraft.payments.purpose import Owner, Purposes
from hingecraft.providers.findings import Finding, Stands

RENEWAL, ELSEWHERE = "renewal", "dashboard"
OF_CHECKOUT = "SELECT payment_id FROM external_payments WHERE provider = $1 AND provider_id = $2 AND kind <> 'standing'"
CREATE = """
INSERT INTO payments (id, amount, currency, price_currency, status, provider, provider_id, source, livemode, purpose,
                      user_id, created_at, updated_at)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, now(), now())
"""
ADD_CHECKOUT = """
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, price_currency, status,
                               kind, idempotency_key, request, livemode, updated_at)
SELECT p.id, $2, $2, $3, p.currency, p.amount, p.price_currency, 'completed', $4, $3, '{}', $5, now()
FROM payments p WHERE p.id = $1
ON CONFLICT (provider, provider_id) DO NOTHING
"""
INVOICE, SESSION = "invoice", "single"
_NOBODYS = "nobody here has its customer"


async def payment_of(conn: Connection, finding: Finding, purposes: Purposes) -> UUID | None:
    """The payment of an invoice, or of a known customer's session; None where only a link or a reference can say."""
    checkout = finding.invoice_id or finding.checkout_id
    if checkout is None or finding.customer is None:
        return None
    payment_id: UUID | None = await conn.fetchval(OF_CHECKOUT, finding.provider, checkout)
    if payment_id is not None:
        return payment_id
    if finding.link_id is not None and await _is_our_link(conn, finding):
        return None
    owner = await purposes.owner_of(conn, finding)
    if owner is None:
        if finding.link_id is not None:
            return None
        raise ForeignError(_NOBODYS)
    origins.require_readable(finding)
    if not finding.fresh:
        raise AskFirstError("the provider is asked what was sold")
    return await _create(conn, finding, checkout, owner)


async def _is_our_link(conn: Connection, finding: Finding) -> bool:
    marked = finding.link is not None and finding.link.key is not None
    return marked or await origins.is_saved(conn, finding)


async def keep_invoice(conn: Connection, finding: Finding, payment_id: UUID) -> None:
    """Remember which payment an invoice has, so that its other events and its refunds find it."""
    if finding.fresh and finding.invoice_id is not None and finding.stands is Stands.PAID:
        await conn.execute(ADD_CHECKOUT, payment_id, finding.provider, finding.invoice_id, INVOICE, finding.livemode)


async def _create(conn: Connection, finding: Finding, checkout: str, owner: Owner) -> UUID:
    """Two events of one invoice must not create two payments."""
    if finding.stands is not Stands.PAID:
        raise ForeignError("it has not been paid")
    await conn.execute(origins.ONE_AT_A_TIME, f"{finding.provider}:{checkout}")
    existing: UUID | None = await conn.fetchval(OF_CHECKOUT, finding.provider, checkout)
    if existing is not None:
        return existing
    came = next(iter(finding.money), None)
    price = finding.price or came
    lines = finding.lines or ()
    currency = price.currency if price is not None else lines[0].currency
    payment_id = uuid.uuid4()
    await conn.execute(
        CREATE, payment_id, price.amount if price is not None else Decimal(0), currency, currency, finding.provider,
        checkout, RENEWAL if finding.invoice_id is not None else ELSEWHERE, finding.livemode, owner.purpose,
        owner.user_id,
    )  # fmt: skip
    if finding.invoice_id is None:
        await conn.execute(ADD_CHECKOUT, payment_id, finding.provider, checkout, SESSION, finding.livemode)
    return payment_id
