"""The permissions that calls need, by Stripe's names: https://docs.stripe.com/stripe-apps/reference/permissions.

Stripe does not say whether listing events needs the permissions of their objects, and whether a price that is made
with its product needs that of products. Here they do: a key that suffices for the sandbox suffices for Stripe.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hingecraft_sandbox.providers.book import Document

_OF_PATHS = {
    "account": "accounts_kyc_basic", "balance_transactions": "balance_transaction_source",
    "billing_portal": "customer_portal", "charges": "charge", "checkout": "checkout_session", "coupons": "coupon",
    "credit_notes": "credit_note", "customers": "customer", "disputes": "dispute", "events": "event",
    "invoice_payments": "invoice", "invoiceitems": "invoice", "invoices": "invoice",
    "payment_intents": "payment_intent", "payment_links": "payment_links", "prices": "plan", "products": "product",
    "promotion_codes": "promotion_code", "refunds": "charge", "subscriptions": "subscription",
}  # fmt: skip
_OF_EXPANDED = {
    "balance_transaction": "balance_transaction_source", "charge": "charge", "customer": "customer",
    "discounts": "coupon", "invoice": "invoice", "latest_charge": "charge", "latest_invoice": "invoice",
    "payment_intent": "payment_intent", "payment_link": "payment_links", "product": "product",
    "subscription": "subscription",
}  # fmt: skip
# The longest prefix counts.
_OF_EVENTS = {
    "charge.": "charge", "charge.dispute.": "dispute", "checkout.session.": "checkout_session",
    "customer.": "customer", "customer.subscription.": "subscription", "invoice.": "invoice",
    "payment_intent.": "payment_intent", "refund.": "charge",
}  # fmt: skip


def needed_permissions(method: str, path: str, params: Document) -> list[str]:
    """The permissions that a call needs, the one of its path first."""
    level = "read" if method == "GET" else "write"
    own = _OF_PATHS[path.removeprefix("/v1/").partition("/")[0]]
    made_along = ["rak_product_write"] if "product_data" in params else []
    return [f"rak_{own}_{level}", *made_along, *(f"rak_{each}_read" for each in _read_along(params))]


def is_granted(permission: str, allowed: Collection[str]) -> bool:
    """Whether a key with these permissions has this one, too: to write includes to read."""
    return permission in allowed or permission.removesuffix("_read") + "_write" in allowed


def _read_along(params: Document) -> Iterator[str]:
    """The objects that are in the answer beside the one that the path names."""
    for path in params.get("expand", []):
        yield from (_OF_EXPANDED[name] for name in path.split(".") if name in _OF_EXPANDED)
    for kind in params.get("types", []):
        yield _OF_EVENTS[max((prefix for prefix in _OF_EVENTS if kind.startswith(prefix)), key=len)]
