"""The ledger of credits: one row for each ref, a balance that is the sum of the rows and never spent below zero."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.credits import assert_books_agree, balance_of, entry, give_credits, write
from support.limits import PROGRESS
from support.lock_waits import until_waiting, waiting

USER, OTHER = sorted((uuid4(), uuid4()))
ADD = "SELECT add_user_credits($1, $2, $3, $4, $5, $6, $7)"
SPEND = "SELECT spend_user_credits($1, $2, $3, $4)"
ROWS = "SELECT delta, reason, plan_type, ref, balance_after FROM credits_transactions WHERE user_id = $1 ORDER BY id"
PRICES = {
    "BASIC_MONTHLY": (100, "subscription", "basic", "basic_plan_monthly"),
    "PRO_MONTHLY": (500, "subscription", "vision_pro", "vision_pro_monthly"),
    "MAX_MONTHLY": (2000, "subscription", "vision_max", "vision_max_monthly"),
    "QUICK_SCAN": (50, "pack", "credits", "quick_scan_purchase"),
    "POWER_PACK": (250, "pack", "credits", "power_pack_purchase"),
    "PROFESSIONAL": (600, "pack", "credits", "professional_purchase"),
    "ENTERPRISE": (1000, "pack", "credits", "enterprise_purchase"),
}


async def test_seven_prices_are_there_and_none_is_offered_before_stripe_says_its_amount(conn):
    rows = await conn.fetch("SELECT * FROM credit_prices WHERE active AND price_id = 'price_' || code")
    assert {row["code"]: (row["credits"], row["kind"], row["plan_type"], row["reason"]) for row in rows} == PRICES
    assert {(row["amount"], row["currency"]) for row in rows} == {(None, None)}


async def test_a_grant_is_added_once_for_each_event_and_price(conn):
    for _ in range(2):
        assert await conn.fetchval(ADD, USER, 100, "evt_1", "pi_1", "price_a", "pack", "credits") is True
    # The original dropped every grant after a user's first, and could not store a payment's refund.
    assert await conn.fetchval(ADD, USER, 50, "evt_2", "pi_1", "price_a", "pack", "credits") is True
    assert await conn.fetchval(ADD, USER, 7, "evt_2", "pi_1", None, "bonus", None) is True
    assert await conn.fetchval(ADD, USER, 7, "evt_2", "pi_1", None, "bonus", None) is True
    assert await conn.fetchval(ADD, USER, -50, "evt_3", "pi_1", "price_a", "refund_pack", "credits") is True
    assert await balance_of(conn, USER) == 107
    assert await conn.fetchval("SELECT by_plan::text FROM credit_accounts") == '{"credits": 100}'
    await assert_books_agree(conn)


async def test_a_refund_may_take_the_balance_below_zero_and_spending_waits(conn):
    await conn.fetchval(ADD, USER, 10, "evt_1", "pi_1", "price_a", "pack", "credits")
    await conn.fetchval(SPEND, USER, 8, "a", None)
    await conn.fetchval(ADD, USER, -10, "evt_2", "pi_1", "price_a", "refund_pack", "credits")
    assert await balance_of(conn, USER) == -8
    with pytest.raises(asyncpg.PostgresError) as rejected:
        await conn.fetchval(SPEND, USER, 1, "b", None)
    assert rejected.value.sqlstate == "HC402"
    await assert_books_agree(conn)


@pytest.mark.parametrize(
    "arguments", [(None, 5, "evt", "r"), (USER, 0, "evt", "r"), (USER, None, "evt", "r"), (USER, 5, None, "r"),
                  (USER, 5, "evt", None)],
)  # fmt: skip
async def test_a_grant_that_lacks_something_is_an_error_and_not_false(conn, arguments):
    user, amount, event, reason = arguments
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await conn.fetchval(ADD, user, amount, event, "pi_1", "price_a", reason, "credits")
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions") == 0


async def test_an_event_of_another_user_is_an_error(conn):
    await conn.fetchval(ADD, USER, 5, "evt_1", "pi_1", "price_a", "pack", "credits")
    with pytest.raises(asyncpg.UniqueViolationError):
        await conn.fetchval(ADD, OTHER, 5, "evt_1", "pi_1", "price_a", "pack", "credits")


async def test_an_event_that_our_own_grant_or_an_original_row_has_counts_too(conn):
    """Under any ref, and for whichever user it was granted."""
    granted = {"stripe_event_id": "evt_1", "stripe_price_id": "price_a"}
    await write(conn, entry(OTHER, 50, "in_1/il_1", **granted), entry(OTHER, -50, "refund:re_1/1", **granted))
    assert await conn.fetchval(ADD, OTHER, 50, "evt_1", "pi_1", "price_a", "pack", "credits") is True
    with pytest.raises(asyncpg.UniqueViolationError, match="another user"):
        await conn.fetchval(ADD, USER, 50, "evt_1", "pi_1", "price_a", "pack", "credits")
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions") == 2


async def test_a_reference_spends_once_and_is_free_again_when_there_was_not_enough(conn):
    await give_credits(conn, USER, 10)
    assert await conn.fetchval(SPEND, USER, 4, "first", "scan") == 6
    assert await conn.fetchval(SPEND, USER, 6, "second", None) == 0
    assert await conn.fetchval(SPEND, USER, 4, "first", "scan") == 6, "a repeat gives the first answer"
    for user in (USER, OTHER):
        with pytest.raises(asyncpg.PostgresError) as rejected:
            await conn.fetchval(SPEND, user, 1, "third", None)
        assert rejected.value.sqlstate == "HC402"
    with pytest.raises(asyncpg.PostgresError) as rejected:
        await conn.fetchval(SPEND, USER, 5, "first", "scan")
    assert rejected.value.sqlstate == "HC422"
    await give_credits(conn, USER, 1, "more")
    assert await conn.fetchval(SPEND, USER, 1, "third", None) == 0
    assert [row["delta"] for row in await conn.fetch(ROWS, USER)] == [10, -4, -6, 1, -1]
    assert await balance_of(conn, OTHER) is None, "who never had credits has no account"
    await assert_books_agree(conn)


@pytest.mark.parametrize(
    "arguments", [(USER, 0, "r"), (USER, -1, "r"), (USER, 1_000_001, "r"), (USER, None, "r"), (None, 1, "r"),
                  (USER, 1, ""), (USER, 1, None), (USER, 1, "r" * 201)],
)  # fmt: skip
async def test_a_spend_out_of_bounds_is_an_error(conn, arguments):
    await give_credits(conn, USER, 10)
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await conn.fetchval(SPEND, *arguments, None)
    assert await balance_of(conn, USER) == 10


async def test_a_batch_answers_each_entry_as_if_it_were_the_only_one(conn):
    await give_credits(conn, USER, 5)
    done = await write(
        conn,
        entry(USER, -4, "a"), entry(USER, -4, "b"), entry(USER, -1, "c"), entry(USER, -4, "a"), entry(USER, -1, "a"),
        entry(OTHER, 3, "d", plan_type="basic"), entry(OTHER, -3, "e"), entry(OTHER, -1, "f", below_zero=True),
        entry(OTHER, -1, "a"),
    )  # fmt: skip
    assert [(row["outcome"], row["balance"]) for row in done] == [
        ("written", 1), ("insufficient", 1), ("written", 0), ("repeated", 1), ("reused", 1),
        ("written", 3), ("written", 0), ("written", -1), ("reused", 1),
    ]  # fmt: skip
    await assert_books_agree(conn)


async def test_a_balance_has_a_limit_that_keeps_it_an_integer(conn):
    await write(conn, entry(USER, 1_990_000_000, "a"), entry(USER, 10_000_000, "b"))
    with pytest.raises(asyncpg.CheckViolationError) as rejected:
        await write(conn, entry(USER, 1, "c"))
    assert rejected.value.constraint_name == "credit_accounts_balance_range"
    assert await balance_of(conn, USER) == 2_000_000_000


async def test_fifty_spend_the_last_credit_and_one_gets_it(conn, dsn):
    await give_credits(conn, USER, 1)
    pool = await asyncpg.create_pool(dsn.newest, min_size=10, max_size=10)

    async def spend(number):
        try:
            return await pool.fetchval(SPEND, USER, 1, f"r{number}", None)
        except asyncpg.PostgresError as error:
            return error.sqlstate

    answers = await asyncio.gather(*(spend(number) for number in range(50)))
    await pool.close()
    assert sorted(map(str, answers)) == ["0"] + ["HC402"] * 49
    await assert_books_agree(conn)


async def test_an_account_that_is_made_while_a_batch_waits_is_not_spent_twice(conn, dsn):
    """The batch found no account to lock, and then waited for the account of another user."""
    batch, elsewhere = [await asyncpg.connect(dsn.newest) for _ in range(2)]
    await give_credits(conn, USER, 10)
    holding = conn.transaction()
    await holding.start()
    await write(conn, entry(USER, -1, "held"))
    writing = asyncio.create_task(write(batch, entry(USER, -1, "first"), entry(OTHER, -10, "second")))
    await until_waiting(elsewhere)
    await give_credits(elsewhere, OTHER, 10)
    spending = elsewhere.transaction()
    await spending.start()
    assert (await write(elsewhere, entry(OTHER, -10, "third")))[0]["outcome"] == "written"
    await holding.commit()
    while not writing.done() and not await waiting(conn):
        await asyncio.sleep(0.01)
    await spending.commit()
    assert [row["outcome"] for row in await writing] == ["written", "insufficient"]
    assert await balance_of(conn, OTHER) == 0
    await assert_books_agree(conn)
    for each in (batch, elsewhere):
        await each.close()


async def test_the_same_reference_at_the_same_moment_spends_once(conn, dsn):
    await give_credits(conn, USER, 100)
    pool = await asyncpg.create_pool(dsn.newest, min_size=10, max_size=10)
    assert set(await asyncio.gather(*(pool.fetchval(SPEND, USER, 3, "one", None) for _ in range(50)))) == {97}
    await pool.close()
    assert await balance_of(conn, USER) == 97


async def test_batches_of_the_same_users_in_opposite_order_do_not_deadlock(conn, dsn):
    """New accounts too: each round has users of its own."""
    first, second = await asyncpg.connect(dsn.newest), await asyncpg.connect(dsn.newest)
    for turn in range(40):
        users = [uuid4() for _ in range(5)]
        if turn % 2:
            for user in users:
                await give_credits(conn, user, 5)
        batches = [
            write(each, *(entry(user, delta, f"{turn}/{name}/{user}") for user in order for delta in (3,)))
            for each, name, order in ((first, "a", users), (second, "b", users[::-1]))
        ]
        await asyncio.gather(*batches)
    await first.close()
    await second.close()
    await assert_books_agree(conn)


async def test_a_connection_that_dies_before_its_commit_leaves_nothing(conn, dsn):
    await give_credits(conn, USER, 10)
    dying = await asyncpg.connect(dsn.newest)
    await dying.execute("BEGIN")
    await write(dying, entry(USER, -4, "a"), entry(OTHER, 4, "b"))
    dying.terminate()
    assert (await write(conn, entry(USER, -4, "a")))[0]["outcome"] == "written"
    assert await balance_of(conn, USER) == 6
    assert await balance_of(conn, OTHER) is None
    await assert_books_agree(conn)


async def test_the_view_is_refreshed_after_new_rows_and_every_five_minutes_at_most(conn):
    assert await conn.fetchval("SELECT refresh_credits_balance()") is False, "there is nothing new"
    await give_credits(conn, USER, 10)
    assert await conn.fetchval("SELECT refresh_credits_balance()") is True
    assert await conn.fetchval("SELECT balance FROM credits_balance_mv WHERE user_id = $1", USER) == 10
    await conn.fetchval(SPEND, USER, 4, "a", None)
    assert await conn.fetchval("SELECT refresh_credits_balance()") is False, "it was refreshed a moment ago"
    await conn.execute("UPDATE credits_balance_refreshes SET refreshed_at = now() - interval '6 minutes'")
    assert await conn.fetchval("SELECT refresh_credits_balance()") is True
    row = await conn.fetchrow("SELECT * FROM credits_balance_mv")
    account = await conn.fetchrow("SELECT * FROM credit_accounts")
    assert dict(row) == {name: account[name] for name in dict(row)}
    await conn.execute("UPDATE credits_balance_refreshes SET refreshed_at = now() - interval '6 minutes'")
    assert await conn.fetchval("SELECT refresh_credits_balance()") is False, "there is nothing new"


async def test_only_one_refreshes_at_a_time_and_the_others_do_not_wait(conn, dsn):
    await give_credits(conn, USER, 10)
    other = await asyncpg.connect(dsn.newest)
    async with conn.transaction():
        assert await conn.fetchval("SELECT refresh_credits_balance()") is True
        assert await other.fetchval("SELECT refresh_credits_balance()", timeout=PROGRESS) is False
    await other.close()


MOVES = st.lists(
    st.tuples(
        st.sampled_from([UUID(int=1), UUID(int=2)]), st.integers(-6, 6).filter(bool), st.integers(1, 12), st.booleans()
    ),
    max_size=25,
)


@pytest.mark.newest_postgres
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, cut=st.integers(1, 25))
async def test_the_balance_is_the_sum_of_the_rows_whatever_is_written(conn, moves, cut):
    """The same moves in batches of any size, against a model in a few lines."""
    transaction = conn.transaction()
    await transaction.start()
    balances: dict[UUID, int] = {}
    written: dict[tuple[UUID, int], int] = {}
    expected = []
    for user, delta, ref, below_zero in moves:
        held = balances.get(user, 0)
        if (user, ref) in written:
            expected.append("repeated" if written[user, ref] == delta else "reused")
        elif delta > 0 or below_zero or held + delta >= 0:
            written[user, ref] = delta
            balances[user] = held + delta
            expected.append("written")
        else:
            expected.append("insufficient")
    outcomes = []
    for start in range(0, len(moves), cut):
        page = [entry(user, delta, f"{user}/{ref}", below_zero=low) for user, delta, ref, low in moves[start:][:cut]]
        outcomes += [row["outcome"] for row in await write(conn, *page)]
    assert outcomes == expected
    assert {user: await balance_of(conn, user) for user in balances} == balances
    await assert_books_agree(conn)
    await transaction.rollback()
