"""A database as Supabase hands it out: its roles, its default privileges, and an owner that is not a superuser."""

from __future__ import annotations

import asyncpg

OWNER = "postgres"

# Supabase's initial schema and what it changes later: github.com/supabase/postgres, migrations/db.
ROLES = (
    "CREATE ROLE anon NOLOGIN",
    "CREATE ROLE authenticated NOLOGIN",
    "CREATE ROLE service_role NOLOGIN BYPASSRLS",
    "CREATE ROLE authenticator LOGIN NOINHERIT",
    "CREATE ROLE supabase_admin LOGIN SUPERUSER",
    f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS",
    "GRANT anon, authenticated, service_role TO authenticator",
    f"GRANT anon, authenticated, service_role TO {OWNER} WITH ADMIN OPTION",
)
DATABASE = f"""
ALTER DATABASE {{name}} OWNER TO {OWNER};
ALTER ROLE {OWNER} IN DATABASE {{name}} SET search_path = "$user", public, extensions;
CREATE SCHEMA extensions;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA public, extensions TO {OWNER}, anon, authenticated, service_role;
"""
DEFAULT_PRIVILEGES = "\n".join(
    f"ALTER DEFAULT PRIVILEGES FOR ROLE {role} IN SCHEMA public "
    f"GRANT ALL ON {kind} TO {OWNER}, anon, authenticated, service_role;"
    for role in (OWNER, "supabase_admin")
    for kind in ("TABLES", "FUNCTIONS", "SEQUENCES")
)


async def prepare(conn: asyncpg.Connection) -> None:
    """Make this database one of Supabase's; roles belong to the server, so another test may have made them."""
    for statement in ROLES:
        try:
            await conn.execute(statement)
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError, asyncpg.InternalServerError):
            continue
    name = await conn.fetchval("SELECT quote_ident(current_database())")
    await conn.execute(DATABASE.format(name=name) + DEFAULT_PRIVILEGES)
