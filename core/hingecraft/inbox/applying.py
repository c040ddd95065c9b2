"""Processes claimed events: applies them in the transaction of the change, ignores, asks about, or retries them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress

import asyncpg

from hingecraft import audit
from hingecraft.db.connection import Database
from hingecraft.errors import (
    AskFirstError,
    DatabaseUnavailableError,
    ForeignError,
    HingecraftError,
    NotYetError,
    RejectedError,
    UnansweredError,
)
from hingecraft.inbox import store
from hingecraft.inbox.breaker import Breaker
from hingecraft.inbox.handlers import Handler, Handlers, Reading
from hingecraft.inbox.model import BACKOFF, Claimed
from hingecraft.observability import traces
from hingecraft.observability.spans import Kind

log = logging.getLogger(__name__)

# In total shorter than a lease.
_LONGEST_QUESTION = 45.0
# These may be right in a while: our own commit is still to come, the provider is down, a currency is added, another
# pod works on the same rows in transactions of its own.
_TEMPORARY = (NotYetError, RejectedError, asyncpg.DeadlockDetectedError)

# Called with each event that was processed, and how that ended.
Observe = Callable[[Claimed, str], None]
# The outcome of an event that another lane goes on with.
_ASKS = "asks"


class ClaimLostError(HingecraftError):
    """Another process works on the event now."""


class Applier:
    """Applies claimed events. An error in one does not affect the others."""

    def __init__(self, database: Database, handlers: Handlers, observe: Observe) -> None:
        self._database = database
        self._handlers = handlers
        self._observe = observe

    async def apply(self, events: Sequence[Claimed]) -> int:
        """Apply events as they were received; `ask` does those that need a question. Returns how many are done."""
        await self._refresh(events)
        done: list[Claimed] = []
        for handler, group in self._groups(events).items():
            if await self._together(handler, group):
                done.extend(group)
        rest = [event for event in events if event not in done]
        return len(done) + sum([await self._by_itself(event, self._as_told) for event in rest])

    async def ask(self, events: Sequence[Claimed], breaker: Breaker) -> int:
        """Apply events one by one; asks the source if the message is still not enough."""
        await self._refresh(events)

        async def asked(event: Claimed) -> None:
            await self._asked(event, breaker)

        return sum([await self._by_itself(event, asked) for event in events])

    async def _refresh(self, events: Sequence[Claimed]) -> None:
        concerned: dict[Handler, None] = {}
        for event in events:
            with suppress(ForeignError):
                concerned[self._handlers.of(event)] = None
        for handler in concerned:
            await handler.refresh()

    def _groups(self, events: Sequence[Claimed]) -> dict[Handler, dict[Claimed, Reading]]:
        """The groups of events to apply together, each in the order of its locks."""
        groups: dict[Handler, list[tuple[str, Claimed, Reading]]] = {}
        for event in events:
            try:
                handler = self._handlers.of(event)
                reading = handler.read(event)
            except Exception:  # noqa: BLE001, S112 - read again by itself, where it is logged
                continue
            if reading.lock is not None:
                groups.setdefault(handler, []).append((reading.lock, event, reading))
        return {
            handler: {event: reading for _, event, reading in sorted(group, key=lambda each: each[0])}
            for handler, group in groups.items()
        }

    async def _together(self, handler: Handler, group: Mapping[Claimed, Reading]) -> bool:
        """Apply a group in one transaction; False if one of them fails, and then none is applied."""
        try:
            await self._record_together(handler, group)
        except (AskFirstError, ClaimLostError, ForeignError, *_TEMPORARY):
            return False
        except DatabaseUnavailableError:
            raise
        except Exception:
            log.exception("%d events could not be processed together, processing each by itself", len(group))
            return False
        for event in group:
            self._observe(event, "applied")
        return True

    async def _by_itself(self, event: Claimed, work: Callable[[Claimed], Awaitable[None]]) -> bool:
        """Apply one event; False if its source has to be asked first."""
        with _span(event):
            outcome = await self._outcome(event, work)
            traces.note(outcome=outcome)
        if outcome == _ASKS:
            return False
        self._observe(event, outcome)
        return True

    async def _outcome(self, event: Claimed, work: Callable[[Claimed], Awaitable[None]]) -> str:
        try:
            await work(event)
        except AskFirstError as error:
            if not event.must_ask:
                await self._ask_first(event)
                return _ASKS
            await self._later(event, str(error))
        except ForeignError as error:
            await self._ignore(event, str(error))
            return "ignored"
        except ClaimLostError:
            return "lost"
        except _TEMPORARY as error:
            await self._later(event, str(error) or type(error).__name__)
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            log.exception("event %s of %s cannot be processed", event.event_id, event.source, extra=event.named)
            traces.note(error=type(error).__name__)
            await self._later(event, f"{type(error).__name__}: {error}")
        else:
            return "applied"
        return "later"

    async def _as_told(self, event: Claimed) -> None:
        handler = self._handlers.of(event)
        await self._record(handler, event, handler.read(event))

    async def _asked(self, event: Claimed, breaker: Breaker) -> None:
        """Ask about one event, unless other events have brought the missing information meanwhile."""
        handler = self._handlers.of(event)
        reading = handler.read(event)
        if not reading.must_ask:
            with suppress(AskFirstError):
                return await self._record(handler, event, reading)
        return await self._record(handler, event, await self._answer(handler, event, reading, breaker))

    async def _answer(self, handler: Handler, event: Claimed, reading: Reading, breaker: Breaker) -> Reading:
        """The source's current answer; holds no connection."""
        try:
            async with asyncio.timeout(_LONGEST_QUESTION):
                answer = await handler.ask(event, reading)
        except TimeoutError:
            breaker.failed()
            raise UnansweredError(f"no answer within {_LONGEST_QUESTION:.0f} s") from None
        except UnansweredError:
            breaker.failed()
            raise
        except (ForeignError, NotYetError):
            breaker.answered()
            raise
        breaker.answered()
        return answer

    async def _record_together(self, handler: Handler, group: Mapping[Claimed, Reading]) -> None:
        begun = time.time_ns()
        async with self._database.transaction() as conn:
            applied = await handler.apply_together(conn, list(group.items()))
            done = {event: each.payment_id for event, each in zip(group, applied, strict=True)}
            if not await store.mark_processed(conn, done):
                raise ClaimLostError
        for event, each in zip(group, applied, strict=True):
            with _span(event, begun):
                each.report()
                traces.note(outcome="applied")

    async def _record(self, handler: Handler, event: Claimed, reading: Reading) -> None:
        async with self._database.transaction() as conn:
            applied = await handler.apply(conn, event, reading)
            if not await store.mark_processed(conn, {event: applied.payment_id}):
                raise ClaimLostError
        applied.report()

    async def _ignore(self, event: Claimed, why: str) -> None:
        because = store.storable(why)
        async with self._database.transaction() as conn:
            if await store.mark_processed(conn, {event: None}, ignored=because):
                await audit.append(
                    conn,
                    actor=event.source,
                    action="event_ignored",
                    request_id=event.event_id,
                    toldBy=event.type,
                    because=because,
                )

    async def _ask_first(self, event: Claimed) -> None:
        async with self._database.connection() as conn:
            await store.ask_first(conn, event)

    async def _later(self, event: Claimed, why: str) -> None:
        if event.overdue:
            log.error(
                "event %s of %s has been waiting for more than an hour: %s",
                event.event_id, event.source, why, extra=event.named,
            )  # fmt: skip
        async with self._database.connection() as conn:
            await store.postpone(conn, event, BACKOFF.after(event.attempts), why)


def _span(event: Claimed, begun: int | None = None) -> AbstractContextManager[None]:
    return traces.span(
        "apply event", Kind.CONSUMER, origin=event.event_id, begun=begun,
        source=event.source, event_id=event.event_id, event_type=event.type,
    )  # fmt: skip
