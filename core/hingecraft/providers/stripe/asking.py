"""Asks Stripe how a checkout stands, and for events that never reached us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from hingecraft.errors import ForeignError
from hingecraft.providers.findings import Finding, UnreadableError
from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.reading import StripeReader

_CALL = 20.0
_PAGE = 100
# The money's worth in dollars is three objects away.
_WORTH = "payment_intent.latest_charge.balance_transaction"
# The Payment Link that somebody came through says whose it is, and where it leads.
_LINK = "payment_link"
# Clocks differ; and an event may be listed some minutes after it says that it was made.
_ROOM = timedelta(minutes=5)
_LISTED_WITHIN = timedelta(minutes=15)


class StripeAsking:
    """One account of Stripe, asked."""

    def __init__(self, provider: StripeProvider, reader: StripeReader) -> None:
        self.provider = provider
        self._reader = reader

    async def again(self, finding: Finding) -> list[Finding]:
        """What Stripe says now; where the money's checkout was not told of, that first.

        A session or dispute that Stripe does not know is asked for again later: its event was signed, so it does exist.
        """
        if finding.checkout_id is not None:
            return [await self.of_checkout(finding.checkout_id, told_by=finding.told_by)]
        assert finding.charge is not None, "an event names its session or its intent"
        session = await self._session_of(finding.charge)
        if session is None:
            raise ForeignError("its payment came through no checkout")
        paid = self._reader.of_session(session, told_by=finding.told_by, fresh=True)
        return [paid, await self._what_followed(finding)]

    async def _what_followed(self, finding: Finding) -> Finding:
        """A refund or a dispute; the charge itself is told by its session."""
        if finding.must_ask and finding.dispute is not None:
            finding = await self._dispute_of(finding.dispute, finding)
        return replace(finding, payment_id=None, fresh=True)

    async def _dispute_of(self, dispute_id: str, finding: Finding) -> Finding:
        retrieve = self.provider.client.v1.disputes.retrieve_async
        dispute = await self._call(lambda: retrieve(dispute_id, options=self.provider.options()))
        if not isinstance(dispute.get("balance_transactions"), list):
            raise UnreadableError("the dispute names no balance transactions")
        return self._reader.of_dispute(dispute, told_by=finding.told_by, livemode=finding.livemode)

    async def of_checkout(self, session_id: str, *, told_by: str) -> Finding:
        """One session, with what its money is worth; raises ProviderMissingError where Stripe does not know it."""

        async def retrieve() -> Any:
            params = cast("Any", {"expand": [_WORTH, _LINK]})
            return await self._sessions.retrieve_async(session_id, params, options=self.provider.options())

        return self._reader.of_session(await self._call(retrieve), told_by=told_by, fresh=True)

    async def _session_of(self, intent_id: str) -> Mapping[str, Any] | None:
        params = {"payment_intent": intent_id, "limit": 1, "expand": [f"data.{_WORTH}", f"data.{_LINK}"]}
        page = await self._call(lambda: self._sessions.list_async(cast("Any", params), options=self.provider.options()))
        return page["data"][0] if page["data"] else None

    async def made_for(self, payment_id: str, since: datetime, until: datetime) -> Mapping[str, Any] | None:
        """The session of a payment whose making was never answered: sessions can only be listed by their time."""
        window = {"gte": int((since - _ROOM).timestamp()), "lte": int((until + _ROOM).timestamp())}
        async for session in self._pages(self._sessions.list_async, {"created": window}):
            if session.get("client_reference_id") == payment_id:
                return session
        return None

    async def events(self, since: datetime, types: Collection[str]) -> AsyncIterator[Mapping[str, Any]]:
        """Every event of these types since then, delivered or not, the newest first. Stripe takes twenty types."""
        wanted = {"created": {"gte": int((since - _LISTED_WITHIN).timestamp())}, "types": sorted(types)}
        async for event in self._pages(self.provider.client.v1.events.list_async, wanted):
            yield event

    async def _pages(
        self, method: Callable[..., Awaitable[Any]], wanted: Mapping[str, Any]
    ) -> AsyncIterator[Mapping[str, Any]]:
        after: str | None = None
        while True:
            params = {**wanted, "limit": _PAGE, **({"starting_after": after} if after else {})}
            page = await self._list(method, params)
            for each in page["data"]:
                yield each
            if not page["has_more"] or not page["data"]:
                return
            after = page["data"][-1]["id"]

    async def _list(self, method: Callable[..., Awaitable[Any]], params: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._call(lambda: method(cast("Any", params), options=self.provider.options()))

    async def _call(self, attempt: Callable[[], Awaitable[Any]]) -> Mapping[str, Any]:
        answered = await self.provider.call(attempt, Deadline.within(_CALL))
        found: Mapping[str, Any] = answered.to_dict()
        return found

    @property
    def _sessions(self) -> Any:
        return self.provider.client.v1.checkout.sessions
