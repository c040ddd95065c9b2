"""The PaymentIntent or subscription at Stripe that a member's payment of a product waits for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.idempotency.model import Claim
from hingecraft.installation import service as installation
from hingecraft.members.customers.service import Customers
from hingecraft.money.book import CurrencyBook
from hingecraft.money.minor_units import to_stripe
from hingecraft.money.model import plain
from hingecraft.payments.attempts import Attempt, Attempts, Failure, OpenCheckout
from hingecraft.payments.books import Books
from hingecraft.payments.model import Status
from hingecraft.payments.provider_calls import unavailable
from hingecraft.payments.store import NewCheckout
from hingecraft.payments.writing import Cause
from hingecraft.providers.patience import Deadline
from hingecraft.providers.registry import Providers
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.intents import Charge, intent_request
from hingecraft.providers.stripe.metadata import INSTALLATION, PAYMENT, PRODUCT, USER
from hingecraft.providers.stripe.reading import StripeReader
from hingecraft.providers.stripe.sales import Subscription, subscription_request
from hingecraft.purchases.lost import LostPurchases
from hingecraft.purchases.model import PRODUCT_PREFIX, PURPOSE, AlreadyOwnedError
from hingecraft.purchases.products.model import Product

# What is not paid by then is cancelled.
LIFE = timedelta(hours=24)
_CUSTOMER = "customer"
_SUBSCRIPTION = "sub_"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """A member's request, checked."""

    user_id: UUID
    email: str | None
    product_type: str
    product_id: UUID
    request_id: str
    deadline: Deadline
    claim: Claim | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A payment that waits for its payer. Without `created` it was begun by an earlier request."""

    payment_id: UUID
    client_secret: str
    amount: Decimal
    currency: str
    created: bool


class ProductIntents:
    """Creates and ends the PaymentIntents and subscriptions of one pod's payments."""

    def __init__(self, database: Database, providers: Providers, currencies: CurrencyBook, books: Books) -> None:
        self._database = database
        self._stripe = providers.stripe
        self._currencies = currencies
        self._books = books
        self._attempts = Attempts(database, providers)
        self._asking = StripeAsking(providers.stripe, StripeReader(currencies.by_code))
        self._lost = LostPurchases(database, providers.stripe)
        self._customers = Customers(database, providers.stripe.customers, livemode=providers.stripe.livemode)

    async def record(self, conn: Connection, new: NewCheckout, asked: PaymentRequest) -> Attempt:
        """Write down the intent. Stripe must not be called before this is committed."""
        return await self._attempts.begin(conn, self._stripe, new, asked.claim, asked.request_id)

    async def make(self, attempt: Attempt, asked: PaymentRequest) -> OpenCheckout | None:
        """Call Stripe. Returns None if Stripe has deleted the customer; the next attempt then creates another."""
        result = await self._attempts.call(attempt, asked.deadline, asked.request_id)
        if isinstance(result, OpenCheckout):
            return result
        if result.missing != _CUSTOMER:
            return await self._attempts.fail(attempt, result, asked.request_id)
        await self._attempts.record(attempt, result, asked.request_id)
        if not await self._customers.forget_deleted(attempt.request[_CUSTOMER], asked.deadline):
            raise unavailable()
        return None

    async def id_of(self, payment_id: UUID, deadline: Deadline, request_id: str) -> str | None:
        """The intent of a payment that an earlier request has begun; None if there is none to pay."""
        found = await self._attempts.resume(payment_id)
        if not isinstance(found, Attempt):
            return found.provider_id if found is not None else None
        result = await self._attempts.call(found, deadline, request_id)
        if isinstance(result, Failure):
            await self._attempts.record(found, result, request_id)
            if result.outcome.status is Status.UNKNOWN:
                raise unavailable()
            return None
        return result.provider_id

    async def begun(self, payment_id: UUID, intent_id: str, amount: Decimal, currency: str, *, created: bool) -> Begun:
        """The payment with its client secret, which Stripe is asked for."""
        if intent_id.startswith(_SUBSCRIPTION):
            secret = await self._stripe.subscriptions.secret_of(intent_id)
        else:
            secret = str((await self._stripe.intents.retrieve(intent_id))["client_secret"])
        if secret is None:
            raise AlreadyOwnedError("You have just paid for this subscription. It will be available in a moment.")
        return Begun(
            payment_id=payment_id,
            client_secret=secret,
            amount=amount,
            currency=currency,
            created=created,
        )

    async def book(self, intent_id: str, cause: Cause) -> None:
        """Record how the intent is at Stripe now."""
        finding = await self._asking.of_checkout(intent_id, told_by=cause.actor)
        async with self._database.transaction() as conn:
            await self._books.record(conn, finding, cause)

    async def new(self, asked: PaymentRequest, product: Product) -> NewCheckout | None:
        """A payment with the exact parameters; the customer, and a subscription's product, exist at Stripe before.

        None: the user has paid already, which a restored backup had lost and which is booked again.
        """
        installation_id = (await installation.read(self._database)).id
        customer_id = await self._customers.of(asked.user_id, asked.email, asked.deadline)
        cause = Cause(actor="api", action="reconciled", request_id=asked.request_id)
        if await self._lost.restore(customer_id, product, asked.deadline, lambda found: self.book(found, cause)):
            return None
        payment_id = uuid.uuid4()
        metadata = {
            USER: str(asked.user_id),
            PAYMENT: str(payment_id),
            INSTALLATION: str(installation_id),
            PRODUCT: str(product.id),
            "source": PURPOSE,
            "purpose": PURPOSE,
        }
        request = await self._request(product, customer_id, metadata, asked.deadline)
        return self._checkout(asked, product, payment_id, request)

    def _checkout(
        self, asked: PaymentRequest, product: Product, payment_id: UUID, request: Mapping[str, Any]
    ) -> NewCheckout:
        return NewCheckout(
            payment_id=payment_id,
            amount=product.charged,
            currency=product.currency,
            price_currency=product.currency,
            status=Status.CREATING,
            provider=self._stripe.name,
            livemode=self._stripe.livemode,
            source=PURPOSE,
            purpose=PURPOSE,
            user_id=asked.user_id,
            intent_id=None,
            carries_email=False,
            life=LIFE,
            # Permits a repeat of this payment's request only.
            key=f"hc_{'subscription' if product.type == 'subscription' else 'intent'}_{payment_id}",
            request=request,
            url=None,
            details={
                "provider": self._stripe.name,
                "amount": plain(product.charged),
                "currency": product.currency,
                "priceCurrency": product.currency,
                "source": PURPOSE,
                "product": str(product.id),
                "user": str(asked.user_id),
            },
            product=str(product.id),
        )

    async def _request(
        self, product: Product, customer_id: str, metadata: Mapping[str, str], deadline: Deadline
    ) -> dict[str, Any]:
        """The exact parameters. The product that a subscription is of exists at Stripe before."""
        units = to_stripe(product.charged, self._currencies.by_code(product.currency))
        if product.type != "subscription":
            return intent_request(
                Charge(
                    amount=units,
                    currency=product.currency,
                    customer_id=customer_id,
                    description=product.name,
                    metadata=metadata,
                )
            )
        assert product.period is not None, "a subscription has one"
        at_stripe = f"{PRODUCT_PREFIX}{product.id}"
        await self._stripe.products.keep(at_stripe, product.name, deadline)
        return subscription_request(
            Subscription(
                amount=units,
                currency=product.currency,
                product_id=at_stripe,
                interval=product.period.unit,
                interval_count=product.period.count,
                customer_id=customer_id,
                metadata=metadata,
            )
        )
