"""The tables `payment_routes` and `route_policy`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from hingecraft.db.connection import IN_RECOVERY, Connection, require_primary
from hingecraft.money.store import STAMP
from hingecraft.providers.addresses import PAYMENT_PAGES
from hingecraft.routes.model import Document, Policy, PolicyChange, Problem, Publication, RoutesVersion
from hingecraft.routes.rebuild import REBUILD
from hingecraft.routes.wallets import UNPUBLISHED

CHANNEL = "hc_routes_changed"
KEPT_VERSIONS = 500

# A publisher that is stopped in the middle must not hold up the others. Compiling the statement to machine code
# takes a second, where running it takes milliseconds. All of it is one round trip, since a commit waits for each;
# a target list is evaluated from left to right, so the settings hold for the lock.
LOCK_PUBLISHING = f"""
SELECT {IN_RECOVERY},
       set_config('idle_in_transaction_session_timeout', '2s', true),
       set_config('lock_timeout', '4s', true),
       set_config('jit', 'off', true),
       pg_advisory_xact_lock(hashtext('hingecraft.routes'))
"""
NEWEST_NUMBER = "SELECT max(version) FROM payment_routes"
NEWEST = """
SELECT version, checksum, generated_at, restored_from, next_expiry, routes::text AS routes
FROM payment_routes ORDER BY version DESC LIMIT 1
"""
ROUTES_OF = """
SELECT routes::text FROM payment_routes WHERE $1::bigint IS NULL OR version = $1 ORDER BY version DESC LIMIT 1
"""
# Everything that a pod loads together, in one round trip.
NEWEST_AND_CURRENCIES = (
    f"SELECT {IN_RECOVERY} AS in_recovery, n.*, c.stamp FROM ({STAMP}) c LEFT JOIN ({NEWEST}) n ON true"
)
NEWEST_NUMBER_AND_CURRENCIES = (
    f"SELECT {IN_RECOVERY} AS in_recovery, ({NEWEST_NUMBER}) AS version, c.stamp FROM ({STAMP}) c"
)
VERSIONS = """
SELECT version, checksum, generated_at, restored_from, (SELECT count(*) FROM jsonb_object_keys(routes)) AS route_count
FROM payment_routes WHERE version < $1 ORDER BY version DESC LIMIT $2
"""
VERSION_EXISTS = "SELECT EXISTS (SELECT FROM payment_routes WHERE version = $1)"
PRUNE = """
DELETE FROM payment_routes
WHERE version <= $1 AND version IS DISTINCT FROM (SELECT pin_version FROM route_policy)
"""
POLICY = "SELECT disabled_providers, single_use_checkouts, paused, pin_version, managed FROM route_policy"
LOCKED_POLICY = POLICY + " FOR UPDATE"
CHANGE_POLICY = """
UPDATE route_policy SET
    disabled_providers = $1,
    single_use_checkouts = coalesce($2, single_use_checkouts),
    paused = coalesce($3, paused)
"""
MANAGE = "UPDATE route_policy SET managed = $1 WHERE managed IS DISTINCT FROM $1"
PIN = "UPDATE route_policy SET pin_version = $1"
LOCK_CURRENCY = "SELECT enabled FROM currencies WHERE code = $1 FOR UPDATE"
SWITCH_CURRENCY = "UPDATE currencies SET enabled = $2 WHERE code = $1"
_HOSTS = "|".join(re.escape(host) for host in PAYMENT_PAGES)
_OPENED_BY_PAGES = rf"^(https://([a-z0-9-]+\.)*({_HOSTS})([/?#]|$)|https?://(localhost|127\.0\.0\.1|\[::1\])[:/])"
LINKS_ELSEWHERE = """
SELECT id, hc_currency_key(currency) AS currency, provider_url
FROM external_payments
WHERE kind = 'standing' AND status = 'pending' AND provider_url IS NOT NULL AND provider_url !~* $1
  AND (expires_at IS NULL OR expires_at > statement_timestamp())
ORDER BY created_at DESC, id LIMIT $2
"""
LINKS_UNPUBLISHED = """
SELECT e.id, hc_currency_key(e.currency) AS currency, 'This link is not published: ' || found.gap || '.' AS problem
FROM external_payments e
CROSS JOIN installation i
CROSS JOIN LATERAL (
    SELECT hc_link_gap(e.provider, e.provider_id, e.provider_url, e.checked_at IS NOT NULL, i.nowpayments_live) AS gap
) found
WHERE e.kind = 'standing' AND e.status = 'pending' AND e.provider_url IS NOT NULL AND found.gap IS NOT NULL
  AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())
