"""The steps of subscriptions in a reconciliation.

They find renewals whose events were lost, subscriptions that no event has told us of, and what does not add up.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ForeignError, NotYetError
from hingecraft.inbox import store as inbox
from hingecraft.inbox.model import InboundEvent
from hingecraft.members.subscriptions import store
from hingecraft.members.subscriptions.service import Copies, Family
from hingecraft.providers import stripe
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.ports import Document
from hingecraft.steps import Run, Step, Steps

log = logging.getLogger(__name__)

# An invoice is drafted when its period begins. Clocks differ.
_ROOM = timedelta(days=1)
_PAID = "invoice.paid"
_ACTOR = "reconcile"


def subscriptions_steps(database: Database, provider: StripeProvider, families: Sequence[Family]) -> Steps:
    """Before the inbox is processed, so that the invoices that are found are booked in the same run."""
    work = _Subscriptions(database, provider, families)

    def at_stripe(step: Step) -> Step:
        async def guarded(run: Run) -> None:
            if stripe.NAME not in run.providers:
                return
            try:
                await step(run)
            except (ProviderRejectedError, ProviderUnknownError) as error:
                run.summary.fail(f"a subscription could not be read: {error}")

        return guarded

    return Steps(
        before_events=(at_stripe(work.find_unknown), at_stripe(work.refresh_ended)),
        # Again: a first invoice may have been found in between.
        after_checks=(at_stripe(work.find_unknown), work.compare),
    )


class _Subscriptions:
    def __init__(self, database: Database, provider: StripeProvider, families: Sequence[Family]) -> None:
        self._database = database
        self._provider = provider
        self._copies = Copies(database, provider.subscriptions, families)

    async def find_unknown(self, run: Run) -> None:
        """Checkouts that were paid, whose subscription is not known here."""
        after = UUID(int=0)
        while True:
            async with self._database.connection() as conn:
                page = await store.unknown(conn, after, livemode=self._provider.livemode)
            if not page:
                return
            after = page[-1][0]
            for _, session_id in page:
                await self._one(run, f"the session {session_id}", self._copy_of_session(run, session_id))

    async def _copy_of_session(self, run: Run, session_id: str) -> None:
        if session_id.startswith("sub_"):
            await self._copy(run, session_id, None)
            return
        session = await self._provider.sessions.retrieve(session_id)
        if session.get("subscription"):
            await self._copy(run, str(session["subscription"]), None)

    async def _one(self, run: Run, what: str, work: Awaitable[None]) -> None:
        """An object that Stripe rejects holds up no other; being asked to wait does."""
        try:
            await work
        except ProviderRejectedError as error:
            if error.passing:
                raise
            run.summary.explain(f"{what} could not be read: {error}")

    async def refresh_ended(self, run: Run) -> None:
        """Running subscriptions whose period has ended: renewed, cancelled or unpaid meanwhile."""
        after = ""
        while True:
            async with self._database.connection() as conn:
                page = await store.due(conn, after, livemode=self._provider.livemode)
            if not page:
                return
            after = page[-1][0]
            for subscription_id, since in page:
                await self._one(run, f"the subscription {subscription_id}", self._copy(run, subscription_id, since))

    async def _copy(self, run: Run, subscription_id: str, since: datetime | None) -> None:
        """The copy and the invoices in one transaction: a copy that is up to date is not asked about again."""
        answer = await self._copies.ask(subscription_id)
        run.summary.subscriptions_read += 1
        paid = await self._paid_invoices(subscription_id, (since or answer.copy.created_at) - _ROOM)
        try:
            async with self._database.transaction() as conn:
                if not run.dry:
                    await self._copies.keep(conn, answer, actor=_ACTOR)
                await self._take_in(conn, run, paid)
        except (ForeignError, NotYetError) as error:
            run.summary.explain(f"the subscription {subscription_id} is not copied: {error}")

    async def _paid_invoices(self, subscription_id: str, since: datetime) -> list[Document]:
        """One that a discount or the customer's balance has paid for grants too."""
        found = self._provider.subscriptions.paid_invoices(subscription_id, since)
        return [each async for each in found if each["amount_paid"] or each["subtotal"] > 0]

    async def _take_in(self, conn: Connection, run: Run, paid: Sequence[Document]) -> None:
        """A paid invoice without a payment here goes to the inbox under its own id, as if its event had arrived."""
        booked = await store.booked(conn, [str(each["id"]) for each in paid])
        missed = [_event(each) for each in paid if each["id"] not in booked]
        run.summary.invoices_found += len(missed)
        if missed and not run.dry:
            await inbox.store(conn, missed)

    async def compare(self, run: Run) -> None:
        """Subscriptions whose invoice is not booked, and users with two of one family."""
        async with self._database.connection() as conn:
            lacking = await store.without_invoice(conn, livemode=self._provider.livemode)
            doubled = await store.doubled(conn, livemode=self._provider.livemode)
        run.summary.subscriptions_without_invoice = len(lacking)
        run.summary.subscriptions_doubled = len(doubled)
        for subscription_id, user_id, invoice in lacking:
            log.error(
                "the subscription %s of user %s has no payment for %s", subscription_id, user_id,
                f"its paid invoice {invoice}" if invoice else "the period that has begun",
            )  # fmt: skip
            run.summary.explain(f"the subscription {subscription_id} has no payment for its invoice")
        for user_id, purpose, ids in doubled:
            log.error("user %s has more than one running subscription for %s: %s", user_id, purpose, ", ".join(ids))
            run.summary.explain(f"user {user_id} has more than one running subscription for {purpose}")


def _event(invoice: Any) -> InboundEvent:
    body = {"id": invoice["id"], "type": _PAID, "livemode": invoice["livemode"], "data": {"object": dict(invoice)}}
    return InboundEvent(
        source=stripe.NAME, event_id=str(invoice["id"]), type=_PAID, body=json.dumps(body, default=str).encode()
    )
