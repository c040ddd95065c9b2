"""Refunds that an owner asks for: once at Stripe for each reference, and booked by Stripe's events."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from hingecraft.db.connection import Database
from hingecraft.payments.refunds.steps import refunds_steps
from hingecraft.providers.registry import Providers
from hingecraft.steps import Options, Run, Summary
from hingecraft_sandbox.postgres import free_port
from support import wix
from support.limits import PROGRESS
from support.money import becomes, completes, give, ledger
from support.pods import running_pod, settings_of
from support.sandbox import STRIPE_KEY

SITE = uuid4()
ROWS = "SELECT state, provider_ref IS NOT NULL AS answered FROM refunds ORDER BY created_at"


@pytest.fixture
def settings(sandbox):
    return {**sandbox.settings, **wix.settings(), "wix_owner_instances": [str(SITE)]}


@pytest.fixture
async def pod(dsn, sandbox, settings):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await sandbox.tells(address)
    async with running_pod(dsn, **{**settings, "port": port, "public_url": address}) as pod:
        yield pod


async def refund(pod, payment, reference="first", **body):
    return await pod.call(
        "POST",
        f"/api/v1/wix/payments/{payment}/refunds",
        json={"reference": reference, **body},
        headers=wix.owner(SITE),
    )


async def history(pod, payment):
    _, answer = await pod.call("GET", f"/api/v1/wix/payments/{payment}", headers=wix.owner(SITE))
    return answer["data"]


async def made(sandbox):
    return (await sandbox.stripe("refunds"))["data"]


async def test_a_part_and_then_the_rest_are_refunded_and_booked_by_the_events(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount="37.50", currency="EUR")
    assert (await history(pod, payment))["refundable"] == {"amount": 37.5, "currency": "EUR", "whyNot": None}
    status, answer = await refund(pod, payment, amount="12.50", note="asked by phone")
    assert (status, answer["data"]["status"], answer["data"]["amount"]) == (201, "succeeded", 12.5)
    await becomes(conn, payment, "partially_refunded")
    status, answer = await refund(pod, payment, "rest", reason="duplicate")
    assert (status, answer["data"]["amount"]) == (201, 25)
    await becomes(conn, payment, "refunded")
    assert [row[:3] for row in await ledger(conn, payment)] == [
        ("charge", Decimal("37.5"), "EUR"), ("refund", Decimal("-12.5"), "EUR"), ("refund", Decimal(-25), "EUR"),
    ]  # fmt: skip
    found = await history(pod, payment)
    assert [(each["status"], each["booked"]) for each in found["refunds"]] == [("succeeded", True)] * 2
    assert found["refundable"]["whyNot"].startswith("All of this payment")
    told = [row for row in found["trail"] if row["action"] == "refund_asked"]
    assert told[0]["actor"] == f"wix_instance:{SITE}"
    assert told[0]["details"]["note"] == "asked by phone"


async def test_a_reference_is_refunded_once_however_often_it_comes(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    answers = await asyncio.gather(*(refund(pod, payment, amount=20) for _ in range(6)))
    assert {status for status, _ in answers} == {201}
    assert len({answer["data"]["refundId"] for _, answer in answers}) == 1
    await becomes(conn, payment, "partially_refunded")
    for other in ({"amount": 21}, {}, {"amount": 20, "reason": "fraudulent"}):
        status, answer = await refund(pod, payment, **other)
        assert (status, answer["code"]) == (422, "reference_reused")
    assert [each["amount"] for each in await made(sandbox) if each["metadata"].get("payment_id") == payment] == [2000]


async def test_racing_refunds_never_send_back_more_than_was_paid(pod, sandbox, conn):
    """Events wait, so none of them is booked while the others are asked for."""
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    await sandbox.tells(pod.public, enabled=False)
    answers = await asyncio.gather(*(refund(pod, payment, f"race-{each}", amount=20) for each in range(5)))
    assert sorted(status for status, _ in answers) == [201, 201, 409, 409, 409]
    assert {answer["code"] for status, answer in answers if status == 409} == {"refund_too_large"}
    assert "Only 10 USD" in next(answer["error"] for status, answer in answers if status == 409)
    assert (await refund(pod, payment, "rest"))[1]["data"]["amount"] == 10
    status, answer = await refund(pod, payment, "more")
    assert (status, answer["code"]) == (409, "not_refundable")
    assert sum(each["amount"] for each in await made(sandbox) if each["metadata"].get("payment_id") == payment) == 5000


async def test_what_cannot_be_refunded_says_what_to_do_instead(pod, sandbox, conn):
    waiting = (await give(pod, amount=5, currency="USD"))["paymentId"]
    invoice = await give(pod, amount=30, currency="BTC")
    coin = invoice["paymentId"]
    await sandbox.coins(invoice["url"], "pay")
    await becomes(conn, coin, "completed")
    disputed = await completes(pod, sandbox, conn, amount=7, currency="USD")
    (session,) = await sandbox.sessions(disputed)
    await sandbox.act(session["id"], "dispute")
    await becomes(conn, disputed, "disputed")
    for payment, why in ((waiting, "has not been paid"), (coin, "from your own wallet"), (disputed, "Answer the")):
        status, answer = await refund(pod, payment)
        assert (status, answer["code"]) == (409, "not_refundable")
        assert why in answer["error"]
        assert why in (await history(pod, payment))["refundable"]["whyNot"]
    assert (await refund(pod, uuid4()))[1]["code"] == "unknown_payment"
    assert not await conn.fetchval("SELECT count(*) FROM refunds")


@pytest.mark.parametrize("act", ["status_before", "status_after"])
async def test_an_unanswered_refund_is_finished_by_a_repeat_or_a_reconciliation(pod, sandbox, conn, dsn, act, settings):
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    await sandbox.fault(act, method="POST", path="refunds", status=500, times=9)
    status, answer = await refund(pod, payment, amount=20)
    assert (status, answer["code"]) == (502, "provider_unavailable")
    assert [tuple(row) for row in await conn.fetch(ROWS)] == [("asked", False)]
    # What is on its way cannot be asked for twice.
    assert (await refund(pod, payment, "other", amount=31))[1]["code"] == "refund_too_large"
    await sandbox.ready()
    await sandbox.tells(pod.public)
    if act == "status_before":
        assert (await refund(pod, payment, amount=20))[0] == 201
    else:
        await conn.execute("UPDATE refunds SET created_at = created_at - interval '2 minutes'")
        await finish(dsn, settings)
    await becomes(conn, payment, "partially_refunded")
    assert [tuple(row) for row in await conn.fetch(ROWS)] == [("succeeded", True)]
    assert [each["amount"] for each in await made(sandbox) if each["metadata"].get("payment_id") == payment] == [2000]


@pytest.mark.parametrize("exists", [True, False])
async def test_a_refund_that_is_older_than_stripes_keys_is_looked_up_and_never_made_again(
    pod, sandbox, conn, dsn, exists, settings
):
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    await sandbox.fault(
        "status_after" if exists else "status_before", method="POST", path="refunds", status=500, times=9
    )
    assert (await refund(pod, payment, amount=20))[0] == 502
    await sandbox.ready()
    await conn.execute("UPDATE refunds SET created_at = created_at - interval '23 hours'")
    await finish(dsn, settings)
    state = "succeeded" if exists else "failed"
    assert [tuple(row) for row in await conn.fetch(ROWS)] == [(state, exists)]
    assert len([each for each in await made(sandbox) if each["metadata"].get("payment_id") == payment]) == exists
    assert (await history(pod, payment))["refunds"][0]["status"] == state


async def kept(pod, sandbox, conn):
    """A refund for which Stripe keeps an error of its own."""
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    await sandbox.fault("status_kept", method="POST", path="refunds", times=1)
    status, answer = await refund(pod, payment, amount=20)
    assert (status, answer["code"]) == (502, "provider_unavailable")
    return payment


async def minutes_pass(conn):
    """Time passes for refunds; Stripe keeps its error for the key."""
    await conn.execute(
        "UPDATE refunds SET created_at = created_at - $1::interval, updated_at = updated_at - $1::interval",
        timedelta(minutes=6),
    )


async def amounts(sandbox, payment):
    return [each["amount"] for each in await made(sandbox) if each["metadata"].get("payment_id") == payment]


@pytest.mark.parametrize("repeated", [True, False])
async def test_a_refund_whose_500_is_kept_is_made_under_another_key_minutes_later(
    pod, sandbox, conn, dsn, settings, repeated
):
    """Nobody sends another key at once: Stripe may still finish what it has answered with a 500."""
    payment = await kept(pod, sandbox, conn)
    assert (await refund(pod, payment, amount=20))[0] == 502
    assert await amounts(sandbox, payment) == []
    (shown,) = (await history(pod, payment))["refunds"]
    assert (shown["status"], shown["failure"]) == ("asked", "Stripe answered 500: APIError")
    await minutes_pass(conn)
    if repeated:
        answers = await asyncio.gather(*(refund(pod, payment, amount=20) for _ in range(4)))
        assert {(status, answer["data"]["status"]) for status, answer in answers} == {(201, "succeeded")}
    else:
        await finish(dsn, settings)
    await becomes(conn, payment, "partially_refunded")
    assert await amounts(sandbox, payment) == [2000]
    found = await history(pod, payment)
    assert [(each["status"], each["failure"], each["booked"]) for each in found["refunds"]] == [
        ("succeeded", None, True)
    ]
    told = [row["action"] for row in found["trail"] if row["action"].startswith("refund_")]
    assert told == ["refund_asked", "refund_delayed", "refund_answered"]


async def test_the_minutes_begin_with_the_first_kept_500(pod, sandbox, conn, dsn, settings):
    """The pod has not seen it: the answer was lost, and the reconciliation is told first."""
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    await sandbox.fault("status_before", method="POST", path="refunds", times=9)
    assert (await refund(pod, payment, amount=20))[0] == 502
    await sandbox.ready()
    await sandbox.tells(pod.public)
    await minutes_pass(conn)
    await sandbox.fault("status_kept", method="POST", path="refunds", times=1)
    for _ in range(2):
        assert (await refund(pod, payment, amount=20))[0] == 502
    assert await amounts(sandbox, payment) == []
    await minutes_pass(conn)
    await finish(dsn, settings)
    assert await amounts(sandbox, payment) == [2000]


async def test_a_refund_that_stripe_has_made_in_spite_of_its_500_is_found_and_not_made_again(pod, sandbox, conn):
    payment = await kept(pod, sandbox, conn)
    request = json.loads(await conn.fetchval("SELECT request FROM refunds"))
    by_stripe = await sandbox.ask(
        "POST", "/v1/refunds", headers={"Authorization": f"Bearer {STRIPE_KEY}"},
        data={
            "payment_intent": request["payment_intent"], "amount": request["amount"], "reason": request["reason"],
            **{f"metadata[{name}]": value for name, value in request["metadata"].items()},
        },
    )  # fmt: skip
    for _ in range(2):
        status, answer = await refund(pod, payment, amount=20)
        assert (status, answer["data"]["providerRef"]) == (201, by_stripe["id"])
    assert await amounts(sandbox, payment) == [2000]


async def test_a_refund_that_appears_while_it_is_made_again_is_taken(pod, sandbox, conn):
    """It is of the whole payment, so Stripe rejects the second one."""
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    await sandbox.fault("status_kept", method="POST", path="refunds", times=1)
    assert (await refund(pod, payment))[0] == 502
    await minutes_pass(conn)
    await sandbox.fault("slow", method="POST", path="/v1/refunds", times=1, seconds=0)
    await sandbox.fault("slow", method="POST", path="/v1/refunds", times=9, seconds=60)
    asked = asyncio.create_task(refund(pod, payment))
    async with asyncio.timeout(PROGRESS):
        while not any(fault["hanging"] for fault in (await sandbox.ask("GET", "/_sandbox/switches"))["faults"]):
            await asyncio.sleep(0.02)
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], "refund")
    (appeared,) = [each for each in await made(sandbox) if each["payment_intent"] == session["payment_intent"]]
    request = json.loads(await conn.fetchval("SELECT request FROM refunds"))
    await sandbox.change("refunds", appeared["id"], metadata=request["metadata"])
    await sandbox.ask("DELETE", "/_sandbox/faults")
    status, answer = await asked
    assert (status, answer["data"]["providerRef"], answer["data"]["failure"]) == (201, appeared["id"], None)
    assert await amounts(sandbox, payment) == [5000]


async def test_a_refund_that_stripe_rejects_or_that_fails_later_leaves_the_money(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    await sandbox.fault("status_before", path="refunds", status=402)
    status, answer = await refund(pod, payment, "rejected", amount=20)
    assert (status, answer["data"]["status"], answer["data"]["booked"]) == (201, "failed", False)
    assert (await refund(pod, payment, amount=20))[1]["data"]["status"] == "succeeded"
    await becomes(conn, payment, "partially_refunded")
    (refunded,) = [each for each in await made(sandbox) if each["metadata"].get("payment_id") == payment]
    await sandbox.ask("POST", f"/pay/stripe/refund/{refunded['id']}/fail", allow_redirects=False)
    await becomes(conn, payment, "completed")
    found = await history(pod, payment)
    assert [each["status"] for each in found["refunds"]] == ["failed", "failed"]
    assert found["refundable"]["amount"] == 50


async def test_a_refund_made_in_stripes_dashboard_counts_too(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount=50, currency="USD")
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], "refund")
    await becomes(conn, payment, "refunded")
    assert (await refund(pod, payment))[1]["code"] == "not_refundable"


async def finish(dsn, settings):
    """The step of a reconciliation."""
    pod_settings = settings_of(dsn, **settings)
    database = Database(dsn, application="test-refunds")
    providers = Providers.from_settings(pod_settings)
    run = Run(options=Options(), summary=Summary(), started=datetime.now(UTC), providers=["stripe"])
    try:
        async with asyncio.timeout(PROGRESS):
            for step in refunds_steps(database, providers.stripe).after_checks:
                await step(run)
    finally:
        await providers.close()
        await database.close()
    assert run.summary.succeeded
    assert run.summary.refunds_finished == 1
