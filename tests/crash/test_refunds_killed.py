"""A pod dies while an owner's refund is written down, asked for, or made: Stripe makes it once, and it is booked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import uuid4

import aiohttp
import pytest

from support import wix
from support.folders import open_folder
from support.kill_places import Hang
from support.stage import MICRO, Stage

SITE = uuid4()
ASKED = "SELECT count(*) FROM refunds WHERE payment_id = $1::uuid"
LEFT = """
SELECT p.status, r.state, (SELECT count(*) FROM refunds WHERE payment_id = p.id) AS refunds,
       (SELECT sum(amount) FROM settlements WHERE payment_id = p.id) AS amount
FROM payments p JOIN refunds r ON r.payment_id = p.id WHERE p.id = $1::uuid
"""


@pytest.fixture
async def stage(dsn, sandbox):
    with open_folder() as folder:
        stage = Stage(folder, dsn.newest, sandbox)
        stage.api.tell(
            WIX_APP_ID=wix.APP_ID, WIX_APP_SECRET=wix.APP_SECRET, WIX_APP_PUBLIC_KEY=wix.public_key(),
            WIX_OWNER_INSTANCES=str(SITE),
        )  # fmt: skip
        try:
            await stage.begin()
            yield stage
        finally:
            await stage.end()


async def refund(stage, payment):
    path = f"/api/v1/wix/payments/{payment}/refunds"
    body = {"reference": "the refund", "amount": 2}
    return await stage.call("POST", path, json=body, headers=wix.owner(SITE))


@pytest.mark.timeout(600)
async def test_a_refund_is_made_once_wherever_its_pod_is_killed(stage):
    """Half of the payments are refunded again by the owner, the others only by the reconciliation."""
    await refund(stage, uuid4())  # the site is known from now on
    payments = []
    for place in ("written down", "asked for", "made"):
        for repeated in (True, False):
            payment = await paid(stage)
            payments.append(payment)
            await dies_at(stage, payment, place)
            if repeated:
                status, answer = await refund(stage, payment)
                assert (status, answer["data"]["amount"]) == (201, 2), place
    await stage.conn.execute("UPDATE refunds SET created_at = created_at - interval '2 minutes'")
    await stage.reconcile()
    await stage.settle()
    made = (await stage.sandbox.stripe("refunds?limit=100"))["data"]
    for payment in payments:
        row = await stage.conn.fetchrow(LEFT, payment)
        if row is None:  # killed before anything was written, and nobody has asked again
            assert not [each for each in made if each["metadata"].get("payment_id") == payment]
            continue
        assert tuple(row) == ("partially_refunded", "succeeded", 1, 3)
        assert len([each for each in made if each["metadata"].get("payment_id") == payment]) == 1


async def paid(stage):
    given = await stage.call("POST", MICRO, json={"amount": 5})
    payment = given[1]["data"]["paymentId"]
    await stage.pay(payment)

    async def completed():
        return await stage.conn.fetchval("SELECT status = 'completed' FROM payments WHERE id = $1::uuid", payment)

    await stage.until(completed)
    return payment


async def dies_at(stage, payment, place):
    async def written():
        return await stage.conn.fetchval(ASKED, payment)

    if place == "written down":
        await stage.lock("refunds")
    else:
        await stage.hang_at(Hang("stripe", "POST", "refunds", done=place == "made"))
    asking = asyncio.create_task(asked(stage, payment))
    await stage.until(stage.waits if place == "written down" else stage.hangs)
    assert place == "written down" or await written()
    await stage.kill()
    await asking
    if place == "written down":
        await stage.unlock()
    await stage.recover_provider()
    await stage.api.start()
    await stage.api.until("/ready", 200)


async def asked(stage, payment):
    with suppress(aiohttp.ClientError):
        await refund(stage, payment)
