"""The old software is never refused for its own rows, and it changes none of our checkouts."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from hingecraft.payments.model import MOVES, Status

PAY = "INSERT INTO payments (id, amount, currency, status) VALUES ($1, 5, 'usd', $2)"
SAY = "UPDATE payments SET status = $2 WHERE id = $1"
STANDS = "SELECT status, legacy_status FROM payments WHERE id = $1"
OURS = """
WITH payment AS (
    INSERT INTO payments (id, amount, currency, status, source, provider, livemode)
    VALUES ($1, 5, 'USD', 'pending', 'charter', 'stripe', false) RETURNING id
)
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, status, kind,
                               idempotency_key, request)
SELECT id, 'stripe', 'stripe', 'cs_' || id, 'USD', 5, $2, 'single', 'hc_' || id, '{}' FROM payment
"""
CHECKOUT = "UPDATE external_payments SET status = $2 WHERE payment_id = $1"
CHECKOUT_STANDS = "SELECT status FROM external_payments WHERE payment_id = $1"
OF_OLD_SOFTWARE = """
INSERT INTO external_payments (id, payment_id, gateway, currency, amount, status)
VALUES ($1, $2, 'stripe', 'usd', 5, 'open')
"""
LINK = """
INSERT INTO external_payments (gateway, provider, provider_id, provider_url, currency, kind, status, idempotency_key)
VALUES ('stripe', 'stripe', 'plink_1', 'https://buy.stripe.com/1', 'USD', 'standing', 'pending', 'hc_link_1')
"""


@pytest.mark.parametrize("before", Status)
async def test_the_old_software_writes_any_status_on_its_own_payment(conn, before):
    """A move that the table forbids changes the text only."""
    for word in Status:
        payment = uuid4()
        await conn.execute(PAY, payment, before)
        await conn.execute(SAY, payment, word)
        allowed = word == before or word in MOVES[before]
        status, text = await conn.fetchrow(STANDS, payment)
        assert status == (word if allowed else before)
        assert allowed or text == word


async def test_a_forbidden_word_on_an_old_payment_moves_no_money(conn):
    payment = uuid4()
    await conn.execute(PAY, payment, "completed")
    for word in ("pending", "failed", "refunded", "pending", "completed", "expired"):
        await conn.execute(SAY, payment, word)
    assert (await conn.fetchrow(STANDS, payment))["status"] == "completed"
    assert await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1", payment) == 5


@pytest.mark.parametrize("before", ["pending", "failed", "expired", "completed"])
async def test_the_old_software_cannot_change_our_checkouts(conn, before):
    payment = uuid4()
    await conn.execute(OURS, payment, before)
    for word in ("completed", "failed", "expired", "error", "refunded", "pending"):
        if word == before:
            continue
        with pytest.raises(
            asyncpg.CheckViolationError, match="do not change rows that have an idempotency_key"
        ) as refused:
            await conn.execute(CHECKOUT, payment, word)
        assert refused.value.constraint_name == "external_payments_status_audited"
        assert await conn.fetchval(CHECKOUT_STANDS, payment) == before
    await conn.execute(CHECKOUT, payment, before)


@pytest.mark.parametrize("word", ["completed", "failed", "error"])
async def test_nor_one_that_is_still_being_opened(conn, word):
    payment = uuid4()
    await conn.execute(OURS, payment, "creating")
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute(CHECKOUT, payment, word)


async def test_an_older_row_in_the_audit_log_excuses_nothing(conn):
    payment = uuid4()
    await conn.execute(OURS, payment, "pending")
    await conn.execute(
        "INSERT INTO payment_audit (actor, action, payment_id) VALUES ('api', 'payment_opened', $1)", payment
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute(CHECKOUT, payment, "completed")


async def test_a_change_is_excused_by_its_own_row_whichever_comes_first(conn):
    payment = uuid4()
    await conn.execute(OURS, payment, "pending")
    async with conn.transaction():
        await conn.execute(CHECKOUT, payment, "expired")
        await conn.execute("INSERT INTO payment_audit (actor, action, payment_id) VALUES ('a', 'b', $1)", payment)
    assert await conn.fetchval(CHECKOUT_STANDS, payment) == "expired"


async def test_the_old_software_is_refused_without_a_right_on_the_audit_log(conn):
    payment = uuid4()
    await conn.execute(OURS, payment, "pending")
    await conn.execute(
        "CREATE ROLE old_writer; GRANT SELECT, INSERT, UPDATE ON payments, external_payments TO old_writer"
    )
    try:
        await conn.execute("SET ROLE old_writer")
        with pytest.raises(asyncpg.CheckViolationError):
            await conn.execute(CHECKOUT, payment, "completed")
    finally:
        await conn.execute("RESET ROLE; DROP OWNED BY old_writer; DROP ROLE old_writer")


async def test_checkouts_of_the_old_software_take_any_word_in_any_order(conn):
    checkout, payment = uuid4(), uuid4()
    await conn.execute(PAY, payment, "pending")
    await conn.execute(OF_OLD_SOFTWARE, checkout, payment)
    for word in ("completed", "pending", "Paid", "failed", "completed", "whatever"):
        await conn.execute("UPDATE external_payments SET status = $2 WHERE id = $1", checkout, word)


async def test_our_standing_link_is_not_completed_by_one_payer(conn):
    await conn.execute(LINK)
    for word in ("completed", "failed", "error"):
        with pytest.raises(asyncpg.CheckViolationError, match="save payments in payments") as refused:
            await conn.execute("UPDATE external_payments SET status = $1", word)
        assert refused.value.constraint_name == "external_payments_link_status"
    for word in ("expired", "pending"):
        await conn.execute("UPDATE external_payments SET status = $1", word)
