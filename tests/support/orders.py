"""A small world in which donors, banks, the wire and we act in any order; Hypothesis chooses which."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, ClassVar

import aiohttp
import asyncpg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hingecraft.inbox import store as inbox
from hingecraft.providers.nowpayments import webhook as nowpayments_webhook
from hingecraft.providers.patience import TokenBucket
from hingecraft.providers.stripe import webhook as stripe_webhook
from hingecraft.reconcile.service import Reconciler
from hingecraft.settings import Secret
from hingecraft.steps import Options
from support.pods import Running, running_pod
from support.provider_records import coin_payments, kept_coins, sessions_of
from support.reconciling import reconciler
from support.sandbox import Sandbox
from support.standing_links import begin

GENERATE = "/charter/generate-payment"
COINS = {"amount": 25, "currency": "BTC"}
COIN_ACTS = ("pay", "half", "rest", "twice", "again", "wrong_asset", "fail", "expire", "refund")
# A hint may say anything; what counts is what the API says when it is asked.
HINTS = ("waiting", "confirming", "sending", "partially_paid", "finished", "failed", "refunded", "expired")
# By the sandbox's switch for it.
WRONG_KEYS: tuple[tuple[str, Any], ...] = (
    ("revoked", ["sk_test_sandbox"]),
    ("revoked", ["sandbox-key"]),
    ("accounts", {"sk_test_sandbox": "acct_other"}),
)
LOGIN = {"nowpayments_email": "shop@example.com", "nowpayments_password": "a-password"}
PRICES = (
    {"amount": "12.50", "currency": "EUR"},
    {"amount": 5, "currency": "USD"},
    {"amount": 300, "currency": "USD"},
    # An address that Stripe refuses: the session is made without it.
    {"amount": 7, "currency": "USD", "email": "a..b@example.com"},
)
DISPUTES = ("dispute", "inquire", "block", "resolve")
DECISIONS = ("won", "lost", "appeal", "escalate", "drop")
ACTS = ("pay", "fail", "expire", "pay_later", "arrive", "bounce", "refund_half", "refund", "value", *DISPUTES)
# Triggers and keys are off for this one connection: nothing else could empty books that only grow.
EMPTY = """
SET session_replication_role = replica;
DELETE FROM settlements; DELETE FROM settlement_totals; DELETE FROM settlement_value_checks;
DELETE FROM provider_events; DELETE FROM provider_event_ids;
DELETE FROM payment_audit; DELETE FROM outbox; DELETE FROM external_payments; DELETE FROM payments;
DELETE FROM reconcile_cursors; DELETE FROM reconcile_runs;
UPDATE currencies SET enabled = code IN ('USD', 'EUR', 'BTC');
"""
BOOKS = """
SELECT CASE WHEN p.source = 'standing_link' THEN p.provider_id ELSE p.id::text END AS id,
       p.status, p.provider, coalesce(sum(s.amount), 0) AS amount,
       count(s.id) FILTER (WHERE s.kind = 'charge')::int AS charges
FROM payments p LEFT JOIN settlements s ON s.payment_id = p.id GROUP BY p.id
"""
LINK_OF = (
    "SELECT provider_url FROM external_payments WHERE kind = 'standing' AND provider_url IS NOT NULL AND currency = $1"
)
LOSE_LINKS = "DELETE FROM external_payments WHERE kind = 'standing'"
# Each of them in the totals as they are kept, and as they follow from the settlements.
TOTALS = """
WITH gifts AS (
    SELECT sum(amount) AS amount, coalesce(sum(usd_amount), 0) AS usd, count(*) - count(usd_amount) AS unknown,
           coalesce(sum(amount) FILTER (WHERE usd_amount IS NULL), 0) AS unconverted
    FROM settlements GROUP BY payment_id, currency
)
SELECT ARRAY[coalesce(sum(amount), 0), coalesce(sum(usd_amount), 0), coalesce(sum(unconverted), 0),
             coalesce(sum(charges), 0)] AS kept,
       (SELECT ARRAY[coalesce(sum(amount), 0), coalesce(sum(usd), 0), coalesce(sum(unconverted), 0),
                     count(*) FILTER (WHERE amount > 0 AND (unknown > 0 OR usd > 0))] FROM gifts) AS summed
