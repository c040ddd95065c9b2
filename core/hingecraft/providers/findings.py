"""A provider's report about a payment, from an event, the recoverer or the reconciliation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from hingecraft.errors import NotYetError

MoneyKind = Literal["charge", "refund", "refund_reversal", "dispute", "dispute_reversal", "manual"]


class Stands(StrEnum):
    """Where a checkout stands at its provider."""

    OPEN = "open"
    # Less came than was asked for, and nothing more is on its way.
    SHORT = "short"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount and what it is in."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """One movement; a charge or a dispute says all that has moved under its reference so far."""

    kind: MoneyKind
    ref: str
    amount: Decimal
    currency: str
    # What the provider says that it is worth, where it is not in dollars itself.
    worth: Price | None = None
    # Why what the provider says of its worth is not believed: somebody has to value it.
    doubt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingLink:
    """A link for many payers, as its provider keeps it."""

    id: str
    url: str
    # What we wrote into it when we made it; None: somebody made it elsewhere.
    key: str | None = None
    installation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was said; whose money it is follows from our reference, our link, or a charge that we know."""

    provider: str
    livemode: bool
    told_by: str
    payment_id: UUID | None = None
    # Which database's payment that is, and where it came from: written into what the provider keeps, so that a
    # payment can be told from another environment's, and found again after a backup has lost it.
    installation: str | None = None
    source: str | None = None
    purpose: str | None = None
    checkout_id: str | None = None
    # The payment has one checkout at this provider: another one that names it is somebody else's.
    only_checkout: bool = False
    # A standing link or invoice, by the provider's id: many people pay it, and we have no payment before they do.
    link_id: str | None = None
    # The same link with its address, where the provider was asked for it.
    link: StandingLink | None = None
    charge: str | None = None
    # The charge that this one adds to: a later deposit at the same address.
    parent: str | None = None
    stands: Stands | None = None
    # What the checkout was made for, by the provider's account.
    price: Price | None = None
    # What must have come, in the coin, before it is paid in full; None: the provider says paid, and that is enough.
    due: Price | None = None
    # Which part of what was due this charge brought, from 0 to 1: others brought the rest. None: it stands by itself.
    part: Decimal | None = None
    # What had come, where this tells only of what went back.
    came: Price | None = None
    money: tuple[Money, ...] = ()
    # The provider was asked just now; else this is what a signed message said, which may be late.
    fresh: bool = False
    # The provider has to be asked before anything is done.
    must_ask: bool = False
    # A dispute that is asked about, by the provider's id.
    dispute: str | None = None
    # The provider knows by now what the money is worth, and says so when it is asked.
    worth_is_known: bool = False
    # Another message, which says more, is on its way as a rule.
    more_follows: bool = False
    # Why its money cannot be read. Whose it is counts first: what is not ours need not be readable.
    unreadable: str | None = None
    # Why it is not ours, unless its payment or its link is known here.
    foreign: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


class UnreadableError(NotYetError):
    """It lacks what such a message always has: a later release may be able to read it."""
