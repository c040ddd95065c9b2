"""A connection that dies after any statement leaves nothing of a purchase, and the next attempt books it once."""

from __future__ import annotations

import json

import pytest

from hingecraft.inbox import store as inbox
from hingecraft.providers.stripe import webhook
from support.broken_connections import CLAIMED, LEASE_ENDS, WAITING
from support.buying import DESIGN, Buyer, add_product
from support.members import idle_pod_for_members
from support.purchases import refund

LEFT = """
SELECT p.status,
    ARRAY(SELECT concat_ws(' ', kind, amount, currency, usd_amount) FROM settlements WHERE payment_id = p.id
          ORDER BY 1) AS settlements,
    ARRAY(SELECT status FROM external_payments WHERE payment_id = p.id ORDER BY 1) AS checkouts,
    ARRAY(SELECT action FROM payment_audit WHERE payment_id = p.id ORDER BY id) AS history,
    ARRAY(SELECT concat_ws(' ', status, amount) FROM purchases WHERE payment_id = p.id) AS purchases,
    ARRAY(SELECT coalesce(revoked_because, 'given') FROM entitlements WHERE payment_id = p.id) AS entitlements
FROM payments p WHERE p.user_id = $1
"""
ACCESS = {"payment_intent.succeeded": ["given"], "refund.created": ["refunded"]}


@pytest.fixture
async def pod(dsn, sandbox):
    async with idle_pod_for_members(dsn, sandbox) as running:
        yield running


class Case:
    """One member's purchase, and the event that is booked."""

    def __init__(self, pod, sandbox, conn, design, kind):
        self.pod, self.sandbox, self.conn, self.design, self.kind = pod, sandbox, conn, design, kind

    async def prepare(self):
        self.buyer = Buyer(self.pod)
        begun = await self.buyer.begin(self.design)
        await self.sandbox.act_on_intent(begun["intent"], "pay")
        if self.kind == "refund.created":
            await self.deliver(await self.newest("payment_intent.succeeded"))
            await refund(self.sandbox, begun["intent"])
        self.event = await self.newest(self.kind)

    async def newest(self, kind):
        return (await self.sandbox.stripe(f"events?limit=1&type={kind}"))["data"][0]

    async def deliver(self, event, **other):
        await inbox.store(self.conn, [webhook.event_of(json.dumps(event | other).encode())])
        await self.pod.pod.worker.drain()

    async def left(self):
        return dict(await self.conn.fetchrow(LEFT, self.buyer.id))


@pytest.mark.parametrize("kind", ACCESS)
async def test_after_a_connection_lost_at_any_step_the_event_is_booked_once(pod, sandbox, conn, breaks, kind):
    case = Case(pod, sandbox, conn, await add_product(pod, DESIGN), kind)
    await case.prepare()
    await case.deliver(case.event)
    whole, at = await case.left(), 1
    assert whole["entitlements"] == ACCESS[kind]
    while not breaks.over:
        assert await broken(case, breaks, conn, at) == whole, at
        at += 1
    assert at > 7, "it died at many moments"


async def broken(case, breaks, conn, at):
    """The rows after the connection was lost at that step, the lease ended, and the event came again."""
    await case.prepare()
    before = await case.left()
    breaks.begin(at)
    await case.deliver(case.event)
    if not breaks.over and not breaks.committed:
        assert await case.left() == before, at
        assert await conn.fetchval(CLAIMED) == 1, at
    breaks.at = 0
    await conn.execute(LEASE_ENDS)
    await case.pod.pod.worker.drain()
    breaks.at = at
    assert await conn.fetch(WAITING) == [], at
    once = await case.left()
    await case.deliver(case.event, id=f"{case.event['id']}_again")
    again = await case.left()
    assert {**again, "history": once["history"]} == once
    return once
