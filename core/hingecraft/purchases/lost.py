"""A customer's purchases that Stripe has and that a restored backup has lost: found before another one is begun."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.installation import service as installation
from hingecraft.members.subscriptions.model import RUNNING
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.intents import is_checkout
from hingecraft.providers.stripe.metadata import INSTALLATION, PRODUCT, payment_of
from hingecraft.providers.stripe.ports import Document
from hingecraft.purchases import store
from hingecraft.purchases.model import PRODUCT_PREFIX, AlreadyOwnedError
from hingecraft.purchases.products.model import Product

# As long as Stripe keeps events: nothing else finds what an older backup has lost either.
_LOOKBACK = timedelta(days=30)
_CUSTOMER = "customer"
_CANCELED, _INCOMPLETE = "canceled", "incomplete"
_PAID = frozenset({"succeeded", "processing"})

# Records how an intent is at Stripe now.
Book = Callable[[str], Awaitable[None]]


class LostPurchases:
    """Asks Stripe once for each payment that is begun (decision 87)."""

    def __init__(self, database: Database, stripe: StripeProvider) -> None:
        self._database = database
        self._stripe = stripe

    async def restore(self, customer_id: str, product: Product, deadline: Deadline, book: Book) -> bool:
        """Whether a lost payment of the product was booked. What can still be paid is ended: nobody shall pay twice."""
        if product.type == "subscription":
            await self._end_subscriptions(customer_id, product, deadline)
            return False
        restored = False
        for intent in await self._lost_intents(customer_id, product):
            # A bank debit that is on its way is waited for.
            if intent["status"] in _PAID or not await self._stripe.end(str(intent["id"]), deadline):
                await book(str(intent["id"]))
                restored = True
        return restored

    async def _lost_intents(self, customer_id: str, product: Product) -> list[Document]:
        """The product's intents that no payment here names, without refunded and disputed ones (no access)."""
        ours = {PRODUCT: str(product.id), INSTALLATION: str((await installation.read(self._database)).id)}
        since = datetime.now(UTC) - _LOOKBACK
        found = {
            payment_id: each
            for each in await self._answer(self._stripe.intents.of_customer(customer_id, since))
            if is_checkout(each) and ours.items() <= each["metadata"].items() and not _is_over(each)
            for payment_id in (payment_of(each),)
            if payment_id is not None
        }
        async with self._database.connection() as conn:
            known = await store.known(conn, list(found)) if found else set()
        return [each for payment_id, each in found.items() if payment_id not in known]

    async def _end_subscriptions(self, customer_id: str, product: Product, deadline: Deadline) -> None:
        """A running subscription raises AlreadyOwnedError: events or the reconciliation restore it."""
        at_stripe = f"{PRODUCT_PREFIX}{product.id}"
        for each in await self._answer(self._stripe.customers.subscriptions_of(customer_id)):
            if each["status"] not in RUNNING or at_stripe not in _products_of(each):
                continue
            if each["status"] != _INCOMPLETE:
                raise AlreadyOwnedError("You already have this subscription.")
            if not await self._waits(payment_of(each)) and not await self._stripe.end(str(each["id"]), deadline):
                raise AlreadyOwnedError("You have just paid for this subscription. It will be available in a moment.")

    async def _waits(self, payment_id: UUID | None) -> bool:
        async with self._database.connection() as conn:
            return await store.waits(conn, payment_id)

    async def _answer(self, question: Awaitable[list[Document]]) -> list[Document]:
        """Stripe's answer; an empty list if the customer is deleted."""
        try:
            return await question
        except ProviderRejectedError as error:
            if error.missing != _CUSTOMER:
                raise
            return []


def _is_over(intent: Document) -> bool:
    charge: Mapping[str, Any] = intent.get("latest_charge") or {}
    went_back = charge.get("refunded") or charge.get("disputed")
    return bool(intent["status"] == _CANCELED or went_back)


def _products_of(subscription: Document) -> set[str]:
    return {item["price"]["product"] for item in subscription["items"]["data"]}
