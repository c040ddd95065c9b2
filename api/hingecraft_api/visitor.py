"""Who is asking: the visitor that Wix names in a signed header, else the peer seen through trusted proxies."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TypeVar

from hingecraft.settings import Secret
from hingecraft_api.settings import Network

HEADER = "X-HC-Visitor"
_VALID_FOR = 300
_SHAPE = re.compile(
    r"v1;(?P<id>ip:[0-9a-fA-F:.]{2,45}|vid:[A-Za-z0-9_-]{22});(?P<time>[0-9]{1,10});(?P<digest>[0-9a-f]{64})"
)
_REMEMBERED = 10_000

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Visitors:
    """Names visitors; what it has verified it remembers, since a page sends the same header many times."""

    def __init__(self, secret: Secret, trusted_proxies: Sequence[Network], refused: Callable[[], None]) -> None:
        self._secret = secret
        self._trusted = trusted_proxies
        self._refused = refused
        self._verified: dict[str, tuple[str, float, tuple[str, ...]]] = {}
        self._addresses: dict[tuple[str, str], str] = {}

    def named(self, header: str | None, peer: str, forwarded: str, now: float) -> str:
        """The key that limits count by: `vid:...` or `ip:...`."""
        if header is not None:
            visitor = self._verify(header, now)
            if visitor is not None:
                return visitor
            self._refused()
        return self._address(peer, forwarded)

    def _verify(self, header: str, now: float) -> str | None:
        known = self._verified.get(header)
        if known is not None and abs(now - known[1]) <= _VALID_FOR and known[2] == self._secret.values:
            return known[0]
        shape = _SHAPE.fullmatch(header)
        if shape is None or abs(now - int(shape["time"])) > _VALID_FOR:
            return None
        signed = header.rpartition(";")[0].encode()
        values = self._secret.values
        matches = [
            hmac.compare_digest(hmac.digest(v.encode(), signed, hashlib.sha256).hex(), shape["digest"]) for v in values
        ]
        if not any(matches):
            return None
        _remember(self._verified, header, (shape["id"], float(shape["time"]), values))
        return shape["id"]

    def _address(self, peer: str, forwarded: str) -> str:
        seen = (peer, forwarded)
        key = self._addresses.get(seen)
        if key is None:
            key = f"ip:{self._last_untrusted(peer, forwarded)}"
            _remember(self._addresses, seen, key)
        return key

    def _last_untrusted(self, peer: str, forwarded: str) -> str:
        """Walk back from the peer through proxies that we trust to the first address that we have no reason to."""
        address = peer
        for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            if not self._trusts(address):
                return address
            try:
                address = str(ip_address(hop))
            except ValueError:
                return address
        return address

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _remember(memory: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = value
