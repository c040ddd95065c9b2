"""Refunds that an owner asks for: once at Stripe for each reference, and booked by Stripe's events."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from support import wix
from support.money import becomes, completes, ledger
from support.pods import running_pod

SITE = uuid4()
ROWS = "SELECT state, provider_ref IS NOT NULL AS answered FROM refunds ORDER BY created_at"


@pytest.fixture
def settings(sandbox):
    return {**sandbox.settings, **wix.settings(), "wix_owner_instances": [str(SITE)]}


@pytest.fixture
async def pod(dsn, sandbox, settings):
    async with running_pod(dsn, **settings) as pod:
        await sandbox.tells(pod.public)
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
