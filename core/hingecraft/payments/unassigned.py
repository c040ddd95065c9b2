"""Finds or creates the payment of money that has none: paid through a standing link, or lost by a restored backup.

Invoices are in `customer_payments`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from hingecraft.db.connection import KEEP_PLANS, Connection
from hingecraft.errors import AskFirstError, ForeignError, NotYetError
from hingecraft.payments.ledger import UnknownPaymentError
from hingecraft.providers import stripe
from hingecraft.providers.findings import Finding, Money, Price, StandingLink, UnreadableError

ONE_AT_A_TIME = f"SELECT pg_advisory_xact_lock(hashtextextended($1, 0)), {KEEP_PLANS}"
OURS = "SELECT EXISTS (SELECT FROM installation WHERE id::text = $1)"
STANDING = """
SELECT EXISTS (
    SELECT FROM external_payments
    WHERE kind = 'standing' AND provider = $1 AND hc_link_id(provider, provider_id, provider_url) = $2
)
"""
NAME_BY_ADDRESS = """
UPDATE external_payments SET provider_id = $2, updated_at = now() WHERE id = (
    SELECT id FROM external_payments
    WHERE kind = 'standing' AND provider = $1 AND provider_id IS NULL
      AND hc_link_path(provider_url) = hc_link_path($3)
    ORDER BY status = 'pending' DESC, created_at DESC, id DESC LIMIT 1
) RETURNING id
"""
# Not published until a reconciliation has found that it is still needed.
RESTORE_LINK = """
INSERT INTO external_payments (gateway, provider, provider_id, provider_url, currency, kind, status, idempotency_key,
                               request, livemode, updated_at)
VALUES ($1, $1, $2, $3, $4, 'standing', 'expired', $5, '{}', $6, now())
ON CONFLICT (provider, provider_id) DO NOTHING
"""
CREATE = """
INSERT INTO payments (id, amount, currency, price_currency, status, provider, provider_id, source, livemode, purpose,
                      created_at, updated_at)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, 'standing_link', $7, $8, now(), now())
"""
# A payment that a restored backup has lost: the provider has our id and all that we need. If the user has begun another
# one for the same product since, this one is over, unless money has come.
RESTORE = """
WITH payment AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, provider_id, source, livemode,
                          purpose, user_id, product, created_at, updated_at)
    SELECT $1, $2, $3, $3, CASE WHEN EXISTS (
        SELECT FROM payments p WHERE p.user_id = $9::uuid AND p.product = $10::text AND p.livemode = $7
          AND p.status IN ('creating', 'unknown', 'pending')
    ) THEN 'expired' ELSE 'pending' END, $4, $5, $6, $7, $8, $9::uuid, $10::text, now(), now() RETURNING id
), checkout AS (
    INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, price_currency, status,
                                   kind, idempotency_key, request, livemode, updated_at, expires_at)
    SELECT id, $4, $4, $5, $3, $2, $3, 'pending', 'single', 'restored_' || id, '{}', $7, now(),
           -- Nothing at Stripe ends an intent.
           CASE WHEN $10::text IS NOT NULL THEN now() + interval '24 hours' END
    FROM payment
)
INSERT INTO payment_audit (actor, action, payment_id, details)
SELECT $4, 'payment_restored', id, jsonb_build_object('provider', $4::text, 'providerId', $5::text) FROM payment
"""
# Payments of the old software, by the ids in the provider's answers to it.
OLD_OF_STRIPE_BY = """
SELECT p.id, hc_status_of(p.legacy_status) IN ('refunded', 'disputed') AS went_back, EXISTS (
    SELECT FROM settlements s WHERE s.payment_id = p.id AND s.kind IN ('opening', 'charge')
) AS was_paid
FROM external_payments e JOIN payments p ON p.id = e.payment_id AND p.source IS NULL
WHERE e.kind = 'legacy' AND hc_payload_ids(e.provider_payload) && {ids}
ORDER BY was_paid DESC, e.created_at LIMIT 1
"""
OLD_OF_STRIPE = OLD_OF_STRIPE_BY.format(ids="$1::text[]")
OLD_OF_NOWPAYMENTS = """
SELECT p.id, hc_status_of(p.legacy_status) IN ('refunded', 'disputed') AS went_back, EXISTS (
    SELECT FROM settlements s WHERE s.payment_id = p.id AND s.kind IN ('opening', 'charge')
) AS was_paid
FROM external_payments e JOIN payments p ON p.id = e.payment_id AND p.source IS NULL
WHERE e.kind = 'legacy' AND e.provider = 'nowpayments' AND hc_coin_payload_ids(e.provider_payload) && $1::text[]
ORDER BY was_paid DESC, e.created_at LIMIT 1
"""
PAYMENT_EXISTS = "SELECT EXISTS (SELECT FROM payments WHERE id = $1)"


def not_saved(link_id: str) -> str:
    """The reason why an event is ignored. Saving the link makes it due again."""
    return f"its link {link_id} is not saved here"


async def old_payment(conn: Connection, finding: Finding, charges: Sequence[str]) -> UUID | None:
    """The old software's payment whose checkout or charge the provider names, as `paid_to_old` says."""
    checkouts = [finding.checkout_id] if finding.checkout_id is not None else []
    if finding.provider == stripe.NAME:
        found = await conn.fetchrow(OLD_OF_STRIPE, [*charges, *checkouts])
    else:
        coins = [*(f"payment:{charge}" for charge in charges), *(f"invoice:{checkout}" for checkout in checkouts)]
        found = await conn.fetchrow(OLD_OF_NOWPAYMENTS, coins)
    return paid_to_old(finding, found) if found is not None else None


