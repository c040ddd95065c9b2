"""The last second of a period, at times that are given: in a transaction Postgres' `now()` stands still."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from hingecraft.credits import running_plan
from hingecraft.credits import store as credits_store
from hingecraft.members.subscriptions import store as subscriptions
from hingecraft.purchases import store as purchases
from hingecraft.purchases.downloads import store as downloads
from support.credits import give_credits
from support.downloads import Shop

SECOND, HOUR, MONTH = timedelta(seconds=1), timedelta(hours=1), timedelta(days=31)
GRACE = timedelta(hours=24)
ENDS = "UPDATE entitlements SET ends_at = now() + $2::interval WHERE id = $1"
BEGINS = "UPDATE entitlements SET starts_at = now() + $2::interval WHERE id = $1"
COPY = "UPDATE subscriptions SET cancel_at_period_end = $1, status = $2, current_period_end = now() + $3::interval"
PLAN = """
UPDATE subscriptions SET purpose = 'credits',
    price_id = (SELECT price_id FROM credit_prices WHERE code = 'BASIC_MONTHLY')
"""
PURCHASE = "SELECT purchase_id FROM entitlements WHERE id = $1"


@pytest.fixture
async def still(conn):
    """A transaction whose time stands still; nothing of it stays."""
    transaction = conn.transaction()
    await transaction.start()
    yield conn
    await transaction.rollback()


@pytest.fixture
async def subscribed(still):
    """A user with a subscription that runs, its product, and the entitlement of its first period."""
    shop, user = Shop(still), uuid4()
    product = await shop.subscription()
    (first,) = await shop.subscribes(user, product, (-MONTH, MONTH), limit=5)
    return shop, user, product, first


async def access(conn, user, product, grace=GRACE):
    held = await purchases.held(conn, user, product, livemode=False, grace=grace)
    return held.access.reason


async def status(conn, entitlement):
    found = await purchases.purchase(conn, await conn.fetchval(PURCHASE, entitlement), livemode=False, grace=GRACE)
    return found.status


@pytest.mark.parametrize(
    ("cancels", "stands", "ends"),
    [
        (False, "active", GRACE),
        (False, "past_due", GRACE),
        (True, "active", timedelta()),
        (False, "unpaid", timedelta()),
    ],
)
async def test_access_ends_at_the_end_of_the_period_or_of_its_grace_and_not_a_second_before(
    still, subscribed, cancels, stands, ends
):
    _, user, product, first = subscribed
    over = "cancelled" if cancels else "expired"
    for left, reason, shown in (
        (SECOND, "subscribed", "active"),
        (timedelta(), "expired", over),
        (-SECOND, "expired", over),
    ):
        await still.execute(COPY, cancels, stands, left - ends)
        await still.execute(ENDS, first, left - ends)
        assert (await access(still, user, product), await status(still, first)) == (reason, shown)


async def test_a_renewal_that_is_told_some_seconds_after_leaves_no_gap(still, subscribed):
    """The grace bridges the seconds, and the new period begins where the old one ended."""
    _, user, product, first = subscribed
    late = timedelta(seconds=7)
    await still.execute(COPY, False, "active", -late)
    await still.execute(ENDS, first, -late)
    assert await access(still, user, product) == "subscribed"
    payment = await still.fetchval("SELECT payment_id FROM entitlements WHERE id = $1", first)
    renewal = await still.fetchval(
        "INSERT INTO payments SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid()))).* "
        "FROM payments p WHERE id = $1 RETURNING id", payment,
    )  # fmt: skip
    second = await still.fetchval(
        "INSERT INTO entitlements (purchase_id, user_id, payment_id, starts_at, ends_at) "
        "SELECT purchase_id, user_id, $2, ends_at, ends_at + interval '1 month' FROM entitlements WHERE id = $1 "
        "RETURNING id", first, renewal,
    )  # fmt: skip
    await still.execute(COPY, True, "active", MONTH)
    for begins in (-late, timedelta(), SECOND):
        await still.execute(ENDS, first, begins)
        await still.execute(BEGINS, second, begins)
        assert await access(still, user, product, grace=timedelta()) == "subscribed"
        assert await status(still, first) == "active"


async def test_a_url_of_the_last_second_ends_with_the_period(still, subscribed):
    shop, user, _, first = subscribed
    design = await shop.design()
    await still.execute(COPY, True, "active", SECOND)
    await still.execute(ENDS, first, SECOND)
    held = await purchases.held(still, user, design, livemode=False, grace=GRACE)
    counted = held.access.next_counted
    assert counted is not None
    granted = await downloads.count(still, user, design, counted, timedelta(minutes=10))
    assert granted.expires_at <= held.moment + SECOND
    assert (await downloads.served(still, granted.id, GRACE)).entitlement.holds(held.moment)
    await still.execute(ENDS, first, timedelta())
    assert not (await downloads.served(still, granted.id, GRACE)).open
    held = await purchases.held(still, user, design, livemode=False, grace=GRACE)
    assert (held.access.reason, held.access.next_counted) == ("expired", None)


async def test_a_plan_and_its_credits_do_not_end_with_the_period_and_stripe_is_asked_from_its_end_on(still, subscribed):
    """Only Stripe says that a plan is over, and credits do not lapse."""
    _, user, _, _ = subscribed
    await give_credits(still, user, 100)
    await still.execute(PLAN)
    for left, due in ((SECOND, []), (timedelta(), []), (-SECOND, [user]), (-HOUR, [user])):
        await still.execute(COPY, False, "active", left)
        plan = await running_plan.plan_of(still, user, livemode=False)
        assert (plan.plan_type, plan.status) == ("basic", "active")
        assert (await credits_store.balance(still, user)).balance == 100
        assert len(await subscriptions.due(still, "", livemode=False)) == len(due)
