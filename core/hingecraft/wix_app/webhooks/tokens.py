"""Verifies the messages of Wix: each body is a JWT, signed with RS256 by the key that Wix has made for the app."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from hingecraft.errors import UsageError
from hingecraft.wix_app.errors import ExpiredWebhookError

_ALGORITHM = "RS256"
_ISSUER = "wix.com"
# Seconds; clocks differ.
LEEWAY = 60
_SHORTEST_KEY = 2048


class WebhookTokens:
    """The check of one app's messages."""

    def __init__(self, app_id: str, public_key: str) -> None:
        self._app_id = app_id
        self._key = _rsa_key(public_key)
        self._signatures = PyJWS(algorithms=[_ALGORITHM])

    def claims(self, body: bytes, now: float) -> dict[str, Any] | None:
        """The claims of a message for this app; None if it is forged or of somebody else.

        Raises ExpiredWebhookError for a genuine one whose time is over.
        """
        try:
            payload = self._signatures.decode(body.strip(), self._key, algorithms=[_ALGORITHM])
            claims = json.loads(payload)
        except (PyJWTError, ValueError, RecursionError):
            return None
        if not isinstance(claims, dict) or not self._is_ours(claims):
            return None
        return claims if self._is_in_time(claims, now) else None

    def _is_ours(self, claims: dict[str, Any]) -> bool:
        """Messages need not name issuer or audience: the key is the app's own (decision 85)."""
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        is_for_us = audience is None or any(isinstance(each, str) and each.lower() == self._app_id for each in named)
        return is_for_us and claims.get("iss") in (None, _ISSUER)

    @staticmethod
    def _is_in_time(claims: dict[str, Any], now: float) -> bool:
        for name in ("iat", "nbf", "exp"):
            if isinstance(claims.get(name, 0), bool) or not isinstance(claims.get(name, 0), int | float):
                return False
        if max(claims.get("iat", 0), claims.get("nbf", 0)) > now + LEEWAY:
            return False
        if claims.get("exp", now) < now - LEEWAY:
            raise ExpiredWebhookError
        return True


def _rsa_key(pem: str) -> RSAPublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise UsageError("WIX_APP_PUBLIC_KEY is not a public key that can be read") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _SHORTEST_KEY:
        raise UsageError(f"WIX_APP_PUBLIC_KEY must be an RSA key of at least {_SHORTEST_KEY} bits")
    return key
