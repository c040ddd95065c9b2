"""The tables `payments` and `external_payments`.

Each step of a checkout is one statement, so that it happens whole or not at all and costs one round trip.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.idempotency.model import Claim
from hingecraft.leases import statements
from hingecraft.payments.model import PaymentState, Status
from hingecraft.providers.port import Opened
from hingecraft.providers.wallet import Wallet

_API = "api"

OPEN = f"""
WITH held AS (
    UPDATE idempotency_keys SET resource = $1::uuid::text
    WHERE {statements.held("scope", "key", first=2)} AND resource IS NOT DISTINCT FROM $5 RETURNING true
), payment AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, provider_url, source, intent_id,
                          livemode, purpose, user_id, product, created_at, updated_at)
    SELECT $1, $6, $7, $8, $9, $10, $11, $12, $13, $14, $22, $23, $24, now(), now()
    WHERE $2::text IS NULL OR EXISTS (SELECT FROM held)
    RETURNING id
), checkout AS (
    INSERT INTO external_payments (payment_id, gateway, provider, currency, amount, price_currency, status, kind,
                                   carries_email, provider_url, expires_at, idempotency_key, request, livemode,
                                   created_at, updated_at)
    SELECT id, $10, $10, $7, $6, $8, $9, 'single', $15, $11, now() + $16::interval, $17, $18::jsonb, $14, now(), now()
    FROM payment
    RETURNING id, expires_at
), told AS (
    INSERT INTO payment_audit (actor, action, payment_id, request_id, details)
    SELECT 'api', action, id, $19, $20::jsonb FROM payment CROSS JOIN unnest($21::text []) AS action
)
SELECT id, expires_at FROM checkout
"""
OPENED = """
WITH checkout AS (
    UPDATE external_payments SET status = 'pending', provider_id = $2, provider_url = $3,
        expires_at = coalesce($4, expires_at), updated_at = now()
    WHERE id = $1 AND status IN ('creating', 'unknown') RETURNING payment_id, provider
), payment AS (
    UPDATE payments p SET status = 'pending', provider_id = $2, provider_url = $3, updated_at = now()
    FROM checkout WHERE p.id = checkout.payment_id AND p.status IN ('creating', 'unknown') RETURNING p.id
), told AS (
    INSERT INTO payment_audit (actor, action, payment_id, request_id, details)
    SELECT $7, 'checkout_opened', checkout.payment_id, $5, jsonb_strip_nulls(jsonb_build_object(
        'provider', checkout.provider, 'providerId', $2::text, 'ms', $6::int, 'emailRefused', nullif($8, false)))
    FROM checkout
)
SELECT id FROM payment
"""
# The provider's id is stored even if its link was rejected, so that its events can be explained.
NOT_OPENED = """
WITH checkout AS (
    UPDATE external_payments SET status = $2, provider_id = coalesce($6, provider_id), updated_at = now()
    WHERE id = $1 AND status IN ('creating', 'unknown') RETURNING payment_id, provider
), payment AS (
    UPDATE payments p SET status = $2, updated_at = now()
    FROM checkout WHERE p.id = checkout.payment_id AND p.status IN ('creating', 'unknown') RETURNING p.id
), told AS (
    INSERT INTO payment_audit (actor, action, payment_id, request_id, details)
    SELECT $7, $3, checkout.payment_id, $4, $5::jsonb || jsonb_build_object('provider', checkout.provider)
    FROM checkout
)
SELECT id FROM payment
"""
# If the payment may not move, the checkout does not change either, so that the recoverer still finds it.
FALL_BACK = """
WITH held AS MATERIALIZED (
    SELECT id, payment_id FROM external_payments WHERE id = $1 AND status IN ('creating', 'unknown') FOR UPDATE
), payment AS (
    UPDATE payments p SET status = 'awaiting_confirmation', provider = 'wallet', provider_url = $3, updated_at = now()
    FROM held WHERE p.id = held.payment_id AND p.status = 'creating' RETURNING p.id
), failed AS (
    UPDATE external_payments e SET status = $2, provider_id = coalesce($6, e.provider_id), updated_at = now()
    FROM held JOIN payment ON payment.id = held.payment_id WHERE e.id = held.id
    RETURNING e.payment_id, e.currency, e.amount, e.price_currency, e.livemode
), checkout AS (
    INSERT INTO external_payments (payment_id, gateway, provider, currency, amount, price_currency, status, kind,
                                   provider_url, idempotency_key, request, livemode, updated_at)
    SELECT payment.id, 'wallet', 'wallet', failed.currency, failed.amount, failed.price_currency,
           'awaiting_confirmation', 'single', $3, payment.id::text, $7::jsonb, failed.livemode, now()
    FROM failed JOIN payment ON payment.id = failed.payment_id
), told AS (
    INSERT INTO payment_audit (actor, action, payment_id, request_id, details)
    SELECT 'api', 'wallet_fallback', payment.id, $4, $5::jsonb FROM payment
)
SELECT id FROM payment
"""
LATEST_CHECKOUT = """
SELECT e.id, e.payment_id, e.provider, e.provider_id, e.provider_url, e.status, e.expires_at, e.idempotency_key,
       e.request::text AS request, now() - e.created_at AS age, p.status AS payment_status
