"""Creates Stripe's objects from requests."""

from __future__ import annotations

import re
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from hingecraft_sandbox.providers.book import Book, Document, new_id, now
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked, required

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_WHOLE_HUNDREDS = frozenset({"isk", "ugx"})
LARGEST = 99_999_999
# Minimum charges in the smallest unit, for currencies where it differs from about half a dollar.
_LEAST = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "kwd": 150, "bhd": 200, "omr": 200, "tnd": 1500, "jod": 350}
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(rf"{_ATOM}(\.{_ATOM})*@([a-z0-9-]+\.)+[a-z]{{2,}}", re.IGNORECASE | re.ASCII)
_LINES_SHOWN = 10
_EARLIEST, _LATEST = timedelta(minutes=30), timedelta(hours=24)
_PREFIX = {
    "products": "prod_", "prices": "price_", "payment_links": "plink_", "customers": "cus_",
}  # fmt: skip


class Objects:
    """Creates and finds objects."""

    def __init__(self, book: Book, address: str) -> None:
        self.book = book
        self._address = address

    def find(self, kind: str, key: str) -> Document:
        """The object; an error as Stripe's if it does not exist."""
        found = self.book.get(kind, key)
        if found is None:
            raise StripeRejectedError(
                f"No such {kind.rstrip('s')}: '{key}'", status=HTTPStatus.NOT_FOUND, code="resource_missing", param="id"
            )
        return found

    def make_session(self, raw: Document, *, bad_url: str | None = None) -> Document:
        """A Checkout Session for one payer."""
        params = checked(raw, shapes.SESSION)
        required(params, "mode", "line_items", "success_url")
        recurring = params["mode"] == "subscription"
        currency, total, items = self._priced(params["line_items"], recurring=recurring)
        made, expires = now(), params.get("expires_at", now() + int(_LATEST.total_seconds()))
        if not _EARLIEST.total_seconds() <= expires - made <= _LATEST.total_seconds():
            raise StripeRejectedError(
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from creation.", param="expires_at"
            )
        if "customer" in params and "customer_email" in params:
            raise StripeRejectedError("You may only specify one of these parameters: customer, customer_email.")
        _check_email(params, "customer_email")
        self.require_customer(params.get("customer"))
        session_id = new_id("cs_test_")
        return self.book.put(
            "sessions",
            {
                **self._session_head(session_id, currency, total, expires),
                "client_reference_id": params.get("client_reference_id"),
                "customer": params.get("customer"),
                "customer_email": params.get("customer_email"),
                "metadata": params.get("metadata", {}),
                "mode": params["mode"],
                "submit_type": params.get("submit_type"),
                "success_url": params["success_url"],
                "cancel_url": params.get("cancel_url"),
                "payment_link": None,
                "allow_promotion_codes": params.get("allow_promotion_codes"),
                "discounts": [],
                "billing_address_collection": params.get("billing_address_collection"),
                "url": bad_url or f"{self._address}/pay/stripe/c/{session_id}",
                "intent_metadata": params.get("payment_intent_data", {}).get("metadata", {}),
                "subscription_data": params.get("subscription_data", {}),
                "subscription": None,
                "invoice": None,
                "items": items,
            },
        )

    def session_of_link(self, link: Document, amount: int) -> Document:
        """Each payer of a Payment Link gets a session with the link's metadata."""
        price = self.find("prices", link["line_item_prices"][0])
        custom = price["custom_unit_amount"] or {"minimum": amount, "maximum": amount}
        if not custom["minimum"] <= amount <= custom["maximum"]:
            raise StripeRejectedError("The amount is outside the limits of this link.", code="amount_too_small")
        session_id = new_id("cs_test_")
        expires = now() + int(_LATEST.total_seconds())
        return self.book.put(
            "sessions",
            {
                **self._session_head(session_id, price["currency"], amount, expires),
                "client_reference_id": None,
                "customer": None,
                "customer_email": None,
                "metadata": link["metadata"],
                "mode": "payment",
                "submit_type": link["submit_type"],
                "success_url": link["after_completion"].get("redirect", {}).get("url"),
                "cancel_url": None,
                "payment_link": link["id"],
                "url": f"{self._address}/pay/stripe/c/{session_id}",
                "intent_metadata": link["intent_metadata"],
                "items": [{"description": "Donation", "amount": amount}],
            },
        )

    def _session_head(self, session_id: str, currency: str, total: int, expires: int) -> Document:
        return {
            "id": session_id,
            "object": "checkout.session",
            "livemode": False,
            "created": now(),
            "expires_at": expires,
            "currency": currency,
            "amount_subtotal": total,
            "amount_total": total,
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "presentment_details": None,
        }

    def _priced(self, line_items: list[Document], *, recurring: bool) -> tuple[str, int, list[Document]]:
        if not line_items:
            raise StripeRejectedError("Missing required param: line_items.", param="line_items")
        items = [
            self._item(item, f"line_items[{number}]", recurring=recurring) for number, item in enumerate(line_items)
        ]
        currency = items[0]["currency"]
        if any(item["currency"] != currency for item in items):
            raise StripeRejectedError("All line items must have the same currency.", param="line_items")
        total = sum(item["amount"] for item in items)
        if total or not recurring:
            check_amount(currency, total, "line_items[0][price_data][unit_amount]")
        return currency, total, items

    def _item(self, item: Document, name: str, *, recurring: bool) -> Document:
        if "price" in item:
            price = self.sellable(item["price"], f"{name}[price]")
        else:
            required(item, "price_data")
            price = item["price_data"]
            required(price, "currency", "unit_amount")
            if "product_data" not in price and "product" not in price:
                raise StripeRejectedError("Missing required param: product_data.", param=f"{name}[price_data]")
            if recurring:
                price = self.make("prices", price)
        if (price.get("recurring") is not None) != recurring:
            raise StripeRejectedError(
                "Subscriptions take recurring prices, and payments others.", param=f"{name}[price]"
            )
        quantity = item.get("quantity", 1)
        description = price.get("product_data", {}).get("name") or self.name_of(price)
        amount = price["unit_amount"] * quantity
        named = {"price": price.get("id"), "quantity": quantity}
        return {"description": description, "currency": price["currency"], "amount": amount, **named}

    def sellable(self, price_id: str, param: str) -> Document:
        """A price that exists and is not archived; a parameter that names another one is wrong."""
        if self.book.get("prices", price_id) is None:
            raise StripeRejectedError(f"No such price: '{price_id}'", code="resource_missing", param=param)
        self._require_active(price_id)
        return self.find("prices", price_id)

    def name_of(self, price: Document) -> str:
        """The name of a price's product."""
        return str((self.book.get("products", price.get("product", "")) or {}).get("name", "Item"))

    def require_customer(self, customer_id: str | None) -> None:
        """Reject a customer that does not exist or was deleted; none is fine."""
        found = self.book.get("customers", customer_id) if customer_id is not None else {}
        if found is None or found.get("deleted"):
            raise StripeRejectedError(f"No such customer: '{customer_id}'", code="resource_missing", param="customer")

    def make(self, kind: str, raw: Document, *, key: str | None = None) -> Document:
        """A product, price, link or customer; Stripe chooses the ids of all but products."""
        makers = {
            "products": self._product, "prices": self._price, "payment_links": self._link, "customers": self._customer,
        }  # fmt: skip
        head = {"id": key or new_id(_PREFIX[kind])[:30], "livemode": False, "created": now()}
        return self.book.put(kind, {**head, **makers[kind](raw)})

    def _product(self, raw: Document) -> Document:
        params = checked(raw, shapes.PRODUCT)
        required(params, "name")
        own_id = {"id": params["id"]} if "id" in params else {}
        if own_id and self.book.get("products", params["id"]):
            raise StripeRejectedError("Product already exists.", code="resource_already_exists", param="id")
        usual = {"object": "product", "active": True, "metadata": {}, "description": None}
        return {**usual, **without(params, "expand"), **own_id}

    def _price(self, raw: Document) -> Document:
        params = checked(raw, shapes.PRICE)
        required(params, "currency")
        custom = params.get("custom_unit_amount")
        if (custom is None) == ("unit_amount" not in params):
            raise StripeRejectedError("Give exactly one of unit_amount and custom_unit_amount.", param="unit_amount")
        product = params.get("product") or self.make("products", params.get("product_data", {}))["id"]
        self.find("products", product)
        if custom is not None:
            for bound in ("minimum", "maximum", "preset"):
                if bound in custom:
                    check_amount(params["currency"], custom[bound], f"custom_unit_amount[{bound}]")
        self._claim_lookup_key(params)
        usual: Document = {"object": "price", "active": True, "metadata": {}, "lookup_key": None, "unit_amount": None}
        usual |= {"custom_unit_amount": None, "recurring": None}
        usual["type"] = "recurring" if "recurring" in params else "one_time"
        return {**usual, **without(params, "expand", "transfer_lookup_key", "product_data"), "product": product}

    def _claim_lookup_key(self, params: Document) -> None:
        key = params.get("lookup_key")
        holders = self.book.all("prices", lambda price: key is not None and price["lookup_key"] == key)
        if holders and not params.get("transfer_lookup_key"):
            raise StripeRejectedError("A price already uses that lookup key.", param="lookup_key")
        for price in holders:
            self.book.put("prices", {**price, "lookup_key": None})

    def _link(self, raw: Document) -> Document:
        params = checked(raw, shapes.LINK)
        required(params, "line_items")
        prices = [item["price"] for item in params["line_items"]]
        for price in prices:
            self._require_active(price)
        if len(prices) > 1 and any(self.find("prices", price)["custom_unit_amount"] for price in prices):
            raise StripeRejectedError("A custom amount must be the only line item.", param="line_items")
        key = new_id("")[:16]
        return {
            "object": "payment_link",
            "active": True,
            "url": f"{self._address}/pay/stripe/l/{key}",
            "key": key,
            "metadata": params.get("metadata", {}),
            "submit_type": params.get("submit_type", "auto"),
            "after_completion": params.get("after_completion", {"type": "hosted_confirmation"}),
            "intent_metadata": params.get("payment_intent_data", {}).get("metadata", {}),
            "line_item_prices": prices,
        }

    def _require_active(self, price_id: str) -> None:
        """Reject an archived object: it can be read but not sold."""
        price = self.find("prices", price_id)
        if not price["active"]:
            raise StripeRejectedError("The price specified is inactive.", param="line_items[0][price]")
        if not self.find("products", price["product"])["active"]:
            raise StripeRejectedError("The product of this price is not active.", param="line_items[0][price]")

    def _customer(self, raw: Document) -> Document:
        params = checked(raw, shapes.CUSTOMER)
        _check_email(params, "email")
        return {"object": "customer", "email": None, "name": None, "metadata": {}, **without(params, "expand")}

    def change(self, kind: str, key: str, raw: Document) -> Document:
        """Change a product, a price or a link; metadata is merged."""
        shapes_of: dict[str, Document] = {
            "products": shapes.PRODUCT_UPDATE, "prices": shapes.PRICE_UPDATE, "payment_links": shapes.LINK_UPDATE,
        }  # fmt: skip
        params = checked(raw, shapes_of[kind])
        found = self.find(kind, key)
        intent = params.get("payment_intent_data", {}).get("metadata", {})
        merged = {"metadata": {**found["metadata"], **params.get("metadata", {})}}
        if intent:
            merged["intent_metadata"] = {**found["intent_metadata"], **intent}
        kept = without(params, "expand", "transfer_lookup_key", "payment_intent_data")
        return self.book.put(kind, {**found, **kept, **merged})


