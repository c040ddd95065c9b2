"""Opens a member's checkout of a pack or plan: one price, for the user's customer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from hingecraft.credits import modes, plan_sessions
from hingecraft.credits.model import PURPOSE, PlanSession
from hingecraft.credits.plan_sessions import PlanSessions, PlanSessionUsedError
from hingecraft.credits.plans import OnePlan, Way
from hingecraft.credits.prices.model import CreditPrice
from hingecraft.credits.prices.service import Prices
from hingecraft.db.connection import Database
from hingecraft.errors import InvalidError
from hingecraft.idempotency.model import Claim
from hingecraft.installation import service as installation
from hingecraft.members.customers import store as customers_store
from hingecraft.members.customers.service import Customers, DeletedUserError
from hingecraft.members.deletion import store as deletion_store
from hingecraft.money.model import plain
from hingecraft.payments.attempts import Attempt, Attempts, Failure, OpenCheckout
from hingecraft.payments.model import ProviderDisabledError, Status
from hingecraft.payments.provider_calls import answering, unavailable
from hingecraft.payments.store import NewCheckout
from hingecraft.providers.patience import Deadline
from hingecraft.providers.registry import Providers
from hingecraft.providers.stripe.sales import Sale, session_request

SOURCE = "credits"
_CUSTOMER = "customer"
_PLAN = "subscription"
# Stripe's limit, and ours are among them.
MOST_NAMES = 50
_SESSION = "session_id={CHECKOUT_SESSION_ID}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """A member's request, checked."""

    user_id: UUID
    email: str | None
    # Empty where a plan session has it, with the plan type and the metadata.
    price_id: str
    plan_type: str | None
    metadata: Mapping[str, str]
    # None: the site's own pages.
    success_url: str | None
    cancel_url: str | None
    request_id: str
    deadline: Deadline
    claim: Claim | None
    # The token, and what it says once it is verified.
    plan_session: str | None = None
    session: PlanSession | None = None


