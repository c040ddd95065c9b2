"""What becomes of claimed events: applied in one transaction with the change, ignored, asked about, or tried again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import asyncpg

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, HingecraftError, RefusedError
from hingecraft.inbox import store
from hingecraft.inbox.breaker import Breaker
from hingecraft.inbox.model import Claimed, next_pause
from hingecraft.inbox.sources import Source
from hingecraft.money.book import CurrencyBook
from hingecraft.payments import books
from hingecraft.payments.books import Recorded
from hingecraft.payments.ledger import AskFirstError
from hingecraft.payments.writing import Teller
from hingecraft.providers.findings import Finding, ForeignError, NotYetError
from hingecraft.providers.port import ProviderRefusedError, ProviderUnknownError

log = logging.getLogger(__name__)

# Together with what follows it, shorter than a claim.
_LONGEST_QUESTION = 45.0
# These may be right in a while: our own commit is still to come, the provider is down, a currency is added, another
# pod works on the same payments in transactions of its own.
_TEMPORARY = (NotYetError, ProviderRefusedError, ProviderUnknownError, RefusedError, asyncpg.DeadlockDetectedError)

Observe = Callable[[str, str], None]


class ClaimLostError(HingecraftError):
    """Another process works on the event by now."""


class Applier:
    """Applies claimed events; nothing that is wrong with one of them reaches another."""

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, Source],
        currencies: CurrencyBook,
        observe: Observe,
        recorded: Callable[[Recorded], None],
    ) -> None:
        self._database = database
        self._sources = sources
        self._currencies = currencies
        self._observe = observe
        self._recorded = recorded

    async def apply(self, events: Sequence[Claimed]) -> int:
        """As they are told; those that need a question are left for `ask`. Answers how many are done with."""
        await self._currencies.look()
        # In the order of their payments, as locks must be.
        sure = sorted(self._sure(events).items(), key=lambda item: str(item[1].payment_id))
        done = [event for event, _ in sure] if await self._together(dict(sure)) else []
        rest = [event for event in events if event not in done]
        return len(done) + sum([await self._by_itself(event, self._as_told) for event in rest])

    async def ask(self, events: Sequence[Claimed], breaker: Breaker) -> int:
        """One after the other, asking the provider where the message alone is still not enough."""
        await self._currencies.look()

        async def asked(event: Claimed) -> None:
            await self._asked(event, breaker)

        return sum([await self._by_itself(event, asked) for event in events])

    def _sure(self, events: Sequence[Claimed]) -> dict[Claimed, Finding]:
        """Those that can be applied as they are, as far as one can tell before looking at the books."""
        found = {}
        for event in events:
            try:
                finding = self._read(event)
            except Exception:  # noqa: BLE001, S112 - read again by itself, where it is logged
                continue
            dollars = all(money.currency == "USD" for money in finding.money)
            simple = dollars and finding.unreadable is None and not finding.must_ask
            if finding.payment_id is not None and simple:
                found[event] = finding
        return found

    async def _together(self, findings: Mapping[Claimed, Finding]) -> bool:
        """All of them in one transaction; False when any is not as simple as it looked, and nothing is done."""
        try:
            await self._record_together(findings)
        except (AskFirstError, ClaimLostError, ForeignError, *_TEMPORARY):
            return False
        except DatabaseUnavailableError:
            raise
        except Exception:
            log.exception("%d events cannot be processed together: each is tried by itself", len(findings))
            return False
        for event in findings:
            self._observe(event.source, "applied")
        return True

    async def _by_itself(self, event: Claimed, work: Callable[[Claimed], Awaitable[None]]) -> bool:
        """False when it is left for another place, which asks."""
        outcome = "applied"
        try:
            await work(event)
        except AskFirstError as error:
            if not event.must_ask:
                await self._ask_first(event)
                return False
            outcome = "later"
            await self._later(event, str(error))
        except ForeignError as error:
            outcome = "ignored"
            await self._ignore(event, str(error))
        except ClaimLostError:
            outcome = "lost"
        except _TEMPORARY as error:
            outcome = "later"
            await self._later(event, str(error) or type(error).__name__)
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            outcome = "later"
            log.exception("event %s of %s cannot be processed", event.event_id, event.source)
            await self._later(event, f"{type(error).__name__}: {error}")
        self._observe(event.source, outcome)
        return True

    async def _as_told(self, event: Claimed) -> None:
        finding = self._read(event)
        try:
            await self._record(event, [finding])
        except AskFirstError as error:
            if finding.more_follows and event.attempts == 1:
                raise NotYetError(f"what says more is on its way ({error})") from None
            raise

    async def _asked(self, event: Claimed, breaker: Breaker) -> None:
        """What was told may be enough by now: another event has said the rest."""
        finding = self._read(event)
        if not finding.must_ask:
            with suppress(AskFirstError):
                return await self._record(event, [finding])
        return await self._record(event, books.whole(await self._answer(event, finding, breaker)))

    async def _answer(self, event: Claimed, finding: Finding, breaker: Breaker) -> list[Finding]:
        """What the provider says now; holds no connection."""
        try:
            async with asyncio.timeout(_LONGEST_QUESTION):
                answer = await self._sources[event.source].again(finding)
        except TimeoutError:
            breaker.failed()
            raise ProviderUnknownError(f"no answer within {_LONGEST_QUESTION:.0f} s") from None
        except ProviderUnknownError:
            breaker.failed()
            raise
        except ProviderRefusedError as error:
            (breaker.failed if error.code == "provider_busy" else breaker.answered)()
            raise
        except (ForeignError, NotYetError):
            breaker.answered()
            raise
        breaker.answered()
        return answer

    def _read(self, event: Claimed) -> Finding:
        return self._sources[event.source].read(event.document)

    async def _record_together(self, findings: Mapping[Claimed, Finding]) -> None:
        if not findings:
            return
        told = [(finding, _teller(event)) for event, finding in findings.items()]
        async with self._database.transaction() as conn:
            recorded = await books.record_together(conn, told)
            done = {event: each.payment_id for event, each in zip(findings, recorded, strict=True)}
            if not await store.done(conn, done):
                raise ClaimLostError
        self._tell_of(recorded)

    async def _record(self, event: Claimed, findings: Sequence[Finding]) -> None:
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
        because = store.storable(why)
        async with self._database.transaction() as conn:
            if await store.done(conn, {event: None}, ignored=because):
                await books.tell(conn, teller, None, {"toldBy": event.type, "because": because})

    async def _ask_first(self, event: Claimed) -> None:
        async with self._database.connection() as conn:
            await store.ask_first(conn, event)

    async def _later(self, event: Claimed, why: str) -> None:
        if event.overdue:
            log.error("event %s of %s waits for more than an hour: %s", event.event_id, event.source, why)
        async with self._database.connection() as conn:
            await store.later(conn, event, next_pause(event.attempts), why)


def _teller(event: Claimed, action: str = "event_applied") -> Teller:
    return Teller(actor=event.source, action=action, request_id=event.event_id)
