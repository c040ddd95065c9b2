"""Two pods whose clocks are an hour wrong, and one with the right time: money, credits and access follow Postgres'."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from support.buying import DESIGN, Buyer, add_product
from support.clocks import environment
from support.credits import assert_books_agree
from support.downloads import DOWNLOADS, SECRET
from support.folders import open_folder
from support.members import CHECKOUT, PACK, Member, pod_for_members, sell
from support.money import all_processed, becomes, stripe_event, stripe_signature
from support.processes import ApiProcess
from support.sandbox import Sandbox
from support.tokens import SERVICE_TOKEN, SETTINGS, bearer, token_for

FAST, SLOW = "+1h", "-1h"
HALF, DAY = 1800, 86_400
PLAN_SESSION = "/api/v1/plan-session"
WRITTEN = "SELECT count(*) FROM credits_transactions WHERE created_at BETWEEN now() - interval '10 minutes' AND now()"
LIFE = "SELECT expires_at - now() FROM downloads"


class WrongPod(ApiProcess):
    """A pod in a process of its own, called as the others are."""

    async def call(self, method, path, **options):
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, self.public + path, **options) as response,
        ):
            return response.status, await response.json()


@pytest.fixture
async def pods(dsn, tmp_path):
    """The right one, which gets the sandbox's events, the one that is late, and the one that is early."""
    (tmp_path / DESIGN["file"]).write_bytes(b"a hinge")
    own = {"downloads": f"file://{tmp_path}", "download_secret": SECRET, "jwt_secret": "plan sessions " * 3}
    told = {
        name.upper(): ",".join(each) if isinstance(each, tuple) else each for name, each in {**SETTINGS, **own}.items()
    }
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        await sandbox.ready()
        wrong = [
            WrongPod(folder, offset, dsn.newest, **{**sandbox.environment, **told, **environment(offset)})
            for offset in (SLOW, FAST)
        ]
        try:
            for pod in wrong:
                await pod.start()
            async with pod_for_members(dsn, sandbox, **own) as right:
                for pod in wrong:
                    await pod.until("/ready", 200)
                yield sandbox, right, *wrong
        finally:
            for pod in wrong:
                await pod.stop()
            await sandbox.stop()


def member_at(pod, member):
    """The same member with a token that every clock accepts."""
    found = Member(pod, member.id)
    found.headers = bearer(token_for(str(member.id), exp=int(time.time()) + DAY))
    return found


async def test_money_credits_and_downloads_do_not_depend_on_a_pods_clock(pods, conn):
    sandbox, right, slow, fast = pods
    price = (await sell(conn, sandbox, PACK))[PACK]
    ada = Member(right)
    for pod in (slow, fast):
        bought = await member_at(pod, ada).buy(price)
        await sandbox.act(bought["sessionId"], "pay")
        await becomes(conn, bought["paymentId"], "completed")
        body = {"userId": str(ada.id), "amount": 5, "reference": f"at {pod.public}"}
        for _ in range(2):
            status, answer = await pod.call("POST", "/api/v1/credits/spend", json=body, headers=bearer(SERVICE_TOKEN))
            assert status == 200, answer
    await all_processed(conn)
    assert await conn.fetchval("SELECT balance FROM credit_accounts WHERE user_id = $1", ada.id) == 90
    assert await conn.fetchval(WRITTEN) == 4
    await assert_books_agree(conn)

    buyer, design = Buyer(right, ada.id), await add_product(right, DESIGN)
    begun = await buyer.begin(design)
    await sandbox.act_on_intent(begun["intent"], "pay")
    await buyer.gets(design, "owned")
    urls = set()
    for granting in (slow, fast):
        status, answer = await member_at(granting, ada).call("GET", f"{DOWNLOADS}/{design}")
        assert status == 200, answer
        urls.add(answer["data"]["url"].rpartition("/")[2])
    (token,) = urls
    assert timedelta(minutes=9) < await conn.fetchval(LIFE) <= timedelta(minutes=10)
    for pod in (slow, fast):
        async with aiohttp.ClientSession() as client, client.get(f"{pod.public}/downloads/{token}") as response:
            assert (response.status, await response.read()) == (200, b"a hinge")
    await conn.execute("UPDATE downloads SET expires_at = now()")
    for pod in (slow, fast):
        assert (await pod.call("GET", f"/downloads/{token}"))[1]["code"] == "download_expired"


async def test_tokens_plan_sessions_and_signatures_are_judged_by_the_clock_of_the_pod_that_reads_them(pods, conn):
    """As docs/members.md says: an hour off a pod takes an hour off its tokens, or gives them one."""
    sandbox, right, slow, fast = pods
    price = (await sell(conn, sandbox, PACK))[PACK]
    now = int(time.time())
    valid, ended = token_for(exp=now + HALF), token_for(exp=now - HALF)
    early = token_for(nbf=now + HALF, exp=now + DAY)
    for token, accepting in ((valid, (right, slow)), (ended, (slow,)), (early, (fast,))):
        for pod in (right, slow, fast):
            status, answer = await pod.call("GET", "/api/v1/credits/balance", headers=bearer(token))
            assert status == (200 if any(pod is each for each in accepting) else 401), answer
    chosen = []
    for pod in (slow, fast):
        status, answer = await pod.call("POST", PLAN_SESSION, json={"priceId": price, "planType": "credits"})
        assert status == 200, answer
        chosen.append(answer["data"]["token"])
    ada, eve = Member(right), Member(right)
    assert (await ada.call("POST", CHECKOUT, {"planSession": chosen[0]}))[1]["code"] == "invalid_plan_session"
    assert (await ada.call("POST", CHECKOUT, {"planSession": chosen[1]}))[0] == 201
    assert (await eve.call("POST", CHECKOUT, {"planSession": chosen[1]}))[1]["code"] == "plan_session_used"
    body = stripe_event("customer.updated", {"id": "cus_1", "object": "customer"})
    for pod in (slow, fast):
        headers = {"Stripe-Signature": stripe_signature(body), "Content-Type": "application/json"}
        status, answer = await pod.call("POST", "/webhooks/stripe", data=body, headers=headers)
        assert (status, answer["code"]) == (400, "invalid_signature")
    assert datetime.now(UTC) - await conn.fetchval("SELECT now()") < timedelta(minutes=5)
