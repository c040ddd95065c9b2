"""A connection lost after any statement leaves no rows, and the next attempt books the event once."""

from __future__ import annotations

import json

import pytest

from hingecraft.inbox import store as inbox
from hingecraft.providers.stripe import webhook
from support.broken_connections import CLAIMED, LEASE_ENDS, WAITING
from support.credits import assert_books_agree
from support.member_paths import BOOKED
from support.members import AMOUNTS, PACK, PLAN, Member, idle_pod_for_members, sell
from support.purchases import post

LEFT = """
SELECT p.source, p.status, a.balance,
    ARRAY(SELECT concat_ws(' ', kind, amount, currency, usd_amount) FROM settlements WHERE payment_id = p.id
          ORDER BY 1) AS settlements,
    ARRAY(SELECT concat_ws(' ', kind, status) FROM external_payments WHERE payment_id = p.id ORDER BY 1) AS checkouts,
    ARRAY(SELECT action FROM payment_audit WHERE payment_id = p.id ORDER BY id) AS history,
    ARRAY(SELECT concat_ws(' ', delta, reason, balance_after) FROM credits_transactions
          WHERE metadata ->> 'payment' = p.id::text ORDER BY id) AS ledger,
    ARRAY(SELECT concat_ws(' ', status, cancel_at_period_end) FROM subscriptions WHERE user_id = p.user_id) AS plans
FROM payments p LEFT JOIN credit_accounts a USING (user_id)
WHERE p.user_id = $1 ORDER BY p.created_at
"""
AMOUNT = """
UPDATE credit_prices SET amount = $2, currency = 'USD', unit_amount = $2, unit_currency = 'USD' WHERE price_id = $1
"""
SUBSCRIPTIONS = ("subscriptions", "invoices_of_stripe", "events", "clocks")


@pytest.fixture
async def pod(dsn, sandbox):
    async with idle_pod_for_members(dsn, sandbox) as running:
        yield running


class Case:
    """One member, and the event that is booked."""

    code, kind = PACK, "checkout.session.completed"

    def __init__(self, pod, sandbox, conn, prices):
        self.pod, self.sandbox, self.conn, self.prices = pod, sandbox, conn, prices

    async def prepare(self):
        for each in SUBSCRIPTIONS:
            await self.sandbox.ask("DELETE", f"/_sandbox/book/{each}")
        self.member = Member(self.pod)
        self.bought = await self.member.buy(self.prices[self.code])
        await self.sandbox.act(self.bought["sessionId"], "pay")

    async def newest(self, kind):
        return (await self.sandbox.stripe(f"events?limit=1&type={kind}"))["data"][0]

    async def newest_id(self, kind):
        return (await self.sandbox.stripe(f"{kind}?limit=1"))["data"][0]["id"]

    async def press(self, what, act):
        await self.sandbox.ask("POST", f"/pay/stripe/{what}/{act}", allow_redirects=False)

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
        self.subscription = await self.newest_id("subscriptions")
        await self.press(f"subscription/{self.subscription}", "renew")


class Upgrade(FirstInvoice):
    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("invoice.paid"))
        subscription = (await self.sandbox.stripe("subscriptions?limit=1"))["data"][0]
        change = {"items[0][id]": subscription["items"]["data"][0]["id"], "proration_behavior": "always_invoice"}
        price = {"items[0][price]": self.prices["PRO_MONTHLY"]}
        await post(self.sandbox, f"subscriptions/{subscription['id']}", **change, **price)


class Refund(Case):
    kind = "refund.created"

    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("checkout.session.completed"))
        await self.sandbox.act(self.bought["sessionId"], "refund_half")


class FailedRefund(Refund):
    kind = "refund.failed"

    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("refund.created"))
        await self.press(f"refund/{await self.newest_id('refunds')}", "fail")


class Dispute(Case):
    kind = "charge.dispute.funds_withdrawn"

    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("checkout.session.completed"))
        await self.sandbox.act(self.bought["sessionId"], "dispute")


