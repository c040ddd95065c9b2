"""A donor's e-mail goes to their own checkout, once, and nowhere else."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from hingecraft_api.expiry import delete_expired_now

OTHER, GENERATE = "/mission-support/other", "/charter/generate-payment"
EMAIL = "donor@example.com"
KEY = {"Idempotency-Key": "a-key-of-this-test-1"}
LEFT = 'SELECT user_info FROM "ContributionIntent"'
AGE = "UPDATE \"ContributionIntent\" SET \"_createdDate\" = now() - $1 * interval '1 minute'"
WAITING = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def prefill(pod) -> str:
    info = {"name": "A Donor", "email": EMAIL}
    _, answer = await pod.call("POST", OTHER, json={"amount": 20, "userInfo": info})
    return answer["data"]["prefillId"]


async def give(pod, prefill, **headers):
    body = {"amount": 20, "currency": "USD", "prefillId": prefill}
    return await pod.call("POST", GENERATE, json=body, headers=headers)


async def emails(sandbox, *answers):
    """What Stripe's page shows to each of these donors."""
    found = []
    for status, answer in answers:
        assert status == 200, answer
        (session,) = await sandbox.sessions(answer["data"]["paymentId"])
        found.append(session["customer_email"])
    return found


async def test_a_fresh_prefill_gives_its_email_once_and_forgets_it(pod, sandbox, conn, prefill):
    first, second = await give(pod, prefill), await give(pod, prefill)
    assert await emails(sandbox, first, second) == [EMAIL, None]
    assert await conn.fetchval(LEFT) is None
    linked = await conn.fetch("SELECT intent_id FROM payments")
    assert [row["intent_id"] for row in linked] == [prefill, prefill]


async def test_an_old_prefill_shows_nobodys_email(pod, sandbox, conn, prefill):
    await conn.execute(AGE, 31)
    assert await emails(sandbox, await give(pod, prefill)) == [None]


async def test_of_two_at_once_one_gets_the_email(pod, sandbox, conn, prefill):
    for _ in range(5):
        answers = await asyncio.gather(*(give(pod, prefill) for _ in range(2)))
        assert sorted(await emails(sandbox, *answers), key=str) == [None, EMAIL]
        await conn.execute('UPDATE "ContributionIntent" SET user_info = $1', f'{{"email": "{EMAIL}"}}')


async def test_a_repeat_under_the_same_key_still_has_it(pod, sandbox, conn, prefill):
    first = await give(pod, prefill, **KEY)
    assert await give(pod, prefill, **KEY) == first
    # The same when the process died before it could keep its answer.
    await conn.execute("UPDATE idempotency_keys SET status = NULL, body = NULL, claimed_until = now() - interval '1 s'")
    again = await give(pod, prefill, **KEY)
    assert again[1]["data"]["paymentId"] == first[1]["data"]["paymentId"]
    assert await emails(sandbox, again) == [EMAIL]


async def test_what_dies_while_it_writes_the_checkout_down_takes_no_email(pod, dsn, sandbox, conn, prefill):
    holder = await asyncpg.connect(dsn.newest)
    held = holder.transaction()
    await held.start()
    await holder.execute("LOCK TABLE external_payments IN EXCLUSIVE MODE")
    dying = asyncio.create_task(give(pod, prefill, **KEY))
    async with asyncio.timeout(5):
        while not (waiting := await conn.fetchval(WAITING)):
            await asyncio.sleep(0.02)
    await conn.execute("SELECT pg_terminate_backend($1)", waiting)
    assert (await dying)[0] == 503
    await held.rollback()
    await holder.close()
    assert await conn.fetchval(LEFT) is not None
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0
    assert await emails(sandbox, await give(pod, prefill, **KEY)) == [EMAIL]


async def test_coins_leave_the_email_to_a_card(pod, sandbox, prefill):
    body = {"amount": 20, "currency": "BTC", "prefillId": prefill}
    assert (await pod.call("POST", GENERATE, json=body))[0] == 200
    assert await emails(sandbox, await give(pod, prefill)) == [EMAIL]


async def test_what_a_donor_said_is_deleted_after_half_an_hour(pod, conn, database, prefill):
    await conn.execute(AGE, 29)
    await delete_expired_now(database)
    assert await conn.fetchval(LEFT) is not None
    await conn.execute(AGE, 31)
    await delete_expired_now(database)
    assert await conn.fetchval(LEFT) is None