ORDER BY e.created_at DESC, e.id LIMIT $1
"""
MOST_PROBLEMS = 100
WAKE = f"SELECT pg_notify('{CHANNEL}', '')"


async def lock_publishing(conn: Connection) -> None:
    """Block other publishers until the transaction ends."""
    require_primary(in_recovery=await conn.fetchval(LOCK_PUBLISHING))


async def rebuild(conn: Connection, above: int, known: int | None = None) -> Publication:
    """Publish the next version if it would differ from the newest, or must be above what a pod serves.

    With `known`, the answer holds the document of the newest version unless it is that one.
    """
    await lock_publishing(conn)
    row = await conn.fetchrow(REBUILD, above, known)
    assert row is not None, "route_policy has lost its row"
    publication = _publication(dict(row))
    if publication.changed and publication.version is not None and publication.version > KEPT_VERSIONS:
        await conn.execute(PRUNE, publication.version - KEPT_VERSIONS)
    return publication


def _publication(row: dict[str, Any]) -> Publication:
    routes, currencies, restored_from = row.pop("routes"), row.pop("currencies"), row.pop("restored_from")
    publication = Publication(**row)
    if routes is None:
        return publication
    version = RoutesVersion(
        version=row["version"],
        checksum=row["checksum"],
        generated_at=row["generated_at"],
        restored_from=restored_from,
        next_expiry=row["next_expiry"],
        routes=routes,
    )
    return replace(publication, document=Document(version=version, currencies=currencies))


async def newest_number(conn: Connection) -> int | None:
    """The number of the newest version: one index look-up."""
    number: int | None = await conn.fetchval(NEWEST_NUMBER)
    return number


async def newest(conn: Connection) -> RoutesVersion | None:
    """The newest version with its routes."""
    row = await conn.fetchrow(NEWEST)
    return RoutesVersion(**dict(row)) if row else None


async def routes_of(conn: Connection, version: int | None) -> str | None:
    """The routes of a version, or of the newest one, as JSON text; None if it is not kept."""
    routes: str | None = await conn.fetchval(ROUTES_OF, version)
    return routes


async def newest_and_currencies(conn: Connection) -> tuple[RoutesVersion | None, str]:
    """The newest version with its routes, and the stamp of the currencies at the same moment."""
    row = await conn.fetchrow(NEWEST_AND_CURRENCIES)
    assert row is not None, "an aggregate always answers a row"
    found = dict(row)
    require_primary(in_recovery=found.pop("in_recovery"))
    stamp = found.pop("stamp")
    return (RoutesVersion(**found) if found["version"] is not None else None), stamp


async def newest_number_and_currencies(conn: Connection) -> tuple[int | None, str]:
    """The number of the newest version, and the stamp of the currencies at the same moment."""
    row = await conn.fetchrow(NEWEST_NUMBER_AND_CURRENCIES)
    assert row is not None, "an aggregate always answers a row"
    require_primary(in_recovery=row["in_recovery"])
    return row["version"], row["stamp"]


async def versions_before(conn: Connection, before: int, limit: int) -> list[asyncpg.Record]:
    """The history below a version, newest first, without the routes themselves."""
    rows: list[asyncpg.Record] = await conn.fetch(VERSIONS, before, limit)
    return rows


async def version_exists(conn: Connection, version: int) -> bool:
    """Whether that version is still kept."""
    return bool(await conn.fetchval(VERSION_EXISTS, version))


async def policy(conn: Connection, *, locked: bool = False) -> Policy:
    """The policy, locked against others who would change it when it is read for a change."""
    row = await conn.fetchrow(LOCKED_POLICY if locked else POLICY)
    assert row is not None, "route_policy has lost its row"
    return Policy(
        disabled_providers=frozenset(row["disabled_providers"]),
        single_use_checkouts=row["single_use_checkouts"],
        paused=row["paused"],
        pin_version=row["pin_version"],
        managed=frozenset(row["managed"]),
    )


async def change_policy(conn: Connection, before: Policy, change: PolicyChange) -> None:
    """Write the changed fields."""
    disabled = set(before.disabled_providers)
    for provider, enabled in change.providers.items():
        (disabled.discard if enabled else disabled.add)(provider)
    await conn.execute(CHANGE_POLICY, sorted(disabled), change.single_use_checkouts, change.paused)


async def manage(conn: Connection, fields: frozenset[str]) -> None:
    """Set which fields belong to a resource."""
    await conn.execute(MANAGE, sorted(fields))


async def pin(conn: Connection, version: int | None) -> None:
    """Pin to a version, or let the data publish again."""
    await conn.execute(PIN, version)


async def lock_currency(conn: Connection, code: str) -> bool | None:
    """Whether it is enabled, held until the transaction ends; None for an unknown one."""
    found: bool | None = await conn.fetchval(LOCK_CURRENCY, code)
    return found


async def switch_currency(conn: Connection, code: str, *, enabled: bool) -> None:
    """Enable or disable a currency."""
    await conn.execute(SWITCH_CURRENCY, code, enabled)


async def problems(conn: Connection) -> list[Problem]:
    """Wallets and links that are not published and links that pages do not open, the newest of each first."""
    wallets = await conn.fetch(UNPUBLISHED, MOST_PROBLEMS)
    links = await conn.fetch(LINKS_ELSEWHERE, _OPENED_BY_PAGES, MOST_PROBLEMS)
    unpublished = await conn.fetch(LINKS_UNPUBLISHED, MOST_PROBLEMS)
    return [
        *(Problem(kind="wallet", **dict(row)) for row in wallets),
        *(Problem(kind="link", **dict(row)) for row in unpublished),
        *(
            Problem(kind="link", id=row["id"], currency=row["currency"], problem=_elsewhere(row["provider_url"]))
            for row in links
        ),
    ]


def _elsewhere(url: str) -> str:
    try:
        host = urlsplit(url).hostname or "nowhere"
    except ValueError:
        host = "nowhere"
    return (
        f"This link leads to {host[:100]}, which is not a payment page of Stripe or NOWPayments. Correct provider_url."
    )


async def wake(conn: Connection) -> None:
    """Wake every engine, as if the data had changed."""
    await conn.execute(WAKE)
