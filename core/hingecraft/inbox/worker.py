"""Works on the inbox: claim, apply in one transaction with the change, ask the provider first where that is needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, RefusedError
from hingecraft.inbox import store
from hingecraft.inbox.model import Claimed, next_pause
from hingecraft.money.book import CurrencyBook
from hingecraft.payments import books
from hingecraft.payments.books import Recorded, Teller
from hingecraft.payments.checkouts import Providers
from hingecraft.payments.ledger import AskFirstError
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.findings import Finding, ForeignError, NotYetError
from hingecraft.providers.nowpayments_asking import NowPaymentsAsking, hinted
from hingecraft.providers.port import ProviderRefusedError, ProviderUnknownError
from hingecraft.providers.stripe_asking import StripeAsking
from hingecraft.providers.stripe_reading import StripeReader

log = logging.getLogger(__name__)

_AT_ONCE = 2
_CLAIMED_AT_ONCE = 64
_TOGETHER = 16
_LOOK_EVERY = 1.0
# These may be right in a while: our own commit is still to come, the provider is down, a currency is added.
_NOT_YET = (NotYetError, ProviderRefusedError, ProviderUnknownError, RefusedError)

Observe = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """How the events of one provider are read, and how the provider is asked."""

    read: Callable[[Mapping[str, Any]], Finding]
    again: Callable[[Finding], Awaitable[list[Finding]]]


class ClaimLostError(Exception):
    """Somebody else works on the event by now."""


def sources_of(providers: Providers, currencies: CurrencyBook) -> dict[str, Source]:
    """Those whose keys are there."""
    reader = StripeReader(currencies.by_code)
    found = {
        stripe.NAME: Source(reader.of_event, StripeAsking(providers.stripe, reader).again),
        nowpayments.NAME: Source(hinted, NowPaymentsAsking(providers.nowpayments).again),
    }
    return {name: source for name, source in found.items() if providers.of(name).configured}


class Worker:
    """Runs in every pod; any number of them may run against one database."""

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, Source],
        currencies: CurrencyBook,
        observe: Observe = lambda _source, _outcome: None,
        recorded: Callable[[Recorded], None] = lambda _recorded: None,
    ) -> None:
        self._database = database
        self._sources = sources
        self._currencies = currencies
        self._observe = observe
        self._recorded = recorded
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was put into the inbox just now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is worked on by whoever comes next."""
        while True:
            worked = 0
            try:
                worked = await self.drain()
            except* DatabaseUnavailableError as errors:
                log.warning("the inbox waits: %s", errors.exceptions[0])
            self._woken.clear()
            if not worked:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):
                        await self._woken.wait()

    async def drain(self) -> int:
        """Work on all that is due; answers how many that was."""
        worked = 0
        free = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as working:
            while events := await self._claim():
                await self._currencies.look()
                worked += len(events)
                for work in self._shared_out(events):
                    await free.acquire()
                    working.create_task(self._freeing(work, free))
        return worked

    def _shared_out(self, events: Sequence[Claimed]) -> list[dict[Claimed, Finding | None]]:
        """Those that need nobody else share their transactions, in the order of their payments, as locks must be."""
        read = {event: self._sure(event) for event in events}
        sure = sorted((event for event, finding in read.items() if finding), key=lambda event: _payment_of(read[event]))
        work = [{event: read[event] for event in sure[at : at + _TOGETHER]} for at in range(0, len(sure), _TOGETHER)]
        work += [{event: finding} for event, finding in read.items() if finding is None]
        return work

    def _sure(self, event: Claimed) -> Finding | None:
        """What a message says that can be applied as it is, as far as one can tell before looking at the books."""
        try:
            finding = self._sources[event.source].read(event.document)
        except (ForeignError, *_NOT_YET):
            return None
        dollars = all(money.currency == "USD" for money in finding.money)
        return finding if finding.payment_id is not None and dollars and not finding.must_ask else None

    async def _claim(self) -> list[Claimed]:
        async with self._database.connection() as conn:
            return await store.claim(conn, _CLAIMED_AT_ONCE, list(self._sources))

    async def _freeing(self, work: Mapping[Claimed, Finding | None], free: asyncio.Semaphore) -> None:
        try:
            if not await self._together(work):
                for event in work:
                    await self._work_on(event)
        except DatabaseUnavailableError as error:
            log.warning("%d events wait: %s", len(work), error)
        finally:
            free.release()

    async def _together(self, work: Mapping[Claimed, Finding | None]) -> bool:
        """All of them in one transaction; False when any is not as simple as it looked, and nothing is done."""
        findings = {event: finding for event, finding in work.items() if finding is not None}
        if not findings:
            return False
        try:
            await self._apply(findings)
        except (AskFirstError, ClaimLostError, ForeignError, *_NOT_YET):
            return False
        except asyncpg.DeadlockDetectedError:
            # Another pod works on the same payments in transactions of its own.
            return False
        for event in findings:
            self._observe(event.source, "applied")
        return True

    async def _work_on(self, event: Claimed) -> None:
        outcome = "applied"
        try:
            await self._understood(event)
        except ForeignError as error:
            outcome = "ignored"
            await self._ignore(event, str(error))
        except ClaimLostError:
            outcome = "lost"
        except _NOT_YET as error:
            outcome = "later"
            await self._later(event, str(error) or type(error).__name__)
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            outcome = "later"
            log.exception("event %s of %s cannot be processed", event.event_id, event.source)
            await self._later(event, f"{type(error).__name__}: {error}")
        self._observe(event.source, outcome)

    async def _understood(self, event: Claimed) -> None:
        source = self._sources[event.source]
        finding = source.read(event.document)
        try:
            return await self._apply_all(event, [finding])
        except AskFirstError as error:
            if finding.more_follows and event.attempts == 1:
                raise NotYetError(f"what says more is on its way ({error})") from None
        return await self._apply_all(event, books.whole(await source.again(finding)))

    async def _apply(self, findings: Mapping[Claimed, Finding]) -> None:
        told = [(finding, _teller(event)) for event, finding in findings.items()]
        async with self._database.transaction() as conn:
            recorded = await books.record_together(conn, told)
            done = {event: each.payment_id for event, each in zip(findings, recorded, strict=True)}
            if not await store.done(conn, done):
                raise ClaimLostError
        self._tell_of(recorded)

    async def _apply_all(self, event: Claimed, findings: Sequence[Finding]) -> None:
        async with self._database.transaction() as conn:
            recorded = [await books.record(conn, finding, _teller(event)) for finding in findings]
            if not await store.done(conn, {event: recorded[-1].payment_id}):
                raise ClaimLostError
        self._tell_of(recorded)

    def _tell_of(self, recorded: Sequence[Recorded]) -> None:
        for each in recorded:
            self._recorded(each)

    async def _ignore(self, event: Claimed, why: str) -> None:
        teller = _teller(event, "event_ignored")
        async with self._database.transaction() as conn:
            if await store.done(conn, {event: None}, ignored=why):
                await books.tell(conn, teller, None, {"toldBy": event.type, "because": why})

    async def _later(self, event: Claimed, why: str) -> None:
        if event.overdue:
            log.error("event %s of %s waits for more than an hour: %s", event.event_id, event.source, why)
        async with self._database.connection() as conn:
            await store.later(conn, event, next_pause(event.attempts), why)


def _teller(event: Claimed, action: str = "event_applied") -> Teller:
    return Teller(actor=event.source, action=action, request_id=event.event_id)


def _payment_of(finding: Finding | None) -> str:
    return str(finding.payment_id) if finding is not None else ""
