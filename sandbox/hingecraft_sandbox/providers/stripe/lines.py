"""Lines of invoices and sessions, page by page, and those of invoices in the shape of API version 2026-10-28.endive."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError

_USUAL_PAGE, _LARGEST_PAGE = 10, 100


def page(url: str, lines: list[Document], params: Document) -> Document:
    """A page of lines: `limit` of them (10), after `starting_after`."""
    after = params.get("starting_after")
    if after is not None:
        ids = [each["id"] for each in lines]
        if after not in ids:
            raise StripeRejectedError(f"No such line item: '{after}'", param="starting_after")
        lines = lines[ids.index(after) + 1 :]
    limit = min(params.get("limit", _USUAL_PAGE), _LARGEST_PAGE)
    return {"object": "list", "url": url, "has_more": len(lines) > limit, "data": lines[:limit]}


def regular(subscription: Document, item: Document, *, free: bool = False) -> Document:
    """A period of one item; free while a trial runs."""
    price = item["price"]
    amount = 0 if free else price["unit_amount"] * item["quantity"]
    return line(
        price,
        amount,
        item["quantity"],
        period={"start": item["current_period_start"], "end": item["current_period_end"]},
        parent=_of_item(subscription, item),
    )


def proration(subscription: Document, item: Document, amount: int, period: Document) -> Document:
    """A debit or credit for the rest of a period."""
    parent = _of_item(subscription, item)
    parent["subscription_item_details"] |= {"invoice_item": new_id("ii_")[:27], "proration": True}
    return line(item["price"], amount, item["quantity"], period=period, parent=parent)


def pending(prorated: Document) -> Document:
    """A proration that waits for the next invoice: there it is an invoice item."""
    details = prorated["parent"]["subscription_item_details"]
    kept = {name: details[name] for name in ("invoice_item", "proration", "proration_details", "subscription")}
    parent = {"type": "invoice_item_details", "invoice_item_details": kept, "subscription_item_details": None}
    return {**prorated, "parent": parent}


def by_hand(price: Document, quantity: int, moment: int) -> Document:
    """An item that somebody put on an invoice in the dashboard."""
    details = {"invoice_item": new_id("ii_")[:27], "proration": False, "proration_details": None, "subscription": None}
    parent = {"type": "invoice_item_details", "invoice_item_details": details, "subscription_item_details": None}
    return line(
        price, price["unit_amount"] * quantity, quantity, period={"start": moment, "end": moment}, parent=parent
    )


def typed_in(item: Document, moment: int) -> Document:
    """An item that somebody put on the customer's next invoice, with an amount and without a price."""
    details = {"invoice_item": item["id"], "proration": False, "proration_details": None, "subscription": None}
    parent = {"type": "invoice_item_details", "invoice_item_details": details, "subscription_item_details": None}
    price = {"id": None, "product": None, "currency": item["currency"], "unit_amount": item["amount"]}
    made = line(price, item["amount"], 1, period={"start": moment, "end": moment}, parent=parent)
    return {**made, "description": item.get("description"), "pricing": None}


def line(price: Document, amount: int, quantity: int, *, period: Document, parent: Document) -> Document:
    """One line; its amount is before discounts."""
    return {
        "id": new_id("il_")[:27],
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": price.get("nickname"),
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": parent,
        "period": period,
        "pretax_credit_amounts": [],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": str(price["unit_amount"]),
        },
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subtotal": amount,
        "taxes": [],
    }


def _of_item(subscription: Document, item: Document) -> Document:
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": subscription["id"],
            "subscription_item": item["id"],
        },
    }
