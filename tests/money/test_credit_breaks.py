"""A connection that dies after any statement leaves nothing of it, and the next attempt books all of it once."""

from __future__ import annotations

import json

import asyncpg
import pytest

from hingecraft.inbox import store as inbox
from hingecraft.providers.stripe import webhook
from support.breaks import CLAIMED, LEASE_ENDS, WAITING, Breaks
from support.credits import assert_books_agree
from support.members import PACK, PLAN, Member, sell
from support.pods import running_pod
from support.tokens import SETTINGS

LEFT = """
SELECT p.source, p.status, a.balance,
    ARRAY(SELECT concat_ws(' ', kind, amount, currency, usd_amount) FROM settlements WHERE payment_id = p.id
          ORDER BY 1) AS settlements,
    ARRAY(SELECT concat_ws(' ', kind, status) FROM external_payments WHERE payment_id = p.id ORDER BY 1) AS checkouts,
    ARRAY(SELECT action FROM payment_audit WHERE payment_id = p.id ORDER BY id) AS history,
    ARRAY(SELECT concat_ws(' ', delta, reason, balance_after) FROM credits_transactions
          WHERE metadata ->> 'payment' = p.id::text ORDER BY id) AS ledger
FROM payments p LEFT JOIN credit_accounts a USING (user_id)
WHERE p.user_id = $1 ORDER BY p.created_at
"""
SUBSCRIPTIONS = ("subscriptions", "invoices_of_stripe", "events", "clocks")


@pytest.fixture
async def pod(dsn, sandbox):
    """A pod that works only when it is told to, and a sandbox that sends no events."""
    await sandbox.ask("DELETE", "/_sandbox/book")
    async with running_pod(dsn, background=False, **sandbox.settings, **SETTINGS) as running:
        yield running
    await sandbox.ask("DELETE", "/_sandbox/book")


@pytest.fixture
async def breaks(dsn, pod):
    conn = await asyncpg.connect(dsn.newest)
    yield Breaks(pod.pod.database, conn)
    await conn.close()


class Case:
    """One member, and the event that is booked."""

    code, kind = PACK, "checkout.session.completed"

    def __init__(self, pod, sandbox, conn, price):
        self.pod, self.sandbox, self.conn, self.price = pod, sandbox, conn, price

    async def prepare(self):
        for each in SUBSCRIPTIONS:
            await self.sandbox.ask("DELETE", f"/_sandbox/book/{each}")
        self.member = Member(self.pod)
        self.bought = await self.member.buy(self.price)
        await self.sandbox.act(self.bought["sessionId"], "pay")

    async def newest(self, kind):
        return (await self.sandbox.stripe(f"events?limit=1&type={kind}"))["data"][0]

    async def deliver(self, event, **other):
        await inbox.store(self.conn, [webhook.event_of(json.dumps(event | other).encode())])
        await self.pod.pod.worker.drain()

    async def left(self):
        await assert_books_agree(self.conn)
        return [dict(row) for row in await self.conn.fetch(LEFT, self.member.id)]


class FirstInvoice(Case):
    code, kind = PLAN, "invoice.paid"


class Renewal(FirstInvoice):
    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("invoice.paid"))
        (subscription,) = (await self.sandbox.stripe("subscriptions"))["data"]
        await self.sandbox.ask("POST", f"/pay/stripe/subscription/{subscription['id']}/renew", allow_redirects=False)


class Refund(Case):
    kind = "refund.created"

    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("checkout.session.completed"))
        await self.sandbox.act(self.bought["sessionId"], "refund_half")


LEDGERS = {
    Case: [["50 quick_scan_purchase 50"]],
    FirstInvoice: [["100 basic_plan_monthly 100"]],
    Renewal: [["100 basic_plan_monthly 100"], ["100 basic_plan_monthly 200"]],
    Refund: [["50 quick_scan_purchase 50", "-25 refund_quick_scan_purchase 25"]],
}


@pytest.mark.parametrize("kind", LEDGERS, ids=["grant", "first_invoice", "renewal", "refund"])
async def test_it_is_whole_and_once_wherever_the_connection_dies(pod, sandbox, conn, breaks, kind):
    case = kind(pod, sandbox, conn, (await sell(conn, sandbox, kind.code))[kind.code])
    await case.prepare()
    await case.deliver(await case.newest(kind.kind))
    whole, at = await case.left(), 1
    assert [each["ledger"] for each in whole] == LEDGERS[kind]
    while not breaks.over:
        assert await broken(case, breaks, conn, at) == whole, at
        at += 1
    assert at > 7, "it died at many moments"


async def broken(case, breaks, conn, at):
    """What is left after the connection died at that moment, the lease ended, and the event came once more."""
    await case.prepare()
    before, event = await case.left(), await case.newest(case.kind)
    breaks.begin(at)
    await case.deliver(event)
    if not breaks.over and not breaks.committed:
        assert await case.left() == before, at
        assert await conn.fetchval(CLAIMED) == 1, at
    breaks.at = 0
    await conn.execute(LEASE_ENDS)
    await case.pod.pod.worker.drain()
    breaks.at = at
    assert await conn.fetch(WAITING) == [], at
    once = await case.left()
    await case.deliver(event, id=f"{event['id']}_again")
    assert written(await case.left()) == written(once), at
    return once


def written(payments):
    """All but the rows that say that an event was read."""
    return [each | {"history": [act for act in each["history"] if act != "event_applied"]} for each in payments]