FROM settlement_totals
"""
WORTH = """
SELECT provider_ref AS intent, usd_amount AS usd FROM settlements WHERE provider = 'stripe' AND kind = 'charge'
"""
# A dispute is worth the whole cents that left the balance, so that only refunds give back just what came.
LEFT = """
SELECT sum(amount) AS amount, sum(usd_amount) AS usd FROM settlements WHERE provider = 'stripe'
GROUP BY payment_id HAVING sum(amount) = 0 AND count(*) FILTER (WHERE kind = 'dispute') = 0
"""


class World:
    """The parts that all cases share: a pod, a sandbox, a database, and their event loop."""

    settings: ClassVar[Mapping[str, Any]] = LOGIN
    reconciler = staticmethod(reconciler)

    def __init__(self, dsn: Secret, sandbox: Sandbox) -> None:
        self._dsn = dsn
        self.sandbox = sandbox
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.pod: Running
        self.conn: asyncpg.Connection
        self._reconciler: Reconciler

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    async def open(self) -> None:
        enter = self._stack.enter_async_context
        settings = {**self.sandbox.settings, **self.settings}
        self.pod = await enter(running_pod(self._dsn, background=False, **settings))
        self._reconciler = await enter(self.reconciler(self._dsn, **settings))
        # Ten calls a second are what the real one takes; the sandbox takes what it gets.
        for providers in (self.pod.pod.providers, self._reconciler.providers):
            providers.nowpayments._bucket = TokenBucket(5000)
        self.conn = await asyncpg.connect(self._dsn.newest)
        self._stack.push_async_callback(self.conn.close)

    async def begin(self) -> None:
        """Start a new case with an empty database."""
        await self.conn.execute(EMPTY)
        await self.sandbox.ask("DELETE", "/_sandbox/switches")
        await self.sandbox.ask("DELETE", "/_sandbox/book")

    async def leave(self) -> None:
        await self._stack.aclose()

    def close(self) -> None:
        self._runner.run(self.leave())
        self._runner.close()

    async def give(self, price: dict[str, Any]) -> str:
        status, answer = await self.pod.call("POST", GENERATE, json=price)
        assert status == 200, answer
        (session,) = await self.sandbox.sessions(answer["data"]["paymentId"])
        found: str = session["id"]
        return found

    async def give_through_link(self, currency: str) -> str:
        """Some payer opens a standing link, and says how much."""
        await self.reconcile()
        return await begin(self.sandbox, await self.conn.fetchval(LINK_OF, currency))

    async def lose_links(self) -> None:
        """As a restored backup from before they were made."""
        await self.conn.execute(LOSE_LINKS)

    async def give_coins(self) -> str:
        status, answer = await self.pod.call("POST", GENERATE, json=COINS)
        assert status == 200, answer
        found: str = answer["data"]["url"]
        return found

    async def coin_act(self, invoice: str, number: int, act: str) -> None:
        """Somebody opens the invoice, or goes on where they were."""
        mine = [each for each in await coin_payments(self.sandbox) if invoice.endswith(f"/{each['invoice_id']}")]
        if number >= len(mine):
            await self.sandbox.coins(invoice)
        elif act != "rest" or mine[number]["payment_status"] == "partially_paid":
            await self.press(f"/pay/nowpayments/payment/{mine[number]['payment_id']}/{act}")

    async def hint(self, hints: list[tuple[int, str]]) -> None:
        """IPNs, verified and kept: about any payment, saying anything."""
        payments = await coin_payments(self.sandbox)
        for number, status in hints if payments else ():
            hint = {"payment_id": payments[number % len(payments)]["payment_id"], "payment_status": status}
            await inbox.store(self.conn, [nowpayments_webhook.event_of(json.dumps(hint).encode())])

    async def press(self, path: str) -> None:
        """A button that may not be there any more, as a page that was open for long has them."""
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.sandbox.address + path, allow_redirects=False) as response,
        ):
            assert response.status in {303, 409}, await response.text()

    async def objects(self, kind: str) -> list[dict[str, Any]]:
        page = await self.sandbox.stripe(f"{kind}?limit=100")
        found: list[dict[str, Any]] = page["data"]
        return found

    async def deliver(self, events: list[dict[str, Any]]) -> None:
        """As the endpoint would: verified, and kept."""
        if events:
            await inbox.store(self.conn, [stripe_webhook.event_of(json.dumps(event).encode()) for event in events])

    async def pay_in_connected_account(self, session: str) -> None:
        ours = await self.sandbox.stripe(f"checkout/sessions/{session}")
        paid = {**ours, "status": "complete", "payment_status": "paid", "payment_intent": f"pi_{session}"}
        kind = "checkout.session.completed"
        event = {"id": f"evt_{session}", "object": "event", "type": kind, "livemode": False, "created": 1}
        await self.deliver([{**event, "account": "acct_connected", "data": {"object": paid}}])

    async def work(self) -> None:
        await self.conn.execute("UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL")
        await self.pod.pod.worker.drain()

    async def work_too_early(self, provider: str, reads: int) -> None:
        await self.sandbox.fault("status_before", provider=provider, method="GET", status=404, times=reads)
        await self.work()
        await self.sandbox.ask("DELETE", "/_sandbox/faults")

    async def work_with_a_wrong_key(self, switch: str, keys: Any) -> None:
        """Our key is rejected, or is another account's: what waits is done once it is right again."""
        await self.sandbox.ask("PUT", f"/_sandbox/{switch}", json=keys)
        await self.work()
        await self.sandbox.ask("PUT", f"/_sandbox/{switch}", json=type(keys)())

    async def reconcile(self) -> None:
        found = await self._reconciler.run(Options(every_checkout=True))
        assert found.errors == 0, found.reasons

    async def values_come(self) -> None:
        """Stripe says of everything that was paid what it is worth."""
        for session in await self.objects("checkout/sessions"):
            if session["payment_status"] == "paid":
                await self.press(f"/pay/stripe/c/{session['id']}/value")

    async def compare(self) -> None:
        """Our books are the provider's, and nothing is left over."""
        await self.values_come()
        for _ in range(3):
            await self.reconcile()
            await self.work()
        rows = await self.conn.fetch(BOOKS)
        ours = {
            row["id"]: (row["status"], row["amount"], row["charges"]) for row in rows if row["provider"] == "stripe"
        }
        assert ours == await sessions_of(self.sandbox)
        coins = {row["id"]: row["amount"] for row in rows if row["provider"] == "nowpayments" and row["amount"]}
        assert coins == await kept_coins(self.sandbox)
        assert await self.conn.fetchval("SELECT count(*) FROM provider_events WHERE processed_at IS NULL") == 0
        known = {row["provider_ref"] for row in await self.conn.fetch("SELECT provider_ref FROM settlements")}
        moved = await self.objects("refunds")
        moved += [each for each in await self.objects("disputes") if each["balance_transactions"]]
        assert {each["id"] for each in moved} <= known
        await self.every_value_is_the_providers()

    async def every_value_is_the_providers(self) -> None:
        """Whenever it came: a charge is worth what arrived, and of what was refunded whole nothing is left."""
        arrived = {each["source"]: Decimal(each["amount"]) / 100 for each in await self.objects("balance_transactions")}
        charges = await self.objects("charges")
        worth = {each["payment_intent"]: arrived[each["id"]] for each in charges if each["status"] != "failed"}
        for row in await self.conn.fetch(WORTH):
            assert row["usd"] == worth[row["intent"]]
        for row in await self.conn.fetch(LEFT):
            assert row["usd"] == 0
        assert await self.conn.fetchval("SELECT count(*) FROM settlements WHERE usd_amount IS NULL") == 0

    async def totals_agree(self) -> None:
        (row,) = await self.conn.fetch(TOTALS)
        assert row["kept"] == row["summed"]
        assert all(number >= Decimal(0) for number in row["summed"])


