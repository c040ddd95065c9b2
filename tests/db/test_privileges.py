"""Privileges: only the owner, the application, and roles with a grant by name may use anything."""

from __future__ import annotations

from contextlib import suppress

import asyncpg
import pytest

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.migrations.files import migrations_folder, read_migrations
from hingecraft.migrations.privileges import NAMED_FUNCTIONS
from hingecraft.migrations.roles import GRANTS
from hingecraft.migrations.runner import migrate
from hingecraft.settings import DsnSecret, Secret
from support import supabase

SAID: list[str] = []

# Everything in the schema that a role may use, by a grant to itself, to PUBLIC, or to a role that it inherits.
USABLE = """
SELECT 'table ' || c.oid::regclass FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR has_any_column_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
UNION ALL
SELECT 'sequence ' || c.oid::regclass FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace
  AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($1, c.oid, 'SELECT, UPDATE, USAGE') END
UNION ALL
SELECT 'function ' || p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND has_function_privilege($1, p.oid, 'EXECUTE')
UNION ALL
SELECT 'schema ' || current_schema() WHERE has_schema_privilege($1, current_schema(), 'CREATE')
UNION ALL
SELECT 'database' WHERE has_database_privilege($1, current_database(), 'CREATE, TEMPORARY')
ORDER BY 1
"""
# What users reach of their own rows; tests/db/test_credits_access.py shows which rows those are.
OF_USERS = [
    "function get_user_credit_balance(uuid)", "function get_user_credit_balance_fast(uuid)",
    "table credit_accounts", "table credits_transactions", "table downloads", "table entitlements", "table purchases",
]  # fmt: skip
ADMITTED = {"anon": [], "authenticated": OF_USERS, "authenticator": []}
ATTACKS = (
    "SELECT body FROM provider_events", "INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1qattacker')",
    "UPDATE currencies SET enabled = false", "UPDATE route_policy SET paused = true", "DELETE FROM provider_events",
    "TRUNCATE payment_audit_default", "SELECT hc_forget(1)", "SELECT hc_keep_partitions('outbox', 12)",
    "SELECT nextval('payment_audit_id_seq')", "SELECT * FROM stripe_events_raw", "SELECT hc_currency_key('usd')",
    "CREATE TABLE public.mine (id int)", "CREATE TEMPORARY TABLE mine (id int)",
)  # fmt: skip


def as_role(dsn: Secret, role: str) -> Secret:
    return DsnSecret(dsn.newest.replace("hingecraft@", f"{role}@"))


async def usable(conn: asyncpg.Connection, role: str) -> list[str]:
    return [row[0] for row in await conn.fetch(USABLE, role)]


@pytest.fixture
async def stranger(server):
    """A login that nobody has granted anything: what it may do, PUBLIC may."""
    conn = await asyncpg.connect(server)
    with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        await conn.execute("CREATE ROLE stranger LOGIN")
    await conn.close()
    return "stranger"


@pytest.fixture
async def supabase_dsn(empty_dsn):
    """A database of Supabase's, migrated by its owner, and the same as a superuser sees it."""
    admin = await asyncpg.connect(empty_dsn.newest)
    await supabase.prepare(admin)
    SAID.clear()
    await bring_up_to_date(as_role(empty_dsn, supabase.OWNER), "hingecraft_app", SAID.append)
    await admin.close()
    return empty_dsn


@pytest.fixture
async def supabase_conn(supabase_dsn):
    conn = await asyncpg.connect(supabase_dsn.newest)
    yield conn
    await conn.close()


async def test_everything_in_the_schema_is_known_to_what_closes_it(conn):
    """On Supabase, an object of a migration stays open unless it is listed or its name begins with hc_."""
    relations = await conn.fetch(
        "SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') "
        "AND NOT relispartition AND relnamespace = 'public'::regnamespace"
    )
    assert {row[0] for row in relations} <= set(GRANTS)
    functions = await conn.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    names = [row[0] for row in functions if row[0] not in NAMED_FUNCTIONS]
    assert [name for name in names if not name.startswith(("hc_", "notify_hc_"))] == []


