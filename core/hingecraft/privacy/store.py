"""Finds and erases the rows of one person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import simplejson

from hingecraft.db.connection import Connection
from hingecraft.privacy.person import Person
from hingecraft.privacy.scrubbing import names

# $1: the users; $2: the e-mail address in lower case, or NULL.
CUSTOMERS = """
SELECT user_id, livemode, customer_id, email, created_at, deleted_at FROM customers
WHERE user_id = ANY ($1::uuid[]) OR lower(email) = $2 ORDER BY created_at, user_id
"""
PAYMENTS = """
SELECT id FROM payments WHERE user_id = ANY ($1::uuid[])
UNION SELECT payment_id FROM external_payments
WHERE request ? 'customer_email' AND lower(request ->> 'customer_email') = $2 AND payment_id IS NOT NULL
UNION SELECT b.id FROM "ContributionIntent" i JOIN payments b ON b.intent_id = i."_id"
WHERE i.user_info ? 'email' AND lower(i.user_info ->> 'email') = $2
UNION SELECT unnest($3::uuid[])
"""
# No index finds messages by their content, so all are read. Escaped bytes can be compared as text in any encoding.
_MESSAGES = """
SELECT id, received_at, source, event_id, type, body, payment_id, processed_at IS NOT NULL AS processed
FROM provider_events e
"""
NAMING = f"""{_MESSAGES}
WHERE EXISTS (
    SELECT FROM unnest($1::text[]) AS n (needle)
    WHERE position(lower(encode(convert_to(needle, 'UTF8'), 'escape')) IN lower(encode(e.body, 'escape'))) > 0
)
"""
ABOUT_PAYMENTS = f"{_MESSAGES} WHERE payment_id = ANY ($1::uuid[])"
# Of payments of the software before this one.
PAYLOADS = """
SELECT id, payment_id, provider_payload::text AS body FROM external_payments
WHERE provider_payload IS NOT NULL AND EXISTS (
    SELECT FROM unnest($1::text[]) AS n (needle) WHERE position(needle IN lower(provider_payload::text)) > 0
)
"""
# A message that waits is still needed as it is.
REPLACE_MESSAGE = """
UPDATE provider_events SET body = $3 WHERE id = $1 AND received_at = $2 AND processed_at IS NOT NULL
"""
REPLACE_PAYLOAD = "UPDATE external_payments SET provider_payload = $2::jsonb WHERE id = $1"
# By section of the export; $1: the users, $2: the e-mail address, $3: the payments.
SECTIONS: Mapping[str, str] = {
    "payments": """
        SELECT id, created_at, status, purpose, provider, source, amount, price_currency, currency, user_id
        FROM payments WHERE id = ANY ($3::uuid[]) ORDER BY created_at, id""",
    "settlements": """
        SELECT payment_id, kind, provider_ref, amount, currency, usd_amount, created_at
        FROM settlements WHERE payment_id = ANY ($3::uuid[]) ORDER BY created_at, provider_ref""",
    "checkouts": """
        SELECT payment_id, provider, provider_id, status, request ->> 'customer_email' AS email, created_at
        FROM external_payments WHERE payment_id = ANY ($3::uuid[]) ORDER BY created_at, payment_id""",
    "history": """
        SELECT created_at, actor, action, payment_id, details FROM payment_audit
        WHERE payment_id = ANY ($3::uuid[]) ORDER BY created_at, id""",
    "prefills": """
        SELECT "_id" AS id, "_createdDate" AS created_at, amount_entered AS amount, user_info FROM "ContributionIntent"
        WHERE lower(user_info ->> 'email') = $2 ORDER BY created_at""",
    "subscriptions": """
        SELECT id, purpose, status, price_id, product_id, current_period_end, cancel_at_period_end, created_at, ended_at
        FROM subscriptions WHERE user_id = ANY ($1::uuid[]) ORDER BY created_at, id""",
    "purchases": """
        SELECT p.id, p.status, d.type, d.name, p.amount, p.currency, p.starts_at, p.ends_at, p.created_at
        FROM purchases p JOIN products d ON d.id = p.product_id
        WHERE p.user_id = ANY ($1::uuid[]) ORDER BY p.created_at, p.id""",
    "downloads": """
        SELECT product_id, created_at FROM downloads WHERE user_id = ANY ($1::uuid[]) ORDER BY created_at""",
    "credits": """
        SELECT id, delta, reason, plan_type, metadata, balance_after, created_at
        FROM credits_transactions WHERE user_id = ANY ($1::uuid[]) ORDER BY id""",
    "wixSites": """
        SELECT s.instance_id, s.owner_email, s.plan, s.installed_at, s.removed_at FROM wix_sites s
        WHERE lower(s.owner_email) = $2 OR EXISTS (
            SELECT FROM wix_site_settings v WHERE v.instance_id = s.instance_id AND lower(v.value #>> '{}') = $2
        ) ORDER BY s.installed_at""",
}
# By the name that the audit log counts it under. Each repeats without effect. A request that may have to be sent again
# keeps its parameters until the provider has answered.
ERASURES: Mapping[str, str] = {
    "checkouts": """
        UPDATE external_payments SET request = request - 'customer_email'
        WHERE request ? 'customer_email' AND lower(request ->> 'customer_email') = $1
          AND status NOT IN ('creating', 'unknown')""",
    "prefills": """UPDATE "ContributionIntent" SET user_info = NULL WHERE lower(user_info ->> 'email') = $1""",
    "wixSites": "UPDATE wix_sites SET owner_email = NULL WHERE lower(owner_email) = $1",
    # An empty setting has its default. The pods' role may not delete rows of this table.
    "wixSettings": """
        UPDATE wix_site_settings SET value = '""', updated_at = clock_timestamp()
        WHERE lower(value #>> '{}') = $1""",
}
# What the erasures have left.
KEPT_CHECKOUTS = "SELECT count(*) FROM external_payments WHERE lower(request ->> 'customer_email') = $1"
# Until when Stripe's session, which has the address, may be paid.
OPEN_UNTIL = """
SELECT max(coalesce(expires_at, now() + interval '1 day')) FROM external_payments
WHERE payment_id = ANY ($1::uuid[]) AND provider = 'stripe' AND kind = 'single'
  AND status IN ('creating', 'unknown', 'pending')
"""
# Seconds for a statement that reads a whole table.
_WHOLE_TABLE = 3600.0
# The parameters that a section does not name still need a type.
_ROWS = """
SELECT coalesce(json_agg(row_to_json(r)), '[]')::text FROM ({}) AS r
WHERE $1::uuid[] IS NOT NULL AND ($2::text IS NULL OR true) AND $3::uuid[] IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A provider's message that names the person."""

    id: UUID
    received_at: datetime
    source: str
    event_id: str
    type: str
    body: bytes
    payment_id: UUID | None
    processed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A payment as the software before this one kept it."""

    id: UUID
    payment_id: UUID | None
    body: str


async def with_accounts(conn: Connection, person: Person) -> Person:
    """The person with the members and the customers at Stripe that belong to them."""
    rows = await conn.fetch(CUSTOMERS, list(person.users), person.email)
    return replace(
        person,
        users=person.users | {row["user_id"] for row in rows},
        customers=frozenset(row["customer_id"] for row in rows if row["customer_id"]),
        is_at_stripe=any(row["customer_id"] and row["deleted_at"] is None for row in rows),
        addresses=frozenset(row["email"].lower() for row in rows if row["email"]),
    )


async def messages(conn: Connection, person: Person) -> list[Message]:
    """The providers' messages that name the person."""
    found = [Message(**row) async for row in conn.cursor(NAMING, person.needles(), timeout=_WHOLE_TABLE)]
    return [each for each in found if names(each.body, person)]


async def messages_about(conn: Connection, payment_ids: Collection[UUID]) -> list[Message]:
    """The providers' messages about these payments, whether or not they name anybody."""
    return [Message(**row) async for row in conn.cursor(ABOUT_PAYMENTS, list(payment_ids), timeout=_WHOLE_TABLE)]


async def payloads(conn: Connection, person: Person) -> list[Payload]:
    """The old payments that name the person."""
    found = [Payload(**row) for row in await conn.fetch(PAYLOADS, person.needles(), timeout=_WHOLE_TABLE)]
    return [each for each in found if names(each.body.encode(), person)]


async def payments(conn: Connection, person: Person, named: Collection[UUID]) -> list[UUID]:
    """The payments of the person, together with those that were named."""
    return [row["id"] for row in await conn.fetch(PAYMENTS, list(person.users), person.email, list(named))]


async def rows(conn: Connection, sql: str, person: Person, payment_ids: Collection[UUID]) -> list[Any]:
    """One section of the export."""
    text = await conn.fetchval(_ROWS.format(sql), list(person.users), person.email, list(payment_ids))
    found: list[Any] = simplejson.loads(text, use_decimal=True)
    return found


async def replace_message(conn: Connection, message: Message, body: bytes) -> int:
    """How many messages were replaced: none if this one waits again."""
    return _number(await conn.execute(REPLACE_MESSAGE, message.id, message.received_at, body))


async def replace_payload(conn: Connection, payload: Payload, body: bytes) -> int:
    """How many rows were changed: always one."""
    return _number(await conn.execute(REPLACE_PAYLOAD, payload.id, body.decode()))


async def erase(conn: Connection, sql: str, email: str) -> int:
    """How many rows one of the erasures has changed."""
    return _number(await conn.execute(sql, email))


async def kept_checkouts(conn: Connection, email: str) -> int:
    """How many checkouts have the address: those whose provider has not answered yet."""
    number: int = await conn.fetchval(KEPT_CHECKOUTS, email)
    return number


async def open_until(conn: Connection, payment_ids: Collection[UUID]) -> datetime | None:
    """When the last open checkout of these payments expires; None if none is open."""
    moment: datetime | None = await conn.fetchval(OPEN_UNTIL, list(payment_ids))
    return moment


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])
