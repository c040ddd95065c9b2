"""Access to credits: users read their own rows, the service uses functions, and nobody changes the ledger."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from support import supabase
from support.credits import balance_of, give_credits

ADA, BEN = uuid4(), uuid4()
SAID: list[str] = []
TABLES = (
    "credits_transactions", "credit_accounts", "credit_prices", "credits_balance_mv", "credits_balance_refreshes",
)  # fmt: skip
READABLE = {
    "anon": (),
    "authenticated": ("credits_transactions", "credit_accounts"),
    "service_role": ("credits_transactions", "credit_accounts", "credit_prices", "credits_balance_mv"),
    "hingecraft_app": TABLES,
}
# One of each privilege; on the view, which cannot be written to, Postgres says so before it looks at privileges.
WRITES = (
    "INSERT INTO credits_transactions (user_id, delta, reason, ref, balance_after) VALUES (NULL, 9, '', '', 9)",
    "UPDATE credits_transactions SET delta = 9", "DELETE FROM credits_transactions", "TRUNCATE credits_transactions",
    "INSERT INTO credit_accounts (user_id, balance) VALUES (gen_random_uuid(), 9)",
    "UPDATE credit_accounts SET balance = 9", "DELETE FROM credit_accounts", "TRUNCATE credit_accounts CASCADE",
    "INSERT INTO credit_prices SELECT * FROM credit_prices WHERE false", "UPDATE credit_prices SET credits = 9",
    "DELETE FROM credit_prices", "TRUNCATE credit_prices", "UPDATE credits_balance_refreshes SET refreshed_at = now()",
    "REFRESH MATERIALIZED VIEW credits_balance_mv", "SELECT nextval('credits_transactions_sequence')",
    "CREATE TRIGGER mine AFTER INSERT ON credits_transactions EXECUTE FUNCTION hc_refuse_credits_change()",
    "ALTER TABLE credits_transactions DISABLE TRIGGER ALL", "DROP POLICY own_rows ON credit_accounts",
)  # fmt: skip
# `hingecraft credits prices` sets them.
SETTING_PRICES = (
    "INSERT INTO credit_prices SELECT * FROM credit_prices WHERE false",
    "UPDATE credit_prices SET credits = 9",
)
CALLS = {
    "get": f"SELECT get_user_credit_balance('{ADA}')",
    "get_fast": f"SELECT get_user_credit_balance_fast('{ADA}')",
    "add": f"SELECT add_user_credits('{ADA}', 5, 'evt_1', 'pi_1', 'price_1', 'x', 'basic')",
    "spend": f"SELECT spend_user_credits('{ADA}', 1, 'r', 'x')",
    "refresh": "SELECT refresh_credits_balance()",
    "write": f'SELECT * FROM hc_write_credits(\'[{{"user_id": "{ADA}", "delta": 1, "ref": "w", "reason": "x"}}]\')',
}
CALLABLE = {
    "anon": (),
    "authenticated": ("get", "get_fast"),
    "service_role": ("get", "get_fast", "add", "spend", "refresh"),
    "hingecraft_app": ("get", "get_fast", "refresh", "write"),
}
DEFINED = """
SELECT proname, (SELECT s FROM unnest(proconfig) AS s WHERE s LIKE 'search_path=%') AS path FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proname ~ 'credit'
"""


async def _prepare(server, name, *, on_supabase):
    """A migrated database with credits of two users, and its owner's DSN. On Supabase that is not a superuser."""
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    dsn = f"{server.rpartition('/')[0]}/{name}"
    if on_supabase:
        admin = await asyncpg.connect(dsn)
        await supabase.prepare(admin)
        await admin.close()
        dsn = dsn.replace("hingecraft@", f"{supabase.OWNER}@")
    await bring_up_to_date(DsnSecret(dsn), "hingecraft_app", SAID.append)
    owner = await asyncpg.connect(dsn)
    await give_credits(owner, ADA, 10)
    await give_credits(owner, BEN, 20)
    await owner.close()
    admin = await asyncpg.connect(server)
    await admin.execute(f"GRANT hingecraft_app TO {supabase.OWNER if on_supabase else 'CURRENT_USER'}")
    await admin.close()
    return dsn


async def _drop(server, name):
    admin = await asyncpg.connect(server)
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(scope="module", params=["plain Postgres", "Supabase"])
def owned(request, server):
    """Shared by all tests here, which undo what they do."""
    name = f"access_{uuid4().hex[:12]}"
    try:
        yield asyncio.run(_prepare(server, name, on_supabase=request.param == "Supabase"))
    finally:
        asyncio.run(_drop(server, name))


@pytest.fixture
async def conn(owned):
    owner = await asyncpg.connect(owned)
    yield owner
    await owner.close()


