"""Sets which price of Stripe a pack or plan has, and makes prices at Stripe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hingecraft import audit
from hingecraft.credits.prices import store
from hingecraft.credits.prices.model import CreditPrice
from hingecraft.db.connection import Database
from hingecraft.errors import UsageError
from hingecraft.installation import service as installation
from hingecraft.money.minor_units import to_stripe
from hingecraft.money.model import Currency
from hingecraft.providers.stripe import ports
from hingecraft.providers.stripe.sales import PricePlan

_ACTOR = "prices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The cost of a new price, in the currency's usual unit."""

    amount: Decimal
    currency: Currency


async def set_price(database: Database, code: str, price_id: str, credits_: int | None) -> CreditPrice:
    """Sell a pack or plan at this price from now on. The one before stays, so that its renewals still grant."""
    async with database.transaction() as conn:
        before = await store.active_of(conn, code)
        if before is None:
            raise UsageError(f"unknown pack or plan {code}: `hingecraft credits prices list` shows them")
        taken = await store.one(conn, price_id)
        if taken is not None and taken.code != code:
            raise UsageError(f"{price_id} is the price of {taken.code}: give {code} another one")
        amount_of = taken or replace(before, amount=None, currency=None)
        after = replace(
            amount_of, price_id=price_id, credits=credits_ or before.credits, active=True, reason=before.reason
        )
        if after == before:
            return before
        await store.put(conn, after)
        await audit.append(
            conn, actor=_ACTOR, action="credit_price_set", request_id=None, code=code, price=price_id,
            credits=after.credits, before=before.price_id,
        )  # fmt: skip
    return after


async def ensure_price(
    database: Database, prices: ports.Prices, before: CreditPrice, terms: Terms | None
) -> CreditPrice | None:
    """Use the price at Stripe that has our lookup key; made, or replaced, where other terms are given.

    None if there is none, and no terms.
    """
    lookup_key = f"hc_credits_{(await installation.read(database)).id}_{before.code}"
    found = await prices.find(lookup_key)
    if terms is not None:
        plan = PricePlan(
            lookup_key=lookup_key,
            name=before.code.replace("_", " ").title(),
            currency=terms.currency.code,
            amount=to_stripe(terms.amount, terms.currency),
            interval="month" if before.recurring else None,
        )
        if found is None or not plan.is_met_by(found):
            found = await prices.make(plan, instead_of=found)
    if found is None:
        return None
    return await set_price(database, before.code, str(found["id"]), None)
