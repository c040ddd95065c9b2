"""The permissions of restricted keys, as Stripe's errors and its Dashboard name them. Pure."""

from __future__ import annotations

import re

# Stripe's identifiers and the names in its Dashboard. `plan` has stayed from before there were prices.
NAMES = {
    "accounts_kyc_basic": "Accounts (Connect)",
    "balance_transaction_source": "Balance Transaction Sources",
    "charge": "Charges and Refunds",
    "checkout_session": "Checkout Sessions",
    "customer": "Customers",
    "customer_portal": "Customer portal",
    "dispute": "Disputes",
    "event": "Events",
    "invoice": "Invoices",
    "payment_intent": "Payment Intents",
    "payment_links": "Payment Links",
    "plan": "Prices",
    "product": "Products",
    "subscription": "Subscriptions",
}
# "Having the 'rak_charge_read' permission would allow ..."; newer errors say 'charge_read'.
_PERMISSION = re.compile(r"'(?:rak_)?([a-z][a-z_]*)_(read|write)'")


def missing_permissions(message: str) -> list[str]:
    """Read the message of a 403: any one of these, such as "Charges and Refunds: Read", allows the call."""
    return [f"{NAMES.get(what, what)}: {level.capitalize()}" for what, level in _PERMISSION.findall(message)]
