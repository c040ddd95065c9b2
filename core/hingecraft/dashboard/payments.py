"""Payments as the owner's dashboard lists them: by filter, or found by what a payer or a provider names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.payments.filters import PaymentFilter
from hingecraft.payments.history import Position

LONGEST_SEARCH = 255
# The page is found first, and then the money of its rows.
_LIST = """
SELECT p.id, p.status, p.provider, p.provider_id, p.amount, hc_currency_key(p.currency) AS currency,
       coalesce(p.price_currency, hc_currency_key(p.currency)) AS price_currency, p.purpose, p.source,
       coalesce(p.livemode, true) AS livemode, p.created_at, coalesce(p.updated_at, p.created_at) AS updated_at,
       money.paid_amount, money.paid_currency, coalesce(money.went_back, 0) AS went_back
FROM (
    SELECT * FROM payments p WHERE {condition} ORDER BY p.created_at DESC, p.id DESC LIMIT $1
) p
LEFT JOIN LATERAL (
    SELECT sum(s.amount) FILTER (WHERE s.kind IN ('charge', 'manual', 'opening')) AS paid_amount,
           s.currency AS paid_currency,
           -sum(s.amount) FILTER (WHERE s.kind NOT IN ('charge', 'manual', 'opening', 'correction')) AS went_back
    FROM settlements s WHERE s.payment_id = p.id
    GROUP BY s.currency ORDER BY s.currency <> hc_currency_key(p.currency), s.currency LIMIT 1
) money ON true
ORDER BY p.created_at DESC, p.id DESC
"""
# Each part is a look-up by an index. A later deposit of a coin, and the rest of a charge, are named after the first.
_NAMED = """
p.id IN (
    SELECT id FROM payments WHERE provider IN ('stripe', 'nowpayments') AND provider_id = {0}
    UNION SELECT payment_id FROM external_payments
    WHERE provider IN ('stripe', 'nowpayments') AND provider_id = {0} AND payment_id IS NOT NULL
    UNION SELECT payment_id FROM settlements WHERE provider_ref = {0}
)
"""
# A payment has an address by its prefill, by its checkout, or by the customer of its user.
_OF_EMAIL = """
p.id IN (
    SELECT b.id FROM "ContributionIntent" i JOIN payments b ON b.intent_id = i."_id"
    WHERE i.user_info ? 'email' AND lower(i.user_info ->> 'email') = lower({0})
    UNION SELECT payment_id FROM external_payments
    WHERE request ? 'customer_email' AND lower(request ->> 'customer_email') = lower({0}) AND payment_id IS NOT NULL
    UNION SELECT b.id FROM customers c JOIN payments b ON b.user_id = c.user_id
    WHERE c.email IS NOT NULL AND lower(c.email) = lower({0})
)
"""


async def page(
    database: Database, wanted: PaymentFilter, search: str | None, after: Position | None, limit: int
) -> tuple[list[dict[str, Any]], Position | None]:
    """A page of payments, newest first, and where the next one begins."""
    arguments: list[Any] = [limit + 1, *wanted.arguments]
    conditions = [wanted.condition(2)]
    if after is not None:
        conditions.append(f"(p.created_at, p.id) < (${len(arguments) + 1}, ${len(arguments) + 2})")
        arguments += [after.created_at, after.id]
    if search is not None:
        condition, argument = _searched(search.strip())
        arguments.append(argument)
        conditions.append(condition.format(f"${len(arguments)}"))
    async with database.connection() as conn:
        found = await _rows(conn, _LIST.format(condition=" AND ".join(conditions)), arguments)
    rows = found[:limit]
    return rows, Position(rows[-1]["created_at"], rows[-1]["id"]) if len(found) > limit else None


async def _rows(conn: Connection, sql: str, arguments: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in await conn.fetch(sql, *arguments)]


def _searched(text: str) -> tuple[str, Any]:
    """A payment's own id, an e-mail address, or an id at a provider."""
    try:
        return "p.id = {0}", UUID(text)
    except ValueError:
        return (_OF_EMAIL if "@" in text else _NAMED), text
