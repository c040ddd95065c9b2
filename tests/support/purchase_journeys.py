"""Actions of members on products, each for many members on one stage, and the state in the end."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import aiohttp

from hingecraft_sandbox.providers.webhooks import stripe_headers
from support.buying import ALL_DESIGNS, DESIGN, PAYMENTS, PURCHASES, Buyer, add_product, change_product
from support.downloads import DOWNLOADS
from support.killing import KillingStage, Place
from support.money import STRIPE_SECRET
from support.purchases import refund
from support.stage import Stage
from support.subscribing import press

KEY = {"Idempotency-Key": "a-key-of-a-member"}
DUE = """
UPDATE provider_events SET next_attempt_at = now()
WHERE event_id = $1 AND processed_at IS NULL AND claimed_until IS NULL
"""
PROCESSED = "SELECT processed_at IS NOT NULL FROM provider_events WHERE event_id = $1"
ENDED = """
UPDATE subscriptions SET current_period_start = now() - interval '31 days', current_period_end = now()
WHERE user_id = $1
"""
LATE = "UPDATE external_payments SET expires_at = now() - interval '1 hour' WHERE payment_id = $1::uuid"
SUBSCRIPTION = "SELECT provider_id FROM external_payments WHERE payment_id = $1::uuid AND kind = 'single'"


class Customer(Buyer):
    """A member in one run, with what has happened so far."""

    product: str
    begun: dict[str, Any]
    event: dict[str, Any]


class Journey:
    """Begins a payment of a design."""

    kind, body = "design", DESIGN

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def set_up(self) -> None:
        self.product = await add_product(self.stage, self.body)

    async def prepare(self) -> Customer:
        """Set up the state before the call."""
        customer = Customer(self.stage)
        customer.product = self.product
        return customer

    async def ask(self, customer: Customer) -> None:
        """The call in which the pod dies. A repeat of it is the same call."""
        customer.begun = await customer.begin(customer.product, self.kind, status=201, **KEY)

    async def done(self, _customer: Customer) -> bool:
        """Whether the pod is through with it, once it has answered."""
        return True

    async def finish(self, customer: Customer) -> None:
        """Steps that follow in any case, before the events are sent again."""
        await self.stage.sandbox.act_on_intent(customer.begun["intent"], "pay")
        await self.deliver(*self.paid_events)

    async def time_passes(self) -> None:
        """At Stripe, before the last reconciliation."""

    paid_events: tuple[str, ...] = ("payment_intent.succeeded",)

    async def pay(self, customer: Customer) -> None:
        """All that comes before an event about a payment that is booked."""
        await Journey.ask(self, customer)
        await Journey.finish(self, customer)

    async def newest(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.stage.sandbox.stripe(f"events?limit=1&type={kind}"))["data"][0]
        return found

    async def deliver(self, *kinds: str) -> None:
        """The newest events of these kinds, one after the other; each is processed before the next is told."""
        for kind in kinds:
            event = await self.newest(kind)
            await self.tell(event)
            await self.stage.until(partial(self.processed, event))

    async def tell(self, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        async with (
            aiohttp.ClientSession() as client,
            client.post(
                f"{self.stage.api.public}/webhooks/stripe", data=body, headers=stripe_headers(STRIPE_SECRET, body)
            ) as response,
        ):
            assert response.status == 200, await response.text()

    async def processed(self, event: dict[str, Any]) -> bool:
        """Whether it is; what waits for its time is told to come now, and no event of another member."""
        await self.stage.conn.execute(DUE, event["id"])
        return bool(await self.stage.conn.fetchval(PROCESSED, event["id"]))


class OfSubscription:
    kind, body = "subscription", ALL_DESIGNS
    paid_events: tuple[str, ...] = ("customer.subscription.updated", "invoice.paid")


class Subscribing(OfSubscription, Journey):
    """Begins a subscription."""


class Cancelled(Journey):
    """Cancels a payment that is not paid."""

    async def prepare(self) -> Customer:
        customer = await super().prepare()
        await super().ask(customer)
        return customer

    async def ask(self, customer: Customer) -> None:
        status, answer = await customer.call("POST", f"{PAYMENTS}/{customer.begun['paymentId']}/cancel")
        assert status == 200 or answer["code"] == "not_pending", answer

    async def finish(self, customer: Customer) -> None:
        pass


class Unpaid(OfSubscription):
    """A subscription whose first invoice is void cannot be paid; Stripe ends it when it is a day old."""

    stage: Stage

    async def time_passes(self) -> None:
        await self.stage.sandbox.ask("PUT", "/_sandbox/clock", json={"hours": 24})


class SubscriptionNotBegun(Unpaid, Cancelled):
    """Cancels a subscription that is not paid."""


class Repriced(Cancelled):
    """Begins a payment while one at another price is open."""

    async def set_up(self) -> None:
        pass

    async def prepare(self) -> Customer:
        self.product = await add_product(self.stage, self.body)
        customer = await super().prepare()
        await change_product(self.stage, self.product, price=13)
        return customer

    async def ask(self, customer: Customer) -> None:
        found, answer = await customer.call("POST", PAYMENTS, {"productType": self.kind, "productId": customer.product})
        assert found in {200, 201}, answer
        secret = answer["data"]["clientSecret"]
        customer.begun = {**answer["data"], "intent": secret.partition("_secret_")[0]}

    async def finish(self, customer: Customer) -> None:
        await Journey.finish(self, customer)


class SubscriptionRepriced(Unpaid, Repriced):
    """The same for a subscription."""


class Told(Journey):
    """An event comes. A repeat of it is Stripe's, under the same id."""

    event = "payment_intent.succeeded"

    async def prepare(self) -> Customer:
        customer = await super().prepare()
        await self.happen(customer)
        customer.event = await self.newest(self.event)
        return customer

    async def happen(self, customer: Customer) -> None:
        """At Stripe, which tells nothing by itself."""
        await Journey.ask(self, customer)
        await self.stage.sandbox.act_on_intent(customer.begun["intent"], "pay")

    async def ask(self, customer: Customer) -> None:
        await self.tell(customer.event)

    async def done(self, customer: Customer) -> bool:
        return await self.processed(customer.event)

    async def finish(self, customer: Customer) -> None:
        pass


