"""Webhooks go to public https addresses only, so that nobody can have us call into the cluster."""

from __future__ import annotations

import errno
import ipaddress
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

# The prefix of RFC 6052. Others: IPv4-compatible, IPv4-translated, a network's own NAT64, Teredo, 6to4; and ISATAP.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_WITH_IPV4_INSIDE = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
)
_ISATAP = (0x00005EFE, 0x02005EFE)


class AddressRejectedError(OSError):
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
            raise AddressRejectedError(errno.EACCES, "the endpoint resolves to an address that is not public")
    if not parsed.is_global or parsed.is_multicast:
        raise AddressRejectedError(errno.EACCES, "the endpoint resolves to an address that is not public")


def _carries_ipv4(address: ipaddress.IPv6Address) -> bool:
    interface = int(address) >> 32 & 0xFFFFFFFF
    return interface in _ISATAP or any(address in network for network in _WITH_IPV4_INSIDE)
