"""Members buy packs and plans: sessions of Stripe for the user's own customer."""

from __future__ import annotations

import pytest

from hingecraft_sandbox.postgres import free_port
from support.members import CHECKOUT, PACK, Member, sell
from support.pods import running_pod
from support.tokens import SETTINGS

PAYMENT = "SELECT status, purpose, user_id, amount, currency, livemode FROM payments WHERE id = $1::uuid"


@pytest.fixture
async def pod(dsn, sandbox):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await sandbox.tells(address)
    more = {**sandbox.settings, **SETTINGS, "port": port, "public_url": address}
    async with running_pod(dsn, **more) as running:
        yield running


@pytest.fixture
async def ada(pod):
    return Member(pod)


async def test_a_pack_is_sold_by_a_session_of_the_users_customer(ada, sandbox, conn):
    prices = await sell(conn, sandbox, PACK)
    bought = await ada.buy(prices[PACK], metadata={"campaign": "spring"})
    payment = await conn.fetchrow(PAYMENT, bought["paymentId"])
    assert tuple(payment) == ("pending", "credits", ada.id, 5, "USD", False)
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    customer = await conn.fetchrow("SELECT * FROM customers WHERE user_id = $1", ada.id)
    assert (session["mode"], session["customer"]) == ("payment", customer["customer_id"])
    assert session["client_reference_id"] == str(ada.id)
    installation = str(await conn.fetchval("SELECT id FROM installation"))
    assert session["metadata"] == {
        "campaign": "spring", "userId": str(ada.id), "planType": "credits", "payment_id": bought["paymentId"],
        "installation": installation, "source": "credits", "purpose": "credits",
    }  # fmt: skip
    assert session["success_url"] == (
        "https://www.example.com/?success=true&session_id={CHECKOUT_SESSION_ID}&plan=credits"
    )
    assert session["cancel_url"] == "https://www.example.com/pricing?canceled=true&plan=credits"
    at_stripe = await sandbox.stripe(f"customers/{customer['customer_id']}")
    assert at_stripe["email"] == customer["email"] == "ada@example.com"
    assert at_stripe["metadata"] == {"userId": str(ada.id), "installation": installation}


async def test_the_client_decides_nothing_about_money_or_user(ada, sandbox, conn):
    prices = await sell(conn, sandbox, PACK)
    for field in ("amount", "userId", "status", "mode", "currency", "quantity"):
        status, answer = await ada.call("POST", CHECKOUT, {"priceId": prices[PACK], field: 1})
        assert (status, list(answer["fields"])) == (400, [field])
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0
