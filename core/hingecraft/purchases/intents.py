"""A member's payment of a product: a PaymentIntent or a subscription, which the member pays on our own page."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.idempotency.model import Claim
from hingecraft.identity.errors import NotAuthorizedError
from hingecraft.installation import service as installation
from hingecraft.members.customers import store as customers_store
from hingecraft.members.customers.service import Customers, DeletedUserError
from hingecraft.members.deletion import store as deletion_store
from hingecraft.money.book import CurrencyBook
from hingecraft.money.minor_units import to_stripe
from hingecraft.money.model import plain
from hingecraft.payments.attempts import Attempt, Attempts, Failure, OpenCheckout
from hingecraft.payments.books import Books
from hingecraft.payments.model import ProviderDisabledError, ProviderFailedError, Status
from hingecraft.payments.store import NewCheckout
from hingecraft.payments.writing import Cause
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.registry import Providers
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.intents import Charge, intent_request
from hingecraft.providers.stripe.metadata import INSTALLATION, PAYMENT, PRODUCT, USER
from hingecraft.providers.stripe.reading import StripeReader
from hingecraft.providers.stripe.sales import Subscription, subscription_request
from hingecraft.purchases import store
from hingecraft.purchases.model import (
    OPEN,
    PRODUCT_PREFIX,
    PURPOSE,
    AlreadyOwnedError,
    InactiveProductError,
    MemberPayment,
    NotPendingError,
    UnknownMemberPaymentError,
    access_of,
)
from hingecraft.purchases.products import store as products
from hingecraft.purchases.products.model import Product, UnknownProductError

log = logging.getLogger(__name__)

# What is not paid by then is cancelled.
LIFE = timedelta(hours=24)
_CUSTOMER = "customer"
_CANCELED = "canceled"
_PAID, _INCOMPLETE = "succeeded", "incomplete"
_SUBSCRIPTION = "sub_"
# Another request of the same user may begin or end a payment meanwhile.
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
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


class ProductPayments:
    """Begins and cancels payments of one pod."""

    def __init__(
        self, database: Database, providers: Providers, currencies: CurrencyBook, books: Books, *, grace_hours: int
    ) -> None:
        self._database = database
        self._grace = timedelta(hours=grace_hours)
        self._stripe = providers.stripe
        self._currencies = currencies
        self._books = books
        self._attempts = Attempts(database, providers)
        self._asking = StripeAsking(providers.stripe, StripeReader(currencies.by_code))
        self._customers = Customers(database, providers.stripe.customers, livemode=providers.stripe.livemode)

    async def open(self, wanted: Wanted) -> Begun:
        """The user's open payment for the product, or a new one. Raises errors that the member can read."""
        async with self._database.connection() as conn:
            if await deletion_store.is_deleted(conn, wanted.user_id):
                raise DeletedUserError
        if not self._stripe.configured:
            raise ProviderDisabledError(
                "provider_disabled", "Card payments are currently unavailable. Try again later."
            )
        with _answering():
            earlier = await self._resumed(wanted)
            if earlier is not None:
                return earlier
            for _ in range(_TRIES):
                begun = await self._once(wanted)
                if begun is not None:
                    return begun
        raise _unavailable()

    async def cancel(
        self, payment_id: UUID, user_id: UUID | None, deadline: Deadline, *, actor: str, request_id: str
    ) -> MemberPayment:
        """End a payment that is not paid yet. `user_id` is its owner; None: an admin asks."""
        found = await self.one(payment_id, user_id)
        if found.status not in OPEN:
            raise NotPendingError
        with _answering():
            intent_id = await self._intent_of(payment_id, deadline, request_id)
            if intent_id is not None:
                if not await self._stripe.end(intent_id, deadline):
                    raise NotPendingError
                await self._book(intent_id, Cause(actor=actor, action="payment_cancelled", request_id=request_id))
        return await self.one(payment_id, user_id)

    async def one(self, payment_id: UUID, user_id: UUID | None) -> MemberPayment:
        """A payment as its owner or an admin sees it. Raises NotAuthorizedError for another user's."""
        async with self._database.connection() as conn:
            found = await store.payment(conn, payment_id)
        if found is None:
            raise UnknownMemberPaymentError
        if user_id is not None and found.user_id != user_id:
            raise NotAuthorizedError("This payment belongs to another user.")
        return found

    async def _resumed(self, wanted: Wanted) -> Begun | None:
        """The payment of an earlier request with this key; None if there is none, or if it has ended."""
        if wanted.claim is None or wanted.claim.resource is None:
            return None
        payment_id = UUID(wanted.claim.resource)
        opened = await self._resume(payment_id, wanted.deadline, wanted.request_id)
        if opened is None or opened.provider_id is None:
            return None
        found = await self.one(payment_id, wanted.user_id)
        return await self._begun(found.id, opened.provider_id, found.amount, found.currency, created=True)

    async def _once(self, wanted: Wanted) -> Begun | None:
        """Go on with the open payment or begin one; None if another request has changed something meanwhile."""
        product = await self._product(wanted)
        async with self._database.connection() as conn:
            await self._require_not_owned(conn, wanted.user_id, product)
            earlier = await self._open_payment(conn, wanted)
        if earlier is not None:
            return await self._go_on(wanted, product, earlier)
        return await self._begin(wanted, product)

    async def _product(self, wanted: Wanted) -> Product:
        async with self._database.connection() as conn:
            found = await products.one(conn, wanted.product_id)
        if found is None or found.type != wanted.product_type:
            raise UnknownProductError
        if not found.active:
            raise InactiveProductError
        return found

    async def _require_not_owned(self, conn: Connection, user_id: UUID, product: Product) -> None:
        livemode = self._stripe.livemode
        if product.type == "subscription" and await store.has_running(conn, user_id, product.id, livemode=livemode):
            raise AlreadyOwnedError("You already have this subscription.")
        held, now = await store.entitlements(conn, user_id, product.id, livemode=livemode, grace=self._grace)
        own = [each for each in held if each.product_id == product.id]
        if access_of(product.id, product.type, own, now, active=product.active).allowed:
            raise AlreadyOwnedError

    async def _open_payment(self, conn: Connection, wanted: Wanted) -> store.OpenPayment | None:
        return await store.open_payment(conn, wanted.user_id, wanted.product_id, livemode=self._stripe.livemode)

    async def _go_on(self, wanted: Wanted, product: Product, earlier: store.OpenPayment) -> Begun | None:
        """The same payment while it asks for the right amount; otherwise it is ended, and None: begin another."""
        intent_id = await self._intent_of(earlier.id, wanted.deadline, wanted.request_id)
        if intent_id is None:
            return None
        if product.type == "subscription":
            return await self._go_on_subscribing(wanted, product, earlier, intent_id)
        intent = await self._stripe.intents.retrieve(intent_id)
        if intent["status"] == _PAID:
            raise AlreadyOwnedError("You have just paid for this product. It will be available in a moment.")
        same = (earlier.amount, earlier.currency) == (product.charged, product.currency)
        if same and intent["status"] != _CANCELED:
            return Begun(
                payment_id=earlier.id,
                client_secret=str(intent["client_secret"]),
                amount=earlier.amount,
                currency=earlier.currency,
                created=False,
            )
        if not await self._stripe.end(intent_id, wanted.deadline):
            raise AlreadyOwnedError("Your payment for this product is being processed.")
        await self._book(intent_id, Cause(actor="api", action="payment_cancelled", request_id=wanted.request_id))
        return None

    async def _go_on_subscribing(
        self, wanted: Wanted, product: Product, earlier: store.OpenPayment, subscription_id: str
    ) -> Begun | None:
        """The same for a subscription that waits for its first payment."""
        found = await self._stripe.subscriptions.retrieve(subscription_id)
        same = (earlier.amount, earlier.currency) == (product.charged, product.currency)
        if same and found["status"] == _INCOMPLETE:
            return await self._begun(earlier.id, subscription_id, earlier.amount, earlier.currency, created=False)
        if not await self._stripe.end(subscription_id, wanted.deadline):
            raise AlreadyOwnedError("You have just paid for this subscription. It will be available in a moment.")
        await self._book(subscription_id, Cause(actor="api", action="payment_cancelled", request_id=wanted.request_id))
        return None

    async def _begin(self, wanted: Wanted, product: Product) -> Begun | None:
        new = await self._new(wanted, product)
        async with self._database.transaction() as conn:
            await customers_store.lock_user(conn, wanted.user_id)
            if await deletion_store.is_deleted(conn, wanted.user_id):
                raise DeletedUserError
            await self._require_not_owned(conn, wanted.user_id, product)
            changed = await products.one(conn, product.id) != product
            if changed or await self._open_payment(conn, wanted) is not None:
                return None
            attempt = await self._attempts.begin(conn, self._stripe, new, wanted.claim, wanted.request_id)
        opened = await self._called(attempt, wanted)
        if opened is None or opened.provider_id is None:
            return None
        secret = opened.client_secret
        if secret is None:
            return await self._begun(new.payment_id, opened.provider_id, new.amount, new.currency, created=True)
        return Begun(
            payment_id=new.payment_id, client_secret=secret, amount=new.amount, currency=new.currency, created=True
        )

    async def _called(self, attempt: Attempt, wanted: Wanted) -> OpenCheckout | None:
        """None: the customer is gone at Stripe, and the next attempt makes another."""
        result = await self._attempts.call(attempt, wanted.deadline, wanted.request_id)
        if isinstance(result, OpenCheckout):
            return result
        if result.missing != _CUSTOMER:
            return await self._attempts.fail(attempt, result, wanted.request_id)
        await self._attempts.record(attempt, result, wanted.request_id)
        if not await self._customers.forget_deleted(attempt.request[_CUSTOMER], wanted.deadline):
            raise _unavailable()
        return None

    async def _resume(self, payment_id: UUID, deadline: Deadline, request_id: str) -> OpenCheckout | None:
        """The intent of a payment that an earlier request has begun; None if there is none to pay."""
        found = await self._attempts.resume(payment_id)
        if not isinstance(found, Attempt):
            return found
        result = await self._attempts.call(found, deadline, request_id)
        if isinstance(result, Failure):
            await self._attempts.record(found, result, request_id)
            if result.outcome.status is Status.UNKNOWN:
                raise _unavailable()
            return None
        return result

    async def _intent_of(self, payment_id: UUID, deadline: Deadline, request_id: str) -> str | None:
        opened = await self._resume(payment_id, deadline, request_id)
        return opened.provider_id if opened is not None else None

    async def _begun(self, payment_id: UUID, intent_id: str, amount: Decimal, currency: str, *, created: bool) -> Begun:
        """With the client secret as Stripe has it."""
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

    async def _book(self, intent_id: str, cause: Cause) -> None:
        """Record how the intent is at Stripe now."""
        finding = await self._asking.of_checkout(intent_id, told_by=cause.actor)
        async with self._database.transaction() as conn:
            await self._books.record(conn, finding, cause)

    async def _new(self, wanted: Wanted, product: Product) -> NewCheckout:
        installation_id = (await installation.read(self._database)).id
        customer_id = await self._customers.of(wanted.user_id, wanted.email, wanted.deadline)
        payment_id, amount = uuid.uuid4(), product.charged
        metadata = {
            USER: str(wanted.user_id),
            PAYMENT: str(payment_id),
            INSTALLATION: str(installation_id),
            PRODUCT: str(product.id),
            "source": PURPOSE,
            "purpose": PURPOSE,
        }
        request = await self._request(product, customer_id, metadata, wanted.deadline)
        return NewCheckout(
            payment_id=payment_id,
            amount=amount,
            currency=product.currency,
            price_currency=product.currency,
            status=Status.CREATING,
            provider=self._stripe.name,
            livemode=self._stripe.livemode,
            source=PURPOSE,
            purpose=PURPOSE,
            user_id=wanted.user_id,
            intent_id=None,
            carries_email=False,
            life=LIFE,
            # Permits a repeat of this payment's request only.
            key=f"hc_{'subscription' if product.type == 'subscription' else 'intent'}_{payment_id}",
            request=request,
            url=None,
            details={
                "provider": self._stripe.name,
                "amount": plain(amount),
                "currency": product.currency,
                "priceCurrency": product.currency,
                "source": PURPOSE,
                "product": str(product.id),
                "user": str(wanted.user_id),
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
        await self._stripe.subscriptions.ensure_product(at_stripe, product.name, deadline)
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


@contextmanager
def _answering() -> Iterator[None]:
    """Tell the member that Stripe cannot be reached, where it was asked for something beside the payment."""
    try:
        yield
    except (ProviderRejectedError, ProviderUnknownError) as error:
        log.warning("a call to Stripe for a member's payment failed: %s", error)
        raise _unavailable() from error


def _unavailable() -> ProviderFailedError:
    return ProviderFailedError(
        "provider_unavailable", "The payment provider cannot be reached right now. Try again in a minute."
    )
