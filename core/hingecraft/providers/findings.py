"""A provider's report about a payment, from an event, the recoverer or the reconciliation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Literal
from uuid import UUID

from hingecraft.errors import NotYetError

MoneyKind = Literal["charge", "refund", "refund_reversal", "dispute", "dispute_reversal", "manual"]


class CheckoutStatus(StrEnum):
    """The status of a checkout at its provider."""

    OPEN = "open"
    # Less arrived than requested, and nothing more is on its way.
    SHORT = "short"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount and its currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """A movement of money; a charge or dispute has the total under its reference so far."""

    kind: MoneyKind
    ref: str
    amount: Decimal
    currency: str
    # The provider's value in dollars, if the amount is in another currency.
    worth: Price | None = None
    # Why the provider's value is implausible: a person has to enter one.
    doubt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of what was sold."""

    # Names it within its session or invoice.
    ref: str
    # The provider's id of the price; None: an amount that somebody typed in.
    price: str | None
    quantity: int
    currency: str
    # Before discounts; negative for what is given back. None: as the price says.
    amount: Decimal | None = None
    # The provider's id of the product, and what it is paid for.
    product: str | None = None
    period: tuple[datetime, datetime] | None = None
    # Part of a period, after a change of plan or quantity.
    proration: bool = False
    # The part of its invoice that was not paid from the customer's balance at the provider.
    charged: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingLink:
    """A standing link, as its provider has it."""

    id: str
    url: str
    # Our metadata in it; None if it was created elsewhere.
    key: str | None = None
    installation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One report. Our reference, our link or a known charge says which payment it is about."""

    provider: str
    livemode: bool
    told_by: str
    payment_id: UUID | None = None
    # The payment's database and source, from the provider's metadata: they distinguish environments that share an
    # account, and restore a payment that a backup has lost.
    installation: str | None = None
    source: str | None = None
    purpose: str | None = None
    # The user, from our metadata: only for a payment that a backup has lost. Otherwise our rows say whose it is.
    user: UUID | None = None
    # What was bought, from our metadata: for the same.
    product: str | None = None
    # The provider's id of the customer, which our rows may know.
    customer: str | None = None
    checkout_id: str | None = None
    # The invoice that was paid. It is booked from the provider's answer, never from a message.
    invoice_id: str | None = None
    # The subscription that the invoice is of.
    subscription_id: str | None = None
    # The payment has one checkout at this provider: any other that names it belongs to someone else.
    only_checkout: bool = False
    # A standing link or invoice, by the provider's id: many people pay it, and we have no payment before they do.
    link_id: str | None = None
    # The same link with its address, if the provider was asked for it.
    link: StandingLink | None = None
    charge: str | None = None
    # The first charge, if this is a later deposit at the same address.
    parent: str | None = None
    checkout_status: CheckoutStatus | None = None
    # When it was paid, where the provider says so.
    paid_at: datetime | None = None
    # The purpose, from the provider's metadata.
    price: Price | None = None
    # The part of an invoice's price that its subscription costs: other items may have waited for this invoice.
    plan_price: Price | None = None
    # The amount in the coin that pays in full; None if the provider's status decides.
    due: Price | None = None
    # Which part of what was due this charge brought, from 0 to 1: others brought the rest. None: it stands by itself.
    part: Decimal | None = None
    # What had come, where this tells only of what went back.
    came: Price | None = None
    money: tuple[Money, ...] = ()
    # What was sold; None: the provider was not asked for it.
    lines: tuple[Line, ...] | None = None
    # A refund or dispute of this money is the next finding of the same answer.
    went_back: bool = False
    # Whether the provider was just asked; otherwise this is from a signed message, which may be late.
    fresh: bool = False
    # The provider has to be asked before anything is done.
    must_ask: bool = False
    # A dispute that is asked about, by the provider's id.
    dispute: str | None = None
    # Some of its money went back; the provider lists the refunds.
    has_refunds: bool = False
    # The provider knows the value now and returns it when asked.
    worth_is_known: bool = False
    # Usually another message with more information follows.
    more_follows: bool = False
    # Why its money cannot be read. Checked after the owner: money that is not ours need not be readable.
    unreadable: str | None = None
    # Why it is not ours, unless we know its payment or link.
    foreign: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


class UnreadableError(NotYetError):
    """The message lacks a required part: a later release may be able to read it."""
