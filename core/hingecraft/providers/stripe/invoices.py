"""Reads invoices, and the lines of invoices and sessions. Pure.

An event's invoice has its first ten lines and never its payments, so it only says which invoice to ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hingecraft.errors import ForeignError
from hingecraft.providers.findings import CheckoutStatus, Finding, Line, Money, Price
from hingecraft.providers.stripe import NAME
from hingecraft.providers.stripe.metadata import origin_of, payment_of

Document = Mapping[str, Any]
PriceOf = Callable[[object, object], Price]

# `invoice.paid` is sent at about the same time.
_TOLD_AGAIN = "invoice.payment_succeeded"
EVENT_TYPES = ("invoice.paid", _TOLD_AGAIN, "invoice.voided", "invoice.marked_uncollectible")
# An uncollectible invoice can still be paid.
_CHECKOUT_STATUSES = {
    "paid": CheckoutStatus.PAID,
    "void": CheckoutStatus.EXPIRED,
    "uncollectible": CheckoutStatus.FAILED,
}
# Statuses of an intent without a payment in progress. A delayed payment that failed has the first one.
GIVEN_UP = frozenset({"requires_payment_method", "canceled"})
_FIRST = "subscription_create"
_NOT_A_CUSTOMERS = "it is an invoice without a customer"


class InvoiceReader:
    """Reads amounts by the table of currencies."""

    def __init__(self, price_of: PriceOf) -> None:
        self._price_of = price_of

    def of_event(self, invoice: Document, *, told_by: str) -> Finding:
        """The invoice, and the user that it may belong to."""
        return Finding(**self._head(invoice, told_by), more_follows=told_by == _TOLD_AGAIN)

    def of_invoice(self, invoice: Document, worths: Mapping[str, Price], *, told_by: str) -> Finding:
        """An invoice with its payments and all of its lines; `worths` are the values of its intents in dollars."""
        currency = invoice["currency"]
        paid = [each for each in _payments(invoice) if each.get("status") == "paid"]
        money = tuple(self._charge(each, currency, worths) for each in paid)
        subtotal = int(invoice.get("subtotal") or 0)
        head = self._head(invoice, told_by)
        # Only here: the intents of invoices, whose events say that a card was declined, name no payment.
        if not paid and invoice.get("attempt_count"):
            head["details"]["attempts"] = invoice["attempt_count"]
        return Finding(
            **head,
            charge=money[0].ref if money else None,
            checkout_status=_CHECKOUT_STATUSES.get(str(invoice.get("status")), CheckoutStatus.OPEN),
            price=self._price_of(subtotal, currency) if subtotal > 0 else None,
            plan_price=self._plan_price(invoice),
            money=money,
            lines=tuple(self._line(line, _charged(invoice)) for line in invoice["lines"]["data"]),
            fresh=True,
        )

    def _head(self, invoice: Document, told_by: str) -> dict[str, Any]:
        customer = invoice.get("customer")
        customer_id = customer.get("id") if isinstance(customer, Mapping) else customer
        if not customer_id:
            raise ForeignError(_NOT_A_CUSTOMERS)
        subscription = _subscription(invoice)
        return {
            "provider": NAME,
            "livemode": bool(invoice["livemode"]),
            "told_by": told_by,
            # The metadata is of the subscription: only its first invoice is the checkout's.
            "payment_id": payment_of(subscription) if invoice.get("billing_reason") == _FIRST else None,
            **origin_of(subscription),
            "customer": str(customer_id),
            "invoice_id": str(invoice["id"]),
            "subscription_id": _id_of(subscription.get("subscription")),
            "details": {
                "invoice": invoice["id"],
                "reason": invoice.get("billing_reason"),
                **({"subscription": subscription["subscription"]} if subscription.get("subscription") else {}),
            },
        }

    def _charge(self, payment: Document, currency: object, worths: Mapping[str, Price]) -> Money:
        intent = _intent(payment)
        paid = self._price_of(payment["amount_paid"], currency)
        return Money(kind="charge", ref=intent, amount=paid.amount, currency=paid.currency, worth=worths.get(intent))

    def _plan_price(self, invoice: Document) -> Price | None:
        lines = [int(line["amount"]) for line in invoice["lines"]["data"] if _is_of_subscription(line)]
        return self._price_of(sum(lines), invoice["currency"]) if sum(lines) > 0 else None

    def _line(self, line: Document, charged: Fraction) -> Line:
        units = int(line["amount"])
        price = self._price_of(abs(units), line["currency"])
        details = (line.get("pricing") or {}).get("price_details") or {}
        return Line(
            ref=str(line["id"]),
            price=str(details["price"]) if details.get("price") else None,
            product=str(details["product"]) if details.get("product") else None,
            period=_period(line),
            quantity=_quantity(line),
            currency=price.currency,
            amount=price.amount.copy_sign(units) if units else Decimal(0),
            proration=any(
                bool(((line.get("parent") or {}).get(name) or {}).get("proration"))
                for name in ("subscription_item_details", "invoice_item_details")
            ),
            charged=charged,
        )


def intents_of(invoice: Document) -> Iterator[str]:
    """The PaymentIntents that paid it."""
    return (_intent(each) for each in _payments(invoice) if each.get("status") == "paid")


def has_failed(invoice: Document) -> bool:
    """Whether nothing is on its way for an invoice that is not paid."""
    intents = [(each.get("payment") or {}).get("payment_intent") for each in _payments(invoice)]
    statuses = [intent.get("status") for intent in intents if isinstance(intent, Mapping)]
    return invoice["status"] in _CHECKOUT_STATUSES or (bool(statuses) and all(each in GIVEN_UP for each in statuses))


def lines_of_session(items: Iterable[Document]) -> tuple[Line, ...]:
    """The lines of a session in payment mode, which grant the same whatever the discount."""
    return tuple(
        Line(
            ref=str(item["id"]),
            price=str(item["price"]["id"]) if item.get("price") else None,
            quantity=_quantity(item),
            currency=str(item["currency"]).upper(),
        )
        for item in items
    )


def _period(line: Document) -> tuple[datetime, datetime] | None:
    period = line.get("period")
    if period is None:
        return None
    return datetime.fromtimestamp(period["start"], UTC), datetime.fromtimestamp(period["end"], UTC)


def _id_of(value: object) -> str | None:
    """An id, or the object itself where it was expanded."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return str(value) if value else None


