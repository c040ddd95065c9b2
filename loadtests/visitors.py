"""Visitors as the site names them: each from a network of their own, among those reserved for documentation."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time


def named(secret: str) -> dict[str, str]:
    """Headers of a new visitor: networks are limited as well, so each has a /48."""
    name = f"v1;ip:3fff:{secrets.randbits(12):x}:{secrets.randbits(16):x}::1;{int(time.time())}"
    digest = hmac.new(secret.encode(), name.encode(), hashlib.sha256).hexdigest()
    return {"X-HC-Visitor": f"{name};{digest}"}
