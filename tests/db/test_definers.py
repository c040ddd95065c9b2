"""Functions that run as the owner: nothing that their caller creates may run as the owner too."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg
import pytest

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret

SAID: list[str] = []
DEFINERS = """
SELECT p.oid::regprocedure::text AS name, n.nspname AS home, s.setting
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN unnest(p.proconfig) AS s (setting) ON s.setting LIKE 'search_path=%'
WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
# Each table that hc_forget or hc_keep_partitions touches, made as a temporary one with a trigger that takes over.
TEMPORARY = """
CREATE TEMPORARY TABLE {table} (LIKE public.{table} INCLUDING DEFAULTS);
INSERT INTO {table} SELECT * FROM public.{table};
CREATE TRIGGER takes_over BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION pg_temp.take_over();
"""
TAKE_OVER = """
CREATE FUNCTION pg_temp.take_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'ALTER TABLE public.payment_audit DISABLE TRIGGER USER';
    EXECUTE 'ALTER TABLE public.settlements DISABLE TRIGGER USER';
    EXECUTE 'GRANT ALL ON public.settlements, public.payment_audit TO hingecraft_app';
    RETURN OLD;
END $$
"""
MONEY = """
WITH paid AS (INSERT INTO payments (amount, currency, status) VALUES (10, 'USD', 'completed') RETURNING id)
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
SELECT id, 'stripe', true, 'charge', 'pi_1', 10, 'USD', 10 FROM paid;
INSERT INTO reconcile_runs (started_at, finished_at, succeeded, summary) VALUES (now(), '2000-01-01', true, '{}');
INSERT INTO provider_event_ids (source, event_id, received_at) VALUES ('stripe', 'evt_old', '2000-01-01');
INSERT INTO "ContributionIntent" ("_id", user_info, "_createdDate") VALUES ('old', '{}', '2000-01-01');
INSERT INTO payment_audit (actor, action) VALUES ('api', 'payment_opened');
"""
DISGUISES = ("reconcile_runs", "provider_event_ids")


@asynccontextmanager
async def application(dsn):
    """A login that may do what the pods may."""
    name = f"app_{dsn.newest.rpartition('/')[2]}"
    admin = await asyncpg.connect(dsn.newest)
    await admin.execute(f"CREATE ROLE {name} LOGIN IN ROLE hingecraft_app")
    conn = await asyncpg.connect(dsn.newest.replace("hingecraft@", f"{name}@"))
    try:
        yield conn
    finally:
        await conn.close()
        await admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
        await admin.close()


@pytest.fixture
async def migrated(empty_dsn):
    """Migrated here, since a copy of a database does not have the database's own privileges."""
    await bring_up_to_date(empty_dsn, "hingecraft_app", SAID.append)
    admin = await asyncpg.connect(empty_dsn.newest)
    await admin.execute(MONEY)
    await admin.close()
    return empty_dsn


async def ledger(dsn) -> tuple[int, ...]:
    conn = await asyncpg.connect(dsn.newest)
    found = await conn.fetchrow("SELECT (SELECT sum(amount) FROM settlements), (SELECT count(*) FROM payment_audit)")
    await conn.close()
    assert found is not None
    return tuple(found)


async def test_every_function_that_runs_as_the_owner_searches_temporary_tables_last(conn):
    """A migration that creates one with another search_path is put right by the run, or fails here."""
    definers = await conn.fetch(DEFINERS)
    assert len(definers) >= 4
    for function in definers:
        assert function["setting"] in {
            f"search_path={function['home']}, pg_temp", f"search_path=pg_catalog, {function['home']}, pg_temp",
        }, function["name"]  # fmt: skip


async def test_only_the_application_and_the_service_may_call_a_function_that_runs_as_the_owner(conn):
    callers = await conn.fetch(
        "SELECT a.grantee::regrole::text, array_agg(p.proname ORDER BY p.proname) FROM pg_proc p "
        "CROSS JOIN aclexplode(p.proacl) a "
        "WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace AND a.grantee <> p.proowner "
        "GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in callers] == [
        (
            "hingecraft_app",
            ["hc_fold_figures", "hc_forget", "hc_keep_partitions", "hc_write_credits", "refresh_credits_balance"],
        ),
        ("service_role", ["add_user_credits", "refresh_credits_balance", "spend_user_credits"]),
    ]
    assert not await conn.fetchval(
        "SELECT count(*) FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace AND proacl IS NULL"
    )


async def test_the_application_may_not_create_temporary_tables(migrated):
    async with application(migrated) as app:
        for statement in (
            "CREATE TEMPORARY TABLE reconcile_runs (id int)", TAKE_OVER, "CREATE TABLE public.mine (id int)",
            "CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
        ):  # fmt: skip
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)


@pytest.mark.parametrize("table", DISGUISES)
async def test_the_application_cannot_become_the_owner_through_a_temporary_table(migrated, table):
    """Where the migrator may not take TEMPORARY from PUBLIC, as on a database of somebody else's."""
    admin = await asyncpg.connect(migrated.newest)
    name = migrated.newest.rpartition("/")[2]
    await admin.execute(f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC")
    await admin.close()
    before = await ledger(migrated)
    async with application(migrated) as app:
        await app.execute(TAKE_OVER)
        await app.execute(TEMPORARY.format(table=table))
        await app.execute("SELECT hc_forget(400); SELECT hc_keep_partitions('outbox', 4)")
        for refused in ("UPDATE public.settlements SET amount = 1000000", "DELETE FROM public.payment_audit"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(refused)
        assert await app.fetchval(f"SELECT count(*) FROM pg_temp.{table}") == 1, "the real table was worked on"
        assert await app.fetchval(f"SELECT count(*) FROM public.{table}") == 0
    assert await ledger(migrated) == before == (10, 1)


@pytest.mark.parametrize("home", ["money", "Some Money"])
async def test_tables_in_another_schema_than_public_work(empty_dsn, home):
    """The schema is the first that the migrator's search_path has; the functions that run as the owner keep to it."""
    admin = await asyncpg.connect(empty_dsn.newest)
    await admin.execute(f'CREATE SCHEMA "{home}"')
    await admin.close()
    there = DsnSecret(f"{empty_dsn.newest}?search_path=%22{home.replace(' ', '%20')}%22")
    await bring_up_to_date(there, "hingecraft_app", SAID.append)
    conn = await asyncpg.connect(there.newest)
    quoted = f'"{home}"' if " " in home else home
    assert {row["setting"] for row in await conn.fetch(DEFINERS)} <= {
        f"search_path={quoted}, pg_temp", f"search_path=pg_catalog, {quoted}, pg_temp",
    }  # fmt: skip
    await conn.execute("SET ROLE hingecraft_app")
    await conn.execute(MONEY.partition("INSERT INTO reconcile_runs")[0])
    assert await conn.fetchval("SELECT sum(amount) FROM settlement_totals") == 10
    assert await conn.fetchval("SELECT hc_keep_partitions('payment_audit', 5)") == 2
    assert await conn.fetchval("SELECT hc_forget(1)") == 0
    await conn.execute("UPDATE route_policy SET single_use_checkouts = true")
    await conn.execute("RESET ROLE")
    assert not await conn.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await conn.close()