FROM external_payments e
JOIN payments p ON p.id = e.payment_id
WHERE e.payment_id = $1 AND e.kind = 'single' ORDER BY e.created_at DESC, e.updated_at DESC LIMIT 1
"""
# Money in another coin than requested is shown only if nothing else arrived. A user's payment is shown to that user,
# by its own system.
STATE = """
SELECT p.id, p.status, p.provider, p.amount, coalesce(p.price_currency, hc_currency_key(p.currency)) AS price_currency,
       hc_currency_key(p.currency) AS currency, coalesce(p.updated_at, p.created_at) AS updated_at,
       paid.amount AS paid_amount, paid.currency AS paid_currency
FROM payments p LEFT JOIN LATERAL (
    SELECT sum(s.amount) AS amount, s.currency FROM settlements s
    WHERE s.payment_id = p.id AND s.kind IN ('charge', 'manual', 'opening')
    GROUP BY s.currency ORDER BY s.currency <> hc_currency_key(p.currency), s.currency LIMIT 1
) paid ON true
WHERE p.id = $1 AND p.user_id IS NULL
"""
# A payment through a standing link has no row for its checkout: it keeps the id of the payer's session.
OF_SESSION = """
SELECT coalesce(
    (SELECT payment_id FROM external_payments WHERE provider = 'stripe' AND provider_id = $1),
    (SELECT id FROM payments WHERE provider = 'stripe' AND provider_id = $1 ORDER BY created_at LIMIT 1)
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCheckout:
    """A payment and its checkout, to be inserted."""

    payment_id: UUID
    amount: Decimal
    currency: str
    price_currency: str
    status: Status
    provider: str
    livemode: bool
    source: str
    purpose: str
    user_id: UUID | None
    intent_id: str | None
    carries_email: bool
    life: timedelta | None
    key: str
    request: Mapping[str, Any]
    url: str | None
    details: Mapping[str, Any]
    # What is bought, where a user can have one open payment for it.
    product: str | None = None
    actions: tuple[str, ...] = ("payment_opened",)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckout:
    """A checkout that an earlier request began."""

    id: UUID
    payment_id: UUID
    provider: str
    provider_id: str | None
    provider_url: str | None
    status: Status
    expires_at: datetime | None
    idempotency_key: str
    request: Mapping[str, Any]
    age: timedelta
    payment_status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a call that did not create a checkout."""

    status: Status
    details: Mapping[str, Any]
    provider_id: str | None = None


async def open_checkout(
    conn: Connection, new: NewCheckout, claim: Claim | None, request_id: str
) -> tuple[UUID, datetime | None] | None:
    """Insert the intent, before the provider is called; None if the claim on the key is lost."""
    held = (*claim.lease, claim.resource) if claim else (None, None, None, None)
    row = await conn.fetchrow(
        OPEN,
        new.payment_id,
        *held,
        new.amount,
        new.currency,
        new.price_currency,
        new.status,
        new.provider,
        new.url,
        new.source,
        new.intent_id,
        new.livemode,
        new.carries_email,
        new.life,
        new.key,
        json.dumps(new.request),
        request_id,
        json.dumps(new.details),
        list(new.actions),
        new.purpose,
        new.user_id,
        new.product,
    )
    return (row["id"], row["expires_at"]) if row else None


async def opened(
    conn: Connection,
    checkout_id: UUID,
    result: Opened,
    request_id: str | None,
    milliseconds: int | None,
    actor: str = _API,
) -> bool:
    """Record that the provider has it; False if another process has recorded the outcome.

    `milliseconds` is how long the provider took; None: it was found later.
    """
    return bool(
        await conn.fetchval(
            OPENED,
            checkout_id,
            result.provider_id,
            result.url,
            result.expires_at,
            request_id,
            milliseconds,
            actor,
            result.email_refused,
        )
    )


async def not_opened(
    conn: Connection, checkout_id: UUID, outcome: Outcome, *, action: str, request_id: str | None, actor: str = _API
) -> bool:
    """Record that the provider rejected it, or that it may exist."""
    details = json.dumps(outcome.details)
    return bool(
        await conn.fetchval(
            NOT_OPENED, checkout_id, outcome.status, action, request_id, details, outcome.provider_id, actor
        )
    )


async def fall_back(
    conn: Connection, checkout_id: UUID, outcome: Outcome, *, wallet: Wallet, url: str, request_id: str
) -> bool:
    """Replace the provider by a wallet, for the same payment."""
    details, shown = json.dumps(outcome.details), json.dumps(wallet.as_shown())
    return bool(
        await conn.fetchval(
            FALL_BACK, checkout_id, outcome.status, url, request_id, details, outcome.provider_id, shown
        )
    )


async def latest_checkout(conn: Connection, payment_id: UUID) -> StoredCheckout | None:
    """The newest of our checkouts of a payment."""
    row = await conn.fetchrow(LATEST_CHECKOUT, payment_id)
    if row is None:
        return None
    found = dict(row)
    return StoredCheckout(
        **{
            **found,
            "status": Status(found["status"]),
            "payment_status": Status(found["payment_status"]),
            "request": json.loads(found["request"]),
        }
    )


async def state(conn: Connection, payment_id: UUID) -> PaymentState | None:
    """A payment of nobody in particular, as anyone who knows its id may see it."""
    row = await conn.fetchrow(STATE, payment_id)
    return _state(row) if row else None


def _state(row: asyncpg.Record) -> PaymentState:
    return PaymentState(**{**dict(row), "status": Status(row["status"])})


async def payment_of_session(conn: Connection, session_id: str) -> UUID | None:
    """The payment behind a Checkout Session of Stripe."""
    payment_id: UUID | None = await conn.fetchval(OF_SESSION, session_id)
    return payment_id
