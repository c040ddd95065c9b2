"""Two roles: the migrator owns, the application may only do what it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping

import asyncpg

from hingecraft.errors import UsageError
from hingecraft.migrations.report import Report

_ROLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

# The application's privileges on each table, view and sequence; a test compares this with all that exist.
GRANTS: dict[str, str] = {
    "payments": "SELECT, INSERT, UPDATE",
    "external_payments": "SELECT, INSERT, UPDATE",
    "wallets": "SELECT",
    '"ContributionIntent"': "SELECT, INSERT, UPDATE",
    "legacy_statuses": "SELECT",
    "currencies": "SELECT, UPDATE (enabled)",
    "currency_networks": "SELECT",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "settlements": "SELECT, INSERT, UPDATE (usd_amount)",
    "settlement_value_checks": "SELECT, INSERT, UPDATE, DELETE",
    "settlement_totals": "SELECT",
    "fx_rates": "SELECT",
    "route_policy": "SELECT, UPDATE",
    "installation": "SELECT, UPDATE (claimed_by, claimed_as, claimed_in, stripe_live_account, stripe_test_account, "
    "nowpayments_live, credits_livemode)",
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
    "credits_transactions": "SELECT",
    "credit_accounts": "SELECT",
    "credit_prices": "SELECT, INSERT, UPDATE",
    "credits_balance_mv": "SELECT",
    "credits_balance_refreshes": "SELECT",
    "credits_transactions_sequence": "SELECT",
    "customers": "SELECT, INSERT, UPDATE",
    "subscriptions": "SELECT, INSERT, UPDATE",
    "deleted_users": "SELECT, INSERT, UPDATE",
    "used_plan_sessions": "SELECT, INSERT, UPDATE, DELETE",
    "products": "SELECT, INSERT, UPDATE",
    "purchases": "SELECT, INSERT, UPDATE",
    "entitlements": "SELECT, INSERT, UPDATE",
    "downloads": "SELECT, INSERT",
    "wix_plans": "SELECT",
    "wix_plan_names": "SELECT, INSERT, UPDATE",
    "wix_sites": "SELECT, INSERT, UPDATE",
    "wix_plan_facts": "SELECT, INSERT",
    "wix_credit_accounts": "SELECT, INSERT, UPDATE",
    "wix_credits": "SELECT, INSERT",
    "wix_credits_id_seq": "USAGE",
    "wix_site_settings": "SELECT, INSERT, UPDATE",
    "wix_installation_lists": "SELECT, INSERT, UPDATE",
    "jobs": "SELECT, INSERT, UPDATE, DELETE",
    "job_parts": "SELECT, INSERT, DELETE",
    "figures": "SELECT",
    "figures_stamp": "SELECT",
    "figure_changes": "SELECT",
    "figure_changes_id_seq": "SELECT",
    "refunds": "SELECT, INSERT, UPDATE",
}
_OTHER_GRANTS = (
    "EXECUTE ON FUNCTION hc_keep_partitions(text, int)",
    "EXECUTE ON FUNCTION hc_forget(int)",
    "EXECUTE ON FUNCTION hc_write_credits(jsonb)",
    "EXECUTE ON FUNCTION refresh_credits_balance()",
    "EXECUTE ON FUNCTION hc_spend_wix_credits(uuid, integer, text)",
    "EXECUTE ON FUNCTION hc_fold_figures(int)",
)
# The roles that Supabase serves over HTTP. What the first two may do is in `privileges`.
_PLATFORM_ROLES: Mapping[str, str] = {
    "anon": "NOLOGIN",
    "authenticated": "NOLOGIN",
    "service_role": "NOLOGIN BYPASSRLS",
}
# The service reads credits and writes them through functions only, so that the ledger and the accounts agree. It reads
# what was bought, and the backend writes it.
_SERVICE_READS = (
    "credits_transactions, credit_accounts, credit_prices, credits_balance_mv, products, purchases, entitlements, "
    "downloads"
)
_SERVICE_CALLS = """
    add_user_credits(uuid, integer, text, text, text, text, text), get_user_credit_balance(uuid),
    get_user_credit_balance_fast(uuid), refresh_credits_balance(), spend_user_credits(uuid, integer, text, text)
"""
_FOR_SERVICE = f"""
REVOKE ALL ON {_SERVICE_READS}, credits_balance_refreshes, credits_transactions_sequence FROM service_role;
REVOKE ALL ON FUNCTION hc_write_credits(jsonb) FROM service_role;
GRANT SELECT ON {_SERVICE_READS} TO service_role;
GRANT EXECUTE ON FUNCTION {_SERVICE_CALLS} TO service_role;
GRANT USAGE ON SCHEMA {{schema}} TO service_role, authenticated
"""


async def grant_to_application(conn: asyncpg.Connection, role: str, report: Report) -> None:
    """Create the role if we may, and grant it only what it needs."""
    if not _ROLE_NAME.fullmatch(role):
        raise UsageError("APP_ROLE must be a plain lower-case role name such as hingecraft_app")
    if not await _role_exists(conn, role):
        report(f"the role {role} does not exist and this user may not create it: the application connects as the owner")
        return
    schema = await conn.fetchval("SELECT quote_ident(current_schema())")
    statements = [
        f"REVOKE ALL ON {table} FROM {role}; GRANT {rights} ON {table} TO {role}" for table, rights in GRANTS.items()
    ]
    statements += [f"GRANT {grant} TO {role}" for grant in (*_OTHER_GRANTS, f"USAGE ON SCHEMA {schema}")]
    async with conn.transaction():
        await conn.execute(";\n".join(statements))


async def grant_to_platform(conn: asyncpg.Connection, report: Report) -> None:
    """Create Supabase's roles where they are missing and we may, and grant the service what it needs."""
    there = {role: await _role_exists(conn, role, options) for role, options in _PLATFORM_ROLES.items()}
    missing = [role for role, found in there.items() if not found]
    if missing:
        report(
            f"the roles {', '.join(missing)} do not exist and this user may not create them: nobody can act as a user"
        )
    else:
        schema = await conn.fetchval("SELECT quote_ident(current_schema())")
        async with conn.transaction():
            await conn.execute(_FOR_SERVICE.format(schema=schema))


async def _role_exists(conn: asyncpg.Connection, role: str, options: str = "NOLOGIN") -> bool:
    if await conn.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role):
        return True
    # Only some roles may let others bypass row-level security; policies give the service the same.
    for given in dict.fromkeys((options, "NOLOGIN")):
        try:
            await conn.execute(f"CREATE ROLE {role} {given}")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            return True
        except asyncpg.InsufficientPrivilegeError:
            continue
        return True
    return False
