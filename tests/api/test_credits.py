"""Credits over HTTP: users read their own, services spend once for each reference, admins adjust with an audit row."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from hingecraft.credits.spending import Spending
from support.credits import assert_books_agree, balance_of, give_credits
from support.limits import PROGRESS
from support.lock_waits import until_waiting
from support.pods import ADMIN, running_pod
from support.tokens import SERVICE_TOKEN, SETTINGS, bearer, token_for

pytestmark = pytest.mark.usefixtures("patient")

ADA, BEN = uuid4(), uuid4()
AS_ADA, SERVICE = bearer(token_for(str(ADA))), bearer(SERVICE_TOKEN)
BALANCE, TRANSACTIONS = "/api/v1/credits/balance", "/api/v1/credits/transactions"
SPEND, ADJUST = "/api/v1/credits/spend", "/admin/credits/adjust"
LOCK = "SELECT FROM credit_accounts WHERE user_id = $1 FOR UPDATE"
CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def pod(dsn, conn):
    await give_credits(conn, ADA, 10)
    async with running_pod(dsn, **SETTINGS) as pod:
        yield pod


@pytest.fixture
async def account(dsn, pod):
    """Holds Ada's account until it is released: what looks at Postgres meanwhile is on another connection."""
    holder = await asyncpg.connect(dsn.newest)
    await holder.execute("BEGIN")
    await holder.fetch(LOCK, ADA)
    yield holder
    await holder.close()


async def spend(pod, reference="r", amount=1, user=ADA, **more):
    body = {"userId": str(user), "amount": amount, "reference": reference, **more}
    status, answer = await pod.call("POST", SPEND, json=body, headers=SERVICE)
    return (status, answer["data"]) if status == 200 else (status, answer["code"])


async def test_a_user_reads_balance_and_history_and_so_do_service_and_admin(pod):
    assert (await spend(pod, "first", 4, reason="scan"))[0] == 200
    assert (await spend(pod, "second", 6))[0] == 200
    for headers, query in (
        (AS_ADA, ""),
        (AS_ADA, f"?userId={ADA}"),
        (SERVICE, f"?userId={ADA}"),
        (ADMIN, f"?userId={ADA}"),
    ):
        status, answer = await pod.call("GET", BALANCE + query, headers=headers)
        assert status == 200
        assert answer["data"].pop("asOf").endswith("Z")
        assert answer["data"] == {"balance": 0, "transactions": 3, "byPlan": {"credits": 10}}
    status, answer = await pod.call("GET", f"{TRANSACTIONS}?limit=2", headers=AS_ADA)
    rows = answer["data"]["items"]
    assert [(row["delta"], row["balanceAfter"], row["reason"], row["planType"]) for row in rows] == [
        (-6, 0, "spend", None), (-4, 6, "scan", None),
    ]  # fmt: skip
    cursor = answer["data"]["nextCursor"]
    status, answer = await pod.call("GET", f"{TRANSACTIONS}?limit=2&cursor={cursor}", headers=AS_ADA)
    assert [row["delta"] for row in answer["data"]["items"]] == [10]
    assert answer["data"]["nextCursor"] is None


async def test_a_user_without_credits_has_0(pod):
    headers = bearer(token_for(str(BEN)))
    status, answer = await pod.call("GET", BALANCE, headers=headers)
    assert (status, answer["data"]["balance"], answer["data"]["byPlan"]) == (200, 0, {})
    status, answer = await pod.call("GET", TRANSACTIONS, headers=headers)
    assert answer["data"] == {"items": [], "nextCursor": None}


