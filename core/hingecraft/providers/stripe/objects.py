"""Stripe's sessions, disputes and events: the ports of `ports` over its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from hingecraft.providers.addresses import checked
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import Opened, ProviderMissingError, ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe import DOMAIN
from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.metadata import PAYMENT
from hingecraft.providers.stripe.ports import Document

# The money's worth in dollars is three objects away; the Payment Link says whose session it is, and where it leads.
_EXPANDED = ("payment_intent.latest_charge.balance_transaction", "payment_link")
# Clocks differ; and an event may be listed some minutes after it says that it was made.
_ROOM = timedelta(minutes=5)
_LISTED_WITHIN = timedelta(minutes=15)
_MOST_TYPES = 20


class StripeSessions:
    """Implements `ports.Sessions`."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account

    async def create(self, request: Document, key: str, deadline: Deadline) -> Opened:
        """Make a session, or get the one that the same key has made before."""
        params = cast("Any", request)

        async def create() -> Any:
            return await self._sessions.create_async(params, options=self._account.options(key))

        session = await self._account.call(create, deadline)
        with _readable():
            session_id, url = str(session.id), session.url
            expires_at = datetime.fromtimestamp(session.expires_at, UTC)
        if not session_id.startswith("cs_"):
            raise ProviderUnknownError("Stripe did not return a session")
        return Opened(
            provider_id=session_id,
            url=checked(url, api_base=self._account.api_base, domain=DOMAIN, provider_id=session_id),
            expires_at=expires_at,
        )

    async def retrieve(self, session_id: str) -> Document:
        """One session; raises ProviderMissingError where Stripe does not know it."""
        params = cast("Any", {"expand": list(_EXPANDED)})
        options = self._account.options()
        return await self._account.ask(lambda: self._sessions.retrieve_async(session_id, params, options=options))

    async def expire(self, session_id: str, deadline: Deadline) -> bool:
        """End it, so that it cannot be paid any more; False if it is complete. Repeating it changes nothing."""
        options = self._account.options()
        try:
            await self._account.call(lambda: self._sessions.expire_async(session_id, options=options), deadline)
        except ProviderRejectedError as error:
            if error.passing or isinstance(error, ProviderMissingError):
                raise
            # It has expired before, or was paid.
            return bool((await self.retrieve(session_id))["status"] == "expired")
        return True

    async def of_intent(self, intent_id: str) -> Document | None:
        """The session that a PaymentIntent came through."""
        expand = [f"data.{name}" for name in _EXPANDED]
        params = cast("Any", {"payment_intent": intent_id, "limit": 1, "expand": expand})
        options = self._account.options()
        page = await self._account.ask(lambda: self._sessions.list_async(params, options=options))
        return page["data"][0] if page["data"] else None

    async def made_for(self, payment_id: str, since: datetime, until: datetime) -> Document | None:
        """The session of a payment, made between the two times: sessions can only be listed by their time."""
        window = {"gte": int((since - _ROOM).timestamp()), "lte": int((until + _ROOM).timestamp())}
        async for session in self._account.pages(self._sessions.list_async, {"created": window}):
            if (session.get("metadata") or {}).get(PAYMENT) == payment_id:
                return session
        return None

    async def lines(self, session_id: str) -> list[Document]:
        """All line items of a session."""

        async def page(params: Any, options: Any) -> Any:
            return await self._sessions.line_items.list_async(session_id, params, options=options)

        return [line async for line in self._account.pages(page, {})]

    @property
    def _sessions(self) -> Any:
        return self._account.client.v1.checkout.sessions


class StripeInvoices:
    """Implements `ports.Invoices`."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account

    async def retrieve(self, invoice_id: str) -> Document:
        """One invoice with its payments and all of its lines."""
        invoices, options = self._account.client.v1.invoices, self._account.options()
        params = cast("Any", {"expand": ["payments.data.payment.payment_intent"]})
        found = dict(await self._account.ask(lambda: invoices.retrieve_async(invoice_id, params, options=options)))
        if found["lines"]["has_more"]:

            async def page(params: Any, options: Any) -> Any:
                return await invoices.line_items.list_async(invoice_id, params, options=options)

            found["lines"] = {"data": [line async for line in self._account.pages(page, {})], "has_more": False}
        return found

    async def of_intent(self, intent_id: str) -> str | None:
        """The id of the invoice that a PaymentIntent has paid."""
        payments, options = self._account.client.v1.invoice_payments, self._account.options()
        wanted = {"payment": {"type": "payment_intent", "payment_intent": intent_id}, "limit": 1}
        params = cast("Any", wanted)
        page = await self._account.ask(lambda: payments.list_async(params, options=options))
        return str(page["data"][0]["invoice"]) if page["data"] else None

    async def balance_of(self, intent_id: str) -> Document | None:
        """The balance transaction of a PaymentIntent: what its charge is worth; None in its first seconds."""
        intents, options = self._account.client.v1.payment_intents, self._account.options()
        params = cast("Any", {"expand": ["latest_charge.balance_transaction"]})
        intent = await self._account.ask(lambda: intents.retrieve_async(intent_id, params, options=options))
        found = (intent.get("latest_charge") or {}).get("balance_transaction")
        return found if isinstance(found, Mapping) else None


class StripeDisputes:
    """Implements `ports.Disputes`."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account

    async def retrieve(self, dispute_id: str) -> Document:
        """One dispute with its balance transactions."""
        retrieve = self._account.client.v1.disputes.retrieve_async
        return await self._account.ask(lambda: retrieve(dispute_id, options=self._account.options()))


class StripeEvents:
    """Implements `ports.Events`."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account

    async def since(self, moment: datetime, types: Collection[str]) -> AsyncIterator[Document]:
        """Every event of these types, delivered or not. Stripe takes twenty types a question."""
        names, since = sorted(types), {"gte": int((moment - _LISTED_WITHIN).timestamp())}
        for first in range(0, len(names), _MOST_TYPES):
            wanted = {"created": since, "types": names[first : first + _MOST_TYPES]}
            async for event in self._account.pages(self._account.client.v1.events.list_async, wanted):
                yield event


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProviderUnknownError("Stripe's answer lacks what a session has") from error
