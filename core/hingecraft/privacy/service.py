"""Exports and erases what is stored about one person. What accounting needs stays, without the person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import simplejson

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.members.deletion.service import Deletion
from hingecraft.privacy import store
from hingecraft.privacy.person import Person
from hingecraft.privacy.scrubbing import scrubbed
from hingecraft.privacy.store import SECTIONS, Message, Payload
from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe.client import StripeProvider

ACTOR = "command line"
# Seconds for the calls to Stripe about one member.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """The result of an erasure."""

    users: Sequence[UUID]
    # Rows that were changed, by kind.
    rows: dict[str, int]
    # Messages and checkouts that name the person and are still to be processed.
    waiting: int
    # Members whose customer Stripe has not deleted yet.
    unfinished: Sequence[UUID]
    # Whether Stripe will report that it has deleted a customer, with the person.
    was_at_stripe: bool
    # When the person's last open checkout expires. Until then Stripe may report it, with the address.
    open_until: datetime | None
    # Other addresses of the members: more may be stored under each.
    addresses: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    person: Person
    messages: Sequence[Message]
    payloads: Sequence[Payload]
    payments: Sequence[UUID]


class Privacy:
    """Answers people who ask what is stored about them, or that it be erased."""

    def __init__(self, database: Database, stripe: StripeProvider) -> None:
        self._database = database
        self._deletion = Deletion(database, stripe)

    async def export(self, person: Person) -> dict[str, Any]:
        """Everything that is stored, by kind; the audit log says that it was exported."""
        async with self._database.transaction() as conn:
            found = await _find(conn, person)
            document: dict[str, Any] = {
                "users": sorted(map(str, found.person.users)),
                "email": found.person.email,
                "customers": sorted(found.person.customers),
                **{name: await store.rows(conn, sql, found.person, found.payments) for name, sql in SECTIONS.items()},
                "oldPayments": [simplejson.loads(each.body, use_decimal=True) for each in found.payloads],
                "providerMessages": [_shown(each) for each in found.messages],
            }
            await _report(conn, "person_exported", found.person, {"payments": len(found.payments)})
        return document

    async def erase(self, person: Person) -> Erased:
        """Erase the person. A repeat finishes what has failed.

        Members are deleted last: until then their customers are known, by which messages are found.
        """
        async with self._database.transaction() as conn:
            found = await _find(conn, person)
            changed: Counter[str] = Counter()
            for message in found.messages:
                body = scrubbed(message.body, found.person)
                if body is not None and body != message.body:
                    changed["providerMessages"] += await store.replace_message(conn, message, body)
            for payload in found.payloads:
                body = scrubbed(payload.body.encode(), found.person)
                if body is not None:
                    changed["oldPayments"] += await store.replace_payload(conn, payload, body)
            waiting = sum(not each.processed for each in found.messages)
            if person.email is not None:
                for name, sql in store.ERASURES.items():
                    changed[name] += await store.erase(conn, sql, person.email)
                waiting += await store.kept_checkouts(conn, person.email)
            open_until = await store.open_until(conn, found.payments)
            await _report(conn, "person_erased", found.person, +changed)
        users = sorted(found.person.users)
        return Erased(
            users=users,
            rows=+changed,
            waiting=waiting,
            unfinished=[user for user in users if not await self._delete(user)],
            was_at_stripe=found.person.is_at_stripe,
            open_until=open_until,
            addresses=sorted(found.person.addresses - {person.email}),
        )

    async def _delete(self, user: UUID) -> bool:
        return await self._deletion.delete(user, Deadline.within(_PATIENCE), actor=ACTOR, request_id="privacy")


async def _find(conn: Connection, person: Person) -> _Found:
    whole = await store.with_accounts(conn, person)
    messages, payloads = await store.messages(conn, whole), await store.payloads(conn, whole)
    named = [each.payment_id for each in messages] + [each.payment_id for each in payloads]
    payments = await store.payments(conn, whole, [each for each in named if each is not None])
    known = {each.id for each in messages}
    messages += [each for each in await store.messages_about(conn, payments) if each.id not in known]
    return _Found(person=whole, messages=messages, payloads=payloads, payments=payments)


def _shown(message: Message) -> dict[str, Any]:
    """Bodies are read as text: a signed token is one too."""
    return {
        "source": message.source, "id": message.event_id, "type": message.type,
        "receivedAt": message.received_at.isoformat(), "body": message.body.decode(errors="replace"),
    }  # fmt: skip


async def _report(conn: Connection, action: str, person: Person, counts: Mapping[str, int]) -> None:
    details = {"users": sorted(map(str, person.users)), **counts}
    await audit.append_all(conn, [audit.Row(actor=ACTOR, action=action, request_id=None, details=details)])
