"""A process is killed at each step of a request of members and admins: a repeat ends like an undisturbed run."""

from __future__ import annotations

import gc
import json
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from hingecraft.credits import model, service
from hingecraft.credits.checkouts import CheckoutRequest, MemberCheckouts
from hingecraft.credits.plan_sessions import PlanSessions
from hingecraft.credits.spending import Spending
from hingecraft.idempotency import service as idempotency
from hingecraft.idempotency.model import StoredAnswer
from hingecraft.members.deletion.service import Deletion
from hingecraft.members.portal import Portal
from hingecraft.payments.model import ProviderFailedError
from hingecraft.providers.patience import Deadline
from hingecraft_api.app import build_pod
from support.credits import assert_books_agree, give_credits
from support.member_paths import ASKED
from support.members import PACK, PLAN, sell
from support.pods import settings_of
from support.process_deaths import Life

KEY = "a-key-of-a-member"
OFFERED = "UPDATE credit_prices SET amount = 5, currency = 'USD' WHERE price_id = ANY ($1)"
LEASE_ENDS = "UPDATE idempotency_keys SET claimed_until = now() WHERE status IS NULL"
HERE = """
SELECT
    ARRAY(SELECT concat_ws(' ', status, source, purpose) FROM payments WHERE user_id = $1 ORDER BY created_at)
        AS payments,
    ARRAY(SELECT concat_ws(' ', e.kind, e.status) FROM external_payments e JOIN payments p ON p.id = e.payment_id
          WHERE p.user_id = $1 ORDER BY e.created_at) AS checkouts,
    ARRAY(SELECT concat_ws(' ', number, customer_id IS NOT NULL, deleted_at IS NOT NULL, email) FROM customers
          WHERE user_id = $1 ORDER BY number) AS customers,
    ARRAY(SELECT concat_ws(' ', delta, reason, balance_after) FROM credits_transactions WHERE user_id = $1
          ORDER BY id) AS ledger,
    (SELECT balance FROM credit_accounts WHERE user_id = $1) AS balance,
    (SELECT count(*) FROM used_plan_sessions u JOIN payments p ON p.id = u.payment_id WHERE p.user_id = $1) AS choices,
    ARRAY(SELECT finished_at IS NOT NULL FROM deleted_users WHERE user_id = $1) AS deleted,
    ARRAY(SELECT action FROM payment_audit WHERE details ->> 'user' = $1::text ORDER BY id) AS audited
"""


class Process:
    """The parts of a pod that these paths use."""

    def __init__(self, settings, ends_at=0):
        self.pod = build_pod(settings, CollectorRegistry())
        self.life = Life(ends_at)
        self.life.through(self.pod.database)
        self.life.calling(self.pod.providers.stripe.account)

    def __getitem__(self, part):
        return self.pod.parts[part]


class Path:
    """A request of one user, with the state before it."""

    code = PACK

    def __init__(self, sandbox, conn, prices):
        self.sandbox, self.conn, self.prices = sandbox, conn, prices
        self.user = uuid4()

    async def prepare(self, process):
        pass

    async def ask(self, process):
        await self.buy(process, self.code)

    async def buy(self, process, code, key=KEY):
        deadline = Deadline.within(10)
        claim = await idempotency.claim(process.pod.database, f"POST {self.user}", key, "print", deadline)
        if isinstance(claim, StoredAnswer):
            return json.loads(claim.body)
        opened = await process[MemberCheckouts].open(self.request(deadline, price_id=self.prices[code], claim=claim))
        await idempotency.keep(process.pod.database, claim, 201, json.dumps(opened.provider_id))
        return opened.provider_id

    def request(self, deadline, *, price_id="", claim=None, plan_session=None):
        return CheckoutRequest(
            user_id=self.user, email="ada@example.com", price_id=price_id, plan_type=None, metadata={},
            success_url=None, cancel_url=None, request_id="a-request", deadline=deadline, claim=claim,
            plan_session=plan_session,
        )  # fmt: skip

    async def until_done(self, process):
        """Repeat the request as a page does that gets no answer."""
        for _ in range(10):
            try:
                return await self.ask(process)
            except ProviderFailedError:
                await self.conn.execute(LEASE_ENDS)
        raise AssertionError("the sandbox does not answer")

    async def left(self):
        await assert_books_agree(self.conn)
        sessions = await self._objects("checkout/sessions", lambda each: each["client_reference_id"])
        customers = await self._objects("customers", lambda each: each["metadata"].get("userId"))
        ids = {each["customer"] for each in sessions}
        subscriptions = (await self.sandbox.stripe("subscriptions?limit=100&status=all"))["data"]
        return {
            **(await self.conn.fetchrow(HERE, self.user)),
            "sessions": [(each["mode"], each["status"]) for each in reversed(sessions)],
            "customers at Stripe": len(customers),
            "subscriptions": [each["status"] for each in subscriptions if each["customer"] in ids],
        }

    async def _objects(self, kind, user_of):
        page = (await self.sandbox.stripe(f"{kind}?limit=100"))["data"]
        return [each for each in page if user_of(each) == str(self.user)]


