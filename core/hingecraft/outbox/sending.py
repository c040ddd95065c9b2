"""One POST to the site: directly, to public addresses only, or through the company's proxy."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from hingecraft.outbox.public_addresses import AddressRejectedError, PublicResolver, refuse_private
from hingecraft.proxies import Proxies

# A company's DNS that does not know public names may take long to answer.
_LOOKUP_TIMEOUT = 2.0


class ProxyRejectedError(OSError):
    """The proxy wants a login, or does not let us reach the endpoint."""


class Sender:
    """Sends, and follows no redirects."""

    def __init__(self, proxies: Proxies, *, allow_private: bool) -> None:
        self._proxies = proxies
        self._allow_private = allow_private
        self._direct: aiohttp.ClientSession | None = None
        self._proxied: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Sender]:
        """With connections that are kept; the proxy itself may have a private address."""
        resolver = None if self._allow_private else PublicResolver()
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver, limit=0)) as self._direct,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as self._proxied,
        ):
            yield self

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> int:
        """Send the message; returns the status of the answer."""
        assert self._direct is not None
        assert self._proxied is not None
        limit = aiohttp.ClientTimeout(total=timeout)
        proxy = self._proxies.of(url)
        if not self._allow_private:
            await self._check(url, proxied=proxy is not None)
        session = self._direct if proxy is None else self._proxied
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False, timeout=limit, proxy=proxy
            ) as response:
                return response.status
        except aiohttp.ClientHttpProxyError as error:
            # The driver's own words have the proxy's address, credentials included.
            raise ProxyRejectedError(errno.EACCES, f"the proxy answered {error.status} {error.message}") from None

    async def _check(self, url: str, *, proxied: bool) -> None:
        """A literal address never reaches the resolver, and with a proxy no name does."""
        address = urlsplit(url)
        host = address.hostname or ""
        if address.scheme != "https":
            raise AddressRejectedError(errno.EACCES, "the endpoint is not https")
        if _is_literal(host):
            refuse_private(host)
        elif proxied:
            await self._check_name(host)

    async def _check_name(self, host: str) -> None:
        """Refuse a name that leads to a private address here.

        The proxy resolves the name again and decides itself: a name that is not known here is left to it
        (docs/decisions/0031).
        """
        try:
            async with asyncio.timeout(_LOOKUP_TIMEOUT):
                await PublicResolver().resolve(host)
        except AddressRejectedError:
            raise
        except (OSError, TimeoutError):
            return


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
