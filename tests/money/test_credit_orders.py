"""Members' events in any order, doubled, dropped and late: in the end the ledger is what Stripe's objects say."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import AsyncExitStack
from fractions import Fraction

import aiohttp
import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hingecraft.inbox import store as inbox
from hingecraft.providers.stripe import webhook
from hingecraft_sandbox.providers.stripe import invoices, subscriptions
from support.credits import assert_books_agree
from support.members import PACK, PLAN, Member, sell
from support.pods import running_pod
from support.tokens import SETTINGS

# `make nightly` asks for many more.
CASES = min(int(os.environ.get("HC_ORDERS", "300")) // 30, 300)
ACTS = ("refund_half", "refund", "dispute", "inquire", "won", "fail_refund")
DUE = "UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL"
GRANTS = """
SELECT stripe_payment_id AS intent, sum(delta)::int AS "left",
       sum(delta) FILTER (WHERE NOT metadata ? 'grant')::int AS granted
FROM credits_transactions WHERE user_id = $1 GROUP BY stripe_payment_id
"""


FORGOTTEN = (
    "events", "refunds", "disputes", "charges", "payment_intents", "sessions", subscriptions.KIND, invoices.KIND,
    invoices.PAYMENTS,
)  # fmt: skip


class World:
    """A pod that works only when it is told to, and a sandbox that tells it nothing by itself."""

    def __init__(self, dsn, sandbox):
        self.runner, self.stack = asyncio.Runner(), AsyncExitStack()
        self.dsn, self.sandbox = dsn, sandbox

    async def open(self):
        await self.sandbox.ask("DELETE", "/_sandbox/book")
        more = {**self.sandbox.settings, **SETTINGS}
        self.pod = await self.stack.enter_async_context(running_pod(self.dsn, background=False, **more))
        self.conn = await asyncpg.connect(self.dsn.newest)
        self.stack.push_async_callback(self.conn.close)
        self.prices = await sell(self.conn, self.sandbox, PACK, PLAN)

    def close(self):
        self.runner.run(self.stack.aclose())
        self.runner.close()

    async def objects(self, kind):
        page = await self.sandbox.stripe(f"{kind}?limit=100")
        assert not page["has_more"]
        return page["data"]

    async def press(self, path):
        """A button that may not be there any more, as a page that was open for long has them."""
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.sandbox.address + path, allow_redirects=False) as response,
        ):
            assert response.status in {303, 404, 409}, await response.text()

    async def happen(self, acts, renewals):
        """Two members buy, one a pack and one a plan; then banks and people act on the payments.

        Nothing is left of the case before: its plans would be renewed too, and one page of events would not be all.
        """
        for kind in FORGOTTEN:
            await self.sandbox.ask("DELETE", f"/_sandbox/book/{kind}")
        self.members = [Member(self.pod, email=f"{name}@example.com") for name in ("ada", "bob")]
        for member, code in zip(self.members, (PACK, PLAN), strict=True):
            bought = await member.buy(self.prices[code])
            await self.sandbox.act(bought["sessionId"], "pay")
        (subscription, *_) = await self.objects("subscriptions")
        for _ in range(renewals):
            await self.press(f"/pay/stripe/subscription/{subscription['id']}/renew")
        sessions = (await self.objects("checkout/sessions"))[:2]
        pages = [f"c/{each['id']}" for each in sessions if each["mode"] == "payment"]
        pages += [f"invoice/{each['id']}" for each in (await self.objects("invoices"))[: renewals + 1]]
        for number, act in acts:
            await self.act(pages[number % len(pages)], act)

    async def act(self, page, act):
        if act == "won":
            for each in await self.objects("disputes"):
                await self.press(f"/pay/stripe/dispute/{each['id']}/won")
        elif act == "fail_refund":
            for each in (await self.objects("refunds"))[:1]:
                await self.press(f"/pay/stripe/refund/{each['id']}/fail")
        else:
            await self.press(f"/pay/stripe/{page}/{act}")

    async def deliver(self, events):
        await inbox.store(self.conn, [webhook.event_of(json.dumps(each).encode()) for each in events])
        await self.work()

    async def work(self):
        await self.conn.execute(DUE)
        await self.pod.pod.worker.drain()

    async def settle(self, events):
        """What was lost is read by the reconciliation."""
        await self.deliver(list(reversed(events)))
        for _ in range(20):
            if not await self.conn.fetchval("SELECT count(*) FROM provider_events WHERE processed_at IS NULL"):
                return
            await self.work()
        raise AssertionError(await self.conn.fetchval("SELECT error FROM provider_events WHERE processed_at IS NULL"))

    async def compare(self, renewals):
        await assert_books_agree(self.conn)
        charges = {each["payment_intent"]: each["amount"] for each in await self.objects("charges")}
        back = dict.fromkeys(charges, 0)
        for each in await self.objects("refunds"):
            back[each["payment_intent"]] += each["amount"] if each["status"] == "succeeded" else 0
        for each in await self.objects("disputes"):
            back[each["payment_intent"]] -= sum(move["amount"] for move in each["balance_transactions"])
        for member, (credits_, number) in zip(self.members, ((50, 1), (100, renewals + 1)), strict=True):
            rows = await self.conn.fetch(GRANTS, member.id)
            assert len(rows) == number
            for row in rows:
                share = Fraction(back[row["intent"]], charges[row["intent"]])
                assert row["granted"] == credits_
                assert row["left"] == credits_ - max(0, min(credits_, (credits_ * share) // 1))


@pytest.fixture
def world(dsn, sandbox_process):
    world = World(dsn, sandbox_process)
    world.runner.run(world.open())
    yield world
    world.runner.run(world.sandbox.ask("DELETE", "/_sandbox/book"))
    world.close()


@pytest.mark.timeout(300 + CASES * 30)
def test_whatever_the_order_the_ledger_is_what_stripe_says(world):
    # Without making a failing case smaller: each case takes a second, and would be tried hundreds of times.
    @settings(
        max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(
        acts=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(ACTS)), max_size=5),
        renewals=st.integers(0, 2),
        # None: in the order in which they happened.
        order=st.none() | st.randoms(use_true_random=False),
        batches=st.lists(st.integers(1, 12), max_size=4),
    )
    def check(acts, renewals, order, batches):
        world.runner.run(world.happen(acts, renewals))
        events = world.runner.run(world.objects("events"))
        told = list(reversed(events))
        if order is not None:
            order.shuffle(told)
        for each in batches:
            # The last of them is told twice; what is left over is lost.
            now, told = told[:each], told[each - 1 :]
            world.runner.run(world.deliver(now))
        world.runner.run(world.settle(events))
        world.runner.run(world.compare(renewals))

    check()