class MemberCheckouts:
    """Opens checkouts of one pod."""

    def __init__(
        self, database: Database, providers: Providers, prices: Prices, sessions: PlanSessions, site_url: str
    ) -> None:
        self._database = database
        self._stripe = providers.stripe
        self._attempts = Attempts(database, providers)
        self._prices = prices
        self._sessions = sessions
        self._site_url = site_url
        self._one_plan = OnePlan(database, providers.stripe)
        self._customers = Customers(database, providers.stripe.customers, livemode=providers.stripe.livemode)

    async def open(self, asked: CheckoutRequest) -> OpenCheckout:
        """The checkout of an earlier request with this key, or a new one; raises what the member is told otherwise."""
        async with self._database.connection() as conn:
            if await deletion_store.is_deleted(conn, asked.user_id):
                raise DeletedUserError
        earlier = await self._resumed(asked)
        if earlier is not None:
            return earlier
        if not self._stripe.configured or not await self._counts():
            raise ProviderDisabledError(
                "provider_disabled", "Card payments are currently unavailable. Try again later."
            )
        asked = self._chosen(asked)
        price = await self._prices.offer(asked.price_id)
        if asked.plan_type not in {None, price.plan_type}:
            raise InvalidError(
                "invalid_request",
                f"This price is of the plan type {price.plan_type}. Send that, or leave planType out.",
                fields={"planType": f"must be {price.plan_type}, or left out"},
            )
        return await self._open(asked, price)

    async def _counts(self) -> bool:
        """Whether what is paid with our key would be granted."""
        async with self._database.transaction() as conn:
            return await modes.counts(conn, livemode=self._stripe.livemode)

    def _chosen(self, asked: CheckoutRequest) -> CheckoutRequest:
        """The request with the choice of its plan session; raises `invalid_plan_session`."""
        if asked.plan_session is None:
            return asked
        session = self._sessions.read(asked.plan_session)
        return replace(
            asked,
            price_id=session.price_id,
            plan_type=session.plan_type,
            metadata=session.metadata,
            session=session,
        )

    async def _resumed(self, asked: CheckoutRequest) -> OpenCheckout | None:
        """Finish the checkout of an earlier request with this key; None if there is none, or if it failed."""
        if asked.claim is None or asked.claim.resource is None:
            return None
        return await self._resume(asked, UUID(asked.claim.resource))

    async def _resume(self, asked: CheckoutRequest, payment_id: UUID) -> OpenCheckout | None:
        found = await self._attempts.resume(payment_id)
        if not isinstance(found, Attempt):
            return found
        result = await self._attempts.call(found, asked.deadline, asked.request_id)
        if isinstance(result, OpenCheckout):
            return result
        if result.missing != _CUSTOMER:
            return await self._attempts.fail(found, result, asked.request_id)
        await self._attempts.record(found, result, asked.request_id)
        await self._require_deleted(found, asked)
        return None

    async def _open(self, asked: CheckoutRequest, price: CreditPrice) -> OpenCheckout:
        """A plan session that the user has used is answered by its checkout, also if another request is faster."""
        if asked.session is None:
            return await self._open_new(asked, price)
        earlier = await self._opened_with(asked, asked.session)
        if earlier is not None:
            return earlier
        try:
            return await self._open_new(asked, price)
        except PlanSessionUsedError:
            earlier = await self._opened_with(asked, asked.session)
            if earlier is None:
                raise
            return earlier

    async def _open_new(self, asked: CheckoutRequest, price: CreditPrice) -> OpenCheckout:
        """Twice at most: a customer that Stripe has deleted is replaced by a new one."""
        new = await self._new(asked, price)
        way = await self._way(asked, new)
        if way.same is not None:
            return await self._same(asked, way.same)
        attempt, result = await self._try(asked, new, way)
        if isinstance(result, Failure) and result.missing == _CUSTOMER:
            await self._attempts.record(attempt, result, asked.request_id)
            await self._require_deleted(attempt, asked)
            again = asked
            if asked.claim is not None:
                again = replace(asked, claim=replace(asked.claim, resource=str(attempt.payment_id)))
            attempt, result = await self._try(again, await self._new(asked, price), way)
        if isinstance(result, OpenCheckout):
            return result
        return await self._attempts.fail(attempt, result, asked.request_id)

    async def _opened_with(self, asked: CheckoutRequest, session: PlanSession) -> OpenCheckout | None:
        """The user's checkout that has used the plan session: its answer may have been lost. None if it is unused."""
        async with self._database.connection() as conn:
            payment_id = await plan_sessions.payment_of(conn, session, asked.user_id)
        if payment_id is None:
            return None
        found = await self._resume(asked, payment_id)
        if found is not None and found.provider_id is not None:
            with answering("no checkout at stripe"):
                if await self._one_plan.is_open(found.provider_id):
                    return found
            raise PlanSessionUsedError
        async with self._database.connection() as conn:
            # It has failed just now, which frees the plan session, or it has ended.
            if await plan_sessions.payment_of(conn, session, asked.user_id) is not None:
                raise PlanSessionUsedError
        return None

    async def _same(self, asked: CheckoutRequest, payment_id: UUID) -> OpenCheckout:
        """An open checkout with the same terms, which uses the plan session up as well."""
        if asked.session is not None:
            async with self._database.connection() as conn:
                await plan_sessions.use(conn, asked.session, payment_id)
        return await self._attempts.as_it_stands(payment_id)

    async def _way(self, asked: CheckoutRequest, new: NewCheckout) -> Way:
        if new.request["mode"] != _PLAN:
            return Way()
        with answering("no checkout at stripe"):
            return await self._one_plan.make_way(asked.user_id, new.request, asked.deadline)

    async def _try(self, asked: CheckoutRequest, new: NewCheckout, way: Way) -> tuple[Attempt, OpenCheckout | Failure]:
        async with self._database.transaction() as conn:
            await customers_store.lock_user(conn, asked.user_id)
            if await deletion_store.is_deleted(conn, asked.user_id):
                raise DeletedUserError
            if new.request["mode"] == _PLAN:
                await self._one_plan.require_no_other(conn, asked.user_id, way)
            if asked.session is not None:
                await plan_sessions.use(conn, asked.session, new.payment_id)
            attempt = await self._attempts.begin(conn, self._stripe, new, asked.claim, asked.request_id)
        return attempt, await self._attempts.call(attempt, asked.deadline, asked.request_id)

    async def _require_deleted(self, attempt: Attempt, asked: CheckoutRequest) -> None:
        """Forget the customer of a rejected checkout if Stripe has deleted it; otherwise the key is the wrong one."""
        with answering("no checkout at stripe"):
            gone = await self._customers.forget_deleted(attempt.request[_CUSTOMER], asked.deadline)
        if not gone:
            raise unavailable()

    async def _new(self, asked: CheckoutRequest, price: CreditPrice) -> NewCheckout:
        installation_id = (await installation.read(self._database)).id
        with answering("no checkout at stripe"):
            customer_id = await self._customers.of(asked.user_id, asked.email, asked.deadline)
        payment_id = uuid.uuid4()
        metadata = _metadata(asked, price, payment_id, installation_id)
        return self._checkout(asked, price, payment_id, self._sale(asked, price, customer_id, metadata))

    def _sale(self, asked: CheckoutRequest, price: CreditPrice, customer_id: str, metadata: Mapping[str, str]) -> Sale:
        return Sale(
            price_id=price.price_id,
            recurring=price.recurring,
            customer_id=customer_id,
            reference=str(asked.user_id),
            metadata=metadata,
            success_url=asked.success_url or f"{self._site_url}/?success=true&{_SESSION}&plan={price.plan_type}",
            cancel_url=asked.cancel_url or f"{self._site_url}/pricing?canceled=true&plan={price.plan_type}",
            opened_at=datetime.now(UTC),
        )

    def _checkout(self, asked: CheckoutRequest, price: CreditPrice, payment_id: UUID, sale: Sale) -> NewCheckout:
        assert price.amount is not None, "it is offered"
        assert price.currency is not None, "it is offered"
        return NewCheckout(
            payment_id=payment_id,
            amount=price.amount,
            currency=price.currency,
            price_currency=price.currency,
            status=Status.CREATING,
            provider=self._stripe.name,
            livemode=self._stripe.livemode,
            source=SOURCE,
            purpose=PURPOSE,
            user_id=asked.user_id,
            intent_id=None,
            carries_email=False,
            life=None,
            key=f"hc_credits_{payment_id}",
            request=session_request(sale),
            url=None,
            details={
                "provider": self._stripe.name,
                "amount": plain(price.amount),
                "currency": price.currency,
                "priceCurrency": price.currency,
                "source": SOURCE,
                "priceId": price.price_id,
                "user": str(asked.user_id),
            },
        )


def _metadata(asked: CheckoutRequest, price: CreditPrice, payment_id: UUID, installation_id: UUID) -> Mapping[str, str]:
    """The site's names and ours; raises `InvalidError` where they are more than Stripe takes."""
    ours = {
        "userId": str(asked.user_id),
        "planType": price.plan_type,
        "payment_id": str(payment_id),
        "installation": str(installation_id),
        "source": SOURCE,
        "purpose": PURPOSE,
    }
    if len(asked.metadata) + len(ours) > MOST_NAMES:
        raise InvalidError(
            "invalid_request",
            f"metadata can have at most {MOST_NAMES - len(ours)} names.",
            fields={"metadata": f"must have at most {MOST_NAMES - len(ours)} names"},
        )
    return {**asked.metadata, **ours}
