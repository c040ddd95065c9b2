"""A member's payment of a product: a PaymentIntent or a subscription, which the member pays on our own page."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.identity.errors import NotAuthorizedError
from hingecraft.members.customers import store as customers_store
from hingecraft.members.customers.service import DeletedUserError
from hingecraft.members.deletion import store as deletion_store
from hingecraft.money.book import CurrencyBook
from hingecraft.payments.books import Books
from hingecraft.payments.model import ProviderDisabledError
from hingecraft.payments.provider_calls import answering, unavailable
from hingecraft.payments.writing import Cause
from hingecraft.providers.patience import Deadline
from hingecraft.providers.registry import Providers
from hingecraft.purchases import store
from hingecraft.purchases.intents import Begun, PaymentRequest, ProductIntents
from hingecraft.purchases.model import (
    OPEN,
    AlreadyOwnedError,
    InactiveProductError,
    MemberPayment,
    NotPendingError,
    UnknownMemberPaymentError,
)
from hingecraft.purchases.products import store as products
from hingecraft.purchases.products.model import Product, UnknownProductError

_CANCELED = "canceled"
_PAID, _INCOMPLETE = "succeeded", "incomplete"
# Of an invoice.
_UNPAID = "open"
# Another request of the same user may begin or end a payment meanwhile.
_TRIES = 3


class ProductPayments:
    """Begins and cancels payments of one pod."""

    def __init__(
        self, database: Database, providers: Providers, currencies: CurrencyBook, books: Books, *, grace_hours: int
    ) -> None:
        self._database = database
        self._grace = timedelta(hours=grace_hours)
        self._stripe = providers.stripe
        self._intents = ProductIntents(database, providers, currencies, books)

    async def open(self, asked: PaymentRequest) -> Begun:
        """The user's open payment for the product, or a new one. Raises errors that the member can read."""
        async with self._database.connection() as conn:
            if await deletion_store.is_deleted(conn, asked.user_id):
                raise DeletedUserError
        if not self._stripe.configured:
            raise ProviderDisabledError(
                "provider_disabled", "Card payments are currently unavailable. Try again later."
            )
        with answering("no payment at stripe"):
            earlier = await self._resumed(asked)
            if earlier is not None:
                return earlier
            for _ in range(_TRIES):
                begun = await self._try_once(asked)
                if begun is not None:
                    return begun
        raise unavailable()

    async def cancel(
        self, payment_id: UUID, user_id: UUID | None, deadline: Deadline, *, actor: str, request_id: str
    ) -> MemberPayment:
        """End a payment that is not paid yet. `user_id` is its owner; None: an admin asks."""
        found = await self.one(payment_id, user_id)
        if found.status not in OPEN:
            raise NotPendingError
        with answering("no payment at stripe"):
            intent_id = await self._intents.id_of(payment_id, deadline, request_id)
            if intent_id is not None:
                if not await self._stripe.end(intent_id, deadline):
                    raise NotPendingError
                await self._intents.book(
                    intent_id, Cause(actor=actor, action="payment_cancelled", request_id=request_id)
                )
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

    async def _resumed(self, asked: PaymentRequest) -> Begun | None:
        """The payment of an earlier request with this key; None if there is none, or if it has ended."""
        if asked.claim is None or asked.claim.resource is None:
            return None
        payment_id = UUID(asked.claim.resource)
        intent_id = await self._intents.id_of(payment_id, asked.deadline, asked.request_id)
        if intent_id is None:
            return None
        found = await self.one(payment_id, asked.user_id)
        return await self._intents.begun(found.id, intent_id, found.amount, found.currency, created=True)

    async def _try_once(self, asked: PaymentRequest) -> Begun | None:
        """Continue the open payment or begin one; None if another request has changed something meanwhile."""
        product = await self._product(asked)
        async with self._database.connection() as conn:
            await self._require_not_owned(conn, asked.user_id, product)
            earlier = await self._open_payment(conn, asked)
        if earlier is not None:
            return await self._continue_payment(asked, product, earlier)
        return await self._begin(asked, product)

    async def _product(self, asked: PaymentRequest) -> Product:
        async with self._database.connection() as conn:
            found = await products.one(conn, asked.product_id)
        if found is None or found.type != asked.product_type:
            raise UnknownProductError
        if not found.active:
            raise InactiveProductError
        return found

    async def _require_not_owned(self, conn: Connection, user_id: UUID, product: Product) -> None:
        livemode = self._stripe.livemode
        if product.type == "subscription" and await store.has_running(conn, user_id, product.id, livemode=livemode):
            raise AlreadyOwnedError("You already have this subscription.")
        held = await store.held(conn, user_id, product.id, livemode=livemode, grace=self._grace)
        if held is not None and not held.may_be_bought:
            raise AlreadyOwnedError

    async def _open_payment(self, conn: Connection, asked: PaymentRequest) -> store.OpenPayment | None:
        return await store.open_payment(conn, asked.user_id, asked.product_id, livemode=self._stripe.livemode)

    async def _continue_payment(
        self, asked: PaymentRequest, product: Product, earlier: store.OpenPayment
    ) -> Begun | None:
        """The same payment while it asks for the right amount; otherwise it is ended, and None: begin another."""
        intent_id = await self._intents.id_of(earlier.id, asked.deadline, asked.request_id)
        if intent_id is None:
            return None
        if product.type == "subscription":
            return await self._continue_subscription(asked, product, earlier, intent_id)
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
        if not await self._stripe.end(intent_id, asked.deadline):
            raise AlreadyOwnedError("Your payment for this product is being processed.")
        await self._intents.book(intent_id, Cause(actor="api", action="payment_cancelled", request_id=asked.request_id))
        return None

    async def _continue_subscription(
        self, asked: PaymentRequest, product: Product, earlier: store.OpenPayment, subscription_id: str
    ) -> Begun | None:
        """Like `_continue_payment`, for a subscription that waits for its first payment."""
        found = await self._stripe.subscriptions.retrieve(subscription_id)
        same = (earlier.amount, earlier.currency) == (product.charged, product.currency)
        # A process may have died after it had voided the invoice.
        if same and found["status"] == _INCOMPLETE and found["latest_invoice"]["status"] == _UNPAID:
            return await self._intents.begun(
                earlier.id, subscription_id, earlier.amount, earlier.currency, created=False
            )
        if not await self._stripe.end(subscription_id, asked.deadline):
            raise AlreadyOwnedError("You have just paid for this subscription. It will be available in a moment.")
        await self._intents.book(
            subscription_id, Cause(actor="api", action="payment_cancelled", request_id=asked.request_id)
        )
        return None

    async def _begin(self, asked: PaymentRequest, product: Product) -> Begun | None:
        new = await self._intents.new(asked, product)
        if new is None:
            return None
        async with self._database.transaction() as conn:
            await customers_store.lock_user(conn, asked.user_id)
            if await deletion_store.is_deleted(conn, asked.user_id):
                raise DeletedUserError
            await self._require_not_owned(conn, asked.user_id, product)
            changed = await products.one(conn, product.id) != product
            if changed or await self._open_payment(conn, asked) is not None:
                return None
            attempt = await self._intents.record(conn, new, asked)
        opened = await self._intents.make(attempt, asked)
        if opened is None or opened.provider_id is None:
            return None
        secret = opened.client_secret
        if secret is None:
            return await self._intents.begun(new.payment_id, opened.provider_id, new.amount, new.currency, created=True)
        return Begun(
            payment_id=new.payment_id, client_secret=secret, amount=new.amount, currency=new.currency, created=True
        )
