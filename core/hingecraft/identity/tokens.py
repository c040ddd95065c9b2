"""Verifies JSON Web Tokens: the key decides the algorithm, never the token's header (docs/decisions/0058)."""

from __future__ import annotations

import binascii
import hashlib
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from hingecraft.identity.claims import Accepted, expiry_of, principal_of
from hingecraft.identity.errors import InvalidTokenError
from hingecraft.identity.key_set import KeySet, PublicKey
from hingecraft.identity.principal import Principal
from hingecraft.identity.settings import LARGEST_TOKEN, AuthSettings, can_sign

if TYPE_CHECKING:
    from jwt.algorithms import AllowedPublicKeys

REMEMBERED = 10_000
_HMAC = "HS256"
_PUBLIC = ("RS256", "ES256")
# They name a key of the sender's own choice, or something that we would have to understand and do not.
_FORBIDDEN_HEADERS = ("jku", "jwk", "x5u", "crit")
_UNVERIFIED = "The token cannot be verified. Sign in again."


class _Verified(NamedTuple):
    principal: Principal
    expires_at: float
    # A value of the secret, or a key of the set.
    key: str | PublicKey


class Tokens:
    """Verifies tokens, and remembers those that it has verified for as long as they and their key are valid."""

    def __init__(self, settings: AuthSettings, keys: KeySet | None = None) -> None:
        self._secret = settings.auth_jwt_secret
        self._accepted = Accepted(audience=settings.auth_jwt_audience, issuers=settings.auth_jwt_issuer)
        self._keys = keys
        self._signatures = PyJWS(algorithms=[_HMAC, *_PUBLIC], options={"enforce_minimum_key_length": True})
        self._verified: dict[bytes, _Verified] = {}

    async def principal_of(self, token: str) -> Principal:
        """The caller that a token names; raises InvalidTokenError, RoleNotAllowedError or AuthUnavailableError."""
        if len(token) > LARGEST_TOKEN:
            raise InvalidTokenError(f"The token is too large: the limit is {LARGEST_TOKEN // 1024} KB.")
        if not token.isascii():
            raise InvalidTokenError(_UNVERIFIED)
        now = time.time()
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is not None and now < known.expires_at and await self._is_valid(known.key):
            return known.principal
        payload, key = await self._payload_of(token)
        claims = _object_in(payload)
        principal = principal_of(claims, self._accepted, now)
        self._remember(digest, _Verified(principal, expiry_of(claims), key), now)
        return principal

    async def close(self) -> None:
        """Close the connection to the issuer."""
        if self._keys is not None:
            await self._keys.close()

    async def _is_valid(self, key: str | PublicKey) -> bool:
        """A rotated secret or key takes its tokens with it."""
        if isinstance(key, str):
            return key in self._secret.values
        return self._keys is not None and await self._keys.holds(key)

    async def _payload_of(self, token: str) -> tuple[bytes, str | PublicKey]:
        """What is signed, and the key that it is signed with."""
        header = _header_of(token)
        if any(name in header for name in _FORBIDDEN_HEADERS):
            raise InvalidTokenError("The token's header names a key or an extension, which is not accepted.")
        algorithm = header.get("alg")
        if algorithm == _HMAC:
            for secret in filter(can_sign, self._secret.values):
                payload = self._signed_with(secret, _HMAC, token)
                if payload is not None:
                    return payload, secret
        elif algorithm in _PUBLIC:
            key = await self._public_key(header.get("kid"), algorithm)
            payload = self._signed_with(key.material, key.algorithm, token) if key is not None else None
            if key is not None and payload is not None:
                return payload, key
        raise InvalidTokenError(_UNVERIFIED)

    async def _public_key(self, kid: object, algorithm: str) -> PublicKey | None:
        return await self._keys.find(kid, algorithm) if self._keys is not None and isinstance(kid, str) else None

    def _signed_with(self, key: str | AllowedPublicKeys, algorithm: str, token: str) -> bytes | None:
        try:
            payload: bytes = self._signatures.decode(token, key, algorithms=[algorithm])
        except (PyJWTError, RecursionError):
            return None
        return payload

    def _remember(self, digest: bytes, verified: _Verified, now: float) -> None:
        if len(self._verified) >= REMEMBERED:
            self._verified = {key: each for key, each in self._verified.items() if each.expires_at > now}
        if len(self._verified) >= REMEMBERED:
            self._verified = dict(list(self._verified.items())[REMEMBERED // 2 :])
        self._verified[digest] = verified


def _header_of(token: str) -> Mapping[str, Any]:
    part, separator, _ = token.partition(".")
    try:
        text = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        text = b""
    if not separator or not text:
        raise InvalidTokenError(_UNVERIFIED)
    return _object_in(text)


def _object_in(text: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidTokenError(_UNVERIFIED) from None
    if not isinstance(value, dict):
        raise InvalidTokenError(_UNVERIFIED)
    return value