def least_of(currency: str) -> int:
    """The smallest amount that Stripe charges."""
    return _LEAST.get(currency, 50)


def check_amount(currency: str, amount: int, param: str) -> None:
    """Check that Stripe would charge the amount: its minimum, maximum and steps."""
    if amount < least_of(currency):
        raise StripeRejectedError(
            "The amount must be greater than or equal to the minimum charge.", code="amount_too_small", param=param
        )
    if amount > LARGEST:
        raise StripeRejectedError("The amount is too large.", code="amount_too_large", param=param)
    step = 100 if currency in _WHOLE_HUNDREDS else 10 if currency in THREE_DECIMAL else 1
    if amount % step:
        raise StripeRejectedError(f"{currency} amounts are multiples of {step}.", param=param)


def without(params: Document, *names: str) -> Document:
    """The parameters except these."""
    return {name: value for name, value in params.items() if name not in names}


def public(document: Document) -> Any:
    """The object as the API shows it, without the fields that only the sandbox uses."""
    if document.get("object") == "subscription":
        return without(document, "sandbox")
    if document.get("object") == "invoice":
        return invoice_as_shown(document)
    shown = without(document, "intent_metadata", "subscription_data", "items", "key", "line_item_prices")
    if shown.get("object") == "checkout.session" and shown["status"] != "open":
        shown["url"] = None
    return shown


def invoice_as_shown(invoice: Document) -> Document:
    """An invoice with its first ten lines; its payments appear only when they are expanded."""
    lines = invoice["lines"]
    shown = {
        "object": "list",
        "data": lines[:_LINES_SHOWN],
        "has_more": len(lines) > _LINES_SHOWN,
        "url": f"/v1/invoices/{invoice['id']}/lines",
    }
    return {**without(invoice, "sandbox"), "lines": shown}


def _check_email(params: Document, name: str) -> None:
    """Stripe is stricter than most forms (no two dots in a row, say), and repeats the address in its message."""
    email = params.get(name)
    if email is not None and not _EMAIL.fullmatch(email):
        raise StripeRejectedError(f"Invalid email address: {email}", code="email_invalid", param=name)
