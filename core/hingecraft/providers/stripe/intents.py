"""PaymentIntents that are a checkout themselves, for payers on our own page: made and read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hingecraft.providers.findings import CheckoutStatus, Finding, Money, Price
from hingecraft.providers.stripe import NAME
from hingecraft.providers.stripe.metadata import CHECKOUT, INTENT, origin_of, payment_of

Document = Mapping[str, Any]
PriceOf = Callable[[object, object], Price]

_CHECKOUT_STATUSES = {"succeeded": CheckoutStatus.PAID, "canceled": CheckoutStatus.EXPIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One amount, in Stripe's units, for a customer. `metadata` identifies the payment."""

    amount: int
    currency: str
    customer_id: str
    description: str
    metadata: Mapping[str, str]


def intent_request(charge: Charge) -> dict[str, Any]:
    """A PaymentIntent with the account's own payment methods, captured at once so that its value is known early."""
    return {
        "amount": charge.amount,
        "currency": charge.currency.lower(),
        "customer": charge.customer_id,
        "description": charge.description,
        "automatic_payment_methods": {"enabled": True},
        "capture_method": "automatic",
        "metadata": {**charge.metadata, CHECKOUT: INTENT},
    }


def is_checkout(intent: Document) -> bool:
    """Whether it was made by `intent_request`: the intents of sessions and invoices are not."""
    return (intent.get("metadata") or {}).get(CHECKOUT) == INTENT


class IntentReader:
    """Reads amounts by the table of currencies."""

    def __init__(self, price_of: PriceOf) -> None:
        self._price_of = price_of

    def read(
        self,
        intent: Document,
        *,
        told_by: str,
        fresh: bool = False,
        worth: Price | None = None,
        paid_at: datetime | None = None,
    ) -> Finding:
        """An intent of `is_checkout`. A declined payment leaves it open: the payer may try again."""
        checkout_status = _CHECKOUT_STATUSES.get(str(intent["status"]), CheckoutStatus.OPEN)
        intent_id, paid = str(intent["id"]), checkout_status is CheckoutStatus.PAID
        price = self._price_of(intent["amount_received"] if paid else intent["amount"], intent["currency"])
        money = Money(kind="charge", ref=intent_id, amount=price.amount, currency=price.currency, worth=worth)
        error = intent.get("last_payment_error") or {}
        return Finding(
            provider=NAME,
            livemode=bool(intent["livemode"]),
            told_by=told_by,
            payment_id=payment_of(intent),
            **origin_of(intent),
            checkout_id=intent_id,
            only_checkout=True,
            customer=_id_of(intent.get("customer")),
            charge=intent_id,
            checkout_status=checkout_status,
            price=price,
            money=(money,) if paid else (),
            fresh=fresh,
            worth_is_known=balance_of(intent) is not None,
            paid_at=paid_at if paid else None,
            details={"intent": intent_id, **({"declined": error.get("code")} if error else {})},
        )


def balance_of(intent: Document) -> Document | None:
    """The balance transaction, if the intent was asked for with it; Stripe makes it some seconds after the payment."""
    charge = intent.get("latest_charge")
    found = charge.get("balance_transaction") if isinstance(charge, Mapping) else None
    return found if isinstance(found, Mapping) else None


def charged_at(intent: Document) -> datetime | None:
    """The time of the payment, if the intent was asked for with its charge."""
    charge = intent.get("latest_charge")
    return moment_of(charge.get("created")) if isinstance(charge, Mapping) else None


def moment_of(seconds: object) -> datetime | None:
    """A time of Stripe's."""
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


def _id_of(value: object) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("id")
    return str(value) if value else None
