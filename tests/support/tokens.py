"""Tokens as an issuer signs them, right and wrong ones."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "a test secret of more than thirty-two characters"
SERVICE_TOKEN = "test-service-token"
ISSUER = "https://project.supabase.test/auth/v1"
SETTINGS: dict[str, Any] = {
    "auth_jwt_secret": SECRET, "auth_jwt_issuer": (ISSUER, "supabase"), "service_token": SERVICE_TOKEN,
}  # fmt: skip


def claims_of(user: str | None = None, **more: Any) -> dict[str, Any]:
    """The claims of a user's token as Supabase writes it; None leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": "authenticated", "role": "authenticated", "sub": user or str(uuid4()),
        "iat": now, "exp": now + 3600, **more,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def key_of_project(role: str) -> dict[str, Any]:
    """The claims of Supabase's older API keys: `anon` and `service_role`."""
    return claims_of(iss="supabase", ref="project", role=role, sub=None, aud=None)


def token_for(
    user: str | None = None, *, secret: str = SECRET, headers: dict[str, Any] | None = None, **more: Any
) -> str:
    return raw({"alg": "HS256", "typ": "JWT", **(headers or {})}, claims_of(user, **more), secret.encode())


def raw(header: Any, claims: Any, secret: bytes = SECRET.encode()) -> str:
    """A token with any header, signed with HMAC-SHA256, which no library would sign."""
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def encoded(text: bytes) -> str:
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Signer:
    """A pair of keys: it signs tokens, and publishes the public one."""

    def __init__(self, algorithm: str, kid: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self.algorithm, self.kid, self._key = algorithm, kid, key

    @property
    def jwk(self) -> dict[str, Any]:
        public = self._key.public_key()
        made = RSAAlgorithm.to_jwk(public) if isinstance(public, rsa.RSAPublicKey) else ECAlgorithm.to_jwk(public)
        return {**json.loads(made), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    @property
    def pem(self) -> bytes:
        return self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def token_for(self, user: str | None = None, *, kid: str | None = None, **more: Any) -> str:
        return self.sign(claims_of(user, **more), {"kid": kid or self.kid})

    def sign(self, claims: dict[str, Any], headers: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm=self.algorithm, headers=headers)


@cache
def rsa_signer(kid: str, bits: int = 2048) -> Signer:
    return Signer("RS256", kid, rsa.generate_private_key(65537, bits))


@cache
def ec_signer(kid: str, curve: str = "P-256") -> Signer:
    algorithm, kind = {"P-256": ("ES256", ec.SECP256R1()), "P-384": ("ES384", ec.SECP384R1())}[curve]
    return Signer(algorithm, kid, ec.generate_private_key(kind))
