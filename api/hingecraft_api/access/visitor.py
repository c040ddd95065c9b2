"""Identifies visitors: by the header that Wix signs, otherwise by the address behind trusted proxies."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple, TypeVar

from aiohttp import web

from hingecraft.settings import Secret
from hingecraft_api.settings import Network

HEADER = "X-HC-Visitor"
VALID_FOR = 300
# What is signed; the signature follows.
_SHAPE = re.compile(rb"v1;(ip:[0-9a-fA-F:.]{2,45}|vid:[A-Za-z0-9_-]{22});([0-9]{1,10})")
_REMEMBERED = 10_000
# Bytes that SHA-256 takes at once.
_BLOCK = 64
_LONGEST_ADDRESS = 45
# Proxies append, so what they say stands at the end; what stands before it may be anything that a client made up.
_LONGEST_FORWARDED = 1024
# A home or a server has a /64 of IPv6 to itself, an organisation a /48.
_OWN_BITS, _NETWORK_BITS = 64, 48
_IPV6_BYTES = 16
# What an IPv4 address in the form of IPv6 begins with.
_MAPPED = bytes(10) + b"\xff\xff"

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Visitor(NamedTuple):
    """A visitor, as limits count it."""

    # `vid:...` that a page has made for itself, or `ip:` with an IPv4 address or a /64 of IPv6.
    key: str
    # The /48 around an IPv6 address.
    network: str | None = None
    # Named by the site, in a header that it has signed.
    signed: bool = False

    @property
    def named_itself(self) -> bool:
        """Whether the page made up the id: anyone can make up new ones."""
        return self.key.startswith("vid:")


VISITOR_KEY: web.RequestKey[Visitor] = web.RequestKey("visitor", Visitor)


@dataclass(frozen=True, slots=True)
class _Hop:
    visitor: Visitor
    trusted: bool


class _Keyed:
    """HMAC-SHA256 with one key. It takes half the time of `hmac.digest`, which hashes the padded key each time."""

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def signature(self, signed: bytes) -> bytes:
        """The HMAC-SHA256 in hexadecimal digits."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(signed)
        outer.update(inner.digest())
        return outer.hexdigest().encode()


class Visitors:
    """Finds out which visitor sent a request."""

    def __init__(self, secret: Secret, trusted_proxies: Sequence[Network], refused: Callable[[], None]) -> None:
        self._secret = secret
        self._trusted = trusted_proxies
        self._refused = refused
        # The secret's values, and what starts a signature with each.
        self._keyed: tuple[tuple[str, ...], tuple[_Keyed, ...]] = ((), ())
        self._hops: dict[str, _Hop] = {}

    def named(self, header: str | None, peer: str, forwarded: str, now: float) -> Visitor:
        """The visitor by its header if that verifies, otherwise by address."""
        if header is not None:
            visitor = self.verified(header.encode(errors="replace"), now)
            if visitor is not None:
                return visitor
            self._refused()
        return self.at(peer, forwarded)

    def at(self, peer: str, forwarded: str) -> Visitor:
        """Walk back from the peer through proxies that we trust to the first address that we have no reason to."""
        hop = self._hop(peer)
        if hop is None:
            return Visitor(key=f"ip:{peer[:_LONGEST_ADDRESS]}")
        for text in reversed(_listed(forwarded)) if hop.trusted else ():
            further = self._hop(text)
            if further is None:
                break
            hop = further
            if not hop.trusted:
                break
        return hop.visitor

    def verified(self, header: bytes, now: float) -> Visitor | None:
        """The visitor that the site has named; None if the signature is wrong or too old."""
        signed, _, signature = header.rpartition(b";")
        shape = _SHAPE.fullmatch(signed)
        if shape is None:
            return None
        name, at = shape.groups()
        if abs(now - int(at)) > VALID_FOR:
            return None
        values = self._secret.values
        if values != self._keyed[0]:
            self._keyed = values, tuple(_Keyed(value.encode()) for value in values)
        for keyed in self._keyed[1]:
            if hmac.compare_digest(keyed.signature(signed), signature):
                return _signed(name.decode())
        return None

    def _hop(self, text: str) -> _Hop | None:
        """The address behind the text, if there is one; only addresses are remembered, never whole headers."""
        known = self._hops.get(text)
        if known is not None:
            return known
        address = _parsed(text)
        if address is None:
            return None
        hop = _Hop(_counted_as(address.packed), any(address in network for network in self._trusted))
        _remember(self._hops, text, hop)
        return hop


def _listed(forwarded: str) -> list[str]:
    if len(forwarded) > _LONGEST_FORWARDED:
        forwarded = forwarded[-_LONGEST_FORWARDED:].partition(",")[2]
    return [part for part in map(str.strip, forwarded.split(",")) if part]


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text) if len(text) <= _LONGEST_ADDRESS else None
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _signed(name: str) -> Visitor:
    """The visitor of this name. Only addresses of IPv6 have colons; anything else counts by its text."""
    address = name[3:]
    if ":" in address:
        try:
            return _counted_as(inet_pton(AF_INET6, address), signed=True)
        except OSError:
            pass
    return Visitor(name, None, True)


def _counted_as(packed: bytes, *, signed: bool = False) -> Visitor:
    """The visitor with an address, given as its bytes. `ipaddress` would take ten times as long."""
    if len(packed) < _IPV6_BYTES:
        return Visitor(f"ip:{inet_ntop(AF_INET, packed)}", None, signed)
    if packed.startswith(_MAPPED):
        return Visitor(f"ip:{inet_ntop(AF_INET, packed[len(_MAPPED) :])}", None, signed)
    return Visitor(_network(packed, _OWN_BITS), _network(packed, _NETWORK_BITS), signed)


def _network(packed: bytes, bits: int) -> str:
    return f"ip:{inet_ntop(AF_INET6, packed[: bits // 8].ljust(_IPV6_BYTES, bytes(1)))}/{bits}"


def _remember(memory: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = value
