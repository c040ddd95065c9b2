"""A product, and the rules for what an admin enters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from hingecraft.errors import InvalidError, MissingError, RejectedError
from hingecraft.money.minor_units import to_stripe
from hingecraft.money.model import Currency, check_amount
from hingecraft.periods import Period, Unit
from hingecraft.purchases.file_keys import key_problem

Type = Literal["design", "course", "subscription"]

LONGEST_NAME = 250
MOST_DOWNLOADS = 1_000_000
# Stripe bills for at most three years at once.
LONGEST_PERIOD: Mapping[Unit, int] = {"day": 1095, "week": 156, "month": 36, "year": 3}


class UnknownProductError(MissingError):
    """No product has the id, or it has another type, or the caller may not see it."""

    def __init__(self) -> None:
        super().__init__("unknown_product", "No product has this id and type. GET /api/v1/products lists them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One row of `products`."""

    id: UUID
    type: Type
    name: str
    price: Decimal
    discounted_price: Decimal | None
    currency: str
    active: bool
    download_limit: int | None
    period: Period | None
    file: str | None
    created_at: datetime

    @property
    def charged(self) -> Decimal:
        """The amount that a buyer pays now."""
        return self.price if self.discounted_price is None else self.discounted_price


def check(product: Product, currencies: Mapping[str, Currency]) -> None:
    """Raise an InvalidError that names each field an admin has to correct."""
    wrong = {
        field: reason
        for field, reason in (
            ("name", None if product.name.strip() else "must not be blank"),
            ("currency", _of_currency(currencies.get(product.currency))),
            ("price", _of_amount(product.price, currencies.get(product.currency))),
            ("discountedPrice", _of_discount(product, currencies.get(product.currency))),
            ("period", _of_period(product)),
            ("file", _of_file(product)),
        )
        if reason is not None
    }
    if wrong:
        listed = "; ".join(f"{field} {reason}" for field, reason in wrong.items())
        raise InvalidError("invalid_request", f"Please correct: {listed}.", fields=wrong)


def _of_currency(currency: Currency | None) -> str | None:
    if currency is None or currency.kind != "fiat" or not currency.enabled:
        return "must be the code of a currency that GET /config lists, such as USD"
    return None


def _of_amount(amount: Decimal | None, currency: Currency | None) -> str | None:
    if amount is None or currency is None or currency.kind != "fiat":
        return None
    try:
        check_amount(amount, currency)
        to_stripe(amount, currency)
    except RejectedError as error:
        return f"cannot be {amount}: {error.sentence[0].lower()}{error.sentence[1:].rstrip('.')}"
    return None


def _of_discount(product: Product, currency: Currency | None) -> str | None:
    if product.discounted_price is not None and product.discounted_price > product.price:
        return "must be at most the price"
    return _of_amount(product.discounted_price, currency)


def _of_period(product: Product) -> str | None:
    if product.period is None:
        return "is required for a subscription" if product.type == "subscription" else None
    longest = LONGEST_PERIOD[product.period.unit]
    if not 1 <= product.period.count <= longest:
        return f"must be 1 to {longest} for the unit {product.period.unit}: at most three years"
    return None


def _of_file(product: Product) -> str | None:
    if product.file is None:
        return "is required for a design" if product.type == "design" else None
    return key_problem(product.file)