async def test_nobody_reaches_what_is_not_for_them(pod, conn):
    for path in (BALANCE, TRANSACTIONS):
        status, answer = await pod.call("GET", f"{path}?userId={BEN}", headers=AS_ADA)
        assert (status, answer["code"]) == (403, "not_authorized")
        assert (await pod.call("GET", path))[0] == 401
        status, answer = await pod.call("GET", path, headers=SERVICE)
        assert (status, answer["fields"]) == (400, {"userId": "is required for services and admins"})
    body = {"userId": str(ADA), "amount": 1, "reference": "r"}
    adjustment = {"userId": str(ADA), "delta": 1, "reference": "r", "reason": "x"}
    for path, sent, wrong in ((SPEND, body, (AS_ADA, ADMIN)), (ADJUST, adjustment, (AS_ADA, SERVICE))):
        for headers in wrong:
            status, answer = await pod.call("POST", path, json=sent, headers=headers)
            assert (status, answer["code"]) == (403, "role_not_allowed")
        assert (await pod.call("POST", path, json=sent))[0] == 401
    assert await balance_of(conn, ADA) == 10


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"), ({"amount": -1}, "amount"), ({"amount": 1.5}, "amount"),
        ({"amount": 10**12}, "amount"),
        ({"amount": "1"}, "amount"), ({"amount": True}, "amount"), ({"amount": None}, "amount"),
        ({"reference": ""}, "reference"), ({"reference": "r" * 201}, "reference"), ({"reference": 7}, "reference"),
        ({"userId": "ada"}, "userId"), ({"userId": None}, "userId"), ({"reason": ""}, "reason"),
        ({"balance": 1000}, "balance"), ({"price": 1}, "price"), ({"status": "paid"}, "status"),
    ],
)  # fmt: skip
async def test_a_spend_with_a_wrong_field_names_it_and_changes_nothing(pod, conn, change, field):
    body = {"userId": str(ADA), "amount": 1, "reference": "r", **change}
    status, answer = await pod.call("POST", SPEND, json=body, headers=SERVICE)
    assert (status, list(answer["fields"])) == (400, [field])
    assert await balance_of(conn, ADA) == 10


async def test_a_reference_spends_once_and_is_free_where_there_was_not_enough(pod, conn):
    first = await spend(pod, "first", 4)
    assert (first[0], first[1]["balance"]) == (200, 6)
    await spend(pod, "second", 5)
    assert await spend(pod, "first", 4) == first
    assert await spend(pod, "first", 5) == (422, "reference_reused")
    assert await spend(pod, "third", 2) == (402, "insufficient_credits")
    await give_credits(conn, ADA, 1, "more")
    assert (await spend(pod, "third", 2))[1]["balance"] == 0
    assert (await spend(pod, "first", 1, user=BEN))[0] == 402, "a reference belongs to one user"
    await assert_books_agree(conn)


async def test_an_admin_adjusts_once_for_each_reference_and_that_is_audited(pod, conn):
    async def adjust(delta, reference="ticket-7"):
        body = {"userId": str(ADA), "delta": delta, "reason": "Outage", "reference": reference}
        status, answer = await pod.call("POST", ADJUST, json=body, headers=ADMIN)
        return status, answer["data"]["balance"] if status == 200 else answer["code"]

    assert await adjust(5) == (200, 15)
    assert await adjust(5) == (200, 15)
    assert await adjust(6) == (422, "reference_reused")
    assert await adjust(-16, "ticket-8") == (402, "insufficient_credits")
    assert await adjust(-15, "ticket-8") == (200, 0)
    for wrong in (0, 1_000_001, -1_000_001, 1.5):
        assert await adjust(wrong, "ticket-9") == (400, "invalid_request")
    rows = await conn.fetch(
        "SELECT actor, details::text FROM payment_audit WHERE action = 'credits_adjusted' ORDER BY id"
    )
    found = [(row["actor"], json.loads(row["details"])) for row in rows]
    assert [(actor, details["delta"], details["user"]) for actor, details in found] == [
        ("admin", 5, str(ADA)), ("admin", -15, str(ADA)),
    ]  # fmt: skip
    await assert_books_agree(conn)


