"""What a system registers with the inbox: the events that it takes, and what it does with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
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
    # What applying it locks. Events with a lock are applied in one transaction, in the order of their locks; an event
    # without one is applied by itself.
    lock: str | None = None
    # Nothing may be done before the source was asked.
    must_ask: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of an event: the payment that it belongs to, and what is called once all of it is committed."""

    payment_id: UUID | None = None
    report: Callable[[], None] = lambda: None


def not_taken(kind: str) -> str:
    """Why an event of a type without a handler is ignored. A release that adds the handler opens it again by this."""
    return f"nothing here takes {kind}"


class Handler(ABC):
    """Takes events of a source. Only `apply` has to be written; the rest is for many events and for questions.

    Every method but `refresh` may raise ForeignError (the event is ignored, with the reason), NotYetError (it is
    tried again later) or AskFirstError (its source is asked, in a lane of its own).
    """

    async def refresh(self) -> None:
        """Called before each group of events, holding no connection."""
        return

    def read(self, event: Claimed) -> Reading:
        """What the event says."""
        return Reading(content=event.document)

    @abstractmethod
    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """Do what follows from it, in the transaction that also ends the event."""

    async def apply_together(self, conn: Connection, events: Sequence[tuple[Claimed, Reading]]) -> list[Applied]:
        """The same for several events, each with a lock; an error undoes all of them, and each is tried by itself."""
        return [await self.apply(conn, event, reading) for event, reading in events]

    async def ask(self, event: Claimed, reading: Reading) -> Reading:
        """What the source says now, holding no connection. Raises UnansweredError where it says nothing."""
        raise NotImplementedError(f"{event.type} of {event.source} cannot be asked about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """These types of a source go to that handler; without types, all that nobody else has registered."""

    source: str
    handler: Handler
    types: frozenset[str] | None = None


class Handlers:
    """Who takes which events; a type that nobody takes is ignored."""

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
        """Whose events are worked on."""
        return tuple(dict.fromkeys(each.source for each in self._registrations))

    def types(self, source: str) -> frozenset[str]:
        """The types of a source that are taken by name."""
        return frozenset(kind for name, kind in self._handlers if name == source and kind is not None)

    def only(self, sources: Collection[str]) -> Handlers:
        """The same, of these sources."""
        return Handlers(each for each in self._registrations if each.source in sources)

    def of(self, event: Claimed) -> Handler:
        """Who takes the event; raises ForeignError where nobody does."""
        found = self._handlers.get((event.source, event.type)) or self._handlers.get((event.source, None))
        if found is None:
            raise ForeignError(not_taken(event.type))
        return found
