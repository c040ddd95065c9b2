"""The tokens of download URLs: which download, until when, and a signature by DOWNLOAD_SECRET. Pure.

A token is 57 bytes in base64url: a version, the id of a row of `downloads`, the second in which it ends, and an
HMAC-SHA256. Whether it has ended is decided with the row, by the clock of Postgres: a pod's may be wrong.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from uuid import UUID

from hingecraft.errors import MissingError
from hingecraft.settings import Secret

_VERSION = b"\x01"
# No other message that is signed with the same secret can be a token.
_CONTEXT = b"hingecraft download "
_SIGNED = 25
_LENGTH = 76


def signed(download_id: UUID, expires_at: datetime, secret: Secret) -> str:
    """The token; the same row always has the same one, until the secret is rotated. `expires_at` has whole seconds."""
    content = _VERSION + download_id.bytes + int(expires_at.timestamp()).to_bytes(8, "big")
    return urlsafe_b64encode(content + _signature(content, secret.newest)).decode()


def read(token: str, secret: Secret) -> UUID:
    """The download; raises MissingError for a forged token."""
    raw = urlsafe_b64decode(token) if len(token) == _LENGTH and _is_base64url(token) else b""
    content, signature = raw[:_SIGNED], raw[_SIGNED:]
    genuine = [hmac.compare_digest(_signature(content, value), signature) for value in secret.values]
    if not any(genuine) or content[:1] != _VERSION:
        raise MissingError(
            "unknown_download", "This download link is not valid. Open the download again from your account."
        )
    return UUID(bytes=content[1:17])


def _signature(content: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), _CONTEXT + content, "sha256")


def _is_base64url(token: str) -> bool:
    return token.isascii() and token.replace("-", "").replace("_", "").isalnum()
