"""Switches a currency or a provider, or pins a version, and says what that changes on the pages, also beforehand."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hingecraft.db.connection import Connection, Database
from hingecraft.db.repeating import done_again
from hingecraft.identity.principal import Actor
from hingecraft.routes import service as routes
from hingecraft.routes import store
from hingecraft.routes.model import PolicyChange

Change = Callable[[Connection], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The effects of a change on the pages, as codes of currencies."""

    version: int | None
    # They can be paid in no more, they can be paid in again, and they are paid elsewhere than before.
    closed: tuple[str, ...]
    opened: tuple[str, ...]
    moved: tuple[str, ...]
    # No version is published while publishing is paused, so nothing changes on the pages yet.
    paused: bool
    pin_version: int | None

    @property
    def changes(self) -> bool:
        """Whether the pages change."""
        return bool(self.closed or self.opened or self.moved)


class _PreviewedError(Exception):
    """Rolls a preview back."""

    def __init__(self, effects: Effects) -> None:
        super().__init__()
        self.effects = effects


class Switches:
    """The switches of the routes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def currency(self, code: str, *, enabled: bool, actor: Actor, preview: bool) -> Effects:
        """Switch a currency on or off."""
        return await self._done(
            lambda conn: routes.switch_currency_within(conn, code, enabled=enabled, actor=actor), preview=preview
        )

    async def provider(self, name: str, *, enabled: bool, actor: Actor, preview: bool) -> Effects:
        """Take a provider's links off the pages, or put them back."""
        change = PolicyChange(providers={name: enabled})
        return await self._done(lambda conn: routes.change_policy_within(conn, change, actor), preview=preview)

    async def pin(self, version: int | None, *, actor: Actor, preview: bool) -> Effects:
        """Go back to the routes of a version, or end that."""
        return await self._done(lambda conn: routes.pin_within(conn, version, actor), preview=preview)

    @done_again
    async def _done(self, change: Change, *, preview: bool) -> Effects:
        try:
            async with self._database.transaction() as conn:
                effects = await _effects_of(conn, change)
                _keep_nothing(effects, preview=preview)
                return effects
        except _PreviewedError as previewed:
            return previewed.effects


def _keep_nothing(effects: Effects, *, preview: bool) -> None:
    if preview:
        raise _PreviewedError(effects)


async def _effects_of(conn: Connection, change: Change) -> Effects:
    """The change is published in the same transaction, so a preview shows exactly what would be served."""
    await store.lock_publishing(conn)
    before = await _offered(conn)
    await change(conn)
    publication = await routes.publish_within(conn)
    after = await _offered(conn)
    policy = await store.policy(conn)
    return Effects(
        version=publication.version,
        closed=tuple(sorted(before.keys() - after.keys())),
        opened=tuple(sorted(after.keys() - before.keys())),
        moved=tuple(sorted(code for code in before.keys() & after.keys() if before[code] != after[code])),
        paused=policy.paused,
        pin_version=policy.pin_version,
    )


async def _offered(conn: Connection) -> Mapping[str, Any]:
    """Where each currency that pages offer is paid."""
    newest = await store.newest(conn)
    routes_now: Mapping[str, Mapping[str, Any]] = json.loads(newest.routes) if newest is not None else {}
    return {
        code: (route["provider"], route["url"], (route["wallet"] or {}).get("address"))
        for code, route in routes_now.items()
        if route["available"]
    }