class FirstInvoice(OfSubscription, Told):
    """The first invoice of a subscription is paid."""

    event = "invoice.paid"


class Renewal(FirstInvoice):
    """A further invoice is paid."""

    async def happen(self, customer: Customer) -> None:
        await self.pay(customer)
        subscription = await self.stage.conn.fetchval(SUBSCRIPTION, customer.begun["paymentId"])
        await press(self.stage.sandbox, subscription, "renew")
        # Otherwise the next one would be charged for this subscription too.
        await self.stage.sandbox.ask("DELETE", "/_sandbox/book/clocks")


class CancelledAtPeriodEnd(Renewal):
    """Cancels a subscription."""

    async def prepare(self) -> Customer:
        customer = await Journey.prepare(self)
        await self.pay(customer)
        return customer

    async def ask(self, customer: Customer) -> None:
        (purchase,) = await customer.purchases()
        status, answer = await customer.call("POST", f"{PURCHASES}/{purchase['id']}/cancel")
        assert (status, answer["data"]["cancelAtPeriodEnd"]) == (200, True), answer

    async def done(self, _customer: Customer) -> bool:
        return True


class Refunded(Told):
    """All of a payment is refunded."""

    event = "refund.created"

    async def happen(self, customer: Customer) -> None:
        await self.pay(customer)
        await refund(self.stage.sandbox, customer.begun["intent"])


class RefundFailed(Refunded):
    """A refund fails, and access comes back."""

    event = "refund.failed"

    async def happen(self, customer: Customer) -> None:
        await super().happen(customer)
        await self.deliver("refund.created")
        (made,) = (await self.stage.sandbox.stripe(f"refunds?payment_intent={customer.begun['intent']}"))["data"]
        await self.stage.sandbox.ask("POST", f"/pay/stripe/refund/{made['id']}/fail", allow_redirects=False)


