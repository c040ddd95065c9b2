"""The table `deleted_users`, and what is removed with a user."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from hingecraft.db.connection import Connection

BEGIN = "INSERT INTO deleted_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING user_id"
DELETED = "SELECT user_id FROM deleted_users WHERE user_id = ANY ($1::uuid[])"
IS_DELETED = "SELECT EXISTS (SELECT FROM deleted_users WHERE user_id = $1)"
# A request that may have to be sent again keeps its parameters until it is answered, in the mode of our key. In the
# other mode it cannot be sent: only the customer's metadata stays, by which reconciliation finds it if that key comes.
# Checkouts are locked in the order in which events lock them.
ERASE = """
WITH customer AS (
    UPDATE customers SET email = NULL, request = CASE
        WHEN customer_id IS NOT NULL THEN NULL WHEN livemode = $2 THEN request ELSE request - 'email' END
    WHERE user_id = $1 AND (email IS NOT NULL OR (request IS NOT NULL AND customer_id IS NOT NULL))
), checkouts AS MATERIALIZED (
    SELECT e.id FROM payments p JOIN external_payments e ON e.payment_id = p.id
    WHERE p.user_id = $1 AND (e.status NOT IN ('creating', 'unknown') OR e.livemode <> $2)
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
# A checkout that has been ended stays pending here until its event arrives.
FINISH = """
UPDATE deleted_users d SET finished_at = now()
WHERE d.user_id = $1 AND d.finished_at IS NULL
  AND NOT EXISTS (SELECT FROM customers c WHERE c.user_id = $1 AND c.livemode = $2 AND c.deleted_at IS NULL)
  AND NOT EXISTS (
    SELECT FROM payments p JOIN external_payments e ON e.payment_id = p.id
    WHERE p.user_id = $1 AND e.kind = 'single' AND e.livemode = $2 AND (
        e.status IN ('creating', 'unknown')
        OR (e.provider = 'stripe' AND e.status = 'pending' AND e.provider_id <> ALL ($3::text[]))
    )
  )
RETURNING true
"""
IS_FINISHED = "SELECT finished_at IS NOT NULL FROM deleted_users WHERE user_id = $1"
# Also those that were finished with a key of the other mode.
UNFINISHED = """
SELECT d.user_id FROM deleted_users d
WHERE d.user_id > $1 AND (d.finished_at IS NULL OR EXISTS (
    SELECT FROM customers c WHERE c.user_id = d.user_id AND c.livemode = $2 AND c.deleted_at IS NULL
))
ORDER BY d.user_id LIMIT $3
"""
OF_OTHER_MODE = """
SELECT coalesce(customer_id, idempotency_key) AS customer FROM customers
WHERE user_id = $1 AND livemode <> $2 AND deleted_at IS NULL ORDER BY number
"""
_AT_ONCE = 100


async def begin(conn: Connection, user_id: UUID) -> bool:
    """From now on the user is deleted; False if it was before."""
    return await conn.fetchval(BEGIN, user_id) is not None


async def is_deleted(conn: Connection, user_id: UUID) -> bool:
    """Whether the user is deleted, also while Stripe has not been told yet."""
    return bool(await conn.fetchval(IS_DELETED, user_id))


async def deleted(conn: Connection, users: Collection[UUID]) -> set[UUID]:
    """The users among these that an admin has deleted."""
    return {row["user_id"] for row in await conn.fetch(DELETED, list(users))}


async def erase(conn: Connection, user_id: UUID, *, livemode: bool) -> None:
    """Remove the e-mail address and the metadata; ids stay, and so does what may have to be sent again in that mode."""
    await conn.execute(ERASE, user_id, livemode)


async def open_checkouts(conn: Connection, user_id: UUID, *, livemode: bool) -> list[str]:
    """The user's sessions and intents at Stripe that may still be paid."""
    return [row["provider_id"] for row in await conn.fetch(OPEN_CHECKOUTS, user_id, livemode)]


async def finish(conn: Connection, user_id: UUID, ended: Collection[str], *, livemode: bool) -> bool:
    """Whether nothing of the user was left to delete in that mode beside the ended checkouts, and this is new."""
    return bool(await conn.fetchval(FINISH, user_id, livemode, list(ended)))


async def is_finished(conn: Connection, user_id: UUID) -> bool:
    """Whether nothing is left to delete."""
    return bool(await conn.fetchval(IS_FINISHED, user_id))


async def of_other_mode(conn: Connection, user_id: UUID, *, livemode: bool) -> list[str]:
    """The user's customers in the other mode than this, each by its id, or by its key if Stripe has not answered."""
    return [row["customer"] for row in await conn.fetch(OF_OTHER_MODE, user_id, livemode)]


async def unfinished(conn: Connection, after: UUID, *, livemode: bool) -> list[UUID]:
    """Deleted users that Stripe may still have a customer of in that mode, in the order of their ids."""
    return [row["user_id"] for row in await conn.fetch(UNFINISHED, after, livemode, _AT_ONCE)]
