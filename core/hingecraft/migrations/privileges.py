"""Only the owner and roles that were granted it by name reach our objects, whatever a platform grants by default.

Supabase grants everything in `public` to `anon` and `authenticated`, by default privileges that it may set again, and
serves both roles over HTTP. So each run of `hingecraft migrate` compares the catalogue with these rules again.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

# What a platform's roles keep: their users reach their own rows, which row-level security picks.
ADMITTED = (
    ("authenticated", "TABLE", "credits_transactions", "SELECT"),
    ("authenticated", "TABLE", "credit_accounts", "SELECT"),
    ("authenticated", "TABLE", "purchases", "SELECT"),
    ("authenticated", "TABLE", "entitlements", "SELECT"),
    ("authenticated", "TABLE", "downloads", "SELECT"),
    ("authenticated", "FUNCTION", "get_user_credit_balance(uuid)", "EXECUTE"),
    ("authenticated", "FUNCTION", "get_user_credit_balance_fast(uuid)", "EXECUTE"),
)
# Our functions whose names are given by the platform's API; the others begin with hc_.
NAMED_FUNCTIONS = (
    "add_user_credits", "get_user_credit_balance", "get_user_credit_balance_fast", "refresh_credits_balance",
    "spend_user_credits",
)  # fmt: skip
_FUNCTION_NAMES = ", ".join(f"'{name}'" for name in NAMED_FUNCTIONS)
_ADMITTED_ROWS = ", ".join(str(row) for row in ADMITTED)

# Tables with their partitions and sequences, views, and functions by name; `rights` is what no outsider may have.
_OBJECTS = rf"""
WITH RECURSIVE outsiders (role, name) AS (
    SELECT 0::oid, 'PUBLIC'
    UNION ALL SELECT oid, quote_ident(rolname) FROM pg_roles WHERE rolname IN ('anon', 'authenticated')
), listed (id) AS (
    SELECT to_regclass(name)::oid FROM unnest($1::text[]) AS name
    UNION SELECT i.inhrelid FROM pg_inherits i JOIN listed ON listed.id = i.inhparent
), relations AS (
    SELECT c.* FROM pg_class c JOIN listed ON listed.id = c.oid
    UNION SELECT s.* FROM listed
    JOIN pg_attrdef a ON a.adrelid = listed.id
    JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
), functions AS (
    SELECT * FROM pg_proc
    WHERE pronamespace = quote_ident(current_schema())::regnamespace AND prokind = 'f'
      AND (proname ~ '^(notify_)?hc_' OR proname IN ({_FUNCTION_NAMES}))
), admitted (name, kind, object, privilege) AS (
    VALUES {_ADMITTED_ROWS}
), objects (kind, name, owner, rights, acl) AS (
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass::text, relowner, 'ALL',
        coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) FROM relations
    UNION ALL
    SELECT 'TABLE', r.oid::regclass::text, r.relowner, 'ALL', a.attacl
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attacl IS NOT NULL
    UNION ALL
    SELECT 'FUNCTION', oid::regprocedure::text, proowner, 'ALL', coalesce(proacl, acldefault('f', proowner))
    FROM functions
    UNION ALL
    SELECT 'SCHEMA', quote_ident(nspname), nspowner, 'CREATE', coalesce(nspacl, acldefault('n', nspowner))
    FROM pg_namespace WHERE nspname = current_schema()
    UNION ALL
    SELECT 'DATABASE', quote_ident(datname), datdba, 'TEMPORARY', coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database()
), open (kind, name, owner, rights, outsider) AS (
    SELECT DISTINCT o.kind, o.name, o.owner, o.rights, x.name
    FROM objects o CROSS JOIN aclexplode(o.acl) a JOIN outsiders x ON x.role = a.grantee
    WHERE o.rights IN ('ALL', a.privilege_type)
      AND (x.name, o.kind, o.name, a.privilege_type) NOT IN (SELECT * FROM admitted)
)
"""
# A SECURITY DEFINER function that searches temporary tables first runs its caller's triggers as the owner; and a
# migration cannot know which schema it runs in.
# Who was granted our tables calls the functions of their indexes, triggers and views; writers also read the statuses.
# A role that was granted a table with row-level security reads and writes all rows; only users have just their own.
MISSING = f"""{_OBJECTS}, grantees AS (
    SELECT DISTINCT quote_ident(g.rolname) AS name, g.oid, a.privilege_type IN ('INSERT', 'UPDATE') AS writes
    FROM relations r CROSS JOIN aclexplode(r.relacl) a JOIN pg_roles g ON g.oid = a.grantee
    WHERE a.grantee NOT IN (SELECT role FROM outsiders UNION ALL SELECT r.relowner)
), statements (place, statement) AS (
    SELECT 1, format('ALTER FUNCTION %s SET search_path = %I, pg_temp', oid::regprocedure, current_schema())
    FROM functions
    WHERE pg_has_role(proowner, 'USAGE')
      AND (prosecdef OR EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=%'))
      AND NOT EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting IN (
        'search_path=' || quote_ident(current_schema()) || ', pg_temp',
        'search_path=pg_catalog, ' || quote_ident(current_schema()) || ', pg_temp'))
    UNION
    SELECT 2, format('GRANT EXECUTE ON FUNCTION %s TO %s', f.oid::regprocedure, g.name)
    FROM functions f CROSS JOIN grantees g
    WHERE NOT f.prosecdef AND f.prorettype <> 'trigger'::regtype AND pg_has_role(f.proowner, 'USAGE') AND NOT EXISTS (
        SELECT FROM aclexplode(f.proacl) a WHERE a.grantee = g.oid)
    UNION
    SELECT 2, format('GRANT SELECT ON legacy_statuses TO %s', g.name)
    FROM relations r JOIN grantees g ON g.writes
    WHERE r.oid = to_regclass('legacy_statuses') AND pg_has_role(r.relowner, 'USAGE')
      AND NOT has_table_privilege(g.oid, r.oid, 'SELECT')
    UNION
    SELECT 3, format('REVOKE %s ON %s %s FROM %s', rights, kind, name, outsider)
    FROM open WHERE pg_has_role(owner, 'USAGE')
    UNION
    SELECT 4, format('GRANT %s ON %s %s TO %s', d.privilege, o.kind, o.name, d.name)
    FROM admitted d JOIN objects o ON o.kind = d.kind AND o.name = d.object JOIN outsiders x ON x.name = d.name
    WHERE pg_has_role(o.owner, 'USAGE') AND (
        NOT EXISTS (
            SELECT FROM objects h CROSS JOIN aclexplode(h.acl) a
            WHERE (h.kind, h.name, a.grantee, a.privilege_type) = (d.kind, d.object, x.role, d.privilege))
        OR (o.kind, o.name, d.name) IN (SELECT kind, name, outsider FROM open))
    UNION
    SELECT 5, format('CREATE POLICY %I ON %s FOR SELECT TO %I USING (true)', left('all_rows_for_' || g.rolname, 63),
        r.oid::regclass, g.rolname)
    FROM relations r CROSS JOIN aclexplode(r.relacl) a JOIN pg_roles g ON g.oid = a.grantee
    WHERE r.relrowsecurity AND a.privilege_type = 'SELECT' AND pg_has_role(r.relowner, 'USAGE')
      AND a.grantee NOT IN (SELECT role FROM outsiders UNION ALL SELECT r.relowner)
      AND NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = r.oid AND p.polname = left('all_rows_for_' || g.rolname, 63))
    UNION
    SELECT 5, format('CREATE POLICY %I ON %s TO %I USING (true) WITH CHECK (true)',
        left('all_changes_by_' || g.rolname, 63), r.oid::regclass, g.rolname)
    FROM relations r CROSS JOIN aclexplode(r.relacl) a JOIN pg_roles g ON g.oid = a.grantee
    WHERE r.relrowsecurity AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE') AND pg_has_role(r.relowner, 'USAGE')
      AND a.grantee NOT IN (SELECT role FROM outsiders UNION ALL SELECT r.relowner)
      AND NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = r.oid AND p.polname = left('all_changes_by_' || g.rolname, 63))
    UNION
    SELECT 3, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %sREVOKE ALL ON %s FROM %s', pg_get_userbyid(d.defaclrole),
        CASE WHEN d.defaclnamespace <> 0 THEN format('IN SCHEMA %I ', current_schema()) ELSE '' END,
        CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' ELSE 'FUNCTIONS' END, x.name)
    FROM pg_default_acl d CROSS JOIN aclexplode(d.defaclacl) a JOIN outsiders x ON x.role = a.grantee
    WHERE d.defaclobjtype IN ('r', 'S', 'f') AND pg_has_role(d.defaclrole, 'USAGE')
      AND (d.defaclnamespace = quote_ident(current_schema())::regnamespace OR d.defaclnamespace = 0 AND x.role <> 0)
      AND d.defaclrole IN (
        SELECT oid FROM pg_roles WHERE rolname = current_user UNION SELECT relowner FROM relations)
)
SELECT statement FROM statements ORDER BY place, statement
"""
OPEN = f"""{_OBJECTS}
SELECT format('%s %s: %s has %s', lower(kind), name, outsider, CASE rights WHEN 'ALL' THEN 'privileges' ELSE rights END)
FROM open WHERE kind <> 'DATABASE' ORDER BY 1
"""


async def missing(conn: asyncpg.Connection, relations: Sequence[str]) -> list[str]:
    """The statements that close what is open, in the order in which nobody who may write is held up in between."""
    return [row["statement"] for row in await conn.fetch(MISSING, relations)]


async def still_open(conn: asyncpg.Connection, relations: Sequence[str]) -> list[str]:
    """The objects that outsiders may still use, one line each: this user may not act as their owner."""
    return [row[0] for row in await conn.fetch(OPEN, relations)]
