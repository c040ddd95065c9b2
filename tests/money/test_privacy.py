"""An export has everything that is stored about a person, and after an erasure nothing names them any more."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import pytest

from hingecraft.db.connection import Database
from hingecraft.privacy.person import Person, person_of
from hingecraft.privacy.scrubbing import scrubbed
from hingecraft.privacy.service import Privacy
from hingecraft.settings import DsnSecret
from support.limits import PROGRESS
from support.members import PACK, PLAN, Member, pod_for_members, sell
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
    """A member with a pack and a plan, who gave by card and in coins, paid in the old software, and owns a Wix site."""
    prices = await sell(conn, sandbox, PACK, PLAN)
    ada = Member(pod, email="Ada@Example.com")
    bought = await ada.buy(prices[PACK])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    subscribed = await ada.buy(prices[PLAN])
    await sandbox.act(subscribed["sessionId"], "pay")
    await becomes(conn, subscribed["paymentId"], "completed")
    await give(pod, sandbox, conn, EMAIL)
    who = {"name": "Ada Example", "email": EMAIL}
    _, prefill = await pod.call("POST", "/mission-support/other", json={"amount": 7, "userInfo": who})
    coin = {"amount": 25, "currency": "BTC", "prefillId": prefill["data"]["prefillId"]}
    _, invoice = await pod.call("POST", "/charter/generate-payment", json=coin)
    await sandbox.coins(invoice["data"]["url"], "pay")
    await becomes(conn, invoice["data"]["paymentId"], "completed")
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


async def give(pod, sandbox, conn, email) -> str:
    """A donor's gift; its payment."""
    body = {"amount": 5, "currency": "USD", "email": email}
    _, given = await pod.call("POST", "/charter/generate-payment", json=body)
    payment: str = given["data"]["paymentId"]
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], "pay")
    await becomes(conn, payment, "completed")
    return payment


def somebody(text: str) -> Person:
    person = person_of(text)
    assert person is not None
    return person


@pytest.fixture
async def privacy(pod, dsn):
    """With the rights of the pods' role, which `hingecraft privacy` has too."""
    database = Database(DsnSecret(f"{dsn.newest}?role=hingecraft_app"), application="test", largest=2)
    async with database.connection() as conn:
        assert await conn.fetchval("SELECT current_user") == "hingecraft_app"
    yield Privacy(database, pod.pod.providers.stripe)
    await database.close()


async def named_in(conn, text: str) -> list[str]:
    """The tables with a row that has this text in any column."""
    found = [
        row["name"]
        for row in await conn.fetch(TABLES)
        if await conn.fetchval(f"SELECT EXISTS (SELECT FROM {row['name']} t WHERE t::text ILIKE $1)", f"%{text}%")
    ]
    return found + ["provider_events"] * bool(await conn.fetch(BODIES, text))


async def test_an_export_has_all_that_is_stored(privacy, conn, ada):
    document = await privacy.export(somebody(" ADA@example.com "))
    assert document["users"] == [str(ada.id)]
    assert [each["purpose"] for each in document["payments"]] == ["credits", "credits", "donation", "donation"]
    assert [each["currency"] for each in document["settlements"]] == ["USD", "USD", "USD", "BTC"]
    assert [each["purpose"] for each in document["subscriptions"]] == ["credits"]
    assert [each["delta"] for each in document["credits"]] == [50, 100]
    assert [each["user_info"]["name"] for each in document["prefills"]] == ["Ada Example"]
    assert [each["owner_email"] for each in document["wixSites"]] == [EMAIL]
    assert [each["id"] for each in document["oldPayments"]] == ["cs_old"]
    assert {each["type"] for each in document["providerMessages"]} >= {"checkout.session.completed"}
    assert (await privacy.export(somebody(str(ada.id))))["payments"][0] == document["payments"][0]
    told = await conn.fetchval("SELECT details FROM payment_audit WHERE action = 'person_exported' LIMIT 1")
    assert json.loads(told) == {"users": [str(ada.id)], "payments": 4}


