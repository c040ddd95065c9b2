"""Prefills: an amount that Mission Support hands to Charter, read once. They live in `"ContributionIntent"`.

A prefill's id travels in an address, which ends up in histories and shared links. So what the donor said about
themselves is used once, within minutes, and then deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hingecraft.db.batches import in_batches
from hingecraft.db.connection import Connection, Database
from hingecraft.donations.model import GoneError, Prefill, prefill_id
from hingecraft.errors import ConflictError
from hingecraft.idempotency.model import Claim, key_taken_over
from hingecraft.leases import statements
from hingecraft.money.model import plain

LIFE = timedelta(minutes=10)
REPEATED_WITHIN = timedelta(seconds=60)
PERSONAL_FOR = timedelta(minutes=30)
SOURCE = "mission_support_other"

MAKE = f"""
WITH held AS (
    UPDATE idempotency_keys SET resource = $1
    WHERE {statements.held("scope", "key", first=2)} AND resource IS NULL RETURNING true
), made AS (
    INSERT INTO "ContributionIntent" ("_id", amount_entered, source, "_createdDate", expires_at, user_info)
    SELECT $1, $5, $6, now(), now() + $7::interval, $8::jsonb WHERE $2::text IS NULL OR EXISTS (SELECT FROM held)
    RETURNING "_id", expires_at
), told AS (
    INSERT INTO payment_audit (actor, action, request_id, details)
    SELECT 'api', 'prefill_made', $9, jsonb_build_object('prefillId', "_id", 'amount', $10::text) FROM made
)
SELECT expires_at FROM made
"""
FIND = """
SELECT "_id" AS id, amount_entered AS amount, source, expires_at FROM "ContributionIntent" WHERE "_id" = $1
"""
# The update takes the row's lock, so exactly one of many readers at once finds it unused.
USE = """
WITH used AS (
    UPDATE "ContributionIntent" SET used = true, used_at = coalesce(used_at, now()), page_load = coalesce(page_load, $2)
    WHERE "_id" = $1 AND (
        (NOT used AND expires_at > now())
        OR (used AND page_load = $2 AND used_at > now() - $3::interval)
    )
    RETURNING "_id", amount_entered, source
), told AS (
    INSERT INTO payment_audit (actor, action, request_id, details)
    SELECT 'api', 'prefill_used', $4, jsonb_build_object('prefillId', "_id") FROM used
)
SELECT amount_entered AS amount, source FROM used
"""
# Whether `USE` would find it, without using it.
IS_USABLE = """
SELECT true FROM "ContributionIntent" WHERE "_id" = $1 AND (
    (NOT used AND expires_at > now())
    OR (used AND page_load = $2 AND used_at > now() - $3::interval)
)
"""
# The lock makes a second taker wait, and it then finds the e-mail gone.
TAKE_EMAIL = """
WITH fresh AS (
    SELECT "_id", user_info ->> 'email' AS email FROM "ContributionIntent"
    WHERE "_id" = $1 AND user_info ? 'email' AND "_createdDate" > now() - $2::interval
    FOR UPDATE
)
UPDATE "ContributionIntent" i SET user_info = NULL FROM fresh WHERE i."_id" = fresh."_id" RETURNING fresh.email
"""
ERASE_PERSONAL_DATA = """
WITH old AS (
    SELECT "_id" FROM "ContributionIntent" WHERE user_info IS NOT NULL AND "_createdDate" < now() - $1::interval
    ORDER BY "_createdDate" LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE "ContributionIntent" i SET user_info = NULL FROM old WHERE i."_id" = old."_id"
"""


async def make(
    database: Database, amount: Decimal, user_info: Mapping[str, str], request_id: str, claim: Claim | None
) -> Prefill:
    """A new prefill, or the one of an earlier request with this key."""
    async with database.connection() as conn:
        if claim is not None and claim.resource is not None:
            row = await conn.fetchrow(FIND, claim.resource)
            if row is not None:
                return Prefill(**dict(row))
        new_id = prefill_id(datetime.now(UTC))
        held = claim.lease if claim else (None, None, None)
        kept = json.dumps(dict(user_info)) if user_info else None
        expires_at = await conn.fetchval(MAKE, new_id, *held, amount, SOURCE, LIFE, kept, request_id, plain(amount))
    if expires_at is None:
        raise key_taken_over()
    return Prefill(id=new_id, amount=amount, source=SOURCE, expires_at=expires_at)


async def use(database: Database, wanted: str, page_load: UUID | None, request_id: str) -> tuple[Decimal, str]:
    """The amount and its source, to the first reader and to the same page load's own repeat."""
    async with database.connection() as conn:
        row = await conn.fetchrow(USE, wanted, page_load, REPEATED_WITHIN, request_id)
    if row is None:
        raise _gone()
    if row["amount"] is None:
        raise ConflictError("prefill_empty", "This prefill has no amount. Enter the amount again.")
    return row["amount"], row["source"] or SOURCE


async def require_usable(database: Database, wanted: str, page_load: UUID | None) -> None:
    """Raises as `use` would for a prefill that is used, expired or unknown; uses nothing up."""
    async with database.connection() as conn:
        if not await conn.fetchval(IS_USABLE, wanted, page_load, REPEATED_WITHIN):
            raise _gone()


def _gone() -> GoneError:
    return GoneError("prefill_gone", "This prefill is used, expired or unknown. Enter the amount again.")


async def take_email(conn: Connection, wanted: str) -> str | None:
    """The donor's e-mail, to the first taker while the prefill is fresh; it is deleted in the caller's transaction."""
    email: str | None = await conn.fetchval(TAKE_EMAIL, wanted, PERSONAL_FOR)
    return email


async def erase_personal_data(database: Database) -> None:
    """Delete the personal data of old prefills."""
    await in_batches(database, ERASE_PERSONAL_DATA, PERSONAL_FOR)
