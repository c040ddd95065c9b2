"""The handlers that systems register with the inbox, by source and type of event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.errors import ForeignError
from hingecraft.inbox.model import Claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An event as its handler understands it, or what its source answered about it."""

    content: Any
    # The lock that applying takes. Events with a lock are applied in one transaction, in the order of locks; an event
    # without one is applied by itself.
    lock: str | None = None
    # The source has to be asked before anything is done.
    must_ask: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The result of an event: its payment, and a function to call after the commit."""

    payment_id: UUID | None = None
    report: Callable[[], None] = lambda: None


def not_taken(kind: str) -> str:
    """The reason why an event without a handler is ignored. A release that adds the handler finds such events by it."""
    return f"nothing here takes {kind}"


class Handler(ABC):
    """Handles events of a source. Only `apply` is required; the other methods are for groups and for questions.

    Every method but `refresh` may raise ForeignError (the event is ignored, with the reason), NotYetError (it is
    tried again later) or AskFirstError (its source is asked, in a lane of its own).
    """

    async def refresh(self) -> None:
        """Called before each group of events, holding no connection."""
        return

    def read(self, event: Claimed) -> Reading:
        """Read the event."""
        return Reading(content=event.document)

    @abstractmethod
    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """Apply the event, in the transaction that also marks it as processed."""

    async def apply_together(self, conn: Connection, events: Sequence[tuple[Claimed, Reading]]) -> list[Applied]:
        """Like `apply`, for several events with a lock each. An error undoes all; then each is tried by itself."""
        return [await self.apply(conn, event, reading) for event, reading in events]

    async def ask(self, event: Claimed, reading: Reading) -> Reading:
        """Ask the source, holding no connection. Raises UnansweredError if it does not answer."""
        raise NotImplementedError(f"{event.type} of {event.source} cannot be asked about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Sends these types of a source to a handler; without types, all types without another handler."""

    source: str
    handler: Handler
    types: frozenset[str] | None = None
    # How many questions a process asks the source at a time; the largest number of a source's registrations counts.
    asked_at_once: int = 4
    # Whether a reconciliation lists such events at the source; None: always.
    listed_if: Callable[[Connection], Awaitable[bool]] | None = None


class Handlers:
    """The registered handlers. A type without a handler is ignored."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._registrations = tuple(registrations)
        self._handlers: dict[tuple[str, str | None], Handler] = {}
        for each in self._registrations:
            for kind in (None,) if each.types is None else each.types:
                if (each.source, kind) in self._handlers:
                    raise ValueError(f"{kind or 'the rest'} of {each.source} is registered twice")
                self._handlers[each.source, kind] = each.handler

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources with a handler."""
        return tuple(dict.fromkeys(each.source for each in self._registrations))

    def asked_at_once(self, source: str) -> int:
        """How many questions a process asks the source at a time."""
        return max(each.asked_at_once for each in self._registrations if each.source == source)

    def types(self, source: str) -> frozenset[str]:
        """The types of a source that have their own handler."""
        return frozenset(kind for name, kind in self._handlers if name == source and kind is not None)

    def only(self, sources: Collection[str]) -> Handlers:
        """The handlers of these sources."""
        return Handlers(each for each in self._registrations if each.source in sources)

    def of(self, event: Claimed) -> Handler:
        """The event's handler; raises ForeignError if there is none."""
        found = self._handlers.get((event.source, event.type)) or self._handlers.get((event.source, None))
        if found is None:
            raise ForeignError(not_taken(event.type))
        return found
