"""Delivers what is due: claim, send with no connection held, write down the answer."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.outbox import store
from hingecraft.outbox.model import LANES, Lane, Message, next_pause, signature
from hingecraft.settings import Secret

log = logging.getLogger(__name__)

Delivered = Callable[[Message, str], None]

SEND_TIMEOUT = 10.0
_LOOK_EVERY = 1.0
# Nobody who stops waits longer for a database that may be away: a claim ends by itself.
_GIVE_BACK_WITHIN = 0.5


# The prefix of RFC 6052. Others: IPv4-compatible, IPv4-translated, a network's own NAT64, Teredo, 6to4; and ISATAP.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_WITH_IPV4_INSIDE = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
)
_ISATAP = (0x00005EFE, 0x02005EFE)


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
    """Loopback, link-local, private, reserved and multicast addresses are not where a webhook goes.

    An IPv6 address that carries an IPv4 one is judged by that (IPv4-mapped, and NAT64, by which a cluster without IPv4
    reaches public sites); the older ways to carry one are refused.
    """
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped or parsed in _NAT64:
            parsed = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        elif _carries_ipv4(parsed):
            raise AddressRefusedError(errno.EACCES, "the endpoint leads to an address that is not public")
    if not parsed.is_global or parsed.is_multicast:
        raise AddressRefusedError(errno.EACCES, "the endpoint leads to an address that is not public")


def _carries_ipv4(address: ipaddress.IPv6Address) -> bool:
    interface = int(address) >> 32 & 0xFFFFFFFF
    return interface in _ISATAP or any(address in network for network in _WITH_IPV4_INSIDE)


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
        self._under_way: Counter[Lane] = Counter()

    def wake(self) -> None:
        """Something was put into the outbox just now."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is given back, and delivered again by whoever comes next."""
        self._under_way.clear()
        resolver = None if self._allow_private else PublicResolver()
        connector = aiohttp.TCPConnector(resolver=resolver, limit=0)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            asyncio.TaskGroup() as sending,
        ):
            while True:
                self._woken.clear()
                for message in await self._due():
                    self._under_way[message.lane] += 1
                    sending.create_task(self._deliver(session, message))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):
                        await self._woken.wait()

    async def _due(self) -> list[Message]:
        try:
            async with self._database.transaction() as conn:
                return [message for types in LANES for message in await self._claimed(conn, types)]
        except DatabaseUnavailableError as error:
            log.warning("the outbox cannot be read: %s", error)
            return []

    async def _claimed(self, conn: Connection, types: Sequence[str]) -> list[Message]:
        """Messages for an endpoint whose secret this process lacks wait until somebody has it."""
        return await store.claim(conn, types, self._taken(types), self._secrets.keys())

    def _taken(self, types: Sequence[str]) -> dict[str, int]:
        return {endpoint: count for (endpoint, lane), count in self._under_way.items() if lane == types}

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
            self._under_way[message.lane] -= 1
            self.wake()  # its place is free, and more may be due

    async def _give_back(self, message: Message) -> None:
        with suppress(DatabaseUnavailableError, TimeoutError):
            async with asyncio.timeout(_GIVE_BACK_WITHIN), self._database.transaction() as conn:
                await store.give_back(conn, message)

    async def _send(self, session: aiohttp.ClientSession, message: Message) -> tuple[int | None, str]:
        """The status that was answered, or None where there was none, and what to remember of it."""
        now = int(time.time())
        limit = aiohttp.ClientTimeout(total=self._timeouts.get(message.endpoint, self._send_timeout))
        body = message.body()
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
