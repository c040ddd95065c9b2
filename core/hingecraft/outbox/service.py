"""Puts events into the outbox, and maintains the list of endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hingecraft.db.connection import Connection, Database
from hingecraft.outbox import store
from hingecraft.outbox.model import ROUTES_UPDATED, Endpoint, EndpointState


async def announce_routes(conn: Connection, version: Mapping[str, Any]) -> None:
    """Announce a new version to every endpoint, in the transaction that publishes it."""
    await store.supersede(conn, ROUTES_UPDATED)
    await store.enqueue(conn, ROUTES_UPDATED, version)


async def announce_to_those_behind(conn: Connection, version: int, told: Mapping[str, Any]) -> None:
    """Announce a version again to the endpoints that have not taken it or a newer one."""
    behind = [state.name for state in await store.states(conn) if state.is_behind(version)]
    if behind:
        await store.supersede(conn, ROUTES_UPDATED)
        await store.enqueue(conn, ROUTES_UPDATED, told, behind)


async def announce_payments(conn: Connection, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Announce changes of payments to the endpoints that want them, in the transaction that books them."""
    if events:
        await store.enqueue_many(conn, events)


async def endpoint_states(database: Database) -> list[EndpointState]:
    """The state of each endpoint."""
    async with database.connection() as conn:
        return await store.states(conn)


async def keep_endpoints(conn: Connection, endpoints: Sequence[Endpoint], current: Mapping[str, Any] | None) -> None:
    """In a transaction, replace the list of endpoints; a new or moved one gets `current`."""
    await store.keep_partitions(conn)
    changed = await store.keep_endpoints(conn, endpoints)
    if changed and current is not None:
        await store.enqueue(conn, ROUTES_UPDATED, current, changed)
