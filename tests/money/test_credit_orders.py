"""Members' events in any order, doubled, dropped and late: in the end the ledger agrees with Stripe's objects."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import AsyncExitStack
from fractions import Fraction
from typing import Any

import aiohttp
import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from hingecraft.inbox import store as inbox
from hingecraft.providers.stripe import webhook
from hingecraft_sandbox.providers.stripe import invoices, subscriptions
from support.credits import assert_books_agree
from support.members import AMOUNTS, PACK, PLAN, Member, sell
from support.pods import running_pod
from support.purchases import customer_of, post
from support.tokens import SETTINGS

# `make nightly` asks for many more.
CASES = min(int(os.environ.get("HC_ORDERS", "300")) // 30, 300)
ACTS = ("refund_half", "refund", "dispute", "inquire", "won", "fail_refund")
# What happens to the plan of one member, and to the trial of another.
TURNS = ("renew", "trial_renew", "up", "down", "cancel", "keep", "days")
BIGGER = "PRO_MONTHLY"
CREDITS = {PACK: 50, PLAN: 100, BIGGER: 500}
DUE = "UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL"
GRANTS = """
SELECT stripe_payment_id AS intent, sum(delta)::int AS "left",
       sum(delta) FILTER (WHERE NOT metadata ? 'grant')::int AS granted
