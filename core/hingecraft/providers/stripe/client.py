"""Stripe behind the port: sessions and intents for one payer, and the ports for its other objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from hingecraft.money.minor_units import to_stripe
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import Opened, Order, Rejected
from hingecraft.providers.settings import ProviderSettings
from hingecraft.providers.stripe import NAME
from hingecraft.providers.stripe.account import EmailRejectedError, StripeAccount
from hingecraft.providers.stripe.customers import StripeCustomers
from hingecraft.providers.stripe.objects import StripeDisputes, StripeEvents, StripeInvoices, StripeSessions
from hingecraft.providers.stripe.payment_intents import StripeIntents
from hingecraft.providers.stripe.payment_links import StripeLinks
from hingecraft.providers.stripe.portal import StripePortal
from hingecraft.providers.stripe.ports import (
    Customers,
    Disputes,
    Events,
    Intents,
    Invoices,
    Links,
    Portal,
    Prices,
    Products,
    Refunds,
    Sessions,
    Subscriptions,
)
from hingecraft.providers.stripe.prices import StripePrices
from hingecraft.providers.stripe.products import StripeProducts
from hingecraft.providers.stripe.refunds import StripeRefunds
from hingecraft.providers.stripe.sales import SESSION_LIFE
from hingecraft.providers.stripe.subscriptions import StripeSubscriptions

_EMAIL = "customer_email"
_WITHOUT_EMAIL = "_without_email"
# A parameter of every session, and of no intent.
_MODE = "mode"
_INTENT, _SUBSCRIPTION = "pi_", "sub_"
# A parameter of every subscription.
_ITEMS = "items"


class StripeProvider:
    """One account of Stripe."""

    name = NAME

    def __init__(self, settings: ProviderSettings, key_rejected: Rejected = lambda _provider: None) -> None:
        self.account = StripeAccount(settings, key_rejected)
        self.sessions: Sessions = StripeSessions(self.account)
        self.intents: Intents = StripeIntents(self.account)
        self.invoices: Invoices = StripeInvoices(self.account)
        self.refunds: Refunds = StripeRefunds(self.account)
        self.disputes: Disputes = StripeDisputes(self.account)
        self.events: Events = StripeEvents(self.account)
        self.links: Links = StripeLinks(self.account)
        self.customers: Customers = StripeCustomers(self.account)
        self.prices: Prices = StripePrices(self.account)
        self.products: Products = StripeProducts(self.account)
        self.subscriptions: Subscriptions = StripeSubscriptions(self.account)
        self.portal: Portal = StripePortal(self.account)

    @property
    def livemode(self) -> bool:
        """Whether real money moves."""
        return self.account.livemode

    @property
    def configured(self) -> bool:
        """A provider without keys is off."""
        return self.account.configured

    def request_for(self, order: Order) -> dict[str, Any]:
        """A Checkout Session for one payer."""
        metadata = {"payment_id": order.payment_id, "source": order.source, **order.metadata}
        price = {
            "currency": order.currency.code.lower(),
            "unit_amount": to_stripe(order.amount, order.currency),
            "product_data": {"name": order.description},
        }
        request: dict[str, Any] = {
            "mode": "payment",
            "submit_type": order.submit_type,
            "line_items": [{"quantity": 1, "price_data": price}],
            "client_reference_id": order.payment_id,
            "metadata": metadata,
            # Captured at once, so that Stripe nearly always knows the value in USD when it tells us of the payment.
            "payment_intent_data": {"metadata": metadata, "capture_method": "automatic"},
            "success_url": f"{order.success_url}&session_id={{CHECKOUT_SESSION_ID}}",
            "cancel_url": order.cancel_url,
            "expires_at": int((order.opened_at + SESSION_LIFE).timestamp()),
        }
        if order.email:
            request[_EMAIL] = order.email
        return request

    async def open(self, request: Mapping[str, Any], key: str, deadline: Deadline) -> Opened:
        """Make the session or intent, or get the one that the same key has made before.

        An e-mail that Stripe refuses must not cost a payment: the session is made without it, under a second key,
        since a key goes with its parameters. The second key is derived from the first, so that a repeat after a crash
        takes the same two steps and finds the same session.
        """
        if _MODE not in request:
            objects = self.subscriptions if _ITEMS in request else self.intents
            return await objects.create(request, key, deadline)
        try:
            return await self.sessions.create(request, key, deadline)
        except EmailRejectedError:
            without = {name: value for name, value in request.items() if name != _EMAIL}
            return replace(await self.sessions.create(without, f"{key}{_WITHOUT_EMAIL}", deadline), email_refused=True)

    async def end(self, checkout_id: str, deadline: Deadline) -> bool:
        """End a session or intent, so that it cannot be paid any more; False if it is paid, or being paid."""
        if checkout_id.startswith(_INTENT):
            return await self.intents.cancel(checkout_id, deadline)
        if checkout_id.startswith(_SUBSCRIPTION):
            return await self.subscriptions.end(checkout_id, deadline)
        return await self.sessions.expire(checkout_id, deadline)

    async def made_for(
        self, request: Mapping[str, Any], payment_id: str, since: datetime, until: datetime
    ) -> str | None:
        """The id of the checkout that was made with these parameters, whose creation was never answered."""
        objects = self.sessions if _MODE in request else self.subscriptions if _ITEMS in request else self.intents
        found = await objects.made_for(payment_id, since, until)
        return str(found["id"]) if found is not None else None

    async def close(self) -> None:
        """Close the connections."""
        await self.account.close()
