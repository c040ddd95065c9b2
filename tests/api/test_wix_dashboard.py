"""The calls of the owner's dashboard: who may call, what is answered, and what is rejected."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from support import wix
from support.pods import running_pod

SITE = uuid4()
BEGUN = """
INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, purpose, created_at)
VALUES ($1, 10, $2, $2, $3, 'stripe', $4, 'donation', $5)
"""
BOOKED = """
INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, usd_amount,
                         created_at)
VALUES ($1, 'donation', 'stripe', $2, $3, $4, $5, $6, $5, $7::timestamptz + interval '30 seconds')
"""
READS = ("overview", "payments", "routes", "stream", f"payments/{uuid4()}")


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **wix.settings(), wix_owner_instances=[str(SITE)]) as pod:
        yield pod


async def ask(pod, path, method="GET", headers=None, **options):
    return await pod.call(method, f"/api/v1/wix/{path}", headers=headers or wix.owner(SITE), **options)


async def test_another_sites_owner_sees_nothing(pod):
    for path in READS:
        assert await wix.code_of(pod, wix.owner(uuid4()), path=f"/api/v1/wix/{path}") == "403 not_owner"
    for path in (f"payments/{uuid4()}/refunds", "routes/pin", "routes/currencies/EUR", "routes/providers/stripe"):
        assert (await ask(pod, path, "POST", wix.owner(uuid4()), json={}))[1]["code"] == "not_owner"


async def test_an_empty_backend_answers_everything(pod):
    status, answer = await ask(pod, "overview?zone=Asia/Kathmandu")
    assert status == 200, answer
    data = answer["data"]
    assert (data["zone"], data["mode"], data["days"]) == ("Asia/Kathmandu", "live", [])
    assert data["current"]["payments"]["successRate"] is None
    status, answer = await ask(pod, "payments")
    assert (status, answer["data"]) == (200, {"items": [], "nextCursor": None})
    status, answer = await ask(pod, "routes")
    assert status == 200, answer
    assert answer["data"]["version"]["version"] >= 1


async def paid(conn, at, amount, currency="EUR", *, live=True, refund=0):
    payment = uuid4()
    await conn.execute(BEGUN, payment, currency, "pending", live, at)
    for kind, moved in (("charge", amount), ("refund", -refund)):
        if moved:
            await conn.execute(BOOKED, payment, live, kind, f"{kind}_{payment}", moved, currency, at)
    await conn.execute("UPDATE payments SET status = 'completed' WHERE id = $1", payment)


async def test_the_overview_has_days_of_the_zone_and_the_days_before_as_one(pod, conn):
    """Berlin's 30 March 2026 begins at 22:00 UTC, the day before the clocks went forward."""
    before, first = datetime(2026, 3, 25, 12, tzinfo=UTC), datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
    await paid(conn, datetime(2026, 3, 24, 22, 59, tzinfo=UTC), 1000)  # too early: 24 March
    await paid(conn, before, 40)
    await paid(conn, before.replace(day=28), 2, "USD", live=False)
    await paid(conn, first, 10, refund=4)
    await paid(conn, first.replace(day=30, hour=8), 5)
    await conn.execute(BEGUN, uuid4(), "EUR", "expired", True, first)
    await conn.execute(BEGUN, uuid4(), "EUR", "failed", True, first)
    for _ in range(2):
        status, answer = await ask(pod, "overview?from=2026-03-30&to=2026-04-03&zone=Europe/Berlin&mode=live")
        assert status == 200, answer
        data = answer["data"]
        totals = data["current"]["totals"]
        assert [(each["currency"], each["received"], each["refunded"], each["net"]) for each in totals] == [
            ("EUR", 15, 4, 11)
        ]
        assert [(each["mode"], each["received"]) for each in data["previous"]["totals"]] == [("live", 40), ("test", 2)]
        assert (data["previous"]["from"], data["previous"]["to"]) == ("2026-03-25", "2026-03-29")
        assert [(each["day"], each["count"], each["net"]) for each in data["days"]] == [("2026-03-30", 2, 11)]
        assert data["current"]["payments"] == {
            "paid": 2, "failed": 1, "expired": 0, "abandoned": 1, "successRate": 2 / 3,
        }  # fmt: skip
        assert (data["current"]["medianSeconds"], data["previous"]["payments"]["paid"]) == (30, 1)
    await paid(conn, first, 100)
    answer = (await ask(pod, "overview?from=2026-03-30&to=2026-04-03&zone=Europe/Berlin&mode=live"))[1]
    assert answer["data"]["current"]["totals"][0]["received"] == 115, "what was just booked is there"