class Disputed(Told):
    """A bank takes the money back."""

    event = "charge.dispute.funds_withdrawn"

    async def happen(self, customer: Customer) -> None:
        await self.pay(customer)
        await self.stage.sandbox.act_on_intent(customer.begun["intent"], "dispute")


class DisputeWon(Disputed):
    """The money comes again."""

    event, decision = "charge.dispute.funds_reinstated", "won"

    async def happen(self, customer: Customer) -> None:
        await super().happen(customer)
        await self.deliver(Disputed.event)
        (made,) = (await self.stage.sandbox.stripe(f"disputes?payment_intent={customer.begun['intent']}"))["data"]
        await self.stage.sandbox.ask("POST", f"/pay/stripe/dispute/{made['id']}/{self.decision}", allow_redirects=False)


class DisputeLost(DisputeWon):
    """The money stays away."""

    event, decision = "charge.dispute.closed", "lost"


class Downloaded(Journey):
    """Downloads a design within its limit."""

    async def prepare(self) -> Customer:
        customer = await super().prepare()
        await self.pay(customer)
        return customer

    async def ask(self, customer: Customer) -> None:
        status, answer = await customer.call("GET", f"{DOWNLOADS}/{customer.product}")
        assert status == 200, answer

    async def finish(self, customer: Customer) -> None:
        pass


class Lost:
    """Members that the pod has heard nothing about: it died when it called Stripe, or the events were lost."""

    def __init__(self, stage: KillingStage) -> None:
        self.stage = stage
        self.design, self.subscription, self.renewal = Journey(stage), Subscribing(stage), Renewal(stage)

    async def set_up(self) -> None:
        for each in (self.design, self.subscription, self.renewal):
            await each.set_up()

    async def prepare(self) -> list[Customer]:
        renewed = await self._renewed()
        paid = [await self._paid(each) for each in (self.design, self.subscription)]
        late = await self._begun(self.design)
        await self.stage.conn.execute(LATE, late.begun["paymentId"])
        refunded = await self.design.prepare()
        await self.design.pay(refunded)
        # Stripe keeps events for thirty days.
        await self.stage.sandbox.ask("DELETE", "/_sandbox/book/events")
        await refund(self.stage.sandbox, refunded.begun["intent"])
        self.unanswered = {
            await self._unanswered(self.design, "payment_intents"): self.design,
            await self._unanswered(self.subscription, "subscriptions"): self.subscription,
        }
        return [renewed, *paid, late, refunded, *self.unanswered]

    async def finish(self) -> None:
        """The members whose request was never answered send it again, and pay."""
        for member, journey in self.unanswered.items():
            await journey.ask(member)
            await journey.finish(member)

    async def _begun(self, journey: Journey) -> Customer:
        member = await journey.prepare()
        await journey.ask(member)
        return member

    async def _paid(self, journey: Journey) -> Customer:
        member = await self._begun(journey)
        await self.stage.sandbox.act_on_intent(member.begun["intent"], "pay")
        return member

    async def _renewed(self) -> Customer:
        """Its period has ended here as well."""
        member = await self.renewal.prepare()
        await self.stage.conn.execute(ENDED, member.id)
        return member

    async def _unanswered(self, journey: Journey, call: str) -> Customer:
        member = await journey.prepare()
        place = Place(f"POST /v1/{call}")
        await self.stage.dies(lambda: journey.ask(member), lambda: journey.done(member), place)
        assert not hasattr(member, "begun")
        return member


JOURNEYS: dict[str, type[Journey]] = {
    "payment of a design": Journey,
    "subscription": Subscribing,
    "payment at a new price": Repriced,
    "subscription at a new price": SubscriptionRepriced,
    "cancelled payment": Cancelled,
    "cancelled subscription that is not paid": SubscriptionNotBegun,
    "cancelled at the period's end": CancelledAtPeriodEnd,
    "paid intent": Told,
    "first invoice": FirstInvoice,
    "renewal": Renewal,
    "refund": Refunded,
    "refund that fails": RefundFailed,
    "dispute": Disputed,
    "dispute that is won": DisputeWon,
    "dispute that is lost": DisputeLost,
    "download": Downloaded,
}
