"""Answers payers who come back from a standing link before Stripe's event arrived, by asking Stripe."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

from hingecraft.db.connection import Database
from hingecraft.errors import AskFirstError, ForeignError, NotYetError, RejectedError
from hingecraft.money.book import CurrencyBook
from hingecraft.payments import store, unassigned
from hingecraft.payments.books import Books, Recorded
from hingecraft.payments.model import PaymentState, ProviderFailedError, Status, unknown_payment
from hingecraft.payments.writing import Cause
from hingecraft.providers.findings import CheckoutStatus, Finding
from hingecraft.providers.port import ProviderMissingError, ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.reading import StripeReader

_SESSION = re.compile(r"cs_(test|live)_[A-Za-z0-9]{20,250}")
_STATUSES = {CheckoutStatus.FAILED: Status.FAILED, CheckoutStatus.EXPIRED: Status.EXPIRED}
# Pages ask every three seconds; invented ids must not use up the calls that payers need.
_AT_ONCE = 2
_WITHIN = 4.0
_BELIEVED_FOR = 5.0
_REMEMBERED = 1000

Answer = PaymentState | RejectedError


class Returning:
    """Asks Stripe about sessions that are not booked yet, within a limit."""

    def __init__(
        self,
        database: Database,
        provider: StripeProvider,
        currencies: CurrencyBook,
        books: Books,
        recorded: Callable[[Recorded], None] = lambda _recorded: None,
    ) -> None:
        self._database = database
        self._provider = provider
        self._asking = StripeAsking(provider, StripeReader(currencies.by_code))
        self._books = books
        self._recorded = recorded
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._answers: dict[str, tuple[float, Answer]] = {}

    async def state_of(self, session_id: str) -> PaymentState:
        """The state of the session's payment; if it is paid, it is booked at once."""
        shape = _SESSION.fullmatch(session_id)
        if shape is None or not self._provider.configured or (shape[1] == "live") != self._provider.livemode:
            raise unknown_payment()
        until, answer = self._answers.get(session_id, (0.0, None))
        if answer is None or until < time.monotonic():
            answer = await self._find_out(session_id)
            self._remember(session_id, answer)
        if isinstance(answer, RejectedError):
            raise answer
        return answer

    def _remember(self, session_id: str, answer: Answer) -> None:
        self._answers.pop(session_id, None)
        while len(self._answers) >= _REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._answers[session_id] = (time.monotonic() + _BELIEVED_FOR, answer)

    async def _find_out(self, session_id: str) -> Answer:
        try:
            async with asyncio.timeout(_WITHIN), self._places:
                finding = await self._asking.of_checkout(session_id, told_by="the payer's return")
            return await self._state(finding, session_id)
        except (ForeignError, NotYetError, AskFirstError, ProviderMissingError):
            return unknown_payment()
        except (TimeoutError, ProviderRejectedError, ProviderUnknownError):
            return ProviderFailedError(
                "provider_unavailable",
                "We cannot get the status of this payment from Stripe right now. Try again in a few seconds.",
            )

    async def _state(self, finding: Finding, session_id: str) -> Answer:
        if finding.link_id is None:
            return unknown_payment()
        async with self._database.transaction() as conn:
            if finding.money:
                cause = Cause(actor="api", action="reconciled", request_id=session_id)
                recorded = await self._books.record(conn, finding, cause)
                found = await store.state(conn, recorded.payment_id)
            else:
                await unassigned.require_our_link(conn, finding)
                return _not_paid(finding, session_id)
        self._recorded(recorded)
        return found or unknown_payment()


def _not_paid(finding: Finding, session_id: str) -> PaymentState:
    """Report the state of the session while it has not been paid."""
    status = (
        _STATUSES.get(finding.checkout_status, Status.PENDING)
        if finding.checkout_status is not None
        else Status.PENDING
    )
    price = finding.price
    return PaymentState(
        id=session_id,
        status=status,
        provider=finding.provider,
        amount=price.amount if price is not None else None,
        price_currency=price.currency if price is not None else None,
        currency=price.currency if price is not None else None,
        updated_at=datetime.now(UTC),
    )
