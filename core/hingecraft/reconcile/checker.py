"""Checks one checkout: finishes it after a crash, asks the provider about it, and books the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ForeignError, NotYetError, RejectedError
from hingecraft.money.book import CurrencyBook
from hingecraft.payments import customer_payments
from hingecraft.payments import store as payments
from hingecraft.payments.attempts import FAILED_ACTION
from hingecraft.payments.books import Books, Recorded, whole
from hingecraft.payments.model import REPLAYED_FOR, Status
from hingecraft.payments.writing import Cause
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.findings import CheckoutStatus, Finding
from hingecraft.providers.nowpayments.asking import NowPaymentsAsking
from hingecraft.providers.nowpayments.reading import NowPaymentsReader
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import (
    ErrorKeptError,
    Opened,
    ProviderMissingError,
    ProviderRejectedError,
    ProviderUnknownError,
)
from hingecraft.providers.registry import Providers
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.reading import StripeReader
from hingecraft.reconcile import store
from hingecraft.reconcile.model import STALE, Due, Outcome, next_check

log = logging.getLogger(__name__)

_CALL = 20.0
_SESSION = "cs_"
_UNFINISHED = frozenset({Status.CREATING, Status.UNKNOWN})
_CANNOT_LIST = (
    "NOWPayments shows the payments of an invoice only with NOWPAYMENTS_EMAIL and NOWPAYMENTS_PASSWORD: "
    "a lost callback of those cannot be looked up"
)
COULD_NOT = (ProviderRejectedError, ProviderUnknownError, ForeignError, NotYetError, RejectedError)

Explain = Callable[[str], None]


class Checker:
    """Checks checkouts for the reconciliation and for each pod's recoverer. With `dry_run` it changes nothing."""

    def __init__(
        self,
        database: Database,
        providers: Providers,
        currencies: CurrencyBook,
        books: Books,
        *,
        actor: str,
        dry_run: bool = False,
        recorded: Callable[[Recorded], None] = lambda _recorded: None,
    ) -> None:
        reader = StripeReader(currencies.by_code)
        self._database = database
        self._providers = providers
        self._reader = reader
        self._stripe = StripeAsking(providers.stripe, reader)
        self._nowpayments = NowPaymentsAsking(
            providers.nowpayments, NowPaymentsReader(currencies.coin_of, books.purposes.descriptions)
        )
        self._books = books
        self._actor = actor
        self._dry_run = dry_run
        self._recorded = recorded

    async def check(self, due: Due, explain: Explain) -> Outcome:
        """Check one checkout. The next check is scheduled in every case."""
        try:
            outcome = await self._recover_or_ask(due, explain)
        except COULD_NOT as error:
            log.warning("checkout %s of payment %s: %s", due.id, due.payment_id, error)
            explain(f"{due.provider}: {error}")
            outcome = Outcome.FAILED
        if due.age > STALE:
            log.error("payment %s is still %s after %d days", due.payment_id, due.status, due.age.days)
        if not self._dry_run:
            async with self._database.connection() as conn:
                await store.record_check(conn, due, next_check(due.age))
        return outcome

    async def _recover_or_ask(self, due: Due, explain: Explain) -> Outcome:
        if due.status in _UNFINISHED:
            return await self._recover(due)
        if due.provider == stripe.NAME:
            return await self._ask_stripe(due)
        return await self._ask_nowpayments(due, explain)

    async def _ask_stripe(self, due: Due) -> Outcome:
        """Sessions expire by themselves. PaymentIntents do not: one whose time is over is cancelled here."""
        assert due.provider_id is not None, "a checkout that is pending has its id"
        try:
            if due.expired and not self._dry_run:
                await self._providers.stripe.end(due.provider_id, Deadline.within(_CALL))
            finding = await self._stripe.of_checkout(due.provider_id, told_by=self._actor)
        except ProviderMissingError:
            return Outcome.MISSING
        return await self._record(due, [replace(finding, payment_id=due.payment_id)])

    async def give_up(self, due: Due) -> Outcome:
        """End the payment of a checkout that Stripe does not know. This needs no claim: it ended with the check."""
        return await self._record(replace(due, claimed_until=None), [self._ended(due, CheckoutStatus.MISSING)])

    async def _ask_nowpayments(self, due: Due, explain: Explain) -> Outcome:
        findings: list[Finding] = []
        if self._providers.nowpayments.may_list:
            assert due.provider_id is not None, "an invoice that is pending has its id"
            findings = await self._nowpayments.of_checkout(due.provider_id, told_by=self._actor)
        elif not due.expired:
            explain(_CANNOT_LIST)
            return Outcome.UNASKED
        if due.expired and not any(
            finding.checkout_status in {CheckoutStatus.OPEN, CheckoutStatus.PAID} for finding in findings
        ):
            # By our own clock, whether nothing or too little arrived: late money still completes the payment.
            findings = [*findings, self._ended(due, CheckoutStatus.EXPIRED)]
        return await self._record(due, findings)

    def _ended(self, due: Due, checkout_status: CheckoutStatus) -> Finding:
        return Finding(
            provider=due.provider,
            livemode=self._providers.of(due.provider).livemode,
            told_by=self._actor,
            payment_id=due.payment_id,
            checkout_id=due.provider_id,
            checkout_status=checkout_status,
            fresh=True,
        )

    async def _recover(self, due: Due) -> Outcome:
        if due.payment_status not in _UNFINISHED:
            return await self._finish(due, store.close)
        if self._dry_run:
            return Outcome.CHANGED
        if due.provider == stripe.NAME and due.age > REPLAYED_FOR:
            return await self._find_by_listing(due)
        if due.provider == nowpayments.NAME and due.expired:
            return await self._record(due, [self._ended(due, CheckoutStatus.EXPIRED)])
        return await self._replay(due)

    async def _replay(self, due: Due) -> Outcome:
        """Call again with the same key and parameters, which finds or creates the checkout."""
        started = time.monotonic()
        provider = self._providers.of(due.provider)
        try:
            opened = await provider.open(due.request, due.idempotency_key, Deadline.within(_CALL))
        except ProviderRejectedError as error:
            if error.passing:
                raise
            failed = payments.Outcome(
                status=Status.FAILED,
                details={"reason": error.reason, "outcome": "failed"},
                provider_id=error.provider_id,
            )
            return await self._not_opened(due, failed, FAILED_ACTION)
        except ErrorKeptError:
            return await self._find_by_listing(due)
        milliseconds = round((time.monotonic() - started) * 1000)

        async def write(conn: Connection, due: Due) -> None:
            await payments.opened(conn, due.id, opened, None, milliseconds, self._actor)

        return await self._finish(due, write)

    async def _find_by_listing(self, due: Due) -> Outcome:
        """Search what was made at that time.

        Stripe may have forgotten the key, so that a new call could charge twice, or it keeps an error of its own.
        """
        found = await self._providers.stripe.made_for(
            due.request, str(due.payment_id), due.created_at, due.created_at + REPLAYED_FOR
        )
        if found is None:
            expired = payments.Outcome(status=Status.EXPIRED, details={"reason": "it was never made"})
            return await self._not_opened(due, expired, "checkout_expired")

        async def write(conn: Connection, due: Due) -> None:
            if found.startswith(_SESSION):  # without its link, it stays as it is until it is paid or has ended
                await store.record_provider_id(conn, due, found)
            else:
                opened = Opened(provider_id=found, url=None)
                await payments.opened(conn, due.id, opened, None, None, self._actor)

        await self._finish(due, write)
        return await self._record(due, [await self._stripe.of_checkout(found, told_by=self._actor)])

    async def _not_opened(self, due: Due, outcome: payments.Outcome, action: str) -> Outcome:
        async def write(conn: Connection, due: Due) -> None:
            await payments.not_opened(conn, due.id, outcome, action=action, request_id=None, actor=self._actor)

        return await self._finish(due, write)

    async def _finish(self, due: Due, write: Callable[[Connection, Due], Awaitable[None]]) -> Outcome:
        if self._dry_run:
            return Outcome.CHANGED
        async with self._database.transaction() as conn:
            if not await store.held(conn, due):
                return Outcome.UNCHANGED
            await write(conn, due)
        return Outcome.CHANGED

    async def _record(self, due: Due, findings: Sequence[Finding]) -> Outcome:
        """Book under the claim; a dry run rolls the transaction back."""
        cause = Cause(actor=self._actor, action="reconciled", always=False)
        async with self._database.connection() as conn:
            transaction = conn.transaction()
            await transaction.start()
            try:
                for finding in findings:
                    await customer_payments.hold_invoice(conn, finding)
                held = await store.held(conn, due)
                recorded = [await self._books.record(conn, finding, cause) for finding in whole(findings) if held]
            except BaseException:
                await transaction.rollback()
                raise
            await (transaction.commit() if held and not self._dry_run else transaction.rollback())
        for each in recorded if not self._dry_run else ():
            self._recorded(each)
        return Outcome.CHANGED if any(each.changed for each in recorded) else Outcome.UNCHANGED
