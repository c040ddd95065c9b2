"""News for open dashboards: which payments have changed, and which version of the routes is the newest.

Each process reads the audit log once a second for all of its readers, while it has any. Every change of a payment has
a row there. Readers get news at their own pace: what a slow one has missed is put together, in a bounded amount of
memory.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError, RejectedError

POSITION = """
SELECT coalesce((SELECT id FROM payment_audit ORDER BY id DESC LIMIT 1), 0) AS audit,
       coalesce((SELECT max(version) FROM payment_routes), 0) AS version
"""
CHANGED = "SELECT id, payment_id FROM payment_audit WHERE id > $1 AND payment_id IS NOT NULL ORDER BY id LIMIT $2"
REMOVED = """
SELECT instance_id FROM wix_sites WHERE instance_id = ANY ($1::uuid[]) AND removed_at >= installed_at
"""
_EVERY = 1.0
# Rows of transactions that end later than others get smaller ids than rows that are there already.
_LATE_WITHIN = 10.0
MOST_NAMED = 100
# Numbers that Postgres can compare.
_POSITION = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_MOST_READ = 1000


class TooManyStreamsError(RejectedError):
    """The site, or this process, has as many open streams as it may have."""

    def __init__(self) -> None:
        super().__init__("too_many_streams", "There are too many open streams. Close one, or poll instead.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a reader has seen: the audit log up to an id, and a version of the routes."""

    audit: int
    version: int

    def __str__(self) -> str:
        return f"{self.audit}.{self.version}"


def position_of(text: str) -> Position | None:
    """The position behind a `Last-Event-ID`; None for any other text."""
    found = _POSITION.fullmatch(text)
    return Position(audit=int(found[1]), version=int(found[2])) if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The changes since the last news."""

    position: Position
    payments: tuple[UUID, ...]
    # More payments have changed than are named.
    more: bool
    # The newest version of the routes; None: it is the same.
    version: int | None


@dataclass(slots=True, kw_only=True, eq=False)
class Reader:
    """One open stream. `removed` is set when its site has removed the app."""

    site: UUID
    position: Position
    removed: bool = False
    _payments: OrderedDict[UUID, None] = field(default_factory=OrderedDict)
    _more: bool = False
    _version: int | None = None
    _awake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, position: Position, payments: Collection[UUID], *, more: bool) -> None:
        """Add to what it has not read yet."""
        self._payments.update(dict.fromkeys(payments))
        self._more = self._more or more or len(self._payments) > MOST_NAMED
        while len(self._payments) > MOST_NAMED:
            self._payments.popitem(last=False)
        if position.version != self.position.version:
            self._version = position.version
        self.position = position
        if self._payments or self._more or self._version is not None:
            self._awake.set()

    def end(self) -> None:
        """Its site has removed the app."""
        self.removed = True
        self._awake.set()

    async def next(self, within: float) -> News | None:
        """The next changes; None: there were none for so many seconds, or the site is removed."""
        try:
            async with asyncio.timeout(within):
                await self._awake.wait()
        except TimeoutError:
            return None
        self._awake.clear()
        if self.removed:
            return None
        news = News(position=self.position, payments=tuple(self._payments), more=self._more, version=self._version)
        self._payments.clear()
        self._more, self._version = False, None
        return news


class ChangesFeed:
    """The readers of one process."""

    def __init__(self, database: Database, *, most: int = 200, most_of_site: int = 20) -> None:
        self._database = database
        self._most = most
        self._most_of_site = most_of_site
        self._readers: set[Reader] = set()
        self._task: asyncio.Task[None] | None = None
        self._position: Position | None = None
        # Rows that were read lately, and up to which id everything is certain to have been read.
        self._read: set[int] = set()
        self._horizons: deque[tuple[float, int]] = deque()

    @property
    def open(self) -> int:
        """How many streams are open."""
        return len(self._readers)

    @asynccontextmanager
    async def reader(self, site: UUID, last: Position | None) -> AsyncGenerator[Reader, None]:
        """A reader that first gets what has changed since `last`. Raises TooManyStreamsError."""
        of_site = sum(reader.site == site for reader in self._readers)
        if len(self._readers) >= self._most or of_site >= self._most_of_site:
            raise TooManyStreamsError
        reader = Reader(site=site, position=Position(audit=0, version=0))
        self._readers.add(reader)  # before anything is awaited, so that it counts
        try:
            await self._begin(reader, last)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._poll(), name="watching for changes of payments")
            yield reader
        finally:
            self._readers.discard(reader)
            if not self._readers:
                await self.close()

    async def close(self) -> None:
        """Stop watching."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._position = None
        self._read.clear()
        self._horizons.clear()

    async def _begin(self, reader: Reader, last: Position | None) -> None:
        async with self._database.connection() as conn:
            now = await _position(conn)
            # A restored backup may be before what the reader has seen: then everything may have changed.
            went_back = last is not None and (last.audit > now.audit or last.version > now.version)
            missed = [] if last is None or went_back else await _changed(conn, last.audit)
        if last is None:
            reader.position = now
            return
        reader.position = last
        payments = dict.fromkeys(payment for _, payment in missed)
        reader.tell(now, payments, more=went_back or len(missed) >= _MOST_READ)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self._look()
            except DatabaseUnavailableError:
                continue  # heartbeats go on; what is missed is read when Postgres answers again

    async def _look(self) -> None:
        async with self._database.connection() as conn:
            now = await _position(conn)
            if self._position is None:
                self._position = min((reader.position for reader in self._readers), key=lambda each: each.audit)
                self._horizons.append((time.monotonic(), self._position.audit))
            rows = await _changed(conn, self._certain())
            sites = list({reader.site for reader in self._readers})
            removed = {row["instance_id"] for row in await conn.fetch(REMOVED, sites)}
        fresh = dict.fromkeys(payment for row, payment in rows if row not in self._read)
        is_too_much = len(rows) >= _MOST_READ
        if is_too_much:
            self._horizons.clear()
            self._read.clear()
        self._read.update(row for row, _ in rows)
        self._horizons.append((time.monotonic(), now.audit))
        self._position = now
        for reader in list(self._readers):
            if reader.site in removed:
                reader.end()
            else:
                reader.tell(now, fresh, more=is_too_much)

    def _certain(self) -> int:
        """No row up to this id can become visible any more."""
        oldest = time.monotonic() - _LATE_WITHIN
        while len(self._horizons) > 1 and self._horizons[1][0] < oldest:
            self._horizons.popleft()
        certain = self._horizons[0][1]
        self._read = {row for row in self._read if row > certain}
        return certain


async def _position(conn: Connection) -> Position:
    row = await conn.fetchrow(POSITION)
    assert row is not None, "it has no table to be empty"
    return Position(audit=row["audit"], version=row["version"])


async def _changed(conn: Connection, after: int) -> list[tuple[int, UUID]]:
    return [(row["id"], row["payment_id"]) for row in await conn.fetch(CHANGED, after, _MOST_READ)]
