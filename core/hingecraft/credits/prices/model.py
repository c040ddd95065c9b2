"""A pack or plan, and what Stripe says of its price. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from hingecraft.errors import InvalidError
from hingecraft.money.minor_units import from_stripe
from hingecraft.money.model import Currency

Kind = Literal["pack", "subscription"]


class UnknownPriceError(InvalidError):
    """The price is not one that is offered."""

    def __init__(self, reason: str = "is not the priceId of a pack or plan that is offered") -> None:
        super().__init__(
            "unknown_price",
            "This pack or plan is not offered. GET /api/v1/credits/packs lists those that are.",
            fields={"priceId": reason},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditPrice:
    """One row of `credit_prices`. Without an amount Stripe has not said what it costs, and it is not offered."""

    price_id: str
    code: str
    kind: Kind
    credits: int
    plan_type: str
    reason: str
    amount: Decimal | None
    currency: str | None
    active: bool

    @property
    def recurring(self) -> bool:
        """Whether it is charged for each period."""
        return self.kind == "subscription"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The amount of a price, in the currency's usual unit."""

    amount: Decimal
    currency: str


def not_offered(price: Mapping[str, Any], kind: Kind) -> str | None:
    """The reason why Stripe's price cannot be offered as this kind, if there is one."""
    if not price.get("active") or not (price.get("product") or {}).get("active", True):
        return "it is archived at Stripe"
    recurring = price.get("recurring") is not None
    if recurring != (kind == "subscription"):
        return f"it is {'recurring' if recurring else 'charged once'} at Stripe, which a {kind} is not"
    return None


def cost_of(price: Mapping[str, Any], currencies: Mapping[str, Currency]) -> Cost | str:
    """The cost of one unit of Stripe's price, or why there is none."""
    units, currency = price.get("unit_amount"), currencies.get(str(price.get("currency")).upper())
    if not isinstance(units, int) or isinstance(units, bool) or price.get("billing_scheme", "per_unit") != "per_unit":
        return "it has no fixed amount at Stripe"
    if currency is None or currency.kind != "fiat":
        return f"its currency {price.get('currency')} is not in the table currencies"
    return Cost(amount=from_stripe(units, currency), currency=currency.code)