FROM credits_transactions WHERE user_id = $1 GROUP BY stripe_payment_id
"""
COPIES = "SELECT id, status, price_id FROM subscriptions WHERE user_id = $1"
FORGOTTEN = (
    "events", "refunds", "disputes", "charges", "payment_intents", "sessions", subscriptions.KIND, invoices.KIND,
    invoices.PAYMENTS, "clocks",
)  # fmt: skip


class World:
    """A pod that works only when it is told to, and a sandbox that sends no events."""

    def __init__(self, dsn, sandbox):
        self.runner, self.stack = asyncio.Runner(), AsyncExitStack()
        self.dsn, self.sandbox = dsn, sandbox

    async def open(self):
        await self.sandbox.ask("DELETE", "/_sandbox/book")
        more = {**self.sandbox.settings, **SETTINGS}
        self.pod = await self.stack.enter_async_context(running_pod(self.dsn, background=False, **more))
        self.conn = await asyncpg.connect(self.dsn.newest)
        self.stack.push_async_callback(self.conn.close)
        self.prices = await sell(self.conn, self.sandbox, *CREDITS)
        self.codes = {price: code for code, price in self.prices.items()}
        status, _ = await self.pod.call("GET", "/api/v1/credits/packs")
        assert status == 200, "amounts are read when they are first needed"

    def close(self):
        self.runner.run(self.stack.aclose())
        self.runner.close()

    async def objects(self, kind, **wanted):
        """All of them, the newest first."""
        found: list[Any] = []
        more = True
        query = "".join(f"&{name}={value}" for name, value in wanted.items())
        while more:
            after = f"&starting_after={found[-1]['id']}" if found else ""
            page = await self.sandbox.stripe(f"{kind}?limit=100{query}{after}")
            found += page["data"]
            more = page["has_more"]
        return found

    async def press(self, path, **form):
        """Press a button of a page that was opened earlier: the button may be gone by now."""
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.sandbox.address + path, data=form, allow_redirects=False) as response,
        ):
            assert response.status in {303, 404, 409}, await response.text()

    async def happen(self, turns, acts):
        """One member buys a pack, another a plan, and a third gets a trial in Stripe's dashboard.

        The plans are renewed and changed; then banks and people act on the payments. Nothing is left of the case
        before: its plans would be renewed too.
        """
        for kind in FORGOTTEN:
            await self.sandbox.ask("DELETE", f"/_sandbox/book/{kind}")
        self.members = [Member(self.pod, email=f"{name}@example.com") for name in ("ada", "bob", "cyd")]
        pack, plan, unpaid = [
            await member.buy(self.prices[code]) for member, code in zip(self.members, (PACK, PLAN, PACK), strict=True)
        ]
        for each in (pack, plan):
            await self.sandbox.act(each["sessionId"], "pay")
        await self.sandbox.act(unpaid["sessionId"], "expire")
        trial = await self.get_trial(await customer_of(self.conn, self.members[2]))
        plan = (await self.sandbox.stripe(f"checkout/sessions/{plan['sessionId']}"))["subscription"]
        for turn in turns:
            await self.take(turn, plan, trial)
        pages = [f"c/{pack['sessionId']}", *(f"invoice/{each['id']}" for each in await self.objects("invoices"))]
        for number, act in acts:
            await self.act(pages[number % len(pages)], act)

    async def get_trial(self, customer):
        line = {"line_items[0][price]": self.prices[PLAN], "line_items[0][quantity]": "1"}
        session = await post(
            self.sandbox, "checkout/sessions", mode="subscription", customer=customer, **line,
            success_url="https://www.example.com/", **{"subscription_data[trial_period_days]": "7"},
        )  # fmt: skip
        await self.sandbox.act(session["id"], "pay")
        return (await self.sandbox.stripe(f"checkout/sessions/{session['id']}"))["subscription"]

    async def take(self, turn, plan, trial):
        if turn == "days":
            await self.sandbox.ask("PUT", "/_sandbox/clock", json={"days": 11})
        elif turn in {"renew", "trial_renew"}:
            await self.press(f"/pay/stripe/subscription/{plan if turn == 'renew' else trial}/renew")
        else:
            status, answer = await self.members[1].call("POST", "/api/v1/billing-portal", {})
            assert status == 200, answer
            page = f"{answer['data']['url'].removeprefix(self.sandbox.address)}/{plan}"
            prices = {"up": self.prices[BIGGER], "down": self.prices[PLAN]}
            await (self.press(f"{page}/switch", price=prices[turn]) if turn in prices else self.press(f"{page}/{turn}"))

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
        """The reconciliation reads the lost events."""
        await self.deliver(list(reversed(events)))
        for _ in range(20):
            if not await self.conn.fetchval("SELECT count(*) FROM provider_events WHERE processed_at IS NULL"):
                return
            await self.work()
        raise AssertionError(await self.conn.fetchval("SELECT error FROM provider_events WHERE processed_at IS NULL"))

    async def compare(self):
        await assert_books_agree(self.conn)
        charges = {each["payment_intent"]: each["amount"] for each in await self.objects("charges")}
        back = dict.fromkeys(charges, 0)
        for each in await self.objects("refunds"):
            back[each["payment_intent"]] += each["amount"] if each["status"] == "succeeded" else 0
        for each in await self.objects("disputes"):
            back[each["payment_intent"]] -= sum(move["amount"] for move in each["balance_transactions"])
        for member in self.members:
            granted = await self.granted(await customer_of(self.conn, member))
            rows = {row["intent"]: row for row in await self.conn.fetch(GRANTS, member.id)}
            assert {intent: row["granted"] for intent, row in rows.items()} == granted
            for intent, credits_ in granted.items():
                share = Fraction(back[intent], charges[intent])
                assert rows[intent]["left"] == credits_ - max(0, min(credits_, (credits_ * share) // 1))
            for row in await self.conn.fetch(COPIES, member.id):
                found = await self.sandbox.stripe(f"subscriptions/{row['id']}")
                price = found["items"]["data"][0]["price"]["id"]
                assert (row["status"], row["price_id"]) == (found["status"], price)

    async def granted(self, customer):
        """The grants that follow from Stripe's objects, by PaymentIntent."""
        found = {
            each["payment_intent"]: CREDITS[PACK]
            for each in await self.objects("checkout/sessions", customer=customer)
            if each["mode"] == "payment" and each["payment_status"] == "paid"
        }
        for each in await self.objects("invoices", customer=customer):
            credits_ = self.credits_of(each) if each["status"] == "paid" else 0
            if credits_:
                (payment,) = await self.objects("invoice_payments", invoice=each["id"])
                found[payment["payment"]["payment_intent"]] = credits_
        return found

    def credits_of(self, invoice):
        """Whole periods grant what their plan does; changes the difference, by what was charged for it."""
        periods, changes = 0, Fraction(0)
        for line in invoice["lines"]["data"]:
            code = self.codes[line["pricing"]["price_details"]["price"]]
            details = line["parent"].get("subscription_item_details") or line["parent"]["invoice_item_details"]
            if details["proration"]:
                changes += Fraction(CREDITS[code] * line["amount"], AMOUNTS[code])
            elif line["amount"]:
                periods += CREDITS[code] * line["quantity"]
        owed, left = -invoice["starting_balance"], -(invoice["ending_balance"] or 0)
        if invoice["total"] > 0 and owed > left:
            changes *= 1 - Fraction(min(owed - left, invoice["total"]), invoice["total"])
        return periods + max(0, changes // 1)


@pytest.fixture
def world(dsn, sandbox_process):
    world = World(dsn, sandbox_process)
    world.runner.run(world.open())
    yield world
    world.runner.run(world.sandbox.ask("DELETE", "/_sandbox/book"))
    world.close()


@pytest.mark.timeout(300 + CASES * 30)
def test_in_any_order_of_events_the_ledger_agrees_with_stripe(world):
    # Without making a failing case smaller: each case takes a second, and would be tried hundreds of times.
    @settings(
        max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(
        turns=st.lists(st.sampled_from(TURNS), max_size=6),
        acts=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(ACTS)), max_size=6),
        # None: in the order in which they happened.
        order=st.none() | st.randoms(use_true_random=False),
        batches=st.lists(st.integers(1, 20), max_size=4),
    )
    @example(
        turns=["trial_renew", "days", "up", "renew", "days", "down", "renew", "cancel"],
        acts=[(0, "dispute"), (1, "dispute"), (3, "refund_half"), (3, "dispute"), (4, "refund"), (0, "won")],
        order=None,
        batches=[],
    )
    def check(turns, acts, order, batches):
        world.runner.run(world.happen(turns, acts))
        events = world.runner.run(world.objects("events"))
        told = list(reversed(events))
        if order is not None:
            order.shuffle(told)
        for each in batches:
            # The last of them is told twice; what is left over is lost.
            now, told = told[:each], told[each - 1 :]
            world.runner.run(world.deliver(now))
        world.runner.run(world.settle(events))
        world.runner.run(world.compare())

    check()
