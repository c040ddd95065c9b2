"""Delivers due messages: claims them, sends them without holding a connection, and records the answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from http import HTTPStatus
from typing import cast

import aiohttp

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.observability import traces
from hingecraft.observability.spans import Attributes, Kind
from hingecraft.outbox import store
from hingecraft.outbox.model import BACKOFF, LANES, Lane, Message, signature
from hingecraft.outbox.sending import Sender
from hingecraft.proxies import Proxies
from hingecraft.settings import Secret

log = logging.getLogger(__name__)

Delivered = Callable[[Message, str], None]

SEND_TIMEOUT = 10.0
_LOOK_EVERY = 1.0
# A stopping process waits only this long for the database, which may be down: leases end by themselves.
_GIVE_BACK_WITHIN = 0.5


class Deliverer:
    """Delivers messages beside an engine. Several may use one database: each message is claimed by one of them."""

    def __init__(
        self,
        database: Database,
        secrets: Mapping[str, Secret],
        *,
        allow_private: bool = False,
        observe: Delivered = lambda _message, _result: None,
        send_timeout: float = SEND_TIMEOUT,
        timeouts: Mapping[str, float] | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._sender = Sender(proxies or Proxies(), allow_private=allow_private)
        self._observe = observe
        self._send_timeout = send_timeout
        self._timeouts = timeouts or {}
        self._woken = asyncio.Event()
        self._under_way: Counter[Lane] = Counter()

    def wake(self) -> None:
        """Check the outbox at once: a message was added."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled; deliveries in progress are then released, and another process repeats them."""
        self._under_way.clear()
        async with self._sender.opened(), asyncio.TaskGroup() as sending:
            while True:
                self._woken.clear()
                for message in await self._due():
                    self._under_way[message.lane] += 1
                    sending.create_task(self._deliver(message))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):
                        await self._woken.wait()

    async def _due(self) -> list[Message]:
        """Claim due messages; if cancelled, release what was claimed."""
        claiming = asyncio.create_task(self._claim())
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_BACK_WITHIN):
                    for message in await claiming:
                        await self._give_back(message)
            raise

    async def _claim(self) -> list[Message]:
        if not self._secrets:
            return []
        try:
            async with self._database.transaction() as conn:
                return [message for types in LANES for message in await self._claimed(conn, types)]
        except DatabaseUnavailableError as error:
            log.warning("the outbox cannot be read: %s", error)
            return []

    async def _claimed(self, conn: Connection, types: Sequence[str]) -> list[Message]:
        """Claim messages. Those for an endpoint without a secret here wait for a process that has it."""
        return await store.claim(conn, types, self._taken(types), self._secrets.keys())

    def _taken(self, types: Sequence[str]) -> dict[str, int]:
        return {endpoint: count for (endpoint, lane), count in self._under_way.items() if lane == types}

    async def _deliver(self, message: Message) -> None:
        try:
            with _span(message):
                status, answer = await self._send(message)
                result = await self._write_down(message, status, answer)
                traces.note(outcome=result, status=status)
                if result != "delivered":
                    traces.note(error=answer.partition(":")[0])
            log.info("webhook %s to %s %s: %s", message.type, message.endpoint, result, answer, extra=message.named)
            self._observe(message, result)
        except asyncio.CancelledError:
            await self._give_back(message)
            raise
        except DatabaseUnavailableError as error:
            log.warning(
                "the answer of %s could not be saved, so the webhook will be sent again: %s", message.endpoint, error
            )
        finally:
            self._under_way[message.lane] -= 1
            self.wake()  # its place is free, and more may be due

    async def _give_back(self, message: Message) -> None:
        with suppress(DatabaseUnavailableError, TimeoutError):
            async with asyncio.timeout(_GIVE_BACK_WITHIN), self._database.transaction() as conn:
                await store.give_back(conn, message)

    async def _send(self, message: Message) -> tuple[int | None, str]:
        """Send a message; returns the status of the answer or None, and the text to record."""
        now = int(time.time())
        body = message.body()
        try:
            headers = {
                "content-type": "application/json",
                "webhook-id": message.webhook_id,
                "webhook-timestamp": str(now),
                "webhook-signature": signature(self._secrets[message.endpoint].values, message.webhook_id, now, body),
                **traces.headers(),
            }
            timeout = self._timeouts.get(message.endpoint, self._send_timeout)
            status = await self._sender.post(message.url, body, headers, timeout)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"[:200]
        return status, f"HTTP {status}"

    async def _write_down(self, message: Message, status: int | None, answer: str) -> str:
        async with self._database.transaction() as conn:
            if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                await store.delivered(conn, message, answer)
                return "delivered"
            if status == HTTPStatus.GONE:
                await store.disable(conn, message, "the endpoint answered 410 Gone")
                return "gone"
            if status is not None and HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
                answer = f"{answer}: redirects are not followed"
            await store.failed(conn, message, answer, BACKOFF.after(message.attempts))
            return "failed"


def _span(message: Message) -> AbstractContextManager[None]:
    found = cast("Attributes", {"endpoint": message.endpoint, **message.named})
    return traces.span(f"webhook {message.type}", Kind.CLIENT, **found)
