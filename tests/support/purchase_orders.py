"""Members, banks, the wire and we act on purchases in any order; Hypothesis chooses which."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from support.buying import ALL_DESIGNS, COURSE, DESIGN, PAYMENTS, Buyer, add_product, change_product
from support.orders import EMPTY, World
from support.purchase_books import Account, assert_purchases_agree
from support.subscribing import subscription_reconciler
from support.tokens import SETTINGS

PRODUCTS = (DESIGN, COURSE, ALL_DESIGNS)
# On the page of an intent, as its status allows.
PAYING = (
    "pay", "fail", "authenticate", "authenticated", "not_authenticated", "pay_later", "arrive", "bounce", "cancel",
)  # fmt: skip
BANKING = ("refund", "refund_half", "dispute", "inquire")
RENEWING = ("renew", "decline", "fix_card", "cancel_later", "keep", "cancel")
DECISIONS = ("won", "lost", "escalate", "drop")
EMPTY_PURCHASES = f"""
SET session_replication_role = replica;
DELETE FROM downloads; DELETE FROM entitlements; DELETE FROM purchases; DELETE FROM subscriptions;
DELETE FROM customers; DELETE FROM idempotency_keys;
{EMPTY}
"""
CHECKOUTS = """
SELECT e.provider_id, p.status FROM external_payments e JOIN payments p ON p.id = e.payment_id
WHERE p.user_id IS NOT NULL AND e.provider_id LIKE 'pi\\_%'
"""
OPEN, OVER = "pending", "expired"


class PurchaseWorld(World):
    """The same parts, with members and products."""

    settings = SETTINGS
    reconciler = staticmethod(subscription_reconciler)

    async def open(self, products: list[str] | None = None) -> None:
        """Over new products, or those that are there already."""
        await super().open()
        self.products = products or [await add_product(self.pod, body) for body in PRODUCTS]

    async def begin(self) -> None:
        """Events come from the rules only."""
        await super().begin()
        await self.sandbox.tells("http://127.0.0.1:9", enabled=False)
        await self.conn.execute(EMPTY_PURCHASES)
        for product, body in zip(self.products, PRODUCTS, strict=True):
            await change_product(self.pod, product, price=body["price"], active=True)

    async def leave(self) -> None:
        await self.sandbox.ask("DELETE", "/_sandbox/book")
        await super().leave()

    async def buy(self, member: Buyer, number: int) -> None:
        """Whatever is answered: it may be owned, be open, or be paid just now."""
        body = {"productType": PRODUCTS[number]["type"], "productId": self.products[number]}
        status, answer = await member.call("POST", PAYMENTS, body)
        assert status in {200, 201} or answer["code"] == "already_owned", answer

    async def cancel(self, member: Buyer) -> None:
        """All that the member can cancel."""
        rows = await self.conn.fetch("SELECT id FROM payments WHERE user_id = $1 AND source = 'purchase'", member.id)
        for row in rows:
            status, answer = await member.call("POST", f"{PAYMENTS}/{row['id']}/cancel")
            assert status == 200 or answer["code"] == "not_pending", answer

    async def cancel_subscriptions(self, member: Buyer) -> None:
        for each in await member.purchases():
            status, answer = await member.call("POST", f"/api/v1/purchases/{each['id']}/cancel")
            assert status == 200 or answer["code"] == "not_a_subscription", answer

    async def act(self, kind: str, page: str, number: int, act: str) -> None:
        """Press a button that may not be there any more."""
        found = await self.objects(kind)
        if found:
            await self.press(f"/pay/stripe/{page}/{found[number % len(found)]['id']}/{act}")

    async def bank(self, number: int, act: str) -> None:
        paid = [each["payment_intent"] for each in await self.objects("charges")]
        if paid:
            await self.press(f"/pay/stripe/i/{paid[number % len(paid)]}/{act}")

    async def compare(self) -> None:
        for _ in range(2):
            await self.reconcile()
            await self.work()
        assert await self.conn.fetch("SELECT type, error FROM provider_events WHERE processed_at IS NULL") == []
        await assert_purchases_agree(self.conn, await Account.read(self.sandbox))
        intents = {each["id"]: each["status"] for each in await self.objects("payment_intents")}
        for row in await self.conn.fetch(CHECKOUTS):
            status = intents[row["provider_id"]]
            if status != "succeeded":
                assert row["status"] == (OVER if status == "canceled" else OPEN), (dict(row), status)


class PurchaseOrders(RuleBasedStateMachine):
    """The rules."""

    world: ClassVar[PurchaseWorld]

    @initialize(bought=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.booleans()), min_size=1, max_size=4))
    def begin(self, bought: list[tuple[int, int, bool]]) -> None:
        self.world.run(self.world.begin())
        self.members = [Buyer(self.world.pod, email=f"{name}@example.com") for name in ("ada", "bob")]
        for member, product, paid in bought:
            self.world.run(self.world.buy(self.members[member], product))
            if paid:
                self.world.run(self.world.act("payment_intents", "i", 0, "pay"))

    @rule(member=st.integers(0, 1), product=st.integers(0, 2))
    def a_member_buys(self, member: int, product: int) -> None:
        self.world.run(self.world.buy(self.members[member], product))

    @rule(number=st.integers(0, 5), act=st.sampled_from(PAYING))
    def a_member_pays(self, number: int, act: str) -> None:
        self.world.run(self.world.act("payment_intents", "i", number, act))

    @rule(member=st.integers(0, 1))
    def a_member_cancels(self, member: int) -> None:
        self.world.run(self.world.cancel(self.members[member]))

    @rule(member=st.integers(0, 1))
    def a_member_cancels_subscriptions(self, member: int) -> None:
        self.world.run(self.world.cancel_subscriptions(self.members[member]))

    @rule(number=st.integers(0, 3), act=st.sampled_from(RENEWING))
    def a_subscription_goes_on(self, number: int, act: str) -> None:
        self.world.run(self.world.act("subscriptions", "subscription", number, act))

    @rule(product=st.integers(0, 2), price=st.sampled_from((9, 15)))
    def an_admin_changes_a_price(self, product: int, price: int) -> None:
        self.world.run(change_product(self.world.pod, self.world.products[product], price=price))

    @rule(number=st.integers(0, 5), act=st.sampled_from(BANKING))
    def a_bank_acts(self, number: int, act: str) -> None:
        self.world.run(self.world.bank(number, act))

    @rule(number=st.integers(0, 2), decision=st.sampled_from(DECISIONS))
    def a_bank_decides(self, number: int, decision: str) -> None:
        self.world.run(self.world.act("disputes", "dispute", number, decision))

    @rule(number=st.integers(0, 2))
    def a_refund_fails(self, number: int) -> None:
        self.world.run(self.world.act("refunds", "refund", number, "fail"))

    @rule(data=st.data())
    def the_wire_delivers(self, data: st.DataObject) -> None:
        """Some of what was ever sent, in any order, some of it again; what is never chosen is lost."""
        events = self.world.run(self.world.objects("events"))
        if events:
            chosen = data.draw(st.lists(st.integers(0, len(events) - 1), max_size=8))
            self.world.run(self.world.deliver([events[number] for number in chosen]))

    @rule(reads=st.integers(1, 4))
    def we_work_while_stripe_does_not_know_yet(self, reads: int) -> None:
        self.world.run(self.world.work_too_early("stripe", reads))

    @rule()
    def we_work(self) -> None:
        self.world.run(self.world.work())

    @rule()
    def we_reconcile(self) -> None:
        self.world.run(self.world.reconcile())

    def teardown(self) -> None:
        self.world.run(self.world.compare())


def machine_of(world: PurchaseWorld) -> type[RuleBasedStateMachine]:
    """The rules, over that world."""
    return type("PurchaseOrdersOfOneWorld", (PurchaseOrders,), {"world": world})
