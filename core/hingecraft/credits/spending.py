"""Spends of a pod: those that come while a write is under way are written together, and each is answered by itself.

A commit for each spend would let a user with many calls spend a few hundred times a second, since each waits for the
account until the one before has committed. A call is answered only after the commit that has its row. Where that is not
known, because the process or the connection ended, the caller repeats the reference and gets the first answer.
"""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from hingecraft.credits import store
from hingecraft.credits.model import Entry, Written
from hingecraft.db.connection import Database

_Waiting: TypeAlias = "tuple[Entry, asyncio.Future[Written]]"

# An account that something else has locked holds up only the users of its own lane.
_LANES = 4
_AT_ONCE = 200


class Spending:
    """One writer for each lane; a user is always in the same one."""

    def __init__(self, database: Database) -> None:
        self._lanes = [_Lane(database) for _ in range(_LANES)]

    async def spend(self, entry: Entry) -> Written:
        """Returns when the row is committed, now or before; raises what a caller is told if there is none."""
        return (await self._lanes[entry.user_id.int % _LANES].put(entry)).required()

    async def close(self) -> None:
        """Wait for what is being written."""
        for lane in self._lanes:
            await lane.close()


class _Lane:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, entry: Entry) -> Written:
        written: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await written

    async def close(self) -> None:
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            try:
                async with self._database.connection() as conn:
                    written = await store.write(conn, [entry for entry, _ in batch])
            except Exception as error:  # noqa: BLE001 - each of the batch's callers gets it, and the next batch is written
                _fail(batch, error)
            else:
                for (_, answer), each in zip(batch, written, strict=True):
                    if not answer.done():
                        answer.set_result(each)


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
