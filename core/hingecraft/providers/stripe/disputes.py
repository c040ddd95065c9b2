"""The money that a dispute has moved: by its balance transactions, never only by its status or amount. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from hingecraft.money.model import Currency
from hingecraft.providers.findings import Money, MoneyKind, Price, UnreadableError

Document = Mapping[str, Any]
PriceOf = Callable[[object, str], Price]

# A dispute in one of these has withdrawn the money as a rule.
_WITHDRAWN = frozenset(
    {"needs_response", "under_review", "lost", "won", "appeal_needs_response", "appeal_under_review"}
)
# In one of these it may have moved nothing: an inquiry, or a dispute that was blocked before it became one.
_PERHAPS_NOT = frozenset({"prevented", "warning_needs_response", "warning_under_review", "warning_closed"})


def says_all(dispute: Document) -> bool:
    """Whether an event's dispute can be booked as it is: a status that we know, and the movements that belong to it."""
    status, moves = dispute.get("status"), dispute.get("balance_transactions")
    return isinstance(moves, list) and (status in _PERHAPS_NOT or (status in _WITHDRAWN and bool(moves)))


class DisputeReader:
    """Reads amounts by the table of currencies."""

    def __init__(self, price_of: PriceOf, currency_of: Callable[[str], Currency]) -> None:
        self._price_of = price_of
        self._currency_of = currency_of

    def moved(self, dispute: Document) -> tuple[Money, ...]:
        """All that was withdrawn so far, and all that was brought back; nothing where that is not said."""
        moves = [self._price_of(move["amount"], move["currency"]) for move in dispute.get("balance_transactions") or ()]
        if len({move.currency for move in moves}) > 1:
            raise UnreadableError("the dispute's balance transactions are in several currencies")
        taken = sum((move.amount for move in moves if move.amount < 0), Decimal(0))
        given = sum((move.amount for move in moves if move.amount > 0), Decimal(0))
        whole = dispute.get("status") == "won" or not taken
        returned = Decimal(1) if whole else min(Decimal(1), -given / taken)
        found: tuple[tuple[MoneyKind, Decimal, Decimal], ...] = (
            ("dispute", taken, Decimal(1)),
            ("dispute_reversal", given, returned),
        )
        return tuple(
            self._movement(dispute, kind, Price(amount=amount, currency=moves[0].currency), share)
            for kind, amount, share in found
            if amount
        )

    def _movement(self, dispute: Document, kind: MoneyKind, moved: Price, share: Decimal) -> Money:
        """In the dispute's currency; where the account's balance is in another one, that is what it is worth."""
        ref, disputed = str(dispute["id"]), self._price_of(dispute["amount"], dispute["currency"])
        if moved.currency == disputed.currency:
            return Money(kind=kind, ref=ref, amount=moved.amount, currency=moved.currency)
        unit = Decimal(1).scaleb(-self._currency_of(disputed.currency).exponent)
        amount = (disputed.amount * share).quantize(unit).copy_sign(moved.amount)
        return Money(kind=kind, ref=ref, amount=amount, currency=disputed.currency, worth=moved)
