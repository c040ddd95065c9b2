"""Whatever the order in which facts of a plan come, and however often, the plan and the credits end the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hingecraft.settings import Secret
from hingecraft.wix_app.plans import service
from hingecraft.wix_app.plans.model import Fact
from support.wix_plans import HISTORIES

CASES = 30
OUTCOME = """
SELECT s.plan, s.product, s.cycle, right(s.invoice_id, 1), s.period_start, s.period_end, s.cancel_at_period_end,
    s.access_ends_at, s.payment_failed_at, a.allowance, a.trial, a.used, a.allowance_ends_at, a.period_start,
    (SELECT sum(c.allowance) FROM wix_credits c WHERE c.instance_id = s.instance_id) = a.allowance AS agrees
FROM wix_sites s JOIN wix_credit_accounts a USING (instance_id) WHERE s.instance_id = $1
"""


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@asynccontextmanager
async def connected(dsn: Secret) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(dsn.newest)
    yield conn
    await conn.close()


async def outcome(conn: asyncpg.Connection, facts: list[Fact]) -> list[Any]:
    site = uuid4()
    for each in facts:
        # The invoices of another case are other ones.
        fact = replace(each, invoice_id=each.invoice_id and f"{site}/{each.invoice_id}")
        async with conn.transaction():
            await service.take(conn, site, [fact], actor="wix", request_id=fact.fact_id)
    row = await conn.fetchrow(OUTCOME, site)
    return list(row) if row else []


def test_the_order_and_repeats_of_facts_make_no_difference(dsn, runner):
    # Without making a failing case smaller: each case writes to the database.
    @settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(history=HISTORIES, order=st.randoms(use_true_random=False), repeats=st.lists(st.integers(0, 11), max_size=4))
    def check(history, order, repeats):
        told = [*history, *(history[each] for each in repeats if each < len(history))]
        order.shuffle(told)

        async def both():
            async with connected(dsn) as conn:
                happened = await outcome(conn, sorted(history, key=lambda fact: fact.happened_at))
                assert await outcome(conn, told) == happened
                assert not happened or happened[-1], "the account is the sum of its rows"

        runner.run(both())

    check()