class RenewalDispute(Renewal):
    kind = "charge.dispute.funds_withdrawn"

    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("invoice.paid"))
        await self.press(f"invoice/{await self.newest_id('invoices')}", "dispute")


class WonDispute(Dispute):
    kind = "charge.dispute.funds_reinstated"

    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("charge.dispute.funds_withdrawn"))
        await self.press(f"dispute/{await self.newest_id('disputes')}", "won")


class Copy(FirstInvoice):
    kind = "customer.subscription.updated"

    async def prepare(self):
        await super().prepare()
        await self.deliver(await self.newest("invoice.paid"))
        await self.press(f"subscription/{await self.newest_id('subscriptions')}", "cancel_later")


MONTH, SCAN = "100 basic_plan_monthly 100", "50 quick_scan_purchase 50"
CASES = {
    "paid session of a pack": (Case, [[SCAN]]),
    "first invoice of a plan": (FirstInvoice, [[MONTH]]),
    "renewal": (Renewal, [[MONTH], ["100 basic_plan_monthly 200"]]),
    "change of a plan": (Upgrade, [[MONTH], ["400 vision_pro_monthly 500"]]),
    "refund": (Refund, [[SCAN, "-25 refund_quick_scan_purchase 25"]]),
    "refund that fails": (
        FailedRefund,
        [[SCAN, "-25 refund_quick_scan_purchase 25", "25 refund_quick_scan_purchase_reversal 50"]],
    ),
    "dispute": (Dispute, [[SCAN, "-50 dispute_quick_scan_purchase 0"]]),
    "dispute of a renewal": (
        RenewalDispute,
        [[MONTH], ["100 basic_plan_monthly 200", "-100 dispute_basic_plan_monthly 100"]],
    ),
    "dispute that is won": (
        WonDispute,
        [[SCAN, "-50 dispute_quick_scan_purchase 0", "50 dispute_quick_scan_purchase_reversal 50"]],
    ),
    "subscription that changes": (Copy, [[MONTH]]),
}
assert CASES.keys() == BOOKED.keys()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BOOKED, ids=lambda name: name.replace(" ", "-"))
async def test_after_a_connection_lost_at_any_step_the_event_is_booked_once(pod, sandbox, conn, breaks, name):
    kind, ledger = CASES[name]
    case = kind(pod, sandbox, conn, await sell(conn, sandbox, PACK, PLAN, "PRO_MONTHLY"))
    for code, price in case.prices.items():
        await conn.execute(AMOUNT, price, AMOUNTS[code] // 100)
    await case.prepare()
    await case.deliver(await case.newest(kind.kind))
    whole, at, over = await case.left(), 1, False
    assert [each["ledger"] for each in whole] == ledger
    while not over:
        left, over = await broken(case, breaks, conn, at)
        assert left == whole, at
        at += 1
    assert at > BOOKED[name].steps, "it died at many moments"


async def broken(case, breaks, conn, at):
    """The rows after the connection was lost at that step, the lease ended, and the event came again.

    Also returns whether there were fewer steps than that.
    """
    await case.prepare()
    before, event = await case.left(), await case.newest(case.kind)
    breaks.begin(at)
    await case.deliver(event)
    over, breaks.at = breaks.over, 0
    if not over and not breaks.committed:
        assert await case.left() == before, at
        assert await conn.fetchval(CLAIMED) == 1, at
    await conn.execute(LEASE_ENDS)
    await case.pod.pod.worker.drain()
    assert await conn.fetch(WAITING) == [], at
    once = await case.left()
    await case.deliver(event, id=f"{event['id']}_again")
    assert written(await case.left()) == written(once), at
    return once, over


def written(payments):
    """The payments, without the rows of their history about events that were read."""
    return [each | {"history": [act for act in each["history"] if act != "event_applied"]} for each in payments]