async def test_nothing_names_an_erased_person_and_the_books_stay(privacy, conn, ada):
    assert len(await named_in(conn, EMAIL)) > 4
    done = await privacy.erase(somebody(EMAIL))
    assert (done.users, done.unfinished, done.waiting) == ([ada.id], [], 0)
    # Stripe reports the deletion of the customer in its own words, in events that may come late.
    await all_processed(conn, at_least=3)
    async with asyncio.timeout(PROGRESS):
        while await named_in(conn, EMAIL):
            await privacy.erase(somebody(EMAIL))
            await asyncio.sleep(0.05)
    assert await named_in(conn, "ada example") == []
    kept = await conn.fetch("SELECT amount, user_id FROM payments WHERE status = 'completed' ORDER BY user_id, amount")
    assert [(row["amount"], row["user_id"]) for row in kept] == [(5, ada.id), (9, ada.id), (5, None), (25, None)]
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 4
    assert await conn.fetchval("SELECT value #>> '{}' FROM wix_site_settings") == ""


async def test_a_message_that_waits_is_left_until_it_is_processed(privacy, conn, ada):
    await conn.execute(
        f"UPDATE provider_events SET processed_at = NULL, next_attempt_at = 'infinity' WHERE id IN ({BODIES})", EMAIL
    )
    done = await privacy.erase(somebody(EMAIL))
    assert done.waiting > 0
    assert "provider_events" in await named_in(conn, EMAIL)


@pytest.mark.parametrize("other", ["eva@example.com", "hanna.ada@example.com", "ada@example.com.example.org"])
async def test_nobody_else_is_shown_or_touched(pod, privacy, sandbox, conn, ada, other):
    """Nor somebody whose address contains Ada's."""
    eva = Member(pod, email="eva@example.com")
    bought = await eva.buy((await sell(conn, sandbox, PACK))[PACK])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    given = await give(pod, sandbox, conn, other)
    before = await conn.fetch(BODIES, other)
    assert before
    exported = await privacy.export(somebody(EMAIL))
    assert not {bought["paymentId"], given} & {each["id"] for each in exported["payments"]}
    assert other not in json.dumps(exported["providerMessages"])
    await privacy.erase(somebody(EMAIL))
    assert await conn.fetch(BODIES, other) == before
    assert (await eva.call("GET", "/api/v1/credits/balance"))[1]["data"]["balance"] == 50


async def test_messages_about_a_payment_of_the_person_are_part_of_it(privacy, conn, ada):
    """Such as those of a dispute, which have the name and not always the address."""
    payment = await conn.fetchval("SELECT payment_id FROM external_payments WHERE request ? 'customer_email'")
    body = {"id": "evt_9", "data": {"object": {"object": "dispute", "evidence": {"customer_name": "Ada Example"}}}}
    await conn.execute(
        """INSERT INTO provider_events (source, event_id, type, body, processed_at, payment_id)
        VALUES ('stripe', 'evt_9', 'charge.dispute.created', $1, now(), $2)""",
        json.dumps(body).encode(), payment,
    )  # fmt: skip
    exported = await privacy.export(somebody(EMAIL))
    assert "evt_9" in {each["id"] for each in exported["providerMessages"]}
    await privacy.erase(somebody(EMAIL))
    left = await conn.fetchval("SELECT body FROM provider_events WHERE event_id = 'evt_9'")
    assert json.loads(left)["data"]["object"] == {"object": "dispute", "evidence": None}


async def test_an_address_that_a_checkout_still_needs_is_reported(privacy, conn, ada):
    await conn.execute(
        "INSERT INTO external_payments (status, provider, request) VALUES ('unknown', 'stripe', $1)",
        json.dumps({"customer_email": EMAIL}),
    )
    assert (await privacy.erase(somebody(EMAIL))).waiting == 1
    assert "public.external_payments" in await named_in(conn, EMAIL)
    await conn.execute("DELETE FROM external_payments WHERE status = 'unknown'")
    assert (await privacy.erase(somebody(EMAIL))).waiting == 0


