"""The purpose of a payment: each system registers its own, which is called when money moves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.errors import NotYetError
from hingecraft.payments.ledger import BookedPayment, Decision
from hingecraft.payments.writing import Cause
from hingecraft.providers.findings import Finding


class UnknownPurposeError(NotYetError):
    """This process does not know the purpose: a newer release may."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown purpose {name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A change that was just booked for one payment."""

    before: BookedPayment
    after: BookedPayment
    # Includes the new settlements, each with its reference at the provider.
    decision: Decision
    finding: Finding
    cause: Cause


class Purpose(Protocol):
    """One system's purpose."""

    @property
    def name(self) -> str:
        """The value of `payments.purpose`."""
        ...

    @property
    def description(self) -> str:
        """The description that payers read at the provider."""
        ...

    async def moved(self, conn: Connection, moves: Sequence[Moved]) -> None:
        """React to the changes, in the transaction that books the money; an error rolls all of it back.

        Called only for payments of this purpose whose money or status has changed, in the order in which that was
        decided. A finding that says nothing new is not passed on, so each change is passed on once.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user and the purpose of money for which no payment was opened."""

    user_id: UUID
    purpose: str
    # False: it is for 0 and grants nothing, so no payment is made for it.
    needs_payment: bool = True


# Answers only from rows of this database; None: no system knows anybody whose money it could be.
OwnerOf: TypeAlias = Callable[[Connection, Finding], Awaitable[Owner | None]]


async def _nobody(_conn: Connection, _finding: Finding) -> Owner | None:
    return None


class Purposes:
    """The purposes that this process knows.

    Money may arrive for which the database has no payment: through a standing link, after a restored backup, or from
    a customer that a system knows. It is for the `unasked` purpose, unless its provider keeps another one or a system
    says whose it is.
    """

    def __init__(self, purposes: Iterable[Purpose], *, unasked: Purpose, owner_of: OwnerOf = _nobody) -> None:
        self._purposes = {each.name: each for each in (unasked, *purposes)}
        self.owner_of = owner_of
        self.unasked = unasked.name

    @property
    def names(self) -> frozenset[str]:
        """The values of `payments.purpose`."""
        return frozenset(self._purposes)

    @property
    def descriptions(self) -> frozenset[str]:
        """The descriptions of our payments, which another shop on the same account does not use."""
        return frozenset(each.description for each in self._purposes.values())

    def of(self, name: str) -> Purpose:
        """Raises UnknownPurposeError."""
        if name not in self._purposes:
            raise UnknownPurposeError(name)
        return self._purposes[name]
