"""Members, Stripe and admins act on one purchase at the same moment: afterwards our rows agree with Stripe."""

from __future__ import annotations

import asyncio

import pytest

from support.buying import ALL_DESIGNS, DESIGN, PAYMENTS, Buyer, add_product, change_product
from support.pods import running_pod
from support.purchase_orders import PurchaseWorld
from support.tokens import SETTINGS

ROUNDS = 8
KINDS = {"design": DESIGN, "subscription": ALL_DESIGNS}
NOT_ANSWERED = """
WITH checkout AS (
    UPDATE external_payments SET status = 'creating', provider_id = NULL WHERE payment_id = $1::uuid
    RETURNING payment_id
)
UPDATE payments SET status = 'creating', provider_id = NULL WHERE id = (SELECT payment_id FROM checkout)
"""


@pytest.fixture
async def world(dsn, sandbox):
    """A pod that works on events when it is told to, and a sandbox that sends none."""
    world = PurchaseWorld(dsn, sandbox)
    await world.open()
    await world.begin()
    yield world
    await world.leave()


async def everything_comes(world):
    await world.deliver(list(reversed(await world.objects("events"))))
    await world.work()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_payment_that_is_cancelled_and_paid_at_once_is_one_of_both(world, kind):
    for number in range(ROUNDS):
        ada = Buyer(world.pod)
        product = await add_product(world.pod, KINDS[kind])
        begun = await ada.begin(product, kind)
        cancelling = ada.call("POST", f"{PAYMENTS}/{begun['paymentId']}/cancel")
        paying = world.press(f"/pay/stripe/i/{begun['intent']}/pay")
        # Both orders of the first steps.
        both = await asyncio.gather(*((cancelling, paying) if number % 2 else (paying, cancelling)))
        status, answer = both[0] if number % 2 else both[1]
        await everything_comes(world)
        owned = await ada.access(product) in {"owned", "subscribed"}
        assert owned == (status == 409), answer
        assert status == 200 or answer["code"] == "not_pending"
    await world.compare()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_price_and_the_payment_of_the_old_one_at_once_cost_one_of_both(world, kind):
    for number in range(ROUNDS):
        ada = Buyer(world.pod)
        product = await add_product(world.pod, KINDS[kind])
        begun = await ada.begin(product, kind)
        await change_product(world.pod, product, price=15)
        beginning = ada.call("POST", PAYMENTS, {"productType": kind, "productId": product})
        paying = world.press(f"/pay/stripe/i/{begun['intent']}/pay")
        both = await asyncio.gather(*((beginning, paying) if number % 2 else (paying, beginning)))
        status, answer = both[0] if number % 2 else both[1]
        if status == 201:
            await world.press(f"/pay/stripe/i/{answer['data']['clientSecret'].partition('_secret_')[0]}/pay")
        else:
            assert answer["code"] == "already_owned", answer
        await everything_comes(world)
        (purchase,) = await ada.purchases()
        assert purchase["amount"] == (15 if status == 201 else KINDS[kind]["price"])
        assert await ada.access(product) in {"owned", "subscribed"}
    await world.compare()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("patient")
async def test_two_pods_that_are_asked_at_once_begin_one_payment(world, dsn, sandbox, kind):
    async with running_pod(dsn, background=False, **{**sandbox.settings, **SETTINGS}) as other:
        ada = Buyer(world.pod)
        elsewhere = Buyer(other, ada.id)
        product = await add_product(world.pod, KINDS[kind])
        body = {"productType": kind, "productId": product}
        answers = await asyncio.gather(
            *(each.call("POST", PAYMENTS, body) for each in (ada, elsewhere) for _ in range(5))
        )
        assert {status for status, _ in answers} <= {200, 201}
        assert len({answer["data"]["paymentId"] for _, answer in answers}) == 1
    assert len(await world.objects("payment_intents")) == 1
    assert len(await world.objects("customers")) == 1


async def test_the_first_invoice_may_come_before_our_own_commit(world):
    ada = Buyer(world.pod)
    product = await add_product(world.pod, ALL_DESIGNS)
    begun = await ada.begin(product, "subscription")
    await world.conn.execute("SET session_replication_role = replica")
    await world.conn.execute(NOT_ANSWERED, begun["paymentId"])
    await world.conn.execute("RESET session_replication_role")
    await world.press(f"/pay/stripe/i/{begun['intent']}/pay")
    await everything_comes(world)
    assert await ada.access(product) == "subscribed"
    assert (await ada.purchases())[0]["status"] == "active"
    status, answer = await ada.call("POST", PAYMENTS, {"productType": "subscription", "productId": product})
    assert (status, answer["code"]) == (409, "already_owned")
    await world.compare()