async def test_a_checkout_that_is_open_will_be_reported_with_the_address(pod, privacy, sandbox, conn, ada):
    assert (await privacy.erase(somebody(EMAIL))).open_until is None
    body = {"amount": 5, "currency": "USD", "email": EMAIL}
    _, given = await pod.call("POST", "/charter/generate-payment", json=body)
    done = await privacy.erase(somebody(EMAIL))
    expires_at = "SELECT expires_at FROM external_payments WHERE payment_id = $1"
    assert done.open_until == await conn.fetchval(expires_at, given["data"]["paymentId"])
    (session,) = await sandbox.sessions(given["data"]["paymentId"])
    await sandbox.act(session["id"], "pay")
    await becomes(conn, given["data"]["paymentId"], "completed")
    assert "provider_events" in await named_in(conn, EMAIL), "why it has to be done again"
    assert (await privacy.erase(somebody(EMAIL))).open_until is None


async def test_a_member_is_still_found_after_an_erasure_that_broke_off(privacy, conn, ada, monkeypatch):
    """As if the process had ended before the member was deleted."""

    async def ends(*_arguments, **_more):
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(privacy._deletion, "delete", ends)
        with pytest.raises(SystemExit):
            await privacy.erase(somebody(EMAIL))
    assert (await privacy.erase(somebody(EMAIL))).users == [ada.id]
    assert await conn.fetchval("SELECT email FROM customers") is None


async def test_an_erasure_by_id_names_the_address_under_which_more_may_be_stored(privacy, ada):
    """The address of a member comes from a token, and may be somebody else's."""
    first = await privacy.erase(somebody(str(ada.id)))
    assert (first.addresses, first.was_at_stripe) == ([EMAIL], True)
    again = await privacy.erase(somebody(str(ada.id)))
    assert (again.users, again.was_at_stripe) == ([ada.id], False), "Stripe has no more to report"
    assert (await privacy.erase(somebody(EMAIL))).addresses == []


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
    ada = somebody(EMAIL)
    body = {"id": "evt_1", "data": {"object": {"object": "charge", "amount": 5.10, "receipt_email": EMAIL,
            "billing_details": {"name": "Ada"}, "description": f"for {EMAIL}", "statement": f"not {EMAIL}.org",
            "payment_method_details": {"paypal": {"payer_name": "Ada"}}}}}  # fmt: skip
    assert json.loads(scrubbed(json.dumps(body).encode(), ada) or b"") == {
        "id": "evt_1",
        "data": {
            "object": {
                "object": "charge", "amount": 5.10, "receipt_email": None, "billing_details": None, "description": None,
                "statement": f"not {EMAIL}.org", "payment_method_details": None,
            }
        },
    }  # fmt: skip
    assert scrubbed(b"header.payload.signature", ada) is None


def test_a_document_that_old_software_has_saved_as_text_is_read_too():
    body = {"id": "cs_1", "customer_details": {"name": "Ada", "email": EMAIL}, "note": EMAIL}
    left = json.loads(scrubbed(json.dumps(json.dumps(body)).encode(), somebody(EMAIL)) or b"")
    assert json.loads(left) == {"id": "cs_1", "customer_details": None, "note": None}
    assert json.loads(scrubbed(json.dumps(f"{{ {EMAIL}").encode(), somebody(EMAIL)) or b"") is None


def test_earlier_names_and_means_of_payment_do_not_stay_in_a_message():
    body = {"data": {
        "object": {"id": "cus_1", "object": "customer", "name": "Ada Byron"},
        "previous_attributes": {"name": "Ada Example", "phone": "+1 555 0100"},
        "failed": {"id": "pm_1", "object": "payment_method", "customer": "cus_1", "card": {"last4": "4242"}},
    }}  # fmt: skip
    assert json.loads(scrubbed(json.dumps(body).encode(), somebody(EMAIL)) or b"") == {"data": {
        "object": {"id": "cus_1", "object": "customer", "name": None},
        "previous_attributes": None,
        "failed": {"id": "pm_1", "object": "payment_method", "customer": "cus_1", "card": None},
    }}  # fmt: skip