async def test_a_new_user_gets_credits_by_an_adjustment_and_not_too_many(pod, conn):
    await conn.execute("INSERT INTO credit_accounts (user_id, balance) VALUES ($1, 1999999999)", BEN)
    body = {"userId": str(BEN), "delta": 2, "reason": "Gift", "reference": "g"}
    status, answer = await pod.call("POST", ADJUST, json=body, headers=ADMIN)
    assert (status, answer["code"]) == (409, "balance_out_of_range")
    status, answer = await pod.call("POST", ADJUST, json={**body, "userId": str(uuid4())}, headers=ADMIN)
    assert (status, answer["data"]["balance"]) == (200, 2)


async def test_fifty_spend_the_last_credit_at_two_pods_and_one_gets_it(pod, conn, dsn):
    await spend(pod, "all but one", 9)
    async with running_pod(dsn, **SETTINGS) as other:
        answers = await asyncio.gather(*(spend((pod, other)[n % 2], f"r{n}") for n in range(50)))
    assert sorted(status for status, _ in answers) == [200] + [402] * 49
    assert await balance_of(conn, ADA) == 0
    await assert_books_agree(conn)


async def test_spends_that_wait_for_one_another_are_written_together(pod, conn, account):
    """While the account is locked they gather; one transaction then writes them all."""
    first = asyncio.create_task(spend(pod, "first"))
    await until_waiting(conn)
    rest = [asyncio.create_task(spend(pod, f"r{n}")) for n in range(8)]
    lanes = pod.pod.parts[Spending]._lanes
    async with asyncio.timeout(PROGRESS):
        while sum(len(lane._waiting) for lane in lanes) < len(rest):
            await asyncio.sleep(0.02)
    await account.execute("ROLLBACK")
    balances = [data["balance"] for _, data in await asyncio.gather(first, *rest)]
    assert sorted(balances) == list(range(1, 10))
    assert await conn.fetchval("SELECT count(DISTINCT xmin::text) FROM credits_transactions WHERE delta < 0") == 2


async def test_a_connection_that_dies_in_the_middle_loses_nothing_that_was_answered(pod, conn, account):
    spends = [asyncio.create_task(spend(pod, f"r{n}")) for n in range(3)]
    while not all(each.done() for each in spends):
        await conn.fetchval(CUT)
        await asyncio.sleep(0.02)
    assert {each.result() for each in spends} == {(503, "database_unavailable")}
    await account.execute("ROLLBACK")
    assert await balance_of(conn, ADA) == 10
    answers = [await spend(pod, f"r{n}") for n in range(3)]
    assert [data["balance"] for _, data in answers] == [9, 8, 7]
    assert [await spend(pod, f"r{n}") for n in range(3)] == answers
    await assert_books_agree(conn)


async def test_a_batch_that_fails_does_not_hold_up_the_next(pod, conn, account):
    """The trigger stands for any error that Postgres raises while a batch is written."""
    await conn.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER fail BEFORE INSERT ON credits_transactions FOR EACH ROW WHEN (new.reason = 'boom') "
        "EXECUTE FUNCTION fail()"
    )
    failing = asyncio.create_task(spend(pod, "first", reason="boom"))
    await until_waiting(conn)
    waiting = asyncio.create_task(spend(pod, "second"))
    lanes = pod.pod.parts[Spending]._lanes
    while not any(lane._waiting for lane in lanes):
        await asyncio.sleep(0.02)
    await account.execute("ROLLBACK")
    assert await failing == (500, "internal_error")
    status, written = await waiting
    assert (status, written["balance"]) == (200, 9)


async def test_a_caller_that_leaves_before_its_answer_gets_it_by_repeating(pod, conn, account):
    body = {"userId": str(ADA), "amount": 4, "reference": "r"}
    async with aiohttp.ClientSession() as client:
        gone = asyncio.create_task(client.post(pod.public + SPEND, json=body, headers=SERVICE))
        await until_waiting(conn)
        gone.cancel()
    await account.execute("ROLLBACK")
    answers = [await spend(pod, "r", 4) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0][1]["balance"] == 6
    assert await balance_of(conn, ADA) == 6
    await assert_books_agree(conn)
