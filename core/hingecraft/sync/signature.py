"""The signature of a push: an HMAC over the time and the body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

HEADER = "X-HC-Push"
_VALID_FOR = 300


def sign(secret: str, body: bytes, now: float) -> str:
    """The header's value: `v1;<unix seconds>;<hex HMAC-SHA256>`."""
    stamp = str(int(now))
    return f"v1;{stamp};{_digest(secret, stamp, body)}"


def verifies(secrets: Sequence[str], header: str, body: bytes, now: float) -> bool:
    """Whether one of the secrets made this signature, within five minutes either way."""
    version, _, rest = header.partition(";")
    stamp, _, digest = rest.partition(";")
    if version != "v1" or not (stamp.isascii() and stamp.isdigit()) or len(stamp) > len("9999999999"):
        return False
    if abs(now - int(stamp)) > _VALID_FOR or not digest.isascii():
        return False
    matches = [
        hmac.compare_digest(_digest(secret, stamp, body), digest) for secret in secrets
    ]  # every one, so that time tells nothing
    return any(matches)


def _digest(secret: str, stamp: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), f"v1;{stamp};".encode() + body, hashlib.sha256).hex()