async def test_a_role_without_grants_can_use_nothing(empty_dsn, stranger):
    await bring_up_to_date(empty_dsn, "hingecraft_app", SAID.append)
    conn = await asyncpg.connect(empty_dsn.newest)
    assert await usable(conn, stranger) == []
    await conn.close()


@pytest.mark.parametrize("role", ["anon", "authenticated", "authenticator"])
async def test_on_supabase_the_roles_of_its_public_api_reach_only_the_rows_of_users(
    supabase_dsn, supabase_conn, role, stranger
):
    assert await usable(supabase_conn, role) == ADMITTED[role]
    assert await usable(supabase_conn, stranger) == []
    assert not [line for line in SAID if "may not" in line]
    await supabase_conn.execute(f"SET ROLE {role}")
    for attack in ATTACKS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await supabase_conn.execute(attack)


async def test_on_supabase_the_application_and_the_service_key_keep_working(supabase_dsn, supabase_conn):
    """The owner there is not a superuser; the old software writes with the service key."""
    assert "table payments" in await usable(supabase_conn, "service_role")
    for role in ("hingecraft_app", "service_role"):
        await supabase_conn.execute(f"SET ROLE {role}")
        await supabase_conn.execute("INSERT INTO payments (amount, currency, status) VALUES (5, 'usd', 'paid')")
        await supabase_conn.execute("INSERT INTO external_payments (gateway, currency) VALUES ('stripe', 'usd')")
        await supabase_conn.fetch("SELECT event_data FROM stripe_events_raw")
        await supabase_conn.execute("RESET ROLE")


async def test_on_supabase_the_owner_makes_the_applications_role_and_a_login_in_it(empty_dsn):
    """It is not a superuser there, and needs no more than CREATEROLE."""
    admin = await asyncpg.connect(empty_dsn.newest)
    await supabase.prepare(admin)
    owner = as_role(empty_dsn, supabase.OWNER)
    role = f"app_{empty_dsn.newest.rpartition('/')[2]}"
    try:
        await bring_up_to_date(owner, role, SAID.append)
        conn = await asyncpg.connect(owner.newest)
        await conn.execute(f"CREATE ROLE {role}_login LOGIN IN ROLE {role}")
        await conn.close()
        pod = await asyncpg.connect(as_role(empty_dsn, f"{role}_login").newest)
        await pod.execute("INSERT INTO payments (amount, currency, status) VALUES (5, 'usd', 'pending')")
        assert await pod.fetchval("SELECT hc_keep_partitions('outbox', 3)") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pod.execute("DELETE FROM payments")
        await pod.close()
    finally:
        await admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}_login; DROP ROLE {role}")
        await admin.close()


async def test_what_is_created_after_the_migration_is_closed_too(supabase_dsn, supabase_conn):
    owner = await asyncpg.connect(as_role(supabase_dsn, supabase.OWNER).newest)
    assert await owner.fetchval("SELECT hc_keep_partitions('outbox', 7)") > 0
    await owner.execute("CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY)")
    await owner.close()
    assert await usable(supabase_conn, "anon") == []


async def test_partitions_are_closed_even_when_the_platform_has_opened_its_defaults_again(supabase_dsn, supabase_conn):
    await supabase_conn.execute(supabase.DEFAULT_PRIVILEGES)
    owner = await asyncpg.connect(as_role(supabase_dsn, supabase.OWNER).newest)
    assert await owner.fetchval("SELECT hc_keep_partitions('payment_audit', 7)") > 0
    await owner.close()
    assert await usable(supabase_conn, "anon") == []


