"""Exports and erases what is stored about one person. What accounting needs stays, without the person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import simplejson

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.members.deletion.service import Deletion
from hingecraft.privacy import store
from hingecraft.privacy.person import Person
from hingecraft.privacy.scrubbing import scrubbed
from hingecraft.privacy.store import Message, Payload
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
    # Messages that name the person and are still to be processed.
    waiting: int
    # Members whose customer Stripe has not deleted yet.
    unfinished: Sequence[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    person: Person
    messages: Sequence[Message]
    payloads: Sequence[Payload]

    @property
    def payments(self) -> set[UUID]:
        """The payments that these are about."""
        of_messages = {each.payment_id for each in self.messages if each.payment_id is not None}
        return of_messages | {each.payment_id for each in self.payloads if each.payment_id is not None}


class Privacy:
    """Answers people who ask what is stored about them, or that it be erased."""

    def __init__(self, database: Database, stripe: StripeProvider) -> None:
        self._database = database
        self._deletion = Deletion(database, stripe)

    async def export(self, person: Person) -> dict[str, Any]:
        """Everything that is stored, by kind; the audit log says that it was exported."""
        async with self._database.transaction() as conn:
            found = await _find(conn, person)
            payments = await store.payments(conn, found.person, found.payments)
            document: dict[str, Any] = {
                "users": sorted(map(str, found.person.users)),
                "email": found.person.email,
                "customers": sorted(found.person.customers),
                **{name: await store.rows(conn, sql, found.person, payments) for name, sql in store.SECTIONS.items()},
                "oldPayments": [simplejson.loads(each.body, use_decimal=True) for each in found.payloads],
                "providerMessages": [_shown(each) for each in found.messages],
            }
            await _report(conn, "person_exported", found.person, {"payments": len(payments)})
        return document

    async def erase(self, person: Person) -> Erased:
        """Erase the person. A repeat finishes what has failed.

        Members are deleted last: until then their customers are known, by which messages are found.
        """
        async with self._database.transaction() as conn:
            found = await _find(conn, person)
            changed: Counter[str] = Counter()
            for message in found.messages:
                body = scrubbed(message.body, person.email)
                if body is not None and body != message.body:
                    changed["providerMessages"] += await store.replace_message(conn, message, body)
            for payload in found.payloads:
                body = scrubbed(payload.body.encode(), person.email)
                if body is not None:
                    changed["oldPayments"] += await store.replace_payload(conn, payload, body)
            if person.email is not None:
                for name, sql in store.ERASURES.items():
                    changed[name] += await store.erase(conn, sql, person.email)
            await _report(conn, "person_erased", found.person, +changed)
        users = sorted(found.person.users)
        return Erased(
            users=users,
            rows=+changed,
            waiting=sum(not each.processed for each in found.messages),
            unfinished=[user for user in users if not await self._delete(user)],
        )

    async def _delete(self, user: UUID) -> bool:
        return await self._deletion.delete(user, Deadline.within(_PATIENCE), actor=ACTOR, request_id="privacy")


async def _find(conn: Connection, person: Person) -> _Found:
    whole = await store.with_accounts(conn, person)
    return _Found(person=whole, messages=await store.messages(conn, whole), payloads=await store.payloads(conn, whole))


def _shown(message: Message) -> dict[str, Any]:
    """Bodies are read as text: a signed token is one too."""
    return {
        "source": message.source, "id": message.event_id, "type": message.type,
        "receivedAt": message.received_at.isoformat(), "body": message.body.decode(errors="replace"),
    }  # fmt: skip


async def _report(conn: Connection, action: str, person: Person, counts: Mapping[str, int]) -> None:
    details = {"users": sorted(map(str, person.users)), **counts}
    await audit.append_all(conn, [audit.Row(actor=ACTOR, action=action, request_id=None, details=details)])
