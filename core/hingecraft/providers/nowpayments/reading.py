"""Reads NOWPayments' payments into findings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft.errors import InvalidError
from hingecraft.money.model import parse_decimal
from hingecraft.providers.findings import CheckoutStatus, Finding, Money, Price, UnreadableError
from hingecraft.providers.nowpayments import NAME

Document = Mapping[str, Any]
# The code of a coin by NOWPayments' name for it, which may name the network too (`usdttrc20`).
CoinOf = Callable[[str], str]

_CHECKOUT_STATUSES = {
    "partially_paid": CheckoutStatus.SHORT,
    "finished": CheckoutStatus.PAID,
    "failed": CheckoutStatus.FAILED,
    "expired": CheckoutStatus.EXPIRED,
}
# Before that, a transaction on the chain may still disappear.
_MONEY_IS_THERE = frozenset({"finished", "partially_paid", "refunded"})
# If a deposit's value is more than this many times the requested amount, a person enters it.
_MOST_TIMES_THE_PRICE = 3


def hinted(document: Document) -> Finding:
    """The payment that an IPN names."""
    return Finding(
        provider=NAME,
        livemode=False,
        told_by=f"ipn {document.get('payment_status')}",
        charge=payment_id_of(document),
        must_ask=True,
    )


def payment_id_of(document: Document) -> str:
    """The payment's id: NOWPayments sends it as text for a new payment, and as a number later."""
    found = document.get("payment_id")
    if isinstance(found, bool) or not isinstance(found, int | str) or not str(found).isalnum():
        raise UnreadableError("payment_id is missing")
    return str(found)


def parent_id_of(document: Document) -> str | None:
    """The payment whose address a later deposit was sent to; None for a first deposit."""
    parent = document.get("parent_payment_id")
    return str(parent) if parent else None


class NowPaymentsReader:
    """Reads payments; `coin_of` turns a coin's name at NOWPayments into a currency code."""

    def __init__(self, coin_of: CoinOf, descriptions: Collection[str]) -> None:
        self._coin_of = coin_of
        # Ours. With a payment NOWPayments keeps only this and the order's id.
        self._descriptions = descriptions

    def of_payment(self, document: Document, parent: Document | None, *, told_by: str, livemode: bool) -> Finding:
        """One payment. A later deposit belongs to its parent's order, and must make up what the parent lacks."""
        status = str(document.get("payment_status"))
        asked = parent or document
        paid = _decimal(document, "actually_paid")
        due = Price(amount=_decimal(asked, "pay_amount"), currency=self._coin(asked))
        price = _price(asked)
        invoice = document.get("invoice_id") or asked.get("invoice_id")
        checkout_status = _CHECKOUT_STATUSES.get(status, CheckoutStatus.OPEN)
        if status == "refunded":
            whole = self._coin(document) == due.currency and paid >= due.amount
            checkout_status = CheckoutStatus.PAID if whole else CheckoutStatus.FAILED
        return Finding(
            provider=NAME,
            livemode=livemode,
            told_by=told_by,
            payment_id=_uuid(document.get("order_id") or asked.get("order_id")),
            checkout_id=str(invoice) if invoice else None,
            link_id=str(invoice) if invoice else None,
            charge=payment_id_of(document),
            parent=parent_id_of(document),
            checkout_status=checkout_status,
            price=price,
            due=due if status == "finished" else None,
            part=self._part(document, parent, due, paid),
            money=self._money(document, parent, status, paid) if status in _MONEY_IS_THERE and paid > 0 else (),
            fresh=True,
            foreign=self._why_foreign(document.get("order_description") or asked.get("order_description")),
            details={"paymentId": payment_id_of(document), "paymentStatus": status},
        )

    def _part(self, document: Document, parent: Document | None, due: Price, paid: Decimal) -> Decimal | None:
        """The share of the amount due that this deposit pays; None if it cannot be known."""
        before = _decimal(parent, "actually_paid") if parent is not None else Decimal(0)
        missing = max(due.amount - before, Decimal(0))
        if not due.amount or (missing and self._coin(document) != due.currency):
            return None
        return min(paid, missing) / due.amount

    def _money(self, document: Document, parent: Document | None, status: str, paid: Decimal) -> tuple[Money, ...]:
        ref, coin = payment_id_of(document), self._coin(document)
        worth = self._worth(document, parent, paid)
        doubt = worth if isinstance(worth, str) else None
        value = None if isinstance(worth, str) else worth
        came = Money(kind="charge", ref=ref, amount=paid, currency=coin, worth=value, doubt=doubt)
        if status != "refunded":
            return (came,)
        return (came, Money(kind="refund", ref=ref, amount=-paid, currency=coin))

    def _worth(self, document: Document, parent: Document | None, paid: Decimal) -> Price | str:
        """The value by the payment's own price for its own amount, or why it is implausible."""
        price, amount = _optional(document, "price_amount"), _optional(document, "pay_amount")
        if not price or not amount:
            return "NOWPayments gives no price for it"
        asked = parent or document
        if self._coin(document) != self._coin(asked) and amount == _optional(asked, "pay_amount"):
            return "its price is for the coin that was asked for, not for the one that came"
        most = _price(asked)
        worth = Price(amount=price * paid / amount, currency=_price_currency(document))
        if worth.currency != most.currency or worth.amount > most.amount * _MOST_TIMES_THE_PRICE:
            return f"it would be worth more than {_MOST_TIMES_THE_PRICE} times the price"
        return worth

    def _why_foreign(self, description: object) -> str | None:
        """Another shop of the account may number its orders by UUIDs too, but describes them in its own words."""
        return "its description is not ours" if description and description not in self._descriptions else None

    def _coin(self, document: Document) -> str:
        return self._coin_of(str(document.get("pay_currency")))


def _price(document: Document) -> Price:
    return Price(amount=_decimal(document, "price_amount"), currency=_price_currency(document))


def _price_currency(document: Document) -> str:
    return str(document.get("price_currency")).upper()


def _optional(document: Document, name: str) -> Decimal | None:
    return _decimal(document, name) if document.get(name) is not None else None


def _decimal(document: Document, name: str) -> Decimal:
    try:
        return parse_decimal(document.get(name))
    except InvalidError:
        raise UnreadableError(f"{name} is not a number") from None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None
