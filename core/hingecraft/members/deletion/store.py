"""The table `deleted_users`, and what is removed with a user."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from hingecraft.db.connection import Connection

BEGIN = "INSERT INTO deleted_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING user_id"
DELETED = "SELECT user_id FROM deleted_users WHERE user_id = ANY ($1::uuid[])"
IS_DELETED = "SELECT EXISTS (SELECT FROM deleted_users WHERE user_id = $1)"
# A request that may have to be sent again keeps its parameters until it is answered. Checkouts are locked in the order
# in which events lock them.
ERASE = """
WITH customer AS (
    UPDATE customers SET email = NULL, request = CASE WHEN customer_id IS NULL THEN request END
    WHERE user_id = $1 AND (email IS NOT NULL OR (request IS NOT NULL AND customer_id IS NOT NULL))
), checkouts AS MATERIALIZED (
    SELECT e.id FROM payments p JOIN external_payments e ON e.payment_id = p.id
    WHERE p.user_id = $1 AND e.status NOT IN ('creating', 'unknown')
      AND e.request ?| '{metadata,payment_intent_data,subscription_data}'
    ORDER BY e.payment_id, e.id FOR UPDATE OF e
)
UPDATE external_payments e SET request = e.request - '{metadata,payment_intent_data,subscription_data}'::text[]
FROM checkouts c WHERE e.id = c.id
"""
OPEN_CHECKOUTS = """
SELECT e.provider_id FROM payments p JOIN external_payments e ON e.payment_id = p.id
WHERE p.user_id = $1 AND e.provider = 'stripe' AND e.kind = 'single' AND e.status = 'pending' AND e.livemode = $2
  AND e.provider_id IS NOT NULL
"""
FINISH = """
UPDATE deleted_users d SET finished_at = now()
WHERE d.user_id = $1 AND d.finished_at IS NULL
  AND NOT EXISTS (SELECT FROM customers c WHERE c.user_id = $1 AND c.deleted_at IS NULL)
  AND NOT EXISTS (
    SELECT FROM payments p JOIN external_payments e ON e.payment_id = p.id
    WHERE p.user_id = $1 AND e.status IN ('creating', 'unknown') AND e.kind = 'single'
  )
"""
IS_FINISHED = "SELECT finished_at IS NOT NULL FROM deleted_users WHERE user_id = $1"
UNFINISHED = """
SELECT user_id FROM deleted_users WHERE finished_at IS NULL AND user_id > $1 ORDER BY user_id LIMIT $2
"""
_AT_ONCE = 100


async def begin(conn: Connection, user_id: UUID) -> bool:
    """From now on the user is deleted; False if it was before."""
    return await conn.fetchval(BEGIN, user_id) is not None


async def is_deleted(conn: Connection, user_id: UUID) -> bool:
    """Whether the user is deleted, also while Stripe has not been told yet."""
    return bool(await conn.fetchval(IS_DELETED, user_id))


async def deleted(conn: Connection, users: Collection[UUID]) -> set[UUID]:
    """Those of the users that an admin has deleted."""
    return {row["user_id"] for row in await conn.fetch(DELETED, list(users))}


async def erase(conn: Connection, user_id: UUID) -> None:
    """Remove the e-mail address and the metadata; ids stay."""
    await conn.execute(ERASE, user_id)


async def open_checkouts(conn: Connection, user_id: UUID, *, livemode: bool) -> list[str]:
    """The user's sessions and intents at Stripe that may still be paid."""
    return [row["provider_id"] for row in await conn.fetch(OPEN_CHECKOUTS, user_id, livemode)]


async def finish(conn: Connection, user_id: UUID) -> bool:
    """Whether nothing of the user is left to delete."""
    await conn.execute(FINISH, user_id)
    return bool(await conn.fetchval(IS_FINISHED, user_id))


async def unfinished(conn: Connection, after: UUID) -> list[UUID]:
    """Deleted users that Stripe may still have a customer of, in the order of their ids."""
    return [row["user_id"] for row in await conn.fetch(UNFINISHED, after, _AT_ONCE)]
