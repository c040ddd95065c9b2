"""An export has everything that is stored about a person, and after an erasure nothing names them any more."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import pytest

from hingecraft.privacy.person import Person, person_of
from hingecraft.privacy.scrubbing import scrubbed
from hingecraft.privacy.service import Privacy
from support.limits import PROGRESS
from support.members import PACK, Member, pod_for_members, sell
from support.money import all_processed, becomes

EMAIL = "ada@example.com"
TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY 1
"""
BODIES = "SELECT id FROM provider_events WHERE position($1 IN lower(encode(body, 'escape'))) > 0"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def ada(pod, sandbox, conn):
    """A member who bought a pack, gave as a donor, began to give, paid in the old software, and owns a Wix site."""
    prices = await sell(conn, sandbox, PACK)
    ada = Member(pod, email="Ada@Example.com")
    bought = await ada.buy(prices[PACK])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    body = {"amount": 5, "currency": "USD", "email": EMAIL}
    _, given = await pod.call("POST", "/charter/generate-payment", json=body)
    (session,) = await sandbox.sessions(given["data"]["paymentId"])
    await sandbox.act(session["id"], "pay")
    await becomes(conn, given["data"]["paymentId"], "completed")
    who = {"name": "Ada Example", "email": EMAIL}
    await pod.call("POST", "/mission-support/other", json={"amount": 7, "userInfo": who})
    await conn.execute(
        """INSERT INTO external_payments (gateway, currency, provider_payload) VALUES ('stripe', 'usd', $1)""",
        json.dumps({"id": "cs_old", "customer_details": {"email": EMAIL.upper()}, "note": f"from {EMAIL}"}),
    )
    site = uuid4()
    await conn.execute(
        "INSERT INTO wix_sites (instance_id, installed_at, owner_email) VALUES ($1, now(), $2)", site, EMAIL
    )
    await conn.execute("INSERT INTO wix_site_settings VALUES ($1, 'notification_email', $2)", site, json.dumps(EMAIL))
    await all_processed(conn, at_least=2)
    return ada


def somebody(text: str) -> Person:
    person = person_of(text)
    assert person is not None
    return person


def privacy(pod) -> Privacy:
    return Privacy(pod.pod.database, pod.pod.providers.stripe)


async def named_in(conn, text: str) -> list[str]:
    """The tables with a row that has this text in any column."""
    found = [
        row["name"]
        for row in await conn.fetch(TABLES)
        if await conn.fetchval(f"SELECT EXISTS (SELECT FROM {row['name']} t WHERE t::text ILIKE $1)", f"%{text}%")
    ]
    return found + ["provider_events"] * bool(await conn.fetch(BODIES, text))


async def test_an_export_has_all_that_is_stored(pod, conn, ada):
    document = await privacy(pod).export(somebody(" ADA@example.com "))
    assert document["users"] == [str(ada.id)]
    assert [each["purpose"] for each in document["payments"]] == ["credits", "donation"]
    assert [each["amount"] for each in document["settlements"]] == [5, 5]
    assert [each["delta"] for each in document["credits"]] == [50]
    assert [each["user_info"]["name"] for each in document["prefills"]] == ["Ada Example"]
    assert [each["owner_email"] for each in document["wixSites"]] == [EMAIL]
    assert [each["id"] for each in document["oldPayments"]] == ["cs_old"]
    assert {each["type"] for each in document["providerMessages"]} >= {"checkout.session.completed"}
    assert (await privacy(pod).export(somebody(str(ada.id))))["payments"][0] == document["payments"][0]
    told = await conn.fetchval("SELECT details FROM payment_audit WHERE action = 'person_exported' LIMIT 1")
    assert json.loads(told) == {"users": [str(ada.id)], "payments": 2}


async def test_nothing_names_an_erased_person_and_the_books_stay(pod, conn, ada):
    assert len(await named_in(conn, EMAIL)) > 4
    done = await privacy(pod).erase(somebody(EMAIL))
    assert (done.users, done.unfinished, done.waiting) == ([ada.id], [], 0)
    # Stripe reports the deletion of the customer in its own words, in events that may come late.
    await all_processed(conn, at_least=3)
    async with asyncio.timeout(PROGRESS):
        while await named_in(conn, EMAIL):
            await privacy(pod).erase(somebody(EMAIL))
            await asyncio.sleep(0.05)
    assert await named_in(conn, "ada example") == []
    kept = await conn.fetch("SELECT status, amount, user_id FROM payments WHERE status = 'completed' ORDER BY user_id")
    assert [tuple(row) for row in kept] == [("completed", 5, ada.id), ("completed", 5, None)]
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 2


async def test_a_message_that_waits_is_left_until_it_is_processed(pod, conn, ada):
    await conn.execute(
        f"UPDATE provider_events SET processed_at = NULL, next_attempt_at = 'infinity' WHERE id IN ({BODIES})", EMAIL
    )
    done = await privacy(pod).erase(somebody(EMAIL))
    assert done.waiting > 0
    assert "provider_events" in await named_in(conn, EMAIL)


async def test_nobody_else_is_touched(pod, sandbox, conn, ada):
    eva = Member(pod, email="eva@example.com")
    bought = await eva.buy((await sell(conn, sandbox, PACK))[PACK])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    before = await named_in(conn, "eva@example.com")
    await privacy(pod).erase(somebody(EMAIL))
    assert await named_in(conn, "eva@example.com") == before
    assert (await eva.call("GET", "/api/v1/credits/balance"))[1]["data"]["balance"] == 50


@pytest.mark.parametrize(
    "text", ["", "ada", "@", "ada@", "@example.com", "a b@example.com", "x" * 320 + "@a.b", "1-2-3"]
)
def test_what_names_nobody_is_rejected(text):
    assert person_of(text) is None


def test_a_user_id_and_an_address_name_somebody():
    user = uuid4()
    assert somebody(str(user).upper()).users == {user}
    assert somebody("Ada@Example.com").email == EMAIL


def test_ids_and_amounts_stay_in_a_message_and_tokens_are_left():
    body = {"id": "evt_1", "data": {"object": {"object": "charge", "amount": 5.10, "receipt_email": EMAIL,
            "billing_details": {"name": "Ada"}, "description": f"for {EMAIL}"}}}  # fmt: skip
    assert json.loads(scrubbed(json.dumps(body).encode(), EMAIL) or b"") == {
        "id": "evt_1",
        "data": {
            "object": {
                "object": "charge", "amount": 5.10, "receipt_email": None, "billing_details": None, "description": None
            }
        },
    }  # fmt: skip
    assert scrubbed(b"header.payload.signature", EMAIL) is None
