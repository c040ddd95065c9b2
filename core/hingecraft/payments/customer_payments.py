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
from hingecraft.payments import unassigned
from hingecraft.payments.ledger import BookedPayment
from hingecraft.payments.model import MadeFor, Status
from hingecraft.payments.purpose import Owner, Purposes
from hingecraft.providers.findings import CheckoutStatus, Finding

RENEWAL, ELSEWHERE = "renewal", "dashboard"
OF_CHECKOUT = "SELECT payment_id FROM external_payments WHERE provider = $1 AND provider_id = $2 AND kind <> 'standing'"
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
_STATUSES = {CheckoutStatus.PAID: "completed", CheckoutStatus.EXPIRED: "expired", CheckoutStatus.FAILED: "failed"}


async def of_first_invoice(conn: Connection, finding: Finding, purposes: Purposes) -> UUID | None:
    """The payment whose checkout made the subscription; restored if it was lost. None: the invoice needs its own."""
    payment_id, owner = finding.payment_id, await purposes.owner_of(conn, finding)
    if payment_id is None or owner is None:
        return None
    # Of two invoices that name it at once, the second sees that it is taken.
    await conn.execute(unassigned.ONE_AT_A_TIME, f"{finding.provider}:{payment_id}")
    charges = [money.ref for money in finding.money if money.kind == "charge"]
    named: UUID | None = await conn.fetchval(
        NAMED, payment_id, owner.user_id, finding.livemode, finding.provider, finding.invoice_id, charges
    )
    if named is None and finding.user == owner.user_id and finding.fresh and finding.price is not None:
        lost = replace(finding, price=finding.plan_price or finding.price)
        return payment_id if await unassigned.restore_lost(conn, lost, payment_id, owner.purpose) else None
    return named


async def hold_invoice(conn: Connection, finding: Finding) -> None:
    """Take the locks of the finding's invoice and of the payment that it names, before any row, as events do."""
    if finding.fresh and finding.invoice_id is not None:
        for held in filter(None, (finding.invoice_id, finding.payment_id)):
            await conn.execute(unassigned.ONE_AT_A_TIME, f"{finding.provider}:{held}")


async def hold(conn: Connection, finding: Finding) -> None:
    """After a question, let nobody else make a payment of the invoice or session until the transaction ends."""
    if finding.fresh:
        await conn.execute(unassigned.ONE_AT_A_TIME, f"{finding.provider}:{_checkout_of(finding)}")


async def booked(conn: Connection, finding: Finding) -> UUID | None:
    """The payment that an invoice or a customer's session has. None: after a question, nobody makes one meanwhile."""
    await hold(conn, finding)
    payment_id: UUID | None = await conn.fetchval(OF_CHECKOUT, finding.provider, _checkout_of(finding))
    return payment_id


def is_customers(finding: Finding) -> bool:
    """Whether it is about an invoice or a session of a customer."""
    return _checkout_of(finding) is not None and finding.customer is not None


async def made(conn: Connection, finding: Finding, purposes: Purposes) -> BookedPayment | None:
    """A payment for what has none (`booked`), to be written with its money. None: a link or a reference says whose."""
    if finding.link_id is not None and await _is_our_link(conn, finding):
        return None
    owner = await purposes.owner_of(conn, finding)
    if owner is None or not owner.needs_payment:
        if finding.link_id is not None:
            return None
        raise ForeignError(_NOBODYS if owner is None else _NOTHING)
    unassigned.require_readable(finding)
    if not finding.fresh:
        raise AskFirstError("the provider is asked what was sold")
    if finding.checkout_status is not CheckoutStatus.PAID and not finding.money:
        raise ForeignError("it has not been paid")
    return _made(finding, owner)


def _checkout_of(finding: Finding) -> str | None:
    return finding.invoice_id or finding.checkout_id


async def _is_our_link(conn: Connection, finding: Finding) -> bool:
    marked = finding.link is not None and finding.link.key is not None
    return marked or await unassigned.is_saved(conn, finding)


async def keep_invoice(conn: Connection, finding: Finding, payment_id: UUID) -> None:
    """Remember which payment an invoice has, so that its other events and its refunds find it."""
    if not finding.fresh or finding.checkout_status is None:
        return
    if finding.checkout_status is CheckoutStatus.PAID or finding.money:
        await conn.execute(
            ADD_CHECKOUT, payment_id, finding.provider, finding.invoice_id, INVOICE, finding.livemode, _status(finding)
        )
    else:
        await conn.execute(END_CHECKOUT, payment_id, finding.provider, finding.invoice_id, _status(finding))


def _status(finding: Finding) -> str:
    return _STATUSES.get(finding.checkout_status, "pending") if finding.checkout_status is not None else "pending"


def _made(finding: Finding, owner: Owner) -> BookedPayment:
    checkout, is_invoice = _checkout_of(finding), finding.invoice_id is not None
    assert checkout is not None, "it is about an invoice or a session"
    came = next(iter(finding.money), None)
    price = finding.price or came
    currency = price.currency if price is not None else (finding.lines or ())[0].currency
    return BookedPayment(
        id=uuid.uuid4(),
        status=Status.PENDING,
        amount=price.amount if price is not None else Decimal(0),
        currency=currency,
        price_currency=currency,
        provider=finding.provider,
        livemode=finding.livemode,
        purpose=owner.purpose,
        user_id=owner.user_id,
        checkouts=frozenset() if is_invoice else frozenset({(finding.provider, checkout)}),
        made_for=MadeFor(
            provider_id=checkout,
            kind=INVOICE if is_invoice else SESSION,
            status=_status(finding) if is_invoice else "completed",
            source=RENEWAL if is_invoice else ELSEWHERE,
        ),
    )
