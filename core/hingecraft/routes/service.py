"""Publishes routes, and changes them for admins. The only place that opens transactions on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.db.repeating import done_again
from hingecraft.errors import ConflictError, InvalidError, MissingError
from hingecraft.identity.principal import Actor
from hingecraft.outbox import service as outbox
from hingecraft.outbox.model import Endpoint
from hingecraft.routes import store
from hingecraft.routes.model import (
    PIN_FIELD,
    Declared,
    Policy,
    PolicyChange,
    Problem,
    Publication,
    RoutesVersion,
    announcement,
)

_BEFORE_ALL = 2**62


@done_again
async def publish(database: Database, *, above: int = 0, known: int | None = None) -> Publication:
    """Rebuild the routes; if they differ, publish them and tell the Wix endpoints, all or nothing.

    With `known`, the answer holds the document of the newest version unless it is that one.
    """
    async with database.transaction() as conn:
        return await _publish(conn, above, known)


async def publish_within(conn: Connection) -> Publication:
    """Publish in the caller's transaction, and wake the engines to bring every pod to the newest version."""
    publication = await _publish(conn)
    await store.wake(conn)
    return publication


async def _publish(conn: Connection, above: int = 0, known: int | None = None) -> Publication:
    publication = await store.rebuild(conn, above, known)
    if publication.changed:
        assert publication.version is not None
        assert publication.checksum is not None
        assert publication.generated_at is not None
        told = announcement(publication.version, publication.checksum, publication.generated_at)
        await outbox.announce_routes(conn, told)
    return publication


@done_again
async def keep_endpoints(database: Database, endpoints: Sequence[Endpoint]) -> None:
    """Make the database know just these endpoints; one that is new or moved is told the newest version.

    Publishers wait meanwhile: each version is either the newest one here, or announced to these endpoints.
    """
    async with database.transaction() as conn:
        await store.lock_publishing(conn)
        found = await store.newest(conn)
        await outbox.keep_endpoints(conn, endpoints, found.announcement if found else None)


@done_again
async def announce_again(database: Database) -> None:
    """Send the newest version to the Wix endpoints that have not taken it, without waiting for their next attempt."""
    async with database.transaction() as conn:
        await store.lock_publishing(conn)
        found = await store.newest(conn)
        if found is not None:
            await outbox.announce_to_those_behind(conn, found.version, found.announcement)


async def newest_and_currencies(database: Database) -> tuple[RoutesVersion | None, str]:
    """The newest version with its routes, and the stamp of the currencies."""
    async with database.connection() as conn:
        return await store.newest_and_currencies(conn)


async def newest_number_and_currencies(database: Database) -> tuple[int | None, str]:
    """The number of the newest version, and the stamp of the currencies."""
    async with database.connection() as conn:
        return await store.newest_number_and_currencies(conn)


async def newest_number(database: Database) -> int | None:
    """The number of the newest version."""
    async with database.connection() as conn:
        return await store.newest_number(conn)


@done_again
async def refresh(database: Database, actor: Actor) -> Publication:
    """Rebuild for an admin, and wake the engines to bring every pod to the newest version."""
    async with database.transaction() as conn:
        if (await store.policy(conn)).paused:
            raise ConflictError("paused", "Publishing is paused. Set paused to false in the policy first.")
        publication = await _publish(conn)
        await store.wake(conn)
        await audit.append(
            conn,
            actor=actor.name,
            action="routes_refreshed",
            request_id=actor.request_id,
            version=publication.version,
            changed=publication.changed,
        )
    return publication


@done_again
async def pin(database: Database, version: int | None, actor: Actor) -> Publication:
    """Go back to the routes of a version by publishing them as a new one, or let the data publish again."""
    async with database.transaction() as conn:
        return await pin_within(conn, version, actor)


