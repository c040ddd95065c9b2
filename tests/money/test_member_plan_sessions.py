"""A plan session opens one checkout, of one user, whatever fails or repeats; a checkout that has failed frees it."""

from __future__ import annotations

import asyncio

import pytest

from support.members import CHECKOUT, PACK, PLAN, Member, pod_for_members, sell
from support.pods import running_pod
from support.tokens import SETTINGS, raw

PATH = "/api/v1/plan-session"
SECRET = "a plan session secret of at least 32 characters"
COUNT = "SELECT count(*) FROM payments"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox, jwt_secret=SECRET) as running:
        yield running


@pytest.fixture
async def price(conn, sandbox):
    return (await sell(conn, sandbox, PACK))[PACK]


async def choose(pod, price, plan_type="credits", **more):
    body = {"priceId": price, "planType": plan_type, **more}
    status, answer = await pod.call("POST", PATH, json=body)
    assert status == 200, answer
    return answer["data"]["token"]


async def checkout(member, token, key=None, **more):
    headers = {"Idempotency-Key": key} if key else {}
    status, answer = await member.call("POST", CHECKOUT, {"planSession": token, **more}, **headers)
    return (status, answer["data"]) if status == 201 else (status, answer["code"])


async def is_there(pod, token):
    status, _ = await pod.call("GET", PATH, headers={"Authorization": f"PlanSession {token}"})
    return status == 200


async def test_it_decides_price_plan_and_metadata_and_is_used_up(pod, ada, price, sandbox, conn):
    token = await choose(pod, price, metadata={"campaign": "autumn"})
    assert await is_there(pod, token)
    status, made = await checkout(ada, token)
    assert status == 201
    session = await sandbox.stripe(f"checkout/sessions/{made['sessionId']}")
    assert session["metadata"]["campaign"] == "autumn"
    assert session["metadata"]["userId"] == str(ada.id)
    assert not await is_there(pod, token)
    assert await checkout(Member(pod), token) == (409, "plan_session_used")
    assert await checkout(ada, token) == (201, made), "the answer may have been lost"
    assert await conn.fetchval(COUNT) == 1


async def test_many_checkouts_at_once_with_one_make_one_payment(pod, ada, price, conn):
    token = await choose(pod, price)
    members = [ada, ada, *(Member(pod) for _ in range(4))]
    done = await asyncio.gather(*(checkout(member, token) for member in members))
    opened = {
        member.id: made["sessionId"] for member, (status, made) in zip(members, done, strict=True) if status == 201
    }
    assert len(opened) == 1
    assert {status for status, _ in done} == {201, 409}
    assert await conn.fetchval(COUNT) == 1


async def test_two_checkouts_of_one_user_at_once_are_the_same(pod, ada, price, conn):
    token = await choose(pod, price)
    await ada.buy(price)
    first, second = await asyncio.gather(checkout(ada, token), checkout(ada, token))
    assert first == second
    assert first[0] == 201
    assert await conn.fetchval(COUNT) == 2


@pytest.mark.parametrize("key", [None, "key-of-a-plan-session-2"])
@pytest.mark.parametrize("code", [PACK, PLAN])
async def test_a_repeat_after_a_kill_between_commit_and_answer_gets_the_same_session(
    pod, ada, sandbox, conn, key, code
):
    """The checkout is committed, and nothing is under a key: also where an earlier checkout had the same terms."""
    price = (await sell(conn, sandbox, code))[code]
    if code == PLAN:
        await ada.buy(price)
    token = await choose(pod, price, "basic" if code == PLAN else "credits")
    first = await checkout(ada, token)
    assert first[0] == 201
    assert await checkout(ada, token, key) == first
    assert await checkout(ada, token, key) == first
    assert await conn.fetchval(COUNT) == 1


@pytest.mark.parametrize("act", ["expire", "pay"])
async def test_a_session_that_cannot_be_paid_any_more_is_not_answered_again(pod, ada, price, sandbox, act):
    token = await choose(pod, price)
    _, made = await checkout(ada, token)
    await sandbox.tells(pod.public, enabled=False)
    await sandbox.act(made["sessionId"], act)
    assert await checkout(ada, token) == (409, "plan_session_used")


async def test_a_repeat_under_its_key_gets_the_first_answer_also_when_it_is_used_or_expired(pod, ada, price, conn):
    token = await choose(pod, price)
    first = await checkout(ada, token, "key-of-a-plan-session-1")
    assert first[0] == 201
    assert await checkout(ada, token, "key-of-a-plan-session-1") == first
    # As after a process that died before it stored its answer: the payment is under the key.
    await conn.execute("UPDATE idempotency_keys SET status = NULL, body = NULL, claimed_until = now()")
    assert await checkout(ada, token, "key-of-a-plan-session-1") == first
    assert await conn.fetchval(COUNT) == 1


async def test_a_checkout_that_stripe_rejects_frees_it(pod, ada, price, sandbox, conn):
    token = await choose(pod, price)
    await ada.buy(price)  # the customer is there already
    await sandbox.fault("status_before", method="POST", times=1, status=403)
    status, _ = await checkout(ada, token)
    assert status == 502
    assert await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'failed'") == 1
    assert await is_there(pod, token)
    assert (await checkout(ada, token))[0] == 201
    assert not await is_there(pod, token)


async def test_one_whose_outcome_is_unknown_keeps_it_used(pod, ada, price, sandbox, conn):
    token = await choose(pod, price)
    await ada.buy(price)
    await sandbox.fault("status_before", method="POST", times=9, status=500)
    status, _ = await checkout(ada, token)
    assert status == 502
    assert await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'unknown'") == 1
    await sandbox.ask("DELETE", "/_sandbox/faults")
    assert await checkout(Member(pod), token) == (409, "plan_session_used")
    assert (await checkout(ada, token))[0] == 201, "the same checkout is finished"
    assert await conn.fetchval("SELECT count(*) FROM payments WHERE user_id = $1", ada.id) == 2


async def test_a_rejected_choice_uses_nothing(pod, ada, price, conn):
    for token, code in (
        (await choose(pod, "price_unknown"), "unknown_price"),
        (await choose(pod, price, "vision_pro"), "invalid_request"),
    ):
        assert await checkout(ada, token) == (400, code)
        assert await is_there(pod, token)
    forged = raw({"alg": "HS256", "typ": "JWT"}, {"priceId": price}, b"another secret")
    for token in (forged, "x", "a.b.c"):
        assert await checkout(ada, token) == (400, "invalid_plan_session")
    assert await conn.fetchval(COUNT) == 0


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"priceId"}), ({"planSession": "x", "priceId": "price_x"}, {"priceId"}),
        ({"planSession": "x", "planType": "credits", "metadata": {}}, {"planType", "metadata"}),
        ({"planSession": "x" * 5000}, {"planSession"}), ({"planSession": ""}, {"planSession"}),
    ],
)  # fmt: skip
async def test_a_price_is_named_once(ada, body, fields):
    status, answer = await ada.call("POST", CHECKOUT, body)
    assert status == 400
    assert set(answer["fields"]) == fields


async def test_without_a_secret_a_checkout_by_price_still_works(dsn, sandbox, price):
    async with running_pod(dsn, **{**sandbox.settings, **SETTINGS}) as pod:
        ada = Member(pod)
        assert await checkout(ada, "x.y.z") == (503, "plan_sessions_disabled")
        await ada.buy(price)
