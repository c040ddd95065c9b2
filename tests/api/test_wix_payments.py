"""The dashboard's list of payments: every filter, every way to search, and pages that neither miss nor repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest

from support import wix
from support.pods import running_pod

SITE = uuid4()
START = datetime(2026, 3, 1, tzinfo=UTC)
BEGIN = """
INSERT INTO payments (id, amount, currency, price_currency, status, provider, provider_id, livemode, purpose, user_id,
                      intent_id, created_at)
VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
CHARGE = """
INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, created_at)
VALUES ($1, 'donation', 'stripe', $2, $3, $4, $5, $6, $7)
"""
CHECKOUT = """
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, kind, status,
                               idempotency_key, request)
VALUES ($1, 'stripe', 'stripe', $2, 'EUR', 5, 'single', 'pending', $2, $3)
"""


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **wix.settings(), wix_owner_instances=[str(SITE)], background=False) as pod:
        yield pod


@pytest.fixture
async def payments(conn):
    """Sixty of every sort, some at the same moment."""
    await conn.execute("SET session_replication_role = replica")
    made = []
    sorts = product(("completed", "failed", "disputed"), ("stripe", "nowpayments"), ("EUR", "USD"), range(5))
    for number, (status, provider, currency, _) in enumerate(sorts):
        payment = {
            "id": uuid4(), "amount": Decimal(number) + Decimal("0.5"), "currency": currency, "status": status,
            "provider": provider, "provider_id": f"cs_test_{number}", "livemode": number % 4 != 0,
            "purpose": ("donation", "credits", "purchase")[number % 3],
            "user_id": uuid4() if number % 3 else None, "intent_id": None,
            "created_at": START + timedelta(hours=number // 2 * 7),
        }  # fmt: skip
        await conn.execute(BEGIN, *payment.values())
        made.append(payment)
    await conn.execute("SET session_replication_role = DEFAULT")
    return sorted(made, key=lambda each: (each["created_at"], each["id"]), reverse=True)


async def listed(pod, **query):
    status, answer = await pod.call("GET", f"/api/v1/wix/payments?{urlencode(query)}", headers=wix.owner(SITE))
    assert status == 200, answer
    return answer["data"]


async def ids(pod, **query):
    return [UUID(each["id"]) for each in (await listed(pod, limit=200, **query))["items"]]


def is_on(payment, first, last, hours=0):
    return first <= (payment["created_at"] + timedelta(hours=hours)).date().isoformat() <= last


FILTERS = [
    ({"status": "disputed"}, lambda each: each["status"] == "disputed"),
    ({"provider": "nowpayments", "status": "failed"},
     lambda each: each["provider"] == "nowpayments" and each["status"] == "failed"),
    ({"currency": "eur"}, lambda each: each["currency"] == "EUR"),
    ({"purpose": "credits"}, lambda each: each["purpose"] == "credits"),
    ({"mode": "test"}, lambda each: not each["livemode"]),
    ({"mode": "live", "currency": "USD"}, lambda each: each["livemode"] and each["currency"] == "USD"),
    ({"from": "2026-03-03", "to": "2026-03-04"}, lambda each: is_on(each, "2026-03-03", "2026-03-04")),
    # Always five hours and three quarters ahead.
    ({"from": "2026-03-03", "to": "2026-03-03", "zone": "Asia/Kathmandu"},
     lambda each: is_on(each, "2026-03-03", "2026-03-03", 5.75)),
    ({"amountFrom": "10.5", "amountTo": "20"}, lambda each: Decimal("10.5") <= each["amount"] <= 20),
    ({"amountTo": "0.5"}, lambda each: each["amount"] <= Decimal("0.5")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "passes"), FILTERS, ids=lambda each: "-".join(each) if isinstance(each, dict) else ""
)
async def test_a_filter_leaves_what_passes_in_order(pod, payments, query, passes):
    expected = [each["id"] for each in payments if passes(each)]
    assert expected
    assert await ids(pod, **query) == expected


async def test_pages_neither_miss_nor_repeat_a_payment_with_a_filter_too(pod, payments):
    for query in ({}, {"provider": "stripe"}):
        found, cursor = [], None
        while True:
            page = await listed(pod, limit=7, **query, **({"cursor": cursor} if cursor else {}))
            found += [UUID(each["id"]) for each in page["items"]]
            cursor = page["nextCursor"]
            if cursor is None:
                break
        assert found == [each["id"] for each in payments if query.get("provider", each["provider"]) == each["provider"]]


async def test_a_search_finds_ids_and_addresses_wherever_they_are(pod, payments, conn):
    first, second, third, fourth = (each["id"] for each in payments[:4])
    user = next(each for each in payments if each["user_id"] is not None)
    await conn.execute("SET session_replication_role = replica")
    await conn.execute(CHARGE, first, True, "charge", "pi_of_the_charge", 5, "EUR", START)
    await conn.execute(CHARGE, first, True, "refund", "re_of_the_charge", -2, "EUR", START)
    await conn.execute(CHECKOUT, second, "cs_of_the_checkout", '{"customer_email": "Payer@Example.com"}')
    await conn.execute(
        """INSERT INTO "ContributionIntent" ("_id", amount_entered, user_info) VALUES ('i', 5, $1)""",
        '{"email": "gift@example.com", "name": "A"}',
    )
    await conn.execute("UPDATE payments SET intent_id = 'i' WHERE id = $1", third)
    await conn.execute(
        "INSERT INTO customers (user_id, livemode, number, email, idempotency_key) VALUES ($1, true, 1, $2, 'k')",
        user["user_id"], "member@example.com",
    )  # fmt: skip
    await conn.execute("SET session_replication_role = DEFAULT")
    for search, named in (
        (str(fourth).upper(), fourth), (f" {fourth} ", fourth), ("pi_of_the_charge", first),
        ("re_of_the_charge", first), ("cs_of_the_checkout", second), ("cs_test_7", None), ("payer@example.COM", second),
        ("GIFT@example.com", third), ("member@example.com", user["id"]),
    ):  # fmt: skip
        expected = named or next(each["id"] for each in payments if each["provider_id"] == search)
        assert await ids(pod, search=search) == [expected], search
    for search in ("nobody@example.com", "cs_test", "%", "' OR true --", str(uuid4())):
        assert await ids(pod, search=search) == [], search
    # A filter narrows a search.
    assert await ids(pod, search="pi_of_the_charge", amountTo="0.1") == []
    (item,) = (await listed(pod, search="pi_of_the_charge"))["items"]
    assert (item["paidAmount"], item["wentBack"], item["paidCurrency"]) == (5, 2, "EUR")


WRONG = [
    ({"from": "2026-02-30"}, "from"), ({"from": "2026-03-02", "to": "2026-03-01"}, "from"), ({"zone": "Mars"}, "zone"),
    ({"zone": "../etc/passwd"}, "zone"), ({"amountFrom": "-1"}, "amountFrom"), ({"amountTo": "1e5"}, "amountTo"),
    ({"amountFrom": "5", "amountTo": "4"}, "amountFrom"), ({"status": "paid"}, "status"), ({"search": ""}, "search"),
    ({"cursor": "x"}, "cursor"), ({"limit": "0"}, "limit"), ({"state": "completed"}, "state"),
    ({"to": "9999-12-31"}, "to"), ({"from": "0001-01-01", "zone": "Asia/Tokyo"}, "from"),
]  # fmt: skip


async def test_what_is_wrong_with_a_filter_is_said(pod):
    for query, field in WRONG:
        path = f"/api/v1/wix/payments?{urlencode(query)}"
        status, answer = await pod.call("GET", path, headers=wix.owner(SITE))
        assert status == 400, query
        assert list(answer["fields"]) == [field]