class Orders(RuleBasedStateMachine):
    """The rules."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.sessions: list[str] = []
        self.invoices: list[str] = []

    @initialize(
        prices=st.lists(st.sampled_from(PRICES), min_size=1, max_size=3),
        paid=st.lists(st.booleans()),
        through_links=st.lists(st.sampled_from(("USD", "EUR")), max_size=2),
        invoices=st.integers(0, 2),
        late=st.booleans(),
    )
    def begin(
        self, prices: list[dict[str, Any]], paid: list[bool], through_links: list[str], invoices: int, late: bool
    ) -> None:
        self.world.run(self.world.begin())
        if late:
            self.world.run(self.world.sandbox.values_late())
        self.sessions = [self.world.run(self.world.give_through_link(currency)) for currency in through_links]
        self.sessions += [self.world.run(self.world.give(price)) for price in prices]
        self.invoices = [self.world.run(self.world.give_coins()) for _ in range(invoices)]
        for session, is_paid in zip(self.sessions, paid, strict=False):
            if is_paid:
                self.world.run(self._act(session, "pay"))

    @rule(acts=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(ACTS)), min_size=1, max_size=4))
    def donors_and_banks_act(self, acts: list[tuple[int, str]]) -> None:
        for number, act in acts:
            self.world.run(self._act(self.sessions[number % len(self.sessions)], act))

    @precondition(lambda self: self.invoices)
    @rule(acts=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.sampled_from(COIN_ACTS)), max_size=4))
    def coins_move(self, acts: list[tuple[int, int, str]]) -> None:
        for invoice, number, act in acts:
            self.world.run(self.world.coin_act(self.invoices[invoice % len(self.invoices)], number, act))

    @precondition(lambda self: self.invoices)
    @rule(times=st.sampled_from((0.75, 1, 2)))
    def a_coin_changes_its_worth(self, times: float) -> None:
        """Never so much that a deposit is worth more than three times the price, and so has no value."""
        self.world.run(self.world.sandbox.ask("PUT", "/_sandbox/rates", json={"btc": times}))

    @rule(provider=st.sampled_from(("stripe", "nowpayments")), reads=st.integers(1, 4))
    def we_work_while_a_provider_does_not_know_yet(self, provider: str, reads: int) -> None:
        """The provider does not know the object of its own message yet."""
        self.world.run(self.world.work_too_early(provider, reads))

    @rule(wrong=st.sampled_from(WRONG_KEYS))
    def we_work_while_our_key_is_wrong(self, wrong: tuple[str, Any]) -> None:
        self.world.run(self.world.work_with_a_wrong_key(*wrong))

    @precondition(lambda self: self.invoices)
    @rule(hints=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(HINTS)), max_size=4))
    def hints_come(self, hints: list[tuple[int, str]]) -> None:
        self.world.run(self.world.hint(hints))

    async def _act(self, session: str, act: str) -> None:
        found = await self.world.sandbox.stripe(f"checkout/sessions/{session}")
        if act in {"refund", "refund_half", "value", *DISPUTES} and found["payment_status"] != "paid":
            return
        await self.world.press(f"/pay/stripe/c/{session}/{act}")

    @rule(data=st.data(), decision=st.sampled_from(DECISIONS))
    def a_bank_decides(self, data: st.DataObject, decision: str) -> None:
        refunds, disputes = (
            self.world.run(self.world.objects("refunds")),
            self.world.run(self.world.objects("disputes")),
        )
        paths = [f"/pay/stripe/refund/{each['id']}/fail" for each in refunds]
        paths += [f"/pay/stripe/dispute/{each['id']}/{decision}" for each in disputes]
        if paths:
            self.world.run(self.world.press(data.draw(st.sampled_from(paths))))

    @rule(data=st.data())
    def the_wire_delivers(self, data: st.DataObject) -> None:
        """Some of what was ever sent, in any order, some of it again; what is never chosen is lost."""
        events = self.world.run(self.world.objects("events"))
        if events:
            chosen = data.draw(st.lists(st.integers(0, len(events) - 1), max_size=8))
            self.world.run(self.world.deliver([events[number] for number in chosen]))

    @rule(number=st.integers(0, 4))
    def a_connected_account_is_paid(self, number: int) -> None:
        """By a session that says all that ours says: the money is somebody else's."""
        self.world.run(self.world.pay_in_connected_account(self.sessions[number % len(self.sessions)]))

    @rule()
    def a_backup_without_links_is_restored(self) -> None:
        self.world.run(self.world.lose_links())

    @rule()
    def we_work(self) -> None:
        self.world.run(self.world.work())

    @rule()
    def we_reconcile(self) -> None:
        self.world.run(self.world.reconcile())

    @invariant()
    def totals_agree(self) -> None:
        self.world.run(self.world.totals_agree())

    def teardown(self) -> None:
        self.world.run(self.world.compare())


def machine_of(world: World) -> type[RuleBasedStateMachine]:
    """The rules, over that world."""
    return type("OrdersOfOneWorld", (Orders,), {"world": world})
