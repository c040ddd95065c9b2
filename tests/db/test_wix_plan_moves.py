"""A plan that moves to another site takes the rest of its credits along, in any order of events."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import permutations
from uuid import UUID, uuid4

import asyncpg
import pytest

from hingecraft.wix_app.plans import service
from hingecraft.wix_app.plans.model import Fact, Kind
from support.lock_waits import until_waiting
from support.wix_plans import START, bought, fact

ACCOUNTS = """
SELECT a.allowance, (SELECT sum(c.allowance) FROM wix_credits c WHERE c.instance_id = a.instance_id) AS of_rows
FROM wix_credit_accounts a WHERE a.instance_id = $1
"""


async def take(conn, site: UUID, told: Fact):
    async with conn.transaction():
        await service.take(conn, site, [told], actor="wix", request_id=told.fact_id)


async def allowance_of(conn, site: UUID) -> int:
    row = await conn.fetchrow(ACCOUNTS, site)
    assert row["allowance"] == (row["of_rows"] or 0), "the account is the sum of its rows"
    return row["allowance"]


def moved(hours: int, invoice: str) -> Fact:
    at = START + timedelta(hours=hours)
    return fact(Kind.TRANSFERRED, at, product="starter", cycle="MONTHLY", invoice_id=invoice)


def left(hours: int) -> Fact:
    return fact(Kind.CANCELLED, START + timedelta(hours=hours), product="starter", cycle="MONTHLY", at_once=True)


async def test_the_plan_is_where_it_was_moved_to_last_with_one_allowance_in_any_order(conn):
    for order in permutations(range(4)):
        first, second, invoice = uuid4(), uuid4(), str(uuid4())
        told = [(first, bought(invoice_id=invoice)), (first, left(1)), (second, moved(1, invoice)), (second, left(9))]
        for number in order:
            await take(conn, *told[number])
        found = [await allowance_of(conn, site) for site in (first, second)]
        assert found == [0, 50], order
        await take(conn, first, moved(9, invoice))
        assert [await allowance_of(conn, site) for site in (first, second)] == [50, 0], order


async def test_only_what_is_left_moves_and_a_renewal_gives_all_again(conn):
    first, second = uuid4(), uuid4()
    await take(conn, first, bought(invoice_id="1"))
    spent = await conn.fetchrow("SELECT * FROM hc_spend_wix_credits($1, 20, 'r')", first)
    assert spent["outcome"] == "spent"
    for _ in range(2):
        await take(conn, second, moved(1, "1"))
        assert [await allowance_of(conn, site) for site in (first, second)] == [0, 30]
    await take(
        conn, second, fact(Kind.ANSWER, START + timedelta(32), product="starter", cycle="MONTHLY", invoice_id="2")
    )
    assert [await allowance_of(conn, site) for site in (first, second)] == [0, 50]


@pytest.mark.parametrize("told_to", [0, 1])
async def test_a_chargeback_takes_the_rest_wherever_it_is_told_and_gives_it_back_when_it_is_won(conn, told_to):
    sites = [uuid4(), uuid4()]
    refund = fact(Kind.CHARGED_BACK, START + timedelta(hours=3), invoice_id="1")
    won = fact(Kind.PAID, START + timedelta(days=9), invoice_id="1")
    told = [(sites[0], bought(invoice_id="1")), (sites[1], moved(1, "1")), (sites[told_to], refund)]
    for each in told:
        await take(conn, *each)
    assert [await allowance_of(conn, site) for site in sites] == [0, 0]
    await take(conn, sites[1], fact(Kind.PAYMENT_FAILED, START + timedelta(hours=4)))
    assert [await allowance_of(conn, site) for site in sites] == [0, 0], "the next news changes nothing"
    await take(conn, sites[told_to], won)
    assert [await allowance_of(conn, site) for site in sites] == [0, 50]


REFUND = fact(Kind.RETURNED, START + timedelta(hours=3), invoice_id="1")
CHANGE = bought(START + timedelta(hours=3), product="pro", invoice_id="2")


@pytest.mark.parametrize(("told_to", "told", "left_over"), [(0, REFUND, 0), (1, REFUND, 0), (1, CHANGE, 100)])
async def test_what_takes_credits_waits_for_a_spend_and_takes_what_it_leaves(conn, dsn, told_to, told, left_over):
    """Whether Wix names the site that spends or the one that had the plan before."""
    sites = [uuid4(), uuid4()]
    await take(conn, sites[0], bought(invoice_id="1"))
    await take(conn, sites[1], moved(1, "1"))
    spending, taking = [await asyncpg.connect(dsn.newest) for _ in range(2)]
    async with spending.transaction():
        await spending.execute("SELECT hc_spend_wix_credits($1, 20, 'r')", sites[1])
        taken = asyncio.create_task(take(taking, sites[told_to], told))
        await until_waiting(conn)
    await taken
    for other in (spending, taking):
        await other.close()
    assert [await allowance_of(conn, site) for site in sites] == [0, left_over]
    assert await conn.fetchval("SELECT allowance FROM wix_credits WHERE kind IN ('taken_back', 'lapse')") == -30


async def test_a_plan_moves_with_what_a_spend_leaves(conn, dsn):
    first, second = uuid4(), uuid4()
    await take(conn, first, bought(invoice_id="1"))
    spending, moving = [await asyncpg.connect(dsn.newest) for _ in range(2)]
    async with spending.transaction():
        await spending.execute("SELECT hc_spend_wix_credits($1, 20, 'r')", first)
        moves = asyncio.create_task(take(moving, second, moved(1, "1")))
        await until_waiting(conn)
    await moves
    for other in (spending, moving):
        await other.close()
    assert [await allowance_of(conn, site) for site in (first, second)] == [0, 30]


async def test_a_plan_whose_earlier_site_is_not_known_begins_with_all_its_credits(conn):
    site = uuid4()
    await take(conn, site, moved(1, "1"))
    assert await allowance_of(conn, site) == 50


@pytest.mark.parametrize("seed", range(3))
async def test_both_sites_at_the_same_moment_are_given_one_allowance(conn, dsn, seed):
    first, second = uuid4(), uuid4()
    others = [await asyncpg.connect(dsn.newest) for _ in range(2)]
    told = [(first, bought(invoice_id="1")), (second, moved(1, "1"))]
    await asyncio.gather(*(take(other, *each) for other, each in zip(others, told[:: 1 - 2 * (seed % 2)], strict=True)))
    for other in others:
        await other.close()
    assert [await allowance_of(conn, site) for site in (first, second)] == [0, 50]
