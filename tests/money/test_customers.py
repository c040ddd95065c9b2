"""One customer of Stripe for each user and mode: under races, crashes, and after Stripe has deleted it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from hingecraft.db.connection import Database
from hingecraft.members.customers import store
from hingecraft.members.customers.service import Customers, DeletedUserError
from hingecraft.members.steps import members_steps
from hingecraft.payments.model import REPLAYED_FOR
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderMissingError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider
from support.members import PACK, STRIPE, Member, pod_for_members, reconciled, sell
from support.money import all_processed, send_stripe, stripe_event
from support.pods import settings_of

EMAIL = "ada@example.com"
AGE = "UPDATE customers SET created_at = created_at - $2::interval WHERE user_id = $1"
ROWS = "SELECT customer_id, deleted_at IS NOT NULL AS deleted FROM customers WHERE user_id = $1 ORDER BY number"


class Desk:
    """Makes customers of one user, in as many processes as a test likes."""

    def __init__(self, dsn, sandbox):
        self.sandbox = sandbox
        self.user = uuid4()
        self.database = Database(dsn, application="test", largest=10)
        self.stripe = StripeProvider(settings_of(dsn, **sandbox.settings))
        self.customers = Customers(self.database, self.stripe.customers, livemode=False)

    async def of(self, seconds=10.0, email=EMAIL):
        return await self.customers.of(self.user, email, Deadline.within(seconds))

    async def at_stripe(self):
        every = (await self.sandbox.stripe("customers?limit=100"))["data"]
        return [each["id"] for each in every if each["metadata"].get("userId") == str(self.user)]

    async def begin(self):
        """As far as a process comes that dies before its call."""
        async with self.database.transaction() as conn:
            await store.begin(conn, self.user, EMAIL, livemode=False)
            return await store.current(conn, self.user, livemode=False)

    async def reconcile(self):
        return await reconciled(members_steps(self.database, self.stripe))

    async def close(self):
        await self.stripe.close()
        await self.database.close()


@pytest.fixture
async def desk(dsn, sandbox):
    desk = Desk(dsn, sandbox)
    yield desk
    await desk.close()


async def test_ten_first_purchases_at_once_make_one_customer(desk, conn):
    made = await asyncio.gather(*(desk.of() for _ in range(10)))
    assert await desk.at_stripe() == [made[0]]
    assert set(made) == {made[0]}
    assert await conn.fetch(ROWS, desk.user) == [(made[0], False)]
    assert await desk.of() == made[0]


async def test_a_process_that_died_before_or_after_the_call_still_makes_one(desk):
    begun = await desk.begin()
    # The call is made and its answer lost.
    lost = await desk.stripe.customers.create(begun.request, begun.idempotency_key, Deadline.within(10))
    assert await desk.of() == lost
    assert await desk.at_stripe() == [lost]


async def test_a_call_without_an_answer_is_repeated_with_what_is_stored(desk):
    """Also by a caller that knows another address: the first one's parameters belong to the key."""
    await desk.sandbox.fault("status_after", path="customers", method="POST", times=9, status=500)
    with pytest.raises(ProviderUnknownError):
        await desk.of(seconds=1)
    await desk.sandbox.ask("DELETE", "/_sandbox/faults")
    made = await desk.of(email="ben@example.com")
    assert await desk.at_stripe() == [made]
    assert (await desk.sandbox.stripe(f"customers/{made}"))["email"] == EMAIL


@pytest.mark.parametrize("was_made", [True, False])
async def test_when_stripe_has_forgotten_the_key_the_customer_is_looked_for(desk, conn, was_made):
    begun = await desk.begin()
    if was_made:
        await desk.stripe.customers.create(begun.request, begun.idempotency_key, Deadline.within(10))
    await conn.execute(AGE, desk.user, REPLAYED_FOR + timedelta(hours=3))
    await desk.sandbox.ask("DELETE", "/_sandbox/book/keys")
    made = await desk.of()
    assert await desk.at_stripe() == [made]


async def test_a_creation_that_nobody_finished_is_finished_by_the_reconciliation(desk, conn):
    begun = await desk.begin()
    assert (await desk.reconcile()).customers_finished == 0, "its process may still be at work"
    await conn.execute(AGE, desk.user, timedelta(minutes=2))
    summary = await desk.reconcile()
    assert (summary.customers_finished, summary.errors) == (1, 0)
    (made,) = await desk.at_stripe()
    assert await conn.fetch(ROWS, desk.user) == [(made, False)]
    assert begun.customer_id is None


async def test_an_address_that_stripe_does_not_take_is_left_out(desk):
    made = await desk.of(email="ada..lovelace@example.com")
    assert (await desk.sandbox.stripe(f"customers/{made}"))["email"] is None
    assert await desk.at_stripe() == [made]


