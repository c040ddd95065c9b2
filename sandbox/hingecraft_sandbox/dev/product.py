"""The part of `hingecraft dev` that uses the product's own code: its database, its sync engine, its commands.

Importing that takes as long as Postgres and the pods need to start, so it is imported while they do.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

import aiohttp

from hingecraft.db.connection import Database
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.observability.logs import start_logging
from hingecraft.outbox.model import Message
from hingecraft.settings import load
from hingecraft.sync.command import SyncSettings, engine_of
from hingecraft.sync.engine import Engine, ServedEverywhere, Watcher
from hingecraft_sandbox.dev import events
from hingecraft_sandbox.dev.cockpit import Cockpit
from hingecraft_sandbox.dev.demo import add_demo_data
from hingecraft_sandbox.dev.environment import DATABASE
from hingecraft_sandbox.dev.feed import Feed
from hingecraft_sandbox.postgres import Postgres

_TIMEOUT = aiohttp.ClientTimeout(total=5)


async def prepare(postgres: Postgres, cockpit: Cockpit) -> None:
    """Make the database, bring it to this version and add demo data, if not done yet."""
    admin = Database(postgres.secret_dsn("postgres"), application="hingecraft-dev", largest=1)
    try:
        async with admin.connection() as conn:
            if not await conn.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", DATABASE):
                await conn.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await admin.close()
    dsn = postgres.secret_dsn(DATABASE)
    applied: list[str] = []

    def report(line: str) -> None:
        if line.startswith("applied "):
            applied.append(line)
            if len(applied) == 1:
                cockpit.say("database", "applying migrations")

    await bring_up_to_date(dsn, "hingecraft_app", report)
    if applied:
        cockpit.say("database", f"{len(applied)} migrations applied")
    database = Database(dsn, application="hingecraft-dev", largest=1)
    try:
        async with database.transaction() as conn:
            await add_demo_data(conn)
    finally:
        await database.close()


class Showing(Watcher):
    """Shows what the engine does once the cockpit is ready."""

    def __init__(self, cockpit: Cockpit, feed: Feed) -> None:
        self._cockpit = cockpit
        self._feed = feed
        self._tasks: set[asyncio.Task[None]] = set()

    def served_everywhere(self, served: ServedEverywhere) -> None:
        """Every pod serves the version."""
        if self._cockpit.ready_at is not None:
            task = asyncio.create_task(self._show(served))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _show(self, served: ServedEverywhere) -> None:
        changed = await self._feed.changes_of(served.version)
        assert self._cockpit.ready_at is not None
        seconds = served.since_commit
        # Changes that were committed before the pods were up could not reach them.
        if seconds is None or seconds > time.monotonic() - self._cockpit.ready_at:
            since = ""
        else:
            since = f", {seconds * 1000:.0f} ms after the commit"
        text = events.routes(served.version, changed, self._cockpit.style)
        self._cockpit.say("routes", f"{text}  on {served.pods} pods{since}")

    def delivered(self, message: Message, result: str) -> None:
        """A delivery to the site succeeded or failed."""
        if self._cockpit.ready_at is not None:
            self._cockpit.say("site ←", events.delivery(message.type, message.data, result, self._cockpit.style))


class RunningProduct:
    """The running product, for the keys and the feed."""

    def __init__(self, sandbox: str, database: Database, feed: Feed) -> None:
        self.feed = feed
        self._sandbox = sandbox
        self._database = database

    async def switch_currency(self, code: str) -> bool | None:
        """Returns whether it is on now, or None for an unknown currency."""
        return await self.feed.switch(code)

    async def last_payment(self) -> str | None:
        """The newest payment's id."""
        return await self.feed.last_payment()

    async def move_clock(self) -> str:
        """Move the clock of the sandbox's subscriptions by a month; returns the new time.

        The two hours are those in which Stripe keeps a renewal's invoice as a draft, and some room.
        """
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, raise_for_status=True) as session,
            session.put(f"{self._sandbox}/_sandbox/clock", json={"months": 1, "hours": 2}) as response,
        ):
            return str((await response.json())["now"])

    async def switch_webhooks(self, *, on: bool) -> None:
        """Switch the sandbox's webhooks on or off."""
        address = f"{self._sandbox}/_sandbox/webhooks"
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, raise_for_status=True) as session,
            session.put(address, json={"enabled": on}),
        ):
            return


@asynccontextmanager
async def opened(cockpit: Cockpit, sandbox: str, log: TextIO) -> AsyncIterator[tuple[RunningProduct, Engine]]:
    """The product with its engine, which the caller runs. Warnings of the engine go to `log`."""
    start_logging("ERROR", [], stream=log)
    logging.captureWarnings(capture=True)
    settings = load(SyncSettings)
    database = Database(settings.database_url, application="hingecraft-dev", largest=2)
    feed = Feed(database, cockpit.style, cockpit.show)
    try:
        async with engine_of(settings, Showing(cockpit, feed)) as engine:
            yield RunningProduct(sandbox, database, feed), engine
    finally:
        await database.close()
