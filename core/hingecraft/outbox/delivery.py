"""Delivers what is due: claim, send with no connection held, write down the answer."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.outbox import store
from hingecraft.outbox.model import Message, next_pause, signature
from hingecraft.settings import Secret

log = logging.getLogger(__name__)

Delivered = Callable[[Message, str], None]

SEND_TIMEOUT = 10.0
_AT_ONCE = 16
_LOOK_EVERY = 1.0
# Nobody who stops waits longer for a database that may be away: a claim ends by itself.
_GIVE_BACK_WITHIN = 0.5


class AddressRefusedError(OSError):
    """The endpoint's name leads to an address that is not public."""


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, at the moment of connecting, so that no later answer can differ."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Refuse the name as a whole when any of its addresses is private: such a mixture is an attack or a mistake."""
        found = await self._inner.resolve(host, port, family)
        for result in found:
            refuse_private(result["host"])
        return found

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._inner.close()


def refuse_private(address: str) -> None:
    """Loopback, link-local, private, reserved and multicast addresses are not where a webhook goes."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    if not mapped.is_global or mapped.is_multicast:
        raise AddressRefusedError(errno.EACCES, "the endpoint leads to an address that is not public")


class Deliverer:
    """Runs beside the engine; any number of them may run against one database."""

    def __init__(
        self,
        database: Database,
        secrets: Mapping[str, Secret],
        *,
        allow_private: bool = False,
        observe: Delivered = lambda _message, _result: None,
        send_timeout: float = SEND_TIMEOUT,
        timeouts: Mapping[str, float] | None = None,
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._allow_private = allow_private
        self._observe = observe
        self._send_timeout = send_timeout
        self._timeouts = timeouts or {}
        self._woken = asyncio.Event()
        self._under_way = 0
        self._may_be_more = False

    def wake(self) -> None:
        """Something was put into the outbox just now."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is given back, and delivered again by whoever comes next."""
        self._under_way = 0
        resolver = None if self._allow_private else PublicResolver()
        connector = aiohttp.TCPConnector(resolver=resolver, limit=_AT_ONCE)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            asyncio.TaskGroup() as sending,
        ):
            while True:
                self._woken.clear()
                for message in await self._due():
                    self._under_way += 1
                    sending.create_task(self._deliver(session, message))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):
                        await self._woken.wait()

    async def _due(self) -> list[Message]:
        places = _AT_ONCE - self._under_way
        if not places:
            return []
        try:
            async with self._database.transaction() as conn:
                due = await store.claim(conn, places)
        except DatabaseUnavailableError as error:
            log.warning("the outbox cannot be read: %s", error)
            return []
        self._may_be_more = len(due) == places
        return due

    async def _deliver(self, session: aiohttp.ClientSession, message: Message) -> None:
        try:
            status, answer = await self._send(session, message)
            result = await self._write_down(message, status, answer)
            self._observe(message, result)
        except asyncio.CancelledError:
            await self._give_back(message)
            raise
        except DatabaseUnavailableError as error:
            log.warning("the answer of %s was not written down, so it will be sent again: %s", message.endpoint, error)
        finally:
            self._under_way -= 1
            if self._may_be_more:
                self.wake()

    async def _give_back(self, message: Message) -> None:
        with suppress(DatabaseUnavailableError, TimeoutError):
            async with asyncio.timeout(_GIVE_BACK_WITHIN), self._database.transaction() as conn:
                await store.give_back(conn, message)

    async def _send(self, session: aiohttp.ClientSession, message: Message) -> tuple[int | None, str]:
        """The status that was answered, or None where there was none, and what to remember of it."""
        now = int(time.time())
        limit = aiohttp.ClientTimeout(total=self._timeouts.get(message.endpoint, self._send_timeout))
        body = message.body(datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z"))
        try:
            self._check_address(message.url)
            headers = {
                "content-type": "application/json",
                "webhook-id": message.webhook_id,
                "webhook-timestamp": str(now),
                "webhook-signature": signature(self._secrets[message.endpoint].values, message.webhook_id, now, body),
            }
            async with session.post(
                message.url, data=body, headers=headers, allow_redirects=False, timeout=limit
            ) as response:
                return response.status, f"HTTP {response.status}"
        except KeyError:
            return None, "this process has no secret for the endpoint"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"[:200]

    def _check_address(self, url: str) -> None:
        """A literal address never reaches the resolver, so it is looked at here."""
        address = urlsplit(url)
        if self._allow_private:
            return
        if address.scheme != "https":
            raise AddressRefusedError(errno.EACCES, "the endpoint is not https")
        try:
            ipaddress.ip_address(address.hostname or "")
        except ValueError:
            return
        refuse_private(address.hostname or "")

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
            await store.failed(conn, message, answer, next_pause(message.attempts))
            return "failed"