def _is_of_subscription(line: Document) -> bool:
    details = (line.get("parent") or {}).get("subscription_item_details")
    return details is not None and not details.get("proration")


def _payments(invoice: Document) -> Iterator[Document]:
    """The payments through Stripe. An invoice may also be paid out of band."""
    for each in (invoice.get("payments") or {}).get("data", ()):
        if _intent(each):
            yield each


def _intent(payment: Document) -> str:
    intent = (payment.get("payment") or {}).get("payment_intent")
    return str(intent.get("id") if isinstance(intent, Mapping) else intent or "")


def _subscription(invoice: Document) -> Document:
    """The subscription and its metadata. Events of an API version before 2025-03-31 have them beside each other."""
    found: Document | None = (invoice.get("parent") or {}).get("subscription_details")
    if found is not None:
        return found
    details = invoice.get("subscription_details") or {}
    return {"subscription": invoice.get("subscription"), "metadata": details.get("metadata")}


def _charged(invoice: Document) -> Fraction:
    """The part of the total that was not paid from the customer's balance, which is negative while Stripe owes."""
    total, before, after = (int(invoice.get(name) or 0) for name in ("total", "starting_balance", "ending_balance"))
    used = min(max(after - before, 0), max(-before, 0))
    return 1 - Fraction(min(used, total), total) if total > 0 else Fraction(1)


def _quantity(line: Document) -> int:
    quantity = line.get("quantity")
    return 1 if quantity is None else int(quantity)
