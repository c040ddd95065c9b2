"""Reads what the feed shows: the audit log, downloads, versions of the routes, and what the sandbox has sent."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft_sandbox.dev import events
from hingecraft_sandbox.dev.events import Happened
from hingecraft_sandbox.dev.style import Style
from hingecraft_sandbox.wix import DASHBOARD_OPENED

_EVERY = 0.1
_AWAY = 1.0
# Ids are assigned before the commit, so a lower one may appear after a higher one.
_OVERLAP = 200
_COMMITTED_WITHIN = timedelta(seconds=2)

NEWEST_ROW = "SELECT coalesce(max(id), 0) FROM payment_audit"
ROWS = """
SELECT a.id, a.created_at, a.action, a.payment_id, a.details::text AS details,
    p.amount, p.price_currency, p.currency, p.provider, p.purpose, c.exponent, bought.name AS product
FROM payment_audit a
JOIN payments p ON p.id = a.payment_id
LEFT JOIN purchases u ON u.id = (a.details ->> 'purchase')::uuid
LEFT JOIN products bought ON bought.id = u.product_id
LEFT JOIN currencies c ON c.code = p.price_currency
WHERE a.id > $1 ORDER BY a.id
"""
DOWNLOADS = """
SELECT d.id, d.created_at, p.name, p.file, e.downloads_used, e.download_limit
FROM downloads d JOIN products p ON p.id = d.product_id LEFT JOIN entitlements e ON e.id = d.entitlement_id
WHERE d.created_at > $1 ORDER BY d.created_at
"""
NOW = "SELECT clock_timestamp()"
CHANGED = """
SELECT key AS code, CASE WHEN n.value IS NULL THEN 'off' WHEN o.value IS NULL THEN 'on' ELSE 'changed' END AS how
FROM (SELECT e.* FROM payment_routes r, jsonb_each(r.routes) e WHERE r.version = $1) n
FULL JOIN (
    SELECT e.* FROM payment_routes r, jsonb_each(r.routes) e
    WHERE r.version = (SELECT max(version) FROM payment_routes WHERE version < $1)
) o USING (key)
WHERE n.value IS DISTINCT FROM o.value ORDER BY key
"""
LAST_PAYMENT = "SELECT id::text FROM payments ORDER BY created_at DESC, id DESC LIMIT 1"
SWITCHED_OFF = "SELECT code FROM currencies WHERE NOT enabled ORDER BY code"
SWITCH = "UPDATE currencies SET enabled = NOT enabled WHERE code = $1 RETURNING enabled"


class Feed:
    """Passes on each row once, in order."""

    def __init__(self, database: Database, style: Style, show: Callable[[Happened], None]) -> None:
        self._database = database
        self._style = style
        self._show = show
        self._newest = 0
        self._seen: deque[int] = deque(maxlen=2 * _OVERLAP)
        self._downloads_since: datetime | None = None
        self._downloads: deque[UUID] = deque(maxlen=_OVERLAP)

    async def start(self) -> None:
        """Start here: skip what is in the database already."""
        async with self._database.connection() as conn:
            self._downloads_since = await conn.fetchval(NOW)
            self._newest = await conn.fetchval(NEWEST_ROW)
            self._seen.extend(range(max(0, self._newest - _OVERLAP), self._newest + 1))

    async def follow_payments(self) -> None:
        """Read until cancelled; while Postgres is away there are no new rows."""
        while True:
            try:
                await self._read_payments()
                await self._read_downloads()
                await asyncio.sleep(_EVERY)
            except DatabaseUnavailableError:
                await asyncio.sleep(_AWAY)

    async def _read_payments(self) -> None:
        async with self._database.connection() as conn:
            rows = await conn.fetch(ROWS, self._newest - _OVERLAP)
        for row in rows:
            if row["id"] not in self._seen:
                self._seen.append(row["id"])
                self._newest = max(self._newest, row["id"])
                for happened in events.payment(dict(row), self._style):
                    self._show(happened)

    async def _read_downloads(self) -> None:
        assert self._downloads_since is not None
        async with self._database.connection() as conn:
            rows = await conn.fetch(DOWNLOADS, self._downloads_since)
        for row in rows:
            if row["id"] not in self._downloads:
                self._downloads.append(row["id"])
                # A download that began earlier may be committed later.
                self._downloads_since = max(self._downloads_since, row["created_at"] - _COMMITTED_WITHIN)
                self._show(events.download(dict(row)))

    async def follow_sandbox(self, log: Path, dashboard_opened: Callable[[], None]) -> None:
        """Show the events that the sandbox sends to the backend, from its log, until cancelled."""
        with log.open(errors="replace") as lines:
            while True:
                for line in _entries(lines):
                    if "event" in line:
                        self._show(events.provider(line, self._style))
                    elif line.get("message") == DASHBOARD_OPENED:
                        dashboard_opened()
                await asyncio.sleep(_EVERY)

    async def changes_of(self, version: int) -> dict[str, str]:
        """The currencies that a version switches on or off or changes; empty if Postgres is unreachable."""
        try:
            async with self._database.connection() as conn:
                return {row["code"]: row["how"] for row in await conn.fetch(CHANGED, version)}
        except DatabaseUnavailableError:
            return {}

    async def last_payment(self) -> str | None:
        """The newest payment's id."""
        async with self._database.connection() as conn:
            found: str | None = await conn.fetchval(LAST_PAYMENT)
        return found

    async def switched_off(self) -> list[str]:
        """The codes of the currencies that are off."""
        async with self._database.connection() as conn:
            return [row["code"] for row in await conn.fetch(SWITCHED_OFF)]

    async def switch(self, code: str) -> bool | None:
        """Switch a currency off or on; returns whether it is on now, or None if it is unknown."""
        async with self._database.connection() as conn:
            found: bool | None = await conn.fetchval(SWITCH, code)
        return found


def _entries(lines: Any) -> Iterator[Mapping[str, Any]]:
    """The JSON objects among the complete lines; a line that is still being written is left for the next time."""
    while True:
        place = lines.tell()
        line = lines.readline()
        if not line.endswith("\n"):
            lines.seek(place)
            return
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found
