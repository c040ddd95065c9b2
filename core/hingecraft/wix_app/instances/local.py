"""Verifies an instance token with the app's secret, as `?instance=` carries it into the dashboard's frame. Pure.

`<signature>.<data>`, both base64url without padding; the signature is the HMAC-SHA256 of the encoded data.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from hingecraft.settings import Secret
from hingecraft.wix_app.errors import InvalidInstanceError
from hingecraft.wix_app.instances.model import LARGEST_TOKEN, Instance, owner_of

_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]+")


class LocalCheck:
    """Verifies tokens without asking Wix."""

    def __init__(self, app_id: str, secret: Secret) -> None:
        self._app_id = app_id
        self._secret = secret

    async def verified(self, token: str) -> Instance:
        """The site whose owner calls; raises InvalidInstanceError or ExpiredInstanceError."""
        return self.verified_at(token, datetime.now(UTC))

    def verified_at(self, token: str, now: datetime) -> Instance:
        """Like `verified`, at a given time."""
        if len(token) > LARGEST_TOKEN:
            raise InvalidInstanceError(f"The instance token is too large: the limit is {LARGEST_TOKEN // 1024} KB.")
        if not _SHAPE.fullmatch(token):
            raise InvalidInstanceError("The instance token is malformed.")
        signature, _, data = token.partition(".")
        if not self._signs(data, signature):
            raise InvalidInstanceError("The signature of the instance token is wrong.")
        return owner_of(_fields_in(data), self._app_id, now)

    def _signs(self, data: str, signature: str) -> bool:
        # Compare with every secret, so that the time taken reveals nothing.
        signatures = [signature_of(data, value) for value in self._secret.values]
        return any([hmac.compare_digest(each, signature) for each in signatures])  # noqa: C419 - a generator would stop at the first match


def signature_of(data: str, secret: str) -> str:
    """The signature of a token's encoded data."""
    digest = hmac.digest(secret.encode(), data.encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def has_shape(token: str) -> bool:
    """Whether it could be a token of this kind; an access token cannot."""
    return _SHAPE.fullmatch(token) is not None


def _fields_in(data: str) -> dict[str, Any]:
    try:
        fields = json.loads(urlsafe_b64decode(data + "=" * (-len(data) % 4)))
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise InvalidInstanceError("The instance token has no fields.")
    return fields
