"""The way a payment may move is written down twice, in the domain and in the database; here they are compared."""

from __future__ import annotations

import asyncpg
import pytest

from hingecraft.errors import ConflictError
from hingecraft.payments.model import MOVES, Status, require_move

MOVE = "UPDATE payments SET status = $2 WHERE id = $1"
PAIRS = [(before, after) for before in Status for after in Status]


async def test_the_database_allows_what_the_domain_does(conn):
    for before, after in PAIRS:
        payment = await conn.fetchval(
            "INSERT INTO payments (amount, currency, status, source) VALUES (1, 'USD', $1, 'charter') RETURNING id",
            before,
        )
        if before == after or after in MOVES[before]:
            # What completes a payment is another rule, which is looked at when a transaction ends.
            await moved_and_taken_back(conn, payment, after)
            continue
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await conn.execute(MOVE, payment, after)
        assert refused.value.constraint_name == "payments_moves", (before, after)


async def moved_and_taken_back(conn, payment, after):
    transaction = conn.transaction()
    await transaction.start()
    await conn.execute(MOVE, payment, after)
    await transaction.rollback()


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_domain_refuses_the_rest(before, after):
    if before == after or after in MOVES[before]:
        require_move(before, after)
    else:
        with pytest.raises(ConflictError):
            require_move(before, after)


async def test_settlements_can_only_be_added_to(conn):
    payment = await conn.fetchval("INSERT INTO payments (amount, currency) VALUES (1, 'USD') RETURNING id")
    added = """INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency)
               VALUES ($1, 'wallet', true, 'manual', 'hash', 1, 'BTC')"""
    await conn.execute(added, payment)
    for act in ("UPDATE settlements SET amount = 2", "DELETE FROM settlements", "TRUNCATE settlements CASCADE"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
            await conn.execute(act)
    with pytest.raises(asyncpg.UniqueViolationError):
        await conn.execute(added, payment)
