"""The public keys of an issuer: fetched when they are needed, and used for up to a day while its address fails."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from hingecraft.identity.errors import AuthUnavailableError
from hingecraft.proxies import Proxies

if TYPE_CHECKING:
    from jwt.algorithms import AllowedPublicKeys

log = logging.getLogger(__name__)

# Seconds. Supabase's own cache keeps its keys for ten minutes too.
FRESH_FOR = 600.0
USABLE_FOR = 86_400.0
UNKNOWN_KEY_EVERY = 30.0
_ANSWERS_WITHIN = 3.0
_PAUSE_AFTER_FAILURE = 5.0
_LARGEST = 64 * 1024
_SHORTEST_RSA, _LONGEST_RSA = 2048, 8192
# What a key's type allows, and the parts that make it. A private part, if somebody publishes one, is not read.
_ALGORITHMS: Mapping[tuple[object, object], tuple[str, tuple[str, ...]]] = {
    ("RSA", None): ("RS256", ("kty", "n", "e")),
    ("EC", "P-256"): ("ES256", ("kty", "crv", "x", "y")),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicKey:
    """One key: it verifies tokens with its `kid` by its algorithm, and by no other."""

    kid: str
    algorithm: str
    material: AllowedPublicKeys
    jwk: Mapping[str, Any]


Keys = Mapping[tuple[str, str], PublicKey]


class FetchOutcome(StrEnum):
    """How a fetch of the key set ended."""

    DONE = "done"
    FAILED = "failed"


class UnusableKeysError(Exception):
    """What the address answered is not a key set."""


class KeySet:
    """The keys at one address. All callers that wait for them share one request."""

    def __init__(
        self,
        address: str,
        proxies: Proxies,
        fetched: Callable[[FetchOutcome], None] = lambda _outcome: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._proxies = proxies
        self._fetched = fetched
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._keys: Keys | None = None
        self._fetched_at = 0.0
        self._retry_at = 0.0
        self._failing = False
        self._asked_for_unknown_at = -math.inf
        self._running: asyncio.Task[None] | None = None

    async def current(self) -> Keys:
        """The keys by `kid` and algorithm; raises AuthUnavailableError where there are none, or only very old ones.

        While fetches fail, callers get the earlier keys at once and do not wait for the next fetch.
        """
        now = self._clock()
        keys = self._usable(now)
        if keys is not None and now - self._fetched_at < FRESH_FOR:
            return keys
        if self._running is None and now < self._retry_at:
            return keys if keys is not None else _unavailable()
        fetching = self._fetch()
        if keys is not None and self._failing:
            return keys
        await asyncio.shield(fetching)
        keys = self._usable(self._clock())
        return keys if keys is not None else _unavailable()

    async def find(self, kid: str, algorithm: str) -> PublicKey | None:
        """One key. For one that is not there the set is fetched again, but not more often than every 30 s."""
        key = (await self.current()).get((kid, algorithm))
        now = self._clock()
        if key is not None or (self._running is None and now - self._asked_for_unknown_at < UNKNOWN_KEY_EVERY):
            return key
        self._asked_for_unknown_at = now
        await asyncio.shield(self._fetch())
        return (await self.current()).get((kid, algorithm))

    async def holds(self, key: PublicKey) -> bool:
        """Whether this key still verifies; raises AuthUnavailableError."""
        return (await self.current()).get((key.kid, key.algorithm)) is key

    async def close(self) -> None:
        """Close the connection to the issuer."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _usable(self, now: float) -> Keys | None:
        return self._keys if now - self._fetched_at < USABLE_FOR else None

    def _fetch(self) -> asyncio.Task[None]:
        if self._running is None:
            self._running = asyncio.create_task(self._replace())
            self._running.add_done_callback(self._done)
        return self._running

    def _done(self, _task: asyncio.Task[None]) -> None:
        self._running = None

    async def _replace(self) -> None:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                text = await self._read()
            self._keys = parsed(text, self._keys or {})
        except (aiohttp.ClientError, TimeoutError, UnusableKeysError) as error:
            self._failing = True
            pause = UNKNOWN_KEY_EVERY if self._keys is not None else _PAUSE_AFTER_FAILURE
            self._retry_at = self._clock() + pause
            log.warning("the keys of AUTH_JWKS_URL could not be fetched: %s", str(error) or type(error).__name__)
        else:
            self._failing = False
            self._fetched_at = self._clock()
        self._fetched(FetchOutcome.FAILED if self._failing else FetchOutcome.DONE)

    async def _read(self) -> bytes:
        """The body, as far as a key set can be long; nothing else than this address is asked."""
        if self._session is None:
            self._session = self._proxies.session(self._address, aiohttp.TCPConnector(limit=1), auto_decompress=False)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._session.get(self._address, headers=headers, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                raise UnusableKeysError(f"it answered {response.status}")
            text = bytearray()
            async for chunk in response.content.iter_any():
                text += chunk
                if len(text) > _LARGEST:
                    raise UnusableKeysError(f"the answer is larger than {_LARGEST // 1024} KB")
            return bytes(text)


def _unavailable() -> Keys:
    raise AuthUnavailableError


def parsed(text: bytes, before: Keys) -> Keys:
    """The usable keys of a set; an unchanged one stays the same object. Raises UnusableKeysError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UnusableKeysError("the answer is not JSON") from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise UnusableKeysError("the answer has no list of keys")
    found = (_key_of(jwk, before) for jwk in listed)
    keys = {(key.kid, key.algorithm): key for key in found if key is not None}
    if not keys:
        log.warning("the key set of AUTH_JWKS_URL has no RS256 or ES256 key with a kid: no token can be verified")
    return keys


def _key_of(jwk: object, before: Keys) -> PublicKey | None:
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
        return None
    kind = (jwk.get("kty"), jwk.get("crv"))
    if not all(part is None or isinstance(part, str) for part in kind) or kind not in _ALGORITHMS:
        return None
    algorithm, parts = _ALGORITHMS[kind]
    if jwk.get("alg", algorithm) != algorithm or not _is_for_signatures(jwk):
        return None
    public = {part: jwk.get(part) for part in parts}
    same = before.get((jwk["kid"], algorithm))
    if same is not None and same.jwk == public:
        return same
    material = _material_of(public, algorithm)
    if material is None:
        log.warning("a key of AUTH_JWKS_URL is malformed, or too short or too long for %s: it is not used", algorithm)
        return None
    return PublicKey(kid=jwk["kid"], algorithm=algorithm, material=material, jwk=public)


def _is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _material_of(public: Mapping[str, Any], algorithm: str) -> AllowedPublicKeys | None:
    try:
        material: AllowedPublicKeys = PyJWK(dict(public), algorithm).key
    except (PyJWTError, ValueError, TypeError):
        return None
    if isinstance(material, RSAPublicKey) and not _SHORTEST_RSA <= material.key_size <= _LONGEST_RSA:
        return None
    return material
