"""The inbox handler of payments: reads a provider's event, asks the provider if needed, and books the money."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hingecraft.db.connection import Connection
from hingecraft.errors import AskFirstError, NotYetError, UnansweredError
from hingecraft.inbox.handlers import Applied, Handler, Reading, Registration
from hingecraft.inbox.model import Claimed
from hingecraft.money.book import CurrencyBook
from hingecraft.observability import traces
from hingecraft.payments.books import Books, Recorded, whole
from hingecraft.payments.writing import Cause
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.findings import Finding
from hingecraft.providers.nowpayments.asking import NowPaymentsAsking
from hingecraft.providers.nowpayments.reading import NowPaymentsReader, hinted
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.registry import Providers
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.reading import EVENT_TYPES, StripeReader

log = logging.getLogger(__name__)

Read = Callable[[Mapping[str, Any]], Finding]
Again = Callable[[Finding], Awaitable[list[Finding]]]
Report = Callable[[Recorded], None]
# Stripe takes about 150 ms for an answer, and 80 questions a second with a live key.
_STRIPE_ASKED_AT_ONCE = 12


def registrations(
    providers: Providers, currencies: CurrencyBook, books: Books, report: Report = lambda _recorded: None
) -> list[Registration]:
    """A handler for the events of each provider that has keys."""
    reader, coins = StripeReader(currencies.by_code), NowPaymentsReader(currencies.coin_of, books.purposes.descriptions)
    asking = StripeAsking(providers.stripe, reader)
    of_stripe = PaymentEvents(reader.of_event, asking.again, currencies, books, report)
    of_nowpayments = PaymentEvents(
        hinted, NowPaymentsAsking(providers.nowpayments, coins).again, currencies, books, report
    )
    found = [
        Registration(
            source=stripe.NAME,
            handler=of_stripe,
            types=frozenset(EVENT_TYPES),
            asked_at_once=_STRIPE_ASKED_AT_ONCE,
        ),
        Registration(source=nowpayments.NAME, handler=of_nowpayments),
    ]
    return [each for each in found if providers.of(each.source).configured]


class PaymentEvents(Handler):
    """One provider's events. A reading contains the findings to book, in order."""

    def __init__(self, read: Read, again: Again, currencies: CurrencyBook, books: Books, report: Report) -> None:
        self._read = read
        self._again = again
        self._currencies = currencies
        self._books = books
        self._report = report

    async def refresh(self) -> None:
        """Amounts are read with the current currencies; a pod's routes look at them every few seconds as well."""
        await self._currencies.refresh_if_stale()

    def read(self, event: Claimed) -> Reading:
        """Read an event. One that probably needs no question gets a lock, so that it is booked together with others.

        About an invoice the provider is asked at once: only a later attempt may find that another event has booked it.
        """
        finding = self._read(event.document)
        dollars = all(money.currency == "USD" for money in finding.money)
        is_complete = finding.invoice_id is None and finding.unreadable is None and not finding.must_ask
        lock = str(finding.payment_id) if dollars and is_complete and finding.payment_id is not None else None
        at_once = event.must_ask and event.attempts == 1 and finding.invoice_id is not None
        return Reading(content=[finding], lock=lock, must_ask=finding.must_ask or at_once)

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """Book each finding. One whose checkout will get its own event waits for that event first."""
        try:
            recorded = [await self._books.record(conn, finding, _cause(event)) for finding in reading.content]
        except AskFirstError as error:
            if event.must_ask or event.attempts > 1 or not any(finding.more_follows for finding in reading.content):
                raise
            raise NotYetError(f"waiting for the other event about it ({error})") from None
        return self._applied(event, recorded)

    async def apply_together(self, conn: Connection, events: Sequence[tuple[Claimed, Reading]]) -> list[Applied]:
        """Book several events; each payment is read and locked once."""
        reported = [(reading.content[0], _cause(event)) for event, reading in events]
        recorded = await self._books.record_together(conn, reported)
        return [self._applied(event, [each]) for (event, _), each in zip(events, recorded, strict=True)]

    async def ask(self, _event: Claimed, reading: Reading) -> Reading:
        """Ask the provider for the current findings."""
        (finding,) = reading.content
        try:
            return Reading(content=whole(await self._again(finding)))
        except ProviderUnknownError as error:
            raise UnansweredError(str(error)) from error
        except ProviderRejectedError as error:
            raise (UnansweredError if error.code == "provider_busy" else NotYetError)(str(error)) from error

    def _applied(self, event: Claimed, recorded: Sequence[Recorded]) -> Applied:
        def report() -> None:
            for each in recorded:
                _log(event, each)
                self._report(each)

        return Applied(payment_id=recorded[-1].payment_id, report=report)


def _log(event: Claimed, recorded: Recorded) -> None:
    traces.note(payment_id=str(recorded.payment_id), request_id=recorded.request_id)
    log.info(
        "payment %s is %s by event %s of %s",
        recorded.payment_id, recorded.after, event.event_id, event.source,
        extra={**event.named, "payment_id": str(recorded.payment_id), "request_id": recorded.request_id},
    )  # fmt: skip


def _cause(event: Claimed) -> Cause:
    return Cause(actor=event.source, action="event_applied", request_id=event.event_id)
