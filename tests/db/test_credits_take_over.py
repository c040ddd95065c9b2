"""A ledger of the original design, with its functions, policies, view and foreign key, is taken over with its rows."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg
import pytest

from hingecraft.errors import UsageError
from hingecraft.migrations import runner
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from support import supabase
from support.credits import assert_books_agree, balance_of

SAID: list[str] = []
NOBODY = UUID(int=0)
USERS = [uuid4() for _ in range(7)]
# As the original design writes it, for both kinds of ids that such tables have.
ORIGINAL = """
CREATE TABLE auth.users (id uuid PRIMARY KEY);
CREATE TABLE public.credits_transactions (
    id {kind} PRIMARY KEY {default},
    user_id uuid REFERENCES auth.users (id) ON DELETE SET NULL,
    stripe_event_id text, stripe_payment_id text UNIQUE, stripe_price_id text,
    delta integer NOT NULL, reason text NOT NULL, plan_type text, metadata jsonb DEFAULT '{{}}',
    created_at timestamptz DEFAULT now()
);
CREATE INDEX credits_transactions_user_idx ON public.credits_transactions (user_id);
ALTER TABLE public.credits_transactions ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION public.get_user_credit_balance(target_user_id uuid) RETURNS bigint LANGUAGE sql STABLE
AS $$ SELECT sum(delta) FROM public.credits_transactions WHERE user_id = target_user_id $$;
CREATE FUNCTION public.add_user_credits(
    p_user uuid, credit_amount int, stripe_event_id text, stripe_payment_id text, stripe_price_id text, r text, p text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$;
CREATE POLICY everybody ON public.credits_transactions FOR ALL USING (public.get_user_credit_balance(user_id) >= 0);
CREATE MATERIALIZED VIEW public.credits_balance_mv AS
SELECT user_id, sum(delta) AS balance FROM public.credits_transactions GROUP BY user_id;
"""
FILL = """
INSERT INTO public.credits_transactions
    (id, user_id, stripe_event_id, stripe_payment_id, stripe_price_id, delta, reason, plan_type, metadata)
SELECT {id}, ($1::uuid[])[n % 7 + 1], 'evt_' || n, 'pi_' || n, 'price_a', (n * 37) % 21 - 8, 'pack',
       CASE WHEN n % 3 = 0 THEN 'credits' END,
       CASE n % 4 WHEN 0 THEN '[1]' WHEN 1 THEN NULL ELSE '{{"a": 1}}' END::jsonb
FROM generate_series(1, $2::int) n
"""
KINDS = {
    "numbers": ("bigserial", "", "n"),
    "UUIDs": ("uuid", "DEFAULT gen_random_uuid()", "gen_random_uuid()"),
}
LEFT = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname ~ 'original_credits|_before'
UNION ALL SELECT proname FROM pg_proc WHERE proname ~ 'original_credits'
UNION ALL SELECT polname FROM pg_policy WHERE polname = 'everybody'
UNION ALL SELECT conname FROM pg_constraint WHERE contype = 'f' AND confrelid = 'auth.users'::regclass
"""


async def make_original(dsn, kind, rows):
    """On Supabase, by its owner; answers the DSN of that owner."""
    admin = await asyncpg.connect(dsn.newest)
    await supabase.prepare(admin)
    await admin.execute(f"GRANT ALL ON SCHEMA auth TO {supabase.OWNER}")
    await admin.close()
    owner = dsn.newest.replace("hingecraft@", f"{supabase.OWNER}@")
    type_, default, id_ = KINDS[kind]
    conn = await asyncpg.connect(owner)
    await conn.execute(ORIGINAL.format(kind=type_, default=default))
    await conn.executemany("INSERT INTO auth.users VALUES ($1)", [(user,) for user in USERS])
    await conn.execute(FILL.format(id=id_), USERS, rows)
    await conn.execute("DELETE FROM auth.users WHERE id = $1", USERS[0])
    before = await conn.fetch(
        "SELECT id::text, user_id, delta, reason FROM credits_transactions ORDER BY credits_transactions.id"
    )
    return conn, owner, before


@pytest.mark.parametrize("kind", KINDS)
async def test_its_rows_are_kept_and_explain_the_balances(empty_dsn, kind, monkeypatch):
    monkeypatch.setattr(runner, "BATCH_ROWS", 100)
    conn, owner, before = await make_original(empty_dsn, kind, 1050)
    await bring_up_to_date(DsnSecret(owner), "hingecraft_app", SAID.append)
    rows = await conn.fetch("SELECT * FROM credits_transactions ORDER BY id")
    assert [row["id"] for row in rows] == list(range(1, 1051))
    assert [(row["ref"], row["user_id"], row["delta"], row["reason"]) for row in rows] == [
        (f"legacy:{row['id']}", row["user_id"] or NOBODY, row["delta"], row["reason"]) for row in before
    ]
    await assert_books_agree(conn)
    plans = await conn.fetchval(
        "SELECT bool_and((by_plan ->> 'credits')::int = (SELECT sum(delta) FROM credits_transactions t "
        "WHERE t.user_id = a.user_id AND plan_type = 'credits')) FROM credit_accounts a"
    )
    assert plans
    assert await conn.fetch(LEFT) == []
    # A repeat of an event that the original had granted grants nothing; a new one continues after the rows of old.
    user, held = USERS[1], await balance_of(conn, USERS[1])
    event = await conn.fetchval(
        "SELECT stripe_event_id FROM credits_transactions WHERE user_id = $1 AND delta > 0 LIMIT 1", user
    )
    for name in (event, "evt_new", "evt_new"):
        await conn.fetchval("SELECT add_user_credits($1, 5, $2, 'pi_1', 'price_a', 'pack', 'credits')", user, name)
    assert await balance_of(conn, user) == held + 5
    assert await conn.fetchval("SELECT max(id) FROM credits_transactions") == 1051
    await assert_books_agree(conn)
    await conn.close()


async def test_what_is_written_while_the_rows_are_copied_is_kept_in_order(empty_dsn, monkeypatch):
    """Broken off in the middle of the copying, and run again from the start with a corrected file."""
    monkeypatch.setattr(runner, "BATCH_ROWS", 100)
    conn, owner, before = await make_original(empty_dsn, "numbers", 500)
    one_batch = runner._one_batch
    pages: list[int] = []

    async def third_page_fails(connection, migration, step, cursor):
        if migration.number == 26 and len(pages) == 2:
            raise UsageError("broken off")
        pages.append(migration.number) if migration.number == 26 else None
        return await one_batch(connection, migration, step, cursor)

    monkeypatch.setattr(runner, "_one_batch", third_page_fails)
    with pytest.raises(UsageError, match="broken off"):
        await bring_up_to_date(DsnSecret(owner), "hingecraft_app", SAID.append)
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions") == 200
    held = await balance_of(conn, USERS[2])
    assert await conn.fetchval("SELECT spend_user_credits($1, 1, 'now', NULL)", USERS[2]) == held - 1
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="still being copied"):
        await conn.fetchval("SELECT add_user_credits($1, 5, 'evt_400', 'p', 'price_a', 'pack', 'credits')", USERS[2])
    await conn.execute("SET ROLE service_role")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("SELECT * FROM original_credits_transactions")
    await conn.execute("RESET ROLE")
    monkeypatch.setattr(runner, "_one_batch", one_batch)
    await conn.execute("UPDATE schema_migrations SET checksum = 'of a corrected file' WHERE number = 26")
    await bring_up_to_date(DsnSecret(owner), "hingecraft_app", SAID.append)
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions") == len(before) + 1
    await assert_books_agree(conn)
    await conn.close()


async def test_what_somebody_elses_view_needs_is_kept_closed(empty_dsn):
    conn, owner, _ = await make_original(empty_dsn, "numbers", 20)
    await conn.execute("CREATE VIEW theirs AS SELECT sum(delta) FROM credits_transactions")
    await conn.execute("CREATE VIEW balances AS SELECT * FROM credits_balance_mv")
    await conn.execute("CREATE PROCEDURE refresh_credits_balance() LANGUAGE sql AS 'SELECT'")
    await bring_up_to_date(DsnSecret(owner), "hingecraft_app", SAID.append)
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions_before") == 20
    assert await conn.fetchval("SELECT count(*) FROM balances") == 0
    for role in ("anon", "authenticated", "service_role"):
        for name in ("credits_transactions_before", "credits_balance_mv_before"):
            assert not await conn.fetchval("SELECT has_table_privilege($1, $2, 'SELECT')", role, name)
    await assert_books_agree(conn)
    await conn.close()