class Plan(Path):
    code = PLAN


class AnotherPlan(Path):
    code = "PRO_MONTHLY"

    async def prepare(self, process):
        await self.buy(process, PLAN, "a-key-of-the-first-plan")


class Chosen(Path):
    """Without a key: the plan session says which checkout it was."""

    async def prepare(self, process):
        self.choice, _ = process[PlanSessions].sign(self.prices[PLAN], "basic", {})

    async def ask(self, process):
        await process[MemberCheckouts].open(self.request(Deadline.within(10), plan_session=self.choice))


class Spend(Path):
    async def prepare(self, _process):
        await give_credits(self.conn, self.user, 100)

    async def ask(self, process):
        await process[Spending].spend(model.spend(self.user, 30, "a-reference", "a picture"))


class Adjustment(Path):
    async def ask(self, process):
        entry = model.adjustment(self.user, 20, "a-reference", "sorry")
        await service.adjust(process.pod.database, entry, actor="admin", request_id="a-request")


class BillingPortal(Path):
    async def prepare(self, process):
        await self.buy(process, PACK)
        for kind in ("portal_configurations", "keys"):
            await self.sandbox.ask("DELETE", f"/_sandbox/book/{kind}")

    async def ask(self, process):
        await process[Portal].open(self.user, "https://www.example.com/", Deadline.within(10))

    async def left(self):
        configurations = (await self.sandbox.stripe("billing_portal/configurations?limit=100"))["data"]
        return {**await super().left(), "configurations": len(configurations)}


class Deleted(Path):
    async def prepare(self, process):
        plan = await self.buy(process, PLAN, "a-key-of-the-plan")
        await self.sandbox.act(plan, "pay")
        await self.buy(process, PACK, "a-key-of-the-pack")

    async def ask(self, process):
        deleted = await process[Deletion].delete(
            self.user, Deadline.within(10), actor="admin", request_id="a-request"
        )  # fmt: skip
        if not deleted:
            raise ProviderFailedError("provider_unavailable", "Stripe did not answer in time.")


PATHS = {
    "first checkout of a pack": Path,
    "first checkout of a plan": Plan,
    "checkout of a plan in place of another": AnotherPlan,
    "checkout with a plan session": Chosen,
    "spend": Spend,
    "adjustment by an admin": Adjustment,
    "portal": BillingPortal,
    "deletion of a user": Deleted,
}
assert PATHS.keys() == ASKED.keys()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ASKED, ids=lambda name: name.replace(" ", "-"))
async def test_a_repeat_after_a_kill_at_any_step_ends_like_an_undisturbed_run(dsn, sandbox, conn, name):
    prices = await sell(conn, sandbox, PACK, PLAN, "PRO_MONTHLY")
    await conn.execute(
        "UPDATE credit_prices SET amount = 5, currency = 'USD' WHERE price_id = ANY ($1)", [*prices.values()]
    )
    settings = settings_of(dsn, **sandbox.settings, jwt_secret="a plan session secret of at least 32 characters")

    async def walked(ends_at):
        path = PATHS[name](sandbox, conn, prices)
        first, second = Process(settings, ends_at), Process(settings)
        try:
            await path.prepare(second)
            lived = await first.life.lives_through(path.ask(first) if ends_at else path.until_done(first))
            await conn.execute(LEASE_ENDS)
            await path.until_done(second)
        finally:
            await first.pod.close()
            await second.pod.close()
        return lived, await path.left()

    _, undisturbed = await walked(0)
    lived, moment = False, 0
    while not lived:
        moment += 1
        lived, left = await walked(moment)
        assert left == undisturbed, moment
    assert moment > ASKED[name].steps, "it died at many moments"
    # What the dead processes left is in cycles. It must not be collected while Python 3.11 parses a module: what is
    # imported then would end both.
    gc.collect()
