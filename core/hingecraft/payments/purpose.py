"""What a payment is for: each system registers its purpose, and says there what follows from money that moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hingecraft.db.connection import Connection
from hingecraft.errors import NotYetError
from hingecraft.payments.ledger import Decision, Known
from hingecraft.payments.writing import Teller
from hingecraft.providers.findings import Finding


class UnknownPurposeError(NotYetError):
    """No system of this process has that purpose: a newer release may have it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown purpose {name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What has just been booked for one payment."""

    before: Known
    after: Known
    # The new movements of money among others, each with its reference at the provider.
    decision: Decision
    finding: Finding
    teller: Teller


class Purpose(Protocol):
    """One system's purpose."""

    @property
    def name(self) -> str:
        """As it is written into `payments.purpose`."""
        ...

    @property
    def description(self) -> str:
        """What payers read at the provider."""
        ...

    async def moved(self, conn: Connection, moves: Sequence[Moved]) -> None:
        """Do what follows, in the transaction that books the money; an error takes all of it back.

        Called only for payments of this purpose whose money or status has changed, in the order in which that was
        decided. A finding that says nothing new is not passed on, so each change is passed on once.
        """
        ...


class Purposes:
    """Those that this process knows.

    Money may arrive for which the database has no payment: through a standing link, or after a restored backup.
    It is for the `unasked` purpose, unless its provider keeps another one.
    """

    def __init__(self, purposes: Iterable[Purpose], *, unasked: Purpose) -> None:
        self._purposes = {each.name: each for each in (unasked, *purposes)}
        self.unasked = unasked.name

    @property
    def descriptions(self) -> frozenset[str]:
        """By which our payments can be told from those of another shop on the same account."""
        return frozenset(each.description for each in self._purposes.values())

    def of(self, name: str) -> Purpose:
        """Raises UnknownPurposeError."""
        if name not in self._purposes:
            raise UnknownPurposeError(name)
        return self._purposes[name]
