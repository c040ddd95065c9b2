"""Two roles: the migrator owns, the application may only do what it needs."""

from __future__ import annotations

import re

import asyncpg

from hingecraft.errors import OperatorError
from hingecraft.migrations.report import Report

_ROLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

# What the application does with each table, view and sequence; a test compares this with all that exist.
GRANTS: dict[str, str] = {
    "payments": "SELECT, INSERT, UPDATE",
    "external_payments": "SELECT, INSERT, UPDATE",
    "wallets": "SELECT",
    '"ContributionIntent"': "SELECT, INSERT, UPDATE",
    "legacy_statuses": "SELECT",
    "currencies": "SELECT",
    "currency_networks": "SELECT",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "settlements": "SELECT, INSERT, UPDATE (usd_amount)",
    "settlement_value_checks": "SELECT, INSERT, UPDATE, DELETE",
    "settlement_totals": "SELECT",
    "fx_rates": "SELECT",
    "route_policy": "SELECT, UPDATE",
    "installation": "SELECT, UPDATE (claimed_by, claimed_as, claimed_in, stripe_live_account, stripe_test_account, "
    "nowpayments_live)",
    "payment_routes": "SELECT, INSERT, DELETE",
    "routes_served": "SELECT, INSERT, UPDATE",
    "payment_audit": "SELECT, INSERT",
    "provider_event_ids": "SELECT, INSERT",
    "provider_events": "SELECT, INSERT, UPDATE",
    "reconcile_cursors": "SELECT, INSERT, UPDATE",
    "reconcile_runs": "SELECT, INSERT",
    "webhook_endpoints": "SELECT, INSERT, UPDATE, DELETE",
    "outbox": "SELECT, INSERT, UPDATE",
    "schema_migrations": "SELECT",
    "stripe_events_raw": "SELECT",
    "payment_audit_id_seq": "USAGE",
    "outbox_sequence": "USAGE",
}
_OTHER_GRANTS = (
    "EXECUTE ON FUNCTION hc_keep_partitions(text, int)",
    "EXECUTE ON FUNCTION hc_forget(int)",
)


async def grant_to_application(conn: asyncpg.Connection, role: str, report: Report) -> None:
    """Create the role where we may, and give it just what it needs."""
    if not _ROLE_NAME.fullmatch(role):
        raise OperatorError("APP_ROLE must be a plain lower-case role name such as hingecraft_app")
    if not await _role_exists(conn, role, report):
        return
    schema = await conn.fetchval("SELECT quote_ident(current_schema())")
    statements = [
        f"REVOKE ALL ON {table} FROM {role}; GRANT {rights} ON {table} TO {role}" for table, rights in GRANTS.items()
    ]
    statements += [f"GRANT {grant} TO {role}" for grant in (*_OTHER_GRANTS, f"USAGE ON SCHEMA {schema}")]
    async with conn.transaction():
        await conn.execute(";\n".join(statements))


async def _role_exists(conn: asyncpg.Connection, role: str, report: Report) -> bool:
    if await conn.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role):
        return True
    try:
        await conn.execute(f"CREATE ROLE {role} NOLOGIN")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        return True
    except asyncpg.InsufficientPrivilegeError:
        report(f"the role {role} does not exist and this user may not create it: the application connects as the owner")
        return False
    return True
