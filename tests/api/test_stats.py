"""The days that statistics are asked for: who may ask, bounds, defaults, and where a day begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from support.downloads import Shop
from support.pods import ADMIN, running_pod
from support.tokens import SERVICE_TOKEN, SETTINGS, bearer, token_for

BOOK = """
WITH sold AS (
    INSERT INTO payments (amount, currency, status, provider, livemode, purpose, user_id, product, created_at)
    VALUES ($1, $2, 'completed', 'stripe', false, 'purchase', gen_random_uuid(), $3, $4) RETURNING id
)
INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, created_at)
SELECT id, 'purchase', 'stripe', false, 'charge', 'pi_' || id, $1, $2, $4 FROM sold
"""
NOT_A_DAY = "must be a day, such as 2026-11-27"
OUTSIDE = "must be between 2000-01-01 and 2999-12-31"
TOO_LONG = "must be at most 366 days before the end of the range, which has 367 days"
WRONG = [
    ("?from=2026-02-30", "from", NOT_A_DAY),
    ("?to=yesterday", "to", NOT_A_DAY),
    ("?to=20261127", "to", NOT_A_DAY),
    ("?to=0000-01-01", "to", NOT_A_DAY),
    ("?from=2026-11-27T00:00:00Z", "from", NOT_A_DAY),
    # Digits, but not of ASCII.
    ("?from=%D9%A2%D9%A0%D9%A2%D9%A6-11-27", "from", NOT_A_DAY),
    ("?from=1999-12-31", "from", OUTSIDE),
    ("?to=9999-12-31", "to", OUTSIDE),
    ("?from=2026-11-28&to=2026-11-27", "from", "must not be after to"),
    ("?from=2025-01-01&to=2026-01-02", "from", TOO_LONG),
    ("?form=2026-11-27", "form", "is not a known field (did you mean from?)"),
    ("?from=2026-11-27&from=2026-11-28", "from", "is given twice"),
]


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, background=False, **SETTINGS) as running:
        yield running


async def ask(pod, query="", headers=ADMIN):
    return await pod.call("GET", f"/admin/stats{query}", headers=headers)


async def test_only_admins_see_them(pod):
    assert (await ask(pod, headers=bearer(token_for(str(uuid4()), role="admin"))))[0] == 200
    for headers, expected in (
        ({}, (401, "unauthorized")),
        (bearer(token_for(str(uuid4()))), (403, "role_not_allowed")),
        (bearer(SERVICE_TOKEN), (403, "role_not_allowed")),
    ):
        status, answer = await ask(pod, headers=headers)
        assert (status, answer["code"]) == expected


async def test_thirty_days_until_today_are_the_default(pod):
    before = datetime.now(UTC).date()
    _, answer = await ask(pod)
    after = datetime.now(UTC).date()
    first, last = (date.fromisoformat(answer["data"][name]) for name in ("from", "to"))
    assert before <= last <= after
    assert last - first == timedelta(days=29)
    _, answer = await ask(pod, "?to=2026-03-01")
    assert (answer["data"]["from"], answer["data"]["to"]) == ("2026-01-31", "2026-03-01")
    _, answer = await ask(pod, f"?from={before - timedelta(days=365)}")
    assert answer["success"] or after > before, "366 days are allowed, unless midnight has just passed"


async def test_what_is_wrong_with_the_days_is_said(pod):
    for query, field, reason in WRONG:
        status, answer = await ask(pod, query)
        assert (status, answer["code"], answer["fields"]) == (400, "invalid_request", {field: reason})
        assert answer["error"] == f"Please correct: {field} {reason}."


async def test_a_beginning_after_today_says_which_day_it_is(pod):
    before = datetime.now(UTC).date()
    _, answer = await ask(pod, "?from=2999-01-01")
    after = datetime.now(UTC).date()
    said = {f"must not be after today, {day} in UTC" for day in (before, after)}
    assert answer["fields"]["from"] in said


async def test_a_day_begins_and_ends_at_midnight_in_utc_whatever_the_zone_of_the_database(dsn, conn):
    """In that zone the clock changes on the second day."""
    name = await conn.fetchval("SELECT quote_ident(current_database())")
    await conn.execute(f"ALTER DATABASE {name} SET timezone = 'Europe/Berlin'")
    product = await Shop(conn).design()
    first, last = datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    moments = [
        (first - tick, 1, "USD"), (first, 2, "USD"), (first + timedelta(days=1) - tick, 4, "USD"),
        (first + timedelta(days=1), 8, "USD"), (last, 0.5, "EUR"), (last + timedelta(days=1) - tick, 16, "USD"),
        (last + timedelta(days=1), 32, "USD"),
    ]  # fmt: skip
    await conn.execute("SET session_replication_role = replica")
    for moment, amount, currency in moments:
        await conn.execute(BOOK, amount, currency, str(product), moment)
    async with running_pod(dsn, background=False, **SETTINGS) as pod:
        _, answer = await ask(pod, "?from=2026-03-28&to=2026-03-30")
    assert answer["data"]["payments"]["paid"] == 5
    assert [tuple(each.values()) for each in answer["data"]["revenue"]] == [
        ("2026-03-28", "design", "USD", 6), ("2026-03-29", "design", "USD", 8), ("2026-03-30", "design", "EUR", 0.5),
        ("2026-03-30", "design", "USD", 16),
    ]  # fmt: skip
    assert answer["data"]["intentToPurchase"] == {"p50": None, "p99": None}, "nobody has waited for these"
