"""One payment at Wix gives its credits once, however it is named, and a chargeback takes them until it is won."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from hingecraft.db.connection import Database
from hingecraft.settings import Secret
from hingecraft.wix_app.plans import service
from hingecraft.wix_app.plans.model import Fact, Kind
from support.wix_plans import answer_of_wix, bought, fact

NOW = datetime.now(UTC)
LEDGER = "SELECT kind, allowance FROM wix_credits WHERE instance_id = $1 AND kind <> 'trial' ORDER BY id"


async def told(conn: asyncpg.Connection, site: UUID, *facts: Fact) -> int:
    """The plan's credits that are left."""
    for each in facts:
        async with conn.transaction():
            await service.take(conn, site, [each], actor="wix", request_id=each.fact_id)
    left: int = await conn.fetchval("SELECT allowance FROM wix_credit_accounts WHERE instance_id = $1", site)
    entered = await conn.fetchval("SELECT sum(allowance) FROM wix_credits WHERE instance_id = $1", site)
    assert entered == left
    return left


async def spend(conn: asyncpg.Connection, site: UUID, amount: int) -> None:
    assert await conn.fetchval("SELECT outcome FROM hc_spend_wix_credits($1, $2, 'r')", site, amount) == "spent"


@pytest.mark.parametrize("asked", [timedelta(minutes=-5), timedelta(seconds=2), timedelta(hours=5)])
async def test_a_payment_with_two_names_gives_its_credits_once(conn: asyncpg.Connection, asked: timedelta):
    """The answer comes first and the event last; Wix was asked before or after what the event tells."""
    site, at = uuid4(), NOW - timedelta(hours=6)
    answer = answer_of_wix(at + asked, starts_at=at + timedelta(minutes=1), invoice_id="premium-1")
    assert await told(conn, site, answer) == 50
    await spend(conn, site, 20)
    assert await told(conn, site, bought(at, invoice_id="1")) == 30
    assert [tuple(row) for row in await conn.fetch(LEDGER, site)] == [("plan", 50), ("spend", -20)]


async def test_a_chargeback_takes_what_is_left_and_a_payment_gives_it_back(conn: asyncpg.Connection):
    site, at = uuid4(), NOW - timedelta(days=20)
    assert await told(conn, site, bought(at, cycle="YEARLY", invoice_id="1")) == 50
    await spend(conn, site, 20)
    disputed = fact(Kind.CHARGED_BACK, at + timedelta(days=2), invoice_id="1")
    signed_again = fact(Kind.CHARGED_BACK, at + timedelta(days=2, hours=1), invoice_id="1")
    assert await told(conn, site, disputed, disputed, signed_again) == 0
    won = fact(Kind.PAID, at + timedelta(days=9), invoice_id="1")
    assert await told(conn, site, won, won) == 30
    again = fact(Kind.CHARGED_BACK, at + timedelta(days=12), invoice_id="1")
    assert await told(conn, site, again) == 0
    assert [tuple(row) for row in await conn.fetch(LEDGER, site)] == [
        ("plan", 50), ("spend", -20), ("taken_back", -30), ("given_back", 30), ("taken_back", -30),
    ]  # fmt: skip


async def test_pods_that_take_up_one_payment_at_once_give_its_credits_once(dsn: Secret, conn: asyncpg.Connection):
    site, at = uuid4(), NOW - timedelta(hours=6)
    facts = [
        bought(at, invoice_id="1"),
        answer_of_wix(NOW, starts_at=at + timedelta(minutes=1), invoice_id="premium-1"),
    ]
    database = Database(dsn, application="test-wix-payments", largest=6)

    async def take(fact: Fact) -> None:
        async with database.transaction() as other:
            await service.take(other, site, [fact], actor="wix", request_id=fact.fact_id)

    await asyncio.gather(*(take(each) for each in facts * 5))
    await database.close()
    assert [tuple(row) for row in await conn.fetch(LEDGER, site)] == [("plan", 50)]


async def test_a_chargeback_that_is_won_before_its_purchase_is_told_takes_nothing(conn: asyncpg.Connection):
    site, at = uuid4(), NOW - timedelta(days=20)
    disputed = fact(Kind.CHARGED_BACK, at + timedelta(days=2), invoice_id="1")
    won = fact(Kind.PAID, at + timedelta(days=9), invoice_id="1")
    assert await told(conn, site, won, disputed, bought(at, cycle="YEARLY", invoice_id="1")) == 50
