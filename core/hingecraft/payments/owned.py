"""Finds or creates the payment of a customer's invoice, or of a session that nobody here has opened.

A system says whose money it is (`purpose.Owner`). An invoice is a checkout of its payment: that of a subscription's
first one is the payment whose checkout made the subscription, and each other invoice has a payment of its own. So has
a first one whose metadata names a payment that cannot be its own: anybody with access to the account can copy metadata.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
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
INSERT INTO external_payments AS e (payment_id, gateway, provider, provider_id, currency, amount, price_currency,
                                    status, kind, idempotency_key, request, livemode, updated_at)
SELECT p.id, $2, $2, $3, p.currency, p.amount, p.price_currency, $6, $4, $3, '{}', $5, now()
FROM payments p WHERE p.id = $1
ON CONFLICT (provider, provider_id) DO UPDATE SET status = excluded.status, updated_at = now()
WHERE e.kind = 'invoice' AND e.status <> excluded.status
"""
# An invoice of which nothing is paid is not kept: it may name a payment that another invoice will pay.
END_CHECKOUT = """
UPDATE external_payments SET status = $4, updated_at = now()
WHERE provider = $2 AND provider_id = $3 AND payment_id = $1 AND kind = 'invoice' AND status <> $4
"""
# The user's payment that a first invoice names: it was opened for a subscription, and nothing else has paid it.
NAMED = """
SELECT p.id FROM payments p
WHERE p.id = $1 AND p.user_id = $2 AND p.livemode = $3
  AND NOT EXISTS (
    SELECT FROM external_payments e WHERE e.payment_id = p.id AND (
        e.provider <> $4 OR e.kind NOT IN ('single', 'invoice') OR (e.kind = 'invoice' AND e.provider_id <> $5)
        OR e.request ->> 'mode' <> 'subscription'
    )
  )
  AND NOT EXISTS (
    SELECT FROM settlements s
    WHERE s.payment_id = p.id AND s.kind = 'charge' AND split_part(s.provider_ref, '/', 1) <> ALL ($6::text[])
  )
"""
INVOICE, SESSION = "invoice", "single"
_NOBODYS = "nobody here has its customer"
_NOTHING = "it is for 0, and grants nothing"
_STATUSES = {Stands.PAID: "completed", Stands.EXPIRED: "expired", Stands.FAILED: "failed"}


async def of_first_invoice(conn: Connection, finding: Finding, purposes: Purposes) -> UUID | None:
    """The payment whose checkout made the subscription; restored if it was lost. None: the invoice needs its own."""
    payment_id, owner = finding.payment_id, await purposes.owner_of(conn, finding)
    if payment_id is None or owner is None:
        return None
    # Of two invoices that name it at once, the second sees that it is taken.
    await conn.execute(origins.ONE_AT_A_TIME, f"{finding.provider}:{payment_id}")
    charges = [money.ref for money in finding.money if money.kind == "charge"]
    named: UUID | None = await conn.fetchval(
        NAMED, payment_id, owner.user_id, finding.livemode, finding.provider, finding.invoice_id, charges
    )
    if named is None and finding.user == owner.user_id and finding.fresh and finding.price is not None:
        lost = replace(finding, price=finding.plan_price or finding.price)
        return payment_id if await origins.restore_lost(conn, lost, payment_id, owner.purpose) else None
    return named


async def booked(conn: Connection, finding: Finding) -> UUID | None:
    """The payment that an invoice has."""
    payment_id: UUID | None = await conn.fetchval(OF_CHECKOUT, finding.provider, finding.invoice_id)
    return payment_id


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
    if owner is None or not owner.needs_payment:
        if finding.link_id is not None:
            return None
        raise ForeignError(_NOBODYS if owner is None else _NOTHING)
    origins.require_readable(finding)
    if not finding.fresh:
        raise AskFirstError("the provider is asked what was sold")
    return await _create(conn, finding, checkout, owner)


async def _is_our_link(conn: Connection, finding: Finding) -> bool:
    marked = finding.link is not None and finding.link.key is not None
    return marked or await origins.is_saved(conn, finding)


async def keep_invoice(conn: Connection, finding: Finding, payment_id: UUID) -> None:
    """Remember which payment an invoice has, so that its other events and its refunds find it."""
    if not finding.fresh or finding.invoice_id is None or finding.stands is None:
        return
    status = _STATUSES.get(finding.stands, "pending")
    if finding.stands is Stands.PAID or finding.money:
        await conn.execute(
            ADD_CHECKOUT, payment_id, finding.provider, finding.invoice_id, INVOICE, finding.livemode, status
        )
    else:
        await conn.execute(END_CHECKOUT, payment_id, finding.provider, finding.invoice_id, status)


async def _create(conn: Connection, finding: Finding, checkout: str, owner: Owner) -> UUID:
    """Two events of one invoice must not create two payments."""
    if finding.stands is not Stands.PAID and not finding.money:
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
        await conn.execute(ADD_CHECKOUT, payment_id, finding.provider, checkout, SESSION, finding.livemode, "completed")
    return payment_id
