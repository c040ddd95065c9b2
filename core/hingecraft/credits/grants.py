"""The credits that a paid session or invoice grants, line by line. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from hingecraft.errors import NotYetError
from hingecraft.providers.findings import Line

# The name under which an invoice's prorations grant, all in one row.
PRORATION = "proration"
UNKNOWN_PRICE = "unknown price "
UNKNOWN_AMOUNT = "unknown amount of "


class UnknownPriceError(NotYetError):
    """A line has a price that is not in `credit_prices`: everything waits until the row exists."""

    def __init__(self, price_id: str) -> None:
        super().__init__(f"{UNKNOWN_PRICE}{price_id}: add it with `hingecraft credits prices set`")


class UnknownAmountError(NotYetError):
    """A proration needs the full amount of its price, and Stripe's price has not been read in its currency."""

    def __init__(self, price_id: str, currency: str) -> None:
        super().__init__(f"{UNKNOWN_AMOUNT}{price_id} in {currency}: the next reconciliation reads it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The credits of one unit of a price, and its cost if that is known."""

    price_id: str
    credits: int
    plan_type: str
    reason: str
    amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Credits of one line, which is named within its session or invoice."""

    line: str
    offer: Offer
    credits: int


def prices_of(lines: Sequence[Line]) -> frozenset[str]:
    """The prices whose offers must be known before the lines can grant anything."""
    return frozenset(line.price for line in lines if line.price is not None)


def unknown(prices: Collection[str], offers: Mapping[str, Offer]) -> None:
    """Raise UnknownPriceError for the first price without an offer."""
    for price in sorted(prices):
        if price not in offers:
            raise UnknownPriceError(price)


def grants_of(lines: Sequence[Line], offers: Mapping[str, Offer]) -> list[Grant]:
    """Each regular line grants its credits times its quantity; all prorations together grant one amount.

    A line without a price grants nothing, nor does a regular line of an invoice that costs nothing before discounts,
    such as a trial's.
    """
    unknown(prices_of(lines), offers)
    found = [_regular(line, offers) for line in lines if not line.proration and _counts(line)]
    prorations = [line for line in lines if line.proration and line.price is not None]
    return [*found, *_prorated(prorations, offers)]


def _counts(line: Line) -> bool:
    return line.price is not None and line.quantity > 0 and (line.amount is None or line.amount > 0)


def _regular(line: Line, offers: Mapping[str, Offer]) -> Grant:
    offer = offers[line.price or ""]
    return Grant(line=line.ref, offer=offer, credits=offer.credits * line.quantity)


def _prorated(lines: Sequence[Line], offers: Mapping[str, Offer]) -> list[Grant]:
    """An upgrade adds the difference; a downgrade takes nothing back. The row names the price with the largest part.

    What a downgrade has given to the customer's balance at Stripe buys nothing: those credits were never taken back,
    and changing up and down would otherwise grant without end.
    """
    parts = {line.ref: _part(line, offers[line.price or ""]) for line in lines}
    charged = min((line.charged for line in lines), default=Fraction(1))
    total = int(sum(parts.values(), Fraction(0)) * charged // 1)
    if total <= 0:
        return []
    largest = max(lines, key=lambda line: parts[line.ref])
    return [Grant(line=PRORATION, offer=offers[largest.price or ""], credits=total)]


def _part(line: Line, offer: Offer) -> Fraction:
    """The credits of the time that a proration charges, or gives back, for."""
    if line.amount is None or not line.amount:
        return Fraction(0)
    if offer.amount is None or offer.currency != line.currency:
        raise UnknownAmountError(offer.price_id, line.currency)
    if not offer.amount:
        return Fraction(0)
    return offer.credits * Fraction(line.amount) / Fraction(offer.amount)
