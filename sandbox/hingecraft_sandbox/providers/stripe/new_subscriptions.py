"""`POST /v1/subscriptions`: subscriptions that wait for their first payment on a merchant's own page."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked, required
from hingecraft_sandbox.providers.stripe.intent_shapes import KIND as INTENTS
from hingecraft_sandbox.providers.stripe.invoices import Invoices
from hingecraft_sandbox.providers.stripe.objects import check_amount
from hingecraft_sandbox.providers.stripe.subscriptions import KIND, OVER, Subscriptions


class NewSubscriptions:
    """Makes subscriptions with `payment_behavior=default_incomplete`."""

    def __init__(self, acts: Acts, invoices: Invoices, subscriptions: Subscriptions) -> None:
        self._acts = acts
        self._objects = acts.objects
        self._book = acts.objects.book
        self._invoices = invoices
        self._subscriptions = subscriptions

    def create(self, raw: Document) -> Document:
        """A subscription and its first invoice, whose intent the payer confirms."""
        params = checked(raw, shapes.NEW_SUBSCRIPTION)
        required(params, "customer", "items")
        self._objects.require_customer(params["customer"])
        if params.get("payment_behavior") != "default_incomplete":
            raise StripeRejectedError(
                "This customer has no attached payment source or default payment method.", code="resource_missing"
            )
        prices = [self._price(item, f"items[{number}]") for number, item in enumerate(params["items"])]
        quantities = [item.get("quantity", 1) for item in params["items"]]
        currency = self._currency(params["customer"], prices)
        total = sum(price["unit_amount"] * quantity for price, quantity in zip(prices, quantities, strict=True))
        if total:
            check_amount(currency, total, "items")
        items = [{"price": self._kept(price)["id"], "quantity": n} for price, n in zip(prices, quantities, strict=True)]
        return self._begun(params, currency, items)

    def _price(self, item: Document, name: str) -> Document:
        """A recurring price that exists, or the terms of a new one."""
        if ("price" in item) == ("price_data" in item):
            raise StripeRejectedError("Give exactly one of price and price_data.", param=f"{name}[price]")
        price = self._objects.sellable(item["price"], f"{name}[price]") if "price" in item else item["price_data"]
        required(price, "currency", "unit_amount", "product")
        if price.get("recurring") is None:
            raise StripeRejectedError("Subscriptions take recurring prices.", param=name)
        product = self._book.get("products", price["product"])
        if product is None:
            param = f"{name}[price_data][product]"
            raise StripeRejectedError(f"No such product: '{price['product']}'", code="resource_missing", param=param)
        if not product["active"]:
            raise StripeRejectedError("The product of this price is not active.", param=name)
        return price

    def _currency(self, customer: str, prices: list[Document]) -> str:
        """That of the prices. A customer's subscriptions that are not over all have one currency."""
        currency = str(prices[0]["currency"])
        running = self._book.all(KIND, lambda each: each["customer"] == customer and each["status"] not in OVER)
        others = {each["currency"] for each in (*prices, *running)} - {currency}
        if others:
            raise StripeRejectedError(
                "You cannot combine currencies on a single customer. This customer has an active subscription with "
                f"currency {min(others)}.",
                param="currency",
            )
        return currency

    def _kept(self, price: Document) -> Document:
        """Inline prices are stored, but cannot be used again."""
        if "id" in price:
            return price
        recurring = {name: str(value) for name, value in price["recurring"].items()}
        terms = {**price, "unit_amount": str(price["unit_amount"]), "recurring": recurring}
        return self._book.put("prices", self._objects.make("prices", terms) | {"active": False})

    def _begun(self, params: Document, currency: str, items: list[Document]) -> Document:
        said = {name: params[name] for name in ("metadata", "description", "billing_mode") if name in params}
        head = {"customer": params["customer"], "currency": currency, "livemode": False}
        subscription = self._subscriptions.made(head | {"items": items, "subscription_data": said})
        subscription |= {
            "status": "incomplete",
            "default_payment_method": None,
            "payment_settings": {"payment_method_options": None, "payment_method_types": None}
            | {"save_default_payment_method": "off"}
            | params.get("payment_settings", {}),
            "sandbox": {"card": "missing"},
        }
        self._book.put(KIND, subscription)
        self._acts.emit("customer.subscription.created", subscription)
        invoice = self._subscriptions.bill(subscription, "subscription_create")
        payment = self._invoices.payment_of(invoice["id"])
        if payment is None:
            self._invoices.pay(invoice)
            return self._subscriptions.update(subscription | {"status": "active"})
        intent = self._objects.find(INTENTS, payment["payment"]["payment_intent"])
        self._book.put(INTENTS, intent | {"setup_future_usage": "off_session"})
        return subscription