@asynccontextmanager
async def acting(conn, role, sub=None):
    """As PostgREST does it: role and claims end with the transaction, which is undone here."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        claims = json.dumps({"role": role, **({"sub": str(sub)} if sub else {})})
        await conn.execute(
            "SELECT set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", role, claims
        )
        yield
    finally:
        await transaction.rollback()


async def is_denied(conn, statement):
    """Whether Postgres itself says 42501."""
    savepoint = conn.transaction()
    await savepoint.start()
    try:
        await conn.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    else:
        return False
    finally:
        await savepoint.rollback()


async def test_each_role_reads_and_calls_just_what_it_is_for(conn):
    for role, readable in READABLE.items():
        async with acting(conn, role, ADA):
            denied = [table for table in TABLES if await is_denied(conn, f"SELECT * FROM {table}")]
            assert denied == [table for table in TABLES if table not in readable], role
            refused = [name for name, call in CALLS.items() if await is_denied(conn, call)]
            assert refused == [name for name in CALLS if name not in CALLABLE[role]], role


@pytest.mark.parametrize("role", READABLE)
async def test_no_role_writes_but_through_functions(conn, role):
    async with acting(conn, role, ADA):
        allowed = [statement for statement in WRITES if not await is_denied(conn, statement)]
    assert allowed == [statement for statement in WRITES if statement in SETTING_PRICES and role == "hingecraft_app"]
    assert await balance_of(conn, ADA) == 10


async def test_users_see_only_their_own_rows_and_balance(conn):
    async with acting(conn, "authenticated", ADA):
        for table in READABLE["authenticated"]:
            assert await conn.fetch(f"SELECT DISTINCT user_id FROM {table}") == [(ADA,)]
        for function in ("get_user_credit_balance", "get_user_credit_balance_fast"):
            assert await conn.fetchval(f"SELECT {function}($1)", ADA) == 10
            for other in (BEN, uuid4(), None):
                savepoint = conn.transaction()
                await savepoint.start()
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="own balance"):
                    await conn.fetchval(f"SELECT {function}($1)", other)
                await savepoint.rollback()


async def test_a_user_without_rows_has_0_and_one_without_an_id_sees_nothing(conn):
    new = uuid4()
    async with acting(conn, "authenticated", new):
        assert await conn.fetchval("SELECT get_user_credit_balance($1)", new) == 0
    async with acting(conn, "authenticated"):
        assert await conn.fetch("SELECT * FROM credit_accounts") == []
        assert await is_denied(conn, CALLS["get"])
    # The setting is '' and not NULL after a transaction that had set it.
    await conn.execute("SELECT set_config('request.jwt.claims', '', false)")
    async with conn.transaction():
        await conn.execute("SET LOCAL ROLE authenticated")
        assert await conn.fetch("SELECT * FROM credits_transactions") == []


@pytest.mark.parametrize("role", ["service_role", "hingecraft_app"])
async def test_the_service_and_the_application_see_all_rows(conn, role):
    async with acting(conn, role):
        assert await conn.fetchval("SELECT count(DISTINCT user_id) FROM credits_transactions") == 2
        assert await conn.fetchval("SELECT sum(balance) FROM credit_accounts") == 30


async def test_policies_give_the_service_all_rows_where_it_may_not_bypass_them(conn):
    """On plain Postgres an owner that is not a superuser makes the role without BYPASSRLS."""
    names = await conn.fetch("SELECT DISTINCT polname FROM pg_policy WHERE polcmd = 'r' ORDER BY 1")
    assert [row[0] for row in names] == ["all_rows_for_hingecraft_app", "all_rows_for_service_role", "own_rows"]
    rows = await conn.fetch(
        "SELECT polrelid::regclass::text, polroles::regrole[]::text FROM pg_policy "
        "WHERE polname LIKE '%service_role' AND polrelid::regclass::text LIKE 'credit%' "
        "AND pg_get_expr(polqual, polrelid) = 'true' AND polcmd = 'r' ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("credit_accounts", "{service_role}"), ("credits_transactions", "{service_role}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    ["UPDATE credits_transactions SET delta = 1", "DELETE FROM credits_transactions", "TRUNCATE credits_transactions",
     "UPDATE credits_transactions SET metadata = '{}'"],
)  # fmt: skip
async def test_the_ledger_is_append_only_for_its_owner(conn, change):
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as rejected:
        await conn.execute(change)
    assert rejected.value.constraint_name == "credits_transactions_append_only"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await conn.execute("DELETE FROM credit_accounts")


async def test_each_function_has_a_search_path_that_ends_with_temporary_tables(conn):
    found = {row["proname"]: row["path"] for row in await conn.fetch(DEFINED)}
    assert len(found) == 9
    assert set(found.values()) == {"search_path=public, pg_temp"}


async def test_claims_are_read_once_for_a_statement_and_not_for_each_row(conn):
    for table in READABLE["authenticated"]:
        async with acting(conn, "authenticated", ADA):
            plan = json.loads(await conn.fetchval(f"EXPLAIN (FORMAT json) SELECT * FROM {table}"))
        text = json.dumps(plan)
        assert "InitPlan" in text
        assert "current_setting" not in text.partition("InitPlan")[0]
