"""`GET /api/v1/access` and `GET /api/v1/downloads` never disagree, and neither waits for the other's locks."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from hingecraft.purchases import store
from support.downloads import SECRET, Shop, ask
from support.limits import PROGRESS
from support.lock_waits import waiting
from support.pods import running_pod
from support.tokens import SETTINGS, bearer, token_for

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
RUNS, LAPSED, FUTURE = (-10 * DAY, 20 * DAY), (-40 * DAY, -10 * DAY), (10 * DAY, 40 * DAY)
STATUSES = {"owned": 200, "subscribed": 200, "not_bought": 402, "expired": 403, "refunded": 403, "disputed": 403}


@pytest.fixture
async def pod(dsn, tmp_path):
    (tmp_path / "hinge.pdf").write_bytes(b"a hinge")
    settings = {**SETTINGS, "downloads": f"file://{tmp_path}", "download_secret": SECRET}
    async with running_pod(dsn, background=False, **settings) as running:
        yield running


@pytest.fixture
def shop(conn):
    return Shop(conn)


async def access(pod, user, product):
    _, answer = await pod.call("GET", f"/api/v1/access/{product}", headers=bearer(token_for(str(user))))
    data = answer["data"]
    assert data["allowed"] == (data["reason"] in {"owned", "subscribed"})
    return data["reason"]


class Given:
    """One state of what a user has."""

    def __init__(self, shop, user, design):
        self.shop, self.user, self.design = shop, user, design

    async def nothing(self):
        pass

    async def own(self):
        await self.shop.buys(self.user, self.design)

    async def own_refunded(self):
        await self.shop.revoke(await self.shop.buys(self.user, self.design), "refunded")

    async def own_disputed(self):
        await self.shop.revoke(await self.shop.buys(self.user, self.design), "disputed")

    async def own_ended(self):
        await self.shop.buys(self.user, self.design, ends=timedelta())

    async def periods(self, *periods, **more):
        return await self.shop.subscribes(self.user, await self.shop.subscription(), *periods, **more)

    async def subscribed(self):
        await self.periods(RUNS)

    async def lapsed(self):
        await self.periods(LAPSED, status="canceled")

    async def period_refunded(self):
        await self.shop.revoke((await self.periods(RUNS))[0], "refunded")

    async def period_disputed(self):
        await self.shop.revoke((await self.periods(RUNS))[0], "disputed")

    async def in_grace(self):
        await self.periods((-30 * DAY, -HOUR))

    async def next_period_paid(self):
        now, _ = await self.periods(RUNS, FUTURE)
        await self.shop.revoke(now, "refunded")

    async def only_a_future_period(self):
        await self.periods(FUTURE)

    async def off_sale(self):
        await self.shop.conn.execute("UPDATE products SET active = false WHERE id = $1", self.design)


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ((Given.nothing,), "not_bought"),
        ((Given.own,), "owned"),
        ((Given.own_refunded,), "refunded"),
        ((Given.own_disputed,), "disputed"),
        ((Given.own_ended,), "expired"),
        ((Given.subscribed,), "subscribed"),
        ((Given.lapsed,), "expired"),
        ((Given.in_grace,), "subscribed"),
        ((Given.period_refunded,), "refunded"),
        ((Given.period_disputed,), "disputed"),
        ((Given.next_period_paid,), "refunded"),
        ((Given.only_a_future_period,), "not_bought"),
        ((Given.own_refunded, Given.subscribed), "subscribed"),
        ((Given.own_refunded, Given.lapsed), "refunded"),
        ((Given.own_ended, Given.period_refunded), "expired"),
        ((Given.own, Given.lapsed), "owned"),
        ((Given.own, Given.off_sale), "owned"),
        ((Given.subscribed, Given.off_sale), "not_bought"),
        ((Given.lapsed, Given.off_sale), "not_bought"),
        ((Given.own_refunded, Given.own), "owned"),
    ],
)
async def test_access_and_downloads_say_the_same(pod, shop, states, reason):
    user, design = uuid4(), await shop.design()
    given = Given(shop, user, design)
    for state in states:
        await state(given)
    assert await access(pod, user, design) == reason
    status, answer = await ask(pod, user, design)
    assert status == STATUSES[reason]
    assert status == 200 or answer["code"] == reason


async def test_a_url_that_a_subscriber_has_does_not_open_a_design_that_is_no_longer_sold(pod, shop):
    user, design = uuid4(), await shop.design()
    given = Given(shop, user, design)
    await given.subscribed()
    assert (await ask(pod, user, design))[0] == 200
    await given.off_sale()
    assert await access(pod, user, design) == "not_bought"
    assert (await ask(pod, user, design))[0] == 402


async def test_a_subscription_gives_no_course_and_each_product_is_its_own(pod, shop):
    user, course, subscription = uuid4(), await shop.design(kind="course"), await shop.subscription()
    await shop.subscribes(user, subscription, RUNS)
    assert await access(pod, user, course) == "not_bought"
    assert await access(pod, user, subscription) == "subscribed"
    assert await access(pod, user, await shop.subscription()) == "not_bought"
    await shop.buys(user, course)
    assert await access(pod, user, course) == "owned"


@pytest.mark.parametrize("first", [0, 1])
async def test_a_download_and_a_refund_of_two_payments_never_wait_for_each_other(pod, shop, first):
    """The refund has the one entitlement when the download begins, and needs the other one then."""
    user, design = uuid4(), await shop.design()
    bought = sorted([await shop.buys(user, design, limit=5) for _ in range(2)])
    paid = [
        await shop.conn.fetchval("SELECT payment_id FROM entitlements WHERE id = $1", bought[each])
        for each in (first, 1 - first)
    ]
    async with pod.pod.database.transaction() as conn:
        await store.update_access(conn, {paid[0]: "refunded"})
        download = asyncio.create_task(ask(pod, user, design))
        async with asyncio.timeout(PROGRESS):
            while not (download.done() or await waiting(shop.conn)):
                await asyncio.sleep(0.01)
        await store.update_access(conn, {paid[1]: "disputed"})
    status, answer = await download
    assert status in {200, 403}, answer
    assert await shop.granted() == sum([await shop.used(each) for each in bought]) == (status == 200)
    assert (await ask(pod, user, design))[0] == 403


async def test_downloads_and_refunds_at_the_same_moment_count_what_was_granted(pod, shop):
    """Two payments of a user that are refunded and paid again, many times, while the user downloads.

    The states last for different times: otherwise each download may come in the same one.
    """
    user, design = uuid4(), await shop.design()
    bought = [await shop.buys(user, design, limit=1_000_000) for _ in range(2)]
    paid = "SELECT payment_id FROM entitlements WHERE id = ANY ($1) ORDER BY id DESC"
    payments = [row["payment_id"] for row in await shop.conn.fetch(paid, bought)]
    over, database = asyncio.Event(), pod.pod.database

    async def refunds():
        for lasts in itertools.cycle((0, 0.01, 0.05, 0.25)):
            for because in ("refunded", None):
                async with database.transaction() as conn:
                    await store.update_access(conn, dict.fromkeys(payments, because))
                await asyncio.sleep(lasts)
            if over.is_set():
                return

    async def downloads():
        seen: Counter[int] = Counter()
        while len(seen) < 2 or seen.total() < 40:
            status, answer = await ask(pod, user, design)
            assert status in {200, 403}, answer
            seen[status] += 1
            await shop.conn.execute("UPDATE downloads SET expires_at = created_at")

    async with asyncio.timeout(PROGRESS), asyncio.TaskGroup() as group:
        group.create_task(refunds())
        await downloads()
        over.set()
    used = [await shop.used(each) for each in bought]
    assert sum(used) == await shop.granted() > 0