async def test_one_that_stripe_has_deleted_is_replaced_by_exactly_one(desk, conn):
    first = await desk.of()
    assert not await desk.customers.forget_deleted(first, Deadline.within(10))
    await desk.sandbox.ask("DELETE", f"/v1/customers/{first}", headers=STRIPE)

    async def replaced():
        await desk.customers.forget_deleted(first, Deadline.within(10))
        return await desk.of()

    made = await asyncio.gather(*(replaced() for _ in range(5)))
    assert await desk.at_stripe() == [made[0]]
    assert set(made) == {made[0]} != {first}
    assert await conn.fetch(ROWS, desk.user) == [(first, True), (made[0], False)]
    assert await store.owner_of(conn, first, livemode=False) == desk.user, "its later events still name the user"


async def test_another_accounts_key_says_nothing_about_a_customer(desk, conn):
    first = await desk.of()
    await desk.sandbox.ask("PUT", "/_sandbox/accounts", json={desk.sandbox.settings["stripe_secret"]: "acct_other"})
    with pytest.raises(ProviderMissingError):
        await desk.customers.forget_deleted(first, Deadline.within(10))
    assert await conn.fetch(ROWS, desk.user) == [(first, False)]


async def test_live_and_test_customers_are_apart(desk, conn):
    made = await desk.of()
    async with desk.database.transaction() as other:
        assert await store.current(other, desk.user, livemode=True) is None
        await store.begin(other, desk.user, EMAIL, livemode=True)
    assert await store.owner_of(conn, made, livemode=True) is None
    assert await desk.of() == made
    await conn.execute(AGE, desk.user, timedelta(minutes=2))
    assert (await desk.reconcile()).customers_finished == 0, "a test key makes no live customer"


async def test_a_deleted_user_gets_no_customer(desk, conn):
    await conn.execute("INSERT INTO deleted_users (user_id) VALUES ($1)", desk.user)
    with pytest.raises(DeletedUserError):
        await desk.of()
    assert await desk.at_stripe() == []


@pytest.fixture
async def ada(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as pod:
        yield Member(pod)


@pytest.fixture
async def pack(sandbox, conn):
    """The price of a pack that is sold."""
    return (await sell(conn, sandbox, PACK))[PACK]


async def delete_at_stripe(sandbox, customer):
    await sandbox.ask("DELETE", f"/v1/customers/{customer}", headers=STRIPE)


async def test_the_event_of_a_deletion_is_recorded_and_the_next_purchase_makes_one_customer(ada, pack, sandbox, conn):
    await ada.buy(pack)
    (first,) = await conn.fetch(ROWS, ada.id)
    await delete_at_stripe(sandbox, first["customer_id"])
    await all_processed(conn)
    assert await conn.fetch(ROWS, ada.id) == [(first["customer_id"], True)]
    await asyncio.gather(*(ada.buy(pack) for _ in range(5)))
    _, second = await conn.fetch(ROWS, ada.id)
    assert second == (second["customer_id"], False)
    every = (await sandbox.stripe("customers?limit=100"))["data"]
    assert [each["id"] for each in every if each["metadata"].get("userId") == str(ada.id)] == [second["customer_id"]]
    assert await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'failed'") == 0, "no sale was lost"


async def test_a_deletion_that_comes_twice_or_late_or_is_a_strangers_changes_nothing(ada, pack, sandbox, conn):
    await ada.buy(pack)
    (first,) = await conn.fetch(ROWS, ada.id)
    gone = await sandbox.stripe(f"customers/{first['customer_id']}")
    await delete_at_stripe(sandbox, first["customer_id"])
    await all_processed(conn)
    await ada.buy(pack)
    rows = await conn.fetch(ROWS, ada.id)
    for subject in (gone, {**gone, "id": "cus_other"}):
        assert (await send_stripe(ada.pod, stripe_event("customer.deleted", subject)))[0] == 200
    await all_processed(conn, at_least=3)
    assert await conn.fetch(ROWS, ada.id) == rows
    ignored = "SELECT ignored_because FROM provider_events WHERE ignored_because IS NOT NULL"
    assert await conn.fetchval(ignored) == "no user here has this customer"


async def test_a_customer_that_a_restored_backup_has_lost_is_found_by_its_event(ada, pack, sandbox, conn):
    await ada.buy(pack)
    (row,) = await conn.fetch(ROWS, ada.id)
    made = await sandbox.stripe(f"customers/{row['customer_id']}")
    await conn.execute("DELETE FROM customers")
    stranger = {**made, "id": "cus_other", "metadata": {**made["metadata"], "installation": str(uuid4())}}
    for subject in (made, made | {"id": "cus_copied"}, stranger):
        assert (await send_stripe(ada.pod, stripe_event("customer.created", subject)))[0] == 200
        await all_processed(conn)
    assert await conn.fetch(ROWS, ada.id) == [(row["customer_id"], False)]
    await ada.buy(pack)
    assert await conn.fetch(ROWS, ada.id) == [(row["customer_id"], False)]


async def test_the_event_of_a_customer_gives_the_answer_that_was_lost(desk, conn):
    begun = await desk.begin()
    made = await desk.stripe.customers.create(begun.request, begun.idempotency_key, Deadline.within(10))
    async with desk.database.transaction() as changed:
        await store.restore(changed, desk.user, made, EMAIL, livemode=False)
    assert await conn.fetch(ROWS, desk.user) == [(made, False)]
    assert await desk.of() == made