async def pin_within(conn: Connection, version: int | None, actor: Actor) -> Publication:
    """Like `pin`, in the caller's transaction."""
    policy = await store.policy(conn, locked=True)
    policy.refuse_managed(frozenset({PIN_FIELD}))
    if policy.paused:
        raise ConflictError("paused", "Publishing is paused. Set paused to false in the policy first.")
    if version is not None and not await store.version_exists(conn, version):
        raise MissingError(
            "unknown_version",
            f"Version {version} is not available any more. Choose one from GET /admin/routes/versions.",
        )
    await store.pin(conn, version)
    publication = await _publish(conn)
    await audit.append(
        conn,
        actor=actor.name,
        action="routes_pinned" if version is not None else "routes_unpinned",
        request_id=actor.request_id,
        pinned=version,
        version=publication.version,
    )
    return publication


async def switch_currency_within(conn: Connection, code: str, *, enabled: bool, actor: Actor) -> bool:
    """Switch a currency on or off, in the caller's transaction; False if it was so. Its trigger wakes the engines."""
    before = await store.lock_currency(conn, code)
    if before is None:
        raise InvalidError("unknown_currency", f"{code} is not in the table of currencies.")
    if before is enabled:
        return False
    await store.switch_currency(conn, code, enabled=enabled)
    await audit.append(
        conn,
        actor=actor.name,
        action="currency_switched",
        request_id=actor.request_id,
        currency=code,
        enabled=enabled,
    )
    return True


async def problems(database: Database) -> list[Problem]:
    """The problems that the owner has to correct: unpublished wallets and links, links that pages do not open."""
    async with database.connection() as conn:
        return await store.problems(conn)


async def policy(database: Database) -> Policy:
    """The current policy."""
    async with database.connection() as conn:
        return await store.policy(conn)


async def change_policy(database: Database, change: PolicyChange, actor: Actor) -> Policy:
    """Change the policy; its trigger wakes the engines."""
    async with database.transaction() as conn:
        return await change_policy_within(conn, change, actor)


async def change_policy_within(conn: Connection, change: PolicyChange, actor: Actor) -> Policy:
    """Like `change_policy`, in the caller's transaction."""
    before = await store.policy(conn, locked=True)
    before.refuse_managed(change.fields)
    await store.change_policy(conn, before, change)
    await audit.append(
        conn,
        actor=actor.name,
        action="policy_changed",
        request_id=actor.request_id,
        providers=change.providers,
        singleUseCheckouts=change.single_use_checkouts,
        paused=change.paused,
    )
    return await store.policy(conn)


async def declare(database: Database, declared: Declared, actor: Actor) -> bool:
    """Apply a resource's fields to the policy; returns whether anything changed.

    Admin calls cannot change these fields from then on. A field that the resource does not set any more keeps its
    value, and admin calls can change it again. Only the pin is removed: its absence means that nothing is pinned.
    """
    async with database.transaction() as conn:
        before = await store.policy(conn, locked=True)
        wanted = before.as_declared(declared)
        if wanted == before:
            return False
        await store.change_policy(conn, before, declared.change)
        await store.manage(conn, wanted.managed)
        await store.pin(conn, wanted.pin_version)
        await audit.append(
            conn,
            actor=actor.name,
            action="policy_declared",
            request_id=actor.request_id,
            providers=declared.providers,
            singleUseCheckouts=declared.single_use_checkouts,
            paused=declared.paused,
            pinned=wanted.pin_version,
        )
        return True


async def release(database: Database) -> None:
    """Release the fields of a deleted resource: they keep their values, and admin calls can change them again."""
    async with database.transaction() as conn:
        await store.manage(conn, frozenset())


async def versions(
    database: Database, *, before: int | None, limit: int
) -> tuple[Sequence[dict[str, Any]], int | None]:
    """A page of the history, newest first, and where the next page begins."""
    async with database.connection() as conn:
        rows = await store.versions_before(conn, before if before is not None else _BEFORE_ALL, limit + 1)
    page = [dict(row) for row in rows[:limit]]
    return page, page[-1]["version"] if len(rows) > limit else None
