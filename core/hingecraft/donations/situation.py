"""The data for choosing a donor's way to pay: policy, standing invoice, wallet and prefill, in one query."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.providers.wallet import Wallet
from hingecraft.routes.wallets import WALLET_OF_CURRENCY

_WALLET = tuple(field.name for field in fields(Wallet) if field.name != "amount")

ROUTE = (
    """
SELECT policy.disabled_providers, (SELECT id FROM installation) AS installation,
       c.enabled AS currency_enabled, wallet.address, wallet.uri, wallet.amount_form, wallet.network,
       wallet.network_name, wallet.memo, intent.known AS intent_known, intent.has_email AS intent_has_email,
       standing.provider_url AS standing_url, standing.expires_at AS standing_expires_at, standing.id AS standing_id
FROM route_policy policy
LEFT JOIN currencies c ON c.code = $1
LEFT JOIN LATERAL (
    SELECT true AS known, i.user_info ? 'email' AS has_email FROM "ContributionIntent" i WHERE i."_id" = $2
) intent ON true
LEFT JOIN LATERAL (
    SELECT e.id, e.provider_url, CASE WHEN isfinite(e.expires_at) THEN e.expires_at END AS expires_at
    FROM external_payments e
    WHERE c.kind = 'crypto' AND hc_currency_key(e.currency) = $1
      AND e.kind = 'standing' AND e.provider = 'nowpayments' AND e.status = 'pending' AND e.provider_url IS NOT NULL
      AND hc_link_gap(e.provider, e.provider_id, e.provider_url, e.checked_at IS NOT NULL,
                      (SELECT nowpayments_live FROM installation)) IS NULL
      AND e.provider_url ~ '^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])[:/])'
      AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
      AND (e.amount IS NULL OR (e.amount = $3 AND coalesce(hc_currency_key(e.price_currency), 'USD') = $4))
    ORDER BY e.amount IS NULL, e.created_at DESC, e.id DESC LIMIT 1
) standing ON true
LEFT JOIN LATERAL ("""
    + WALLET_OF_CURRENCY
    + """) wallet ON true
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The data for one decision, read at one moment."""

    disabled_providers: tuple[str, ...]
    installation: UUID
    currency_enabled: bool
    wallet: Wallet | None
    intent_known: bool
    intent_has_email: bool
    standing_id: UUID | None
    standing_url: str | None
    standing_expires_at: datetime | None


async def read(
    conn: Connection, currency: str, intent_id: str | None, amount: Decimal, price_currency: str
) -> Situation:
    """Read the situation in one query."""
    row = await conn.fetchrow(ROUTE, currency, intent_id, amount, price_currency)
    assert row is not None, "route_policy has lost its row"
    found = dict(row)
    wallet = {name: found.pop(name) for name in _WALLET}
    return Situation(
        **{
            **found,
            "wallet": Wallet(**wallet) if wallet["address"] is not None else None,
            "disabled_providers": tuple(found["disabled_providers"]),
            "currency_enabled": bool(found["currency_enabled"]),
            "intent_known": bool(found["intent_known"]),
            "intent_has_email": bool(found["intent_has_email"]),
        }
    )
