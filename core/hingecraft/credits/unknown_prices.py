"""Events that wait for a price, or for its amount: counted, and tried again as soon as `credit_prices` has it."""

from __future__ import annotations

from hingecraft.credits import grant_store
from hingecraft.credits.grants import UNKNOWN_AMOUNT, UNKNOWN_PRICE
from hingecraft.db.connection import Connection
from hingecraft.inbox import store as inbox


async def retry_known(conn: Connection) -> int:
    """Make the events due whose price or amount is known by now; returns how many are still unknown."""
    prices = {_named(error, UNKNOWN_PRICE): error for error in await inbox.waiting_by_error(conn, UNKNOWN_PRICE)}
    amounts = {_named(error, UNKNOWN_AMOUNT): error for error in await inbox.waiting_by_error(conn, UNKNOWN_AMOUNT)}
    offers = await grant_store.offers(conn, {*prices, *(_price_of(amount) for amount in amounts)})
    known = [prices[price] for price in prices if price in offers]
    costs = {f"{offer.price_id} in {offer.currency}" for offer in offers.values() if offer.amount is not None}
    known += [amounts[amount] for amount in amounts if amount in costs]
    if known:
        await inbox.retry_now(conn, known)
    return len(prices) + len(amounts) - len(known)


def _named(error: str, beginning: str) -> str:
    return error.removeprefix(beginning).partition(":")[0]


def _price_of(amount: str) -> str:
    return amount.partition(" in ")[0]
