"""Stripe's dashboard, as far as somebody makes an invoice or a subscription there for a customer."""

from __future__ import annotations

from collections.abc import Sequence

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe import lines
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.discounts import COUPONS
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.invoices import Invoices
from hingecraft_sandbox.providers.stripe.subscriptions import Subscriptions

Sold = Sequence[tuple[str, int]]


class Dashboard:
    """Sells prices, each with its quantity, and charges the customer's card at once."""

    def __init__(self, acts: Acts, clock: Clock, invoices: Invoices, subscriptions: Subscriptions) -> None:
        self._objects = acts.objects
        self._book = acts.objects.book
        self._clock = clock
        self._invoices = invoices
        self._subscriptions = subscriptions

    def invoice(self, customer: str, sold: Sold) -> Document:
        """An invoice of one-time prices."""
        prices = self._prices(customer, sold, recurring=False)
        now = self._clock.now()
        head = {"customer": customer, "currency": prices[0]["currency"], "parent": None}
        found = [lines.by_hand(price, quantity, now) for price, (_, quantity) in zip(prices, sold, strict=True)]
        made = self._invoices.draft(head | {"period_start": now, "period_end": now}, found, reason="manual")
        return self._invoices.pay(made)

    def subscribe(self, customer: str, sold: Sold, *, coupon: str | None = None, trial_days: int = 0) -> Document:
        """A subscription without any metadata, whose prorations do not itemise discounts."""
        prices = self._prices(customer, sold, recurring=True)
        if coupon is not None:
            self._objects.find(COUPONS, coupon)
        subscription, invoice = self._subscriptions.start(
            {
                "customer": customer,
                "currency": prices[0]["currency"],
                "livemode": False,
                "items": [{"price": price, "quantity": quantity} for price, quantity in sold],
                "subscription_data": {"trial_period_days": trial_days} if trial_days else {},
                "discounts": [{"coupon": coupon, "promotion_code": None}] if coupon is not None else [],
            }
        )
        self._invoices.pay(invoice)
        return subscription

    def _prices(self, customer: str, sold: Sold, *, recurring: bool) -> list[Document]:
        self._objects.require_customer(customer)
        if not sold:
            raise StripeRejectedError("Name at least one price.")
        prices = [self._objects.sellable(price, "price") for price, _ in sold]
        if any((price["recurring"] is not None) != recurring for price in prices):
            raise StripeRejectedError("Subscriptions take recurring prices, and invoices one-time prices.")
        if len({price["currency"] for price in prices}) > 1:
            raise StripeRejectedError("All prices must have the same currency.")
        return prices
