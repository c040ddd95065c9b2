"""A donor's e-mail goes to their own checkout, once, and nowhere else."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from hingecraft.donations import prefills
from support.limits import PROGRESS
from support.lock_waits import until_waiting

OTHER, GENERATE = "/mission-support/other", "/charter/generate-payment"
EMAIL = "donor@example.com"
KEY = {"Idempotency-Key": "a-key-of-this-test-1"}
LEFT = 'SELECT user_info FROM "ContributionIntent"'
AGE = 'UPDATE "ContributionIntent" SET "_createdDate" = now() - $1 * interval \'1 minute\''


@pytest.fixture
async def prefill(pod) -> str:
    info = {"name": "A Donor", "email": EMAIL}
    _, answer = await pod.call("POST", OTHER, json={"amount": 20, "userInfo": info})
    return answer["data"]["prefillId"]


async def give(pod, prefill, **headers):
    body = {"amount": 20, "currency": "USD", "prefillId": prefill}
    return await pod.call("POST", GENERATE, json=body, headers=headers)


async def emails(sandbox, *answers):
    """The email address that Stripe's page shows to each of these donors."""
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
    waiting, *_ = await until_waiting(conn)
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
    await prefills.erase_personal_data(database)
    assert await conn.fetchval(LEFT) is not None
    await conn.execute(AGE, 31)
    await prefills.erase_personal_data(database)
    assert await conn.fetchval(LEFT) is None


LOGGED = "SELECT details::text FROM payment_audit ORDER BY id"
REFUSED = "two..dots@example.com"


async def logged(conn) -> str:
    return "\n".join(row["details"] for row in await conn.fetch(LOGGED))


async def test_an_email_that_stripe_refuses_costs_nobody_a_donation(pod, sandbox, conn):
    body = {"amount": 5, "currency": "USD", "email": REFUSED}
    first = await pod.call("POST", GENERATE, json=body, headers=KEY)
    assert await emails(sandbox, first) == [None]
    assert await pod.call("POST", GENERATE, json=body, headers=KEY) == first
    assert REFUSED not in await logged(conn)
    opened = "SELECT details -> 'emailRefused' FROM payment_audit WHERE action = 'checkout_opened'"
    assert await conn.fetchval(opened) == "true"


@pytest.mark.parametrize("unanswered", ["with", "without"])
async def test_a_crash_between_the_two_calls_makes_one_session(pod, sandbox, conn, unanswered):
    """With the e-mail, without it: whichever of the two is not answered, the repeat finds the same session."""
    if unanswered == "without":
        await sandbox.fault("slow", path="checkout/sessions", seconds=0)
    await sandbox.fault("timeout_after", path="checkout/sessions", seconds=30)
    body = {"amount": 5, "currency": "USD", "email": REFUSED}
    dying = asyncio.create_task(pod.call("POST", GENERATE, json=body, headers=KEY))
    async with asyncio.timeout(PROGRESS):
        while (await sandbox.ask("GET", "/_sandbox/switches"))["faults"]:
            await asyncio.sleep(0.02)
        while not (payment := await conn.fetchval("SELECT id FROM payments WHERE status = 'creating'")):
            await asyncio.sleep(0.02)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await conn.execute("UPDATE idempotency_keys SET claimed_until = now() - interval '1 s'")
    status, answer = await pod.call("POST", GENERATE, json=body, headers=KEY)
    assert (status, answer["data"]["paymentId"]) == (200, str(payment))
    assert await emails(sandbox, (status, answer)) == [None]


async def test_what_stripe_says_of_a_request_is_kept_as_code_and_parameter(pod, sandbox, conn):
    await conn.execute("UPDATE currencies SET min_amount = 0.01 WHERE code = 'USD'")
    await pod.pod.loader.refresh()
    status, answer = await pod.call("POST", GENERATE, json={"amount": "0.10", "currency": "USD"})
    assert (status, answer["code"]) == (502, "provider_refused")
    reason = "SELECT details ->> 'reason' FROM payment_audit WHERE action = 'stripe_session_failed'"
    assert (
        await conn.fetchval(reason) == "Stripe answered 400: amount_too_small (line_items[0][price_data][unit_amount])"
    )


async def test_what_is_typed_as_a_currency_is_not_written_down_unless_it_is_one(pod, conn):
    for typed in (EMAIL, "4242 4242 4242 4242", " euro "):
        assert (await pod.call("POST", GENERATE, json={"amount": 5, "currency": typed}))[0] == 200
    opened = "SELECT details FROM payment_audit WHERE action = 'payment_opened' ORDER BY id"
    first, second, third = [json.loads(row["details"]) for row in await conn.fetch(opened)]
    for details in (first, second):
        assert details["currencyDefaulted"] is True
        assert "requestedCurrency" not in details
    assert third["requestedCurrency"] == " euro "
    assert "42424242" not in (await logged(conn)).replace(" ", "")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Invalid email address: a..b@example.com", "Invalid email address: ***"),
        ('"quoted"@example.com and ünï@exämple.org, twice', "*** and ***, twice"),
        ("one\ntwo@example.com\\", "***\\"), ("<a@b.c>", "<***>"), ("a at example", "a at example"),
        ("x@", "x@"), ("@", "@"),
    ],
)  # fmt: skip
async def test_no_email_gets_into_the_audit_log_from_any_writer(conn, said, kept):
    details = json.dumps({"note": said, "inner": {"deep": [said, 1]}, "n": 1})
    await conn.execute("INSERT INTO payment_audit (actor, action, details) VALUES ('test', 'x', $1)", details)
    found = json.loads(await conn.fetchval("SELECT details FROM payment_audit"))
    assert found == {"note": kept, "inner": {"deep": [kept, 1]}, "n": 1}