async def test_each_run_closes_what_was_opened_since_the_last(supabase_dsn, supabase_conn):
    await supabase_conn.execute(
        supabase.DEFAULT_PRIVILEGES + "GRANT ALL ON ALL TABLES IN SCHEMA public TO anon, authenticated;"
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO anon; GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;"
        "GRANT SELECT (amount) ON payments TO authenticated; GRANT CREATE ON SCHEMA public TO PUBLIC;"
    )
    assert "table wallets" in await usable(supabase_conn, "anon")
    owner = as_role(supabase_dsn, supabase.OWNER)
    await bring_up_to_date(owner, "hingecraft_app", SAID.append)
    assert await usable(supabase_conn, "anon") == []
    assert await usable(supabase_conn, "authenticated") == OF_USERS
    later = await asyncpg.connect(owner.newest)
    await later.execute("CREATE TABLE later (id int)")
    await later.close()
    assert await usable(supabase_conn, "anon") == []


async def test_nothing_is_open_between_two_migrations(empty_dsn):
    """A table may be filled for minutes while the next migration waits; nobody reads it meanwhile."""
    admin = await asyncpg.connect(empty_dsn.newest)
    await supabase.prepare(admin)
    owner = await asyncpg.connect(as_role(empty_dsn, supabase.OWNER).newest)
    migrations = read_migrations(migrations_folder())
    for number in range(1, len(migrations) + 1):
        await migrate(owner, migrations[:number], SAID.append)
        assert await usable(admin, "anon") == [], migrations[number - 1].file_name
    await owner.close()
    await admin.close()


async def test_tables_of_others_in_the_same_schema_are_not_touched(empty_dsn):
    admin = await asyncpg.connect(empty_dsn.newest)
    await supabase.prepare(admin)
    owner = as_role(empty_dsn, supabase.OWNER)
    theirs = await asyncpg.connect(owner.newest)
    await theirs.execute("CREATE TABLE guestbook (line text)")
    await bring_up_to_date(owner, "hingecraft_app", SAID.append)
    assert await usable(admin, "anon") == ["table guestbook"]
    await theirs.close()
    await admin.close()


async def test_what_this_user_may_not_close_is_named(empty_dsn):
    """A table that was found, not created, may belong to another role."""
    admin = await asyncpg.connect(empty_dsn.newest)
    await supabase.prepare(admin)
    owner = as_role(empty_dsn, supabase.OWNER)
    await bring_up_to_date(owner, "hingecraft_app", SAID.append)
    await admin.execute("ALTER TABLE legacy_statuses OWNER TO supabase_admin; GRANT SELECT ON legacy_statuses TO anon")
    SAID.clear()
    await admin.execute(f"GRANT SELECT ON legacy_statuses TO {supabase.OWNER} WITH GRANT OPTION")
    await bring_up_to_date(owner, "hingecraft_app", SAID.append)
    assert "table legacy_statuses: anon has privileges, and this user may not revoke that" in SAID
    await admin.close()


async def test_the_old_software_goes_on_writing_as_a_role_of_its_own(empty_dsn):
    """Its rows run our triggers and are entered into our indexes, with its rights."""
    admin = await asyncpg.connect(empty_dsn.newest)
    name = f"old_{empty_dsn.newest.rpartition('/')[2]}"
    await migrate(admin, read_migrations(migrations_folder())[:1], SAID.append)
    await admin.execute(f"CREATE ROLE {name}; GRANT SELECT, INSERT, UPDATE ON payments, external_payments TO {name}")
    try:
        await bring_up_to_date(empty_dsn, "hingecraft_app", SAID.append)
        await admin.execute(f"SET ROLE {name}")
        await admin.execute("INSERT INTO payments (amount, currency, status) VALUES (5, 'usd', 'Paid')")
        await admin.execute(
            "INSERT INTO external_payments (gateway, currency, status, provider_payload) "
            "VALUES ('stripe', 'usd', 'open', '{\"invoice_url\": \"https://pay.example/1\"}')"
        )
        await admin.execute("UPDATE external_payments SET status = 'weird'")
        assert await admin.fetchval("SELECT status FROM payments") == "completed"
        await admin.execute("RESET ROLE")
    finally:
        await admin.execute(f"RESET ROLE; DROP OWNED BY {name}; DROP ROLE {name}")
        await admin.close()
