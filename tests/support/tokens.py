"""Tokens as an issuer signs them, right and wrong ones."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import jwt

SECRET = "a test secret of more than thirty-two characters"
SERVICE_TOKEN = "test-service-token"
ISSUER = "https://project.supabase.test/auth/v1"
SETTINGS: dict[str, Any] = {
    "auth_jwt_secret": SECRET, "auth_jwt_issuer": (ISSUER,), "service_token": SERVICE_TOKEN,
}  # fmt: skip


def claims_of(user: str | None = None, **more: Any) -> dict[str, Any]:
    """What Supabase writes into a user's token; a claim that is given as None is left out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": "authenticated", "role": "authenticated", "sub": user or str(uuid4()),
        "iat": now, "exp": now + 3600, **more,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def token_for(
    user: str | None = None, *, secret: str = SECRET, headers: dict[str, Any] | None = None, **more: Any
) -> str:
    return jwt.encode(claims_of(user, **more), secret, algorithm="HS256", headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