def paid_to_old(finding: Finding, found: asyncpg.Record) -> UUID | None:
    """The old software's payment, if one was found and the old software was paid.

    Raises NotYetError if money went back of one that the old software has yet to mark as paid.
    """
    if found["id"] is None:
        return None
    goes_back = finding.went_back or any(money.amount < 0 for money in finding.money)
    if goes_back and not found["was_paid"] and not found["went_back"]:
        raise NotYetError(f"money of payment {found['id']} went back, but the old software has not marked it as paid")
    payment_id: UUID | None = found["id"] if found["was_paid"] else None
    return payment_id


async def came_through_link(conn: Connection, finding: Finding) -> bool:
    """Whether money that names an unknown payment came through a standing link: an order id may be any UUID."""
    return finding.link_id is not None and await is_saved(conn, finding)


async def restore_payment(conn: Connection, finding: Finding, payment_id: UUID, purpose: str) -> None:
    """Create a lost payment again. Intents are committed before a provider is called, so a missing one was lost."""
    if finding.installation is None:
        if finding.foreign:
            raise ForeignError(not_saved(finding.link_id) if finding.link_id else finding.foreign)
        raise UnknownPaymentError(payment_id)
    await refuse_others(conn, finding.installation)
    require_readable(finding)
    if not finding.fresh or finding.price is None:
        raise AskFirstError("payment not found; asking the provider before it is restored")
    await _restore(conn, finding, finding.price, payment_id, purpose)


async def restore_lost(conn: Connection, finding: Finding, payment_id: UUID, purpose: str) -> bool:
    """Restore a payment, if it is lost and belongs to this installation; returns whether it did."""
    if finding.price is None or not await conn.fetchval(OURS, finding.installation or ""):
        return False
    return await _restore(conn, finding, finding.price, payment_id, purpose)


async def _restore(conn: Connection, finding: Finding, price: Price, payment_id: UUID, purpose: str) -> bool:
    await conn.execute(ONE_AT_A_TIME, str(payment_id))
    if await conn.fetchval(PAYMENT_EXISTS, payment_id):
        return False
    await conn.execute(
        RESTORE, payment_id, price.amount, price.currency, finding.provider, finding.checkout_id, finding.source,
        finding.livemode, purpose, finding.user, finding.product,
    )  # fmt: skip
    return True


async def require_our_link(conn: Connection, finding: Finding) -> None:
    """Raise ForeignError if the money came through another link; save a link that is found by its address or mark."""
    installation = finding.link.installation if finding.link is not None else None
    await refuse_others(conn, finding.installation or installation)
    if finding.link_id is None:
        if not finding.fresh:
            raise AskFirstError("nobody knows yet whose it is")
        raise ForeignError("it carries neither our reference nor our link")
    if not await is_saved(conn, finding):
        await _find_link(conn, finding, finding.link_id)


async def payment_of_link(conn: Connection, finding: Finding, purpose: str) -> UUID:
    """Create the payment for money that came through a standing link."""
    await require_our_link(conn, finding)
    require_readable(finding)
    came = next((money for money in finding.money if money.kind == "charge"), None)
    if came is None:
        raise ForeignError("nothing has been paid through the link")
    if not finding.fresh and came.currency != "USD":
        raise AskFirstError("its worth in dollars is not in the message")
    return await _create(conn, finding, came, purpose)


async def _create(conn: Connection, finding: Finding, came: Money, purpose: str) -> UUID:
    """Create a payment in the currency that was paid."""
    price, payment_id = finding.price or came, uuid.uuid4()
    await conn.execute(
        CREATE, payment_id, price.amount, came.currency, price.currency, finding.provider, finding.checkout_id,
        finding.livemode, purpose,
    )  # fmt: skip
    return payment_id


async def is_saved(conn: Connection, finding: Finding) -> bool:
    """Whether we have its link."""
    return bool(await conn.fetchval(STANDING, finding.provider, finding.link_id))


async def _find_link(conn: Connection, finding: Finding, link_id: str) -> None:
    """Find one of our links by its address or by its metadata if its id is unknown."""
    if not finding.fresh:
        raise AskFirstError("the link is asked about first")
    link = finding.link
    if link is None or link.key is None:
        if link is not None and await conn.fetchval(NAME_BY_ADDRESS, finding.provider, link.id, link.url):
            return
        raise ForeignError(not_saved(link_id))
    if link.installation is None:
        raise NotYetError(
            f"its link {link_id} was made by an older version and is not saved here: "
            "if it is this site's, save it with `hingecraft links add --gateway stripe`"
        )
    await _restore_link(conn, finding, link)


async def _restore_link(conn: Connection, finding: Finding, link: StandingLink) -> None:
    require_readable(finding)
    assert finding.price is not None, "a session says what it is for"
    await conn.execute(
        RESTORE_LINK, finding.provider, link.id, link.url, finding.price.currency, link.key, finding.livemode
    )


async def refuse_others(conn: Connection, installation: str | None) -> None:
    """Raise ForeignError for what belongs to another database that shares the account."""
    if installation is not None and not await conn.fetchval(OURS, installation):
        raise ForeignError("it belongs to another installation")


def require_readable(finding: Finding) -> None:
    """Raise NotYetError for money that is ours but cannot be read by this release."""
    if finding.unreadable is not None:
        raise UnreadableError(finding.unreadable)
