"""Prices of packs and plans for `hingecraft dev`, under the ids that the database begins with, and promotion codes."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Book
from hingecraft_sandbox.providers.stripe.coupons import Coupons
from hingecraft_sandbox.providers.stripe.discounts import COUPONS
from hingecraft_sandbox.providers.stripe.objects import Objects

# In US cents.
PACKS = {"QUICK_SCAN": 500, "POWER_PACK": 2000, "PROFESSIONAL": 4500, "ENTERPRISE": 7000}
PLANS = {"BASIC_MONTHLY": 900, "PRO_MONTHLY": 2900, "MAX_MONTHLY": 9900}
# Promotion codes, each with its coupon.
_CODES = {
    "FREEMONTH": {"percent_off": "100", "duration": "once"},
    "HALF": {"percent_off": "50", "duration": "forever"},
    "THREEOFF": {"amount_off": "300", "currency": "usd", "duration": "repeating", "duration_in_months": "3"},
}
_MONTHLY = {"recurring": {"interval": "month"}}


def add_demo_prices(book: Book) -> None:
    """Each once; a price that was changed meanwhile stays as it is."""
    objects = Objects(book, "")
    for code, amount in {**PACKS, **PLANS}.items():
        price_id = f"price_{code}"
        if book.get("prices", price_id) is not None:
            continue
        product = objects.make("products", {"name": code.replace("_", " ").title()})
        terms = {"currency": "usd", "unit_amount": str(amount), "product": product["id"]}
        objects.make("prices", {**terms, **(_MONTHLY if code in PLANS else {})}, key=price_id)


def add_demo_codes(book: Book, coupons: Coupons) -> None:
    """Each once, with a coupon of the same name."""
    for code, terms in _CODES.items():
        if book.get(COUPONS, code) is None:
            coupons.make({"id": code, **terms})
            coupons.make_code({"promotion": {"type": "coupon", "coupon": code}, "code": code})
