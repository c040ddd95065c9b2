"""The settings for verifying callers."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from hingecraft.proxies import is_loopback
from hingecraft.settings import CommaList, OptionalSecret, Secret, Settings

SHORTEST_SIGNING_SECRET = 32
LARGEST_TOKEN = 8192
_PEM = "-----BEGIN"


def can_sign(value: str) -> bool:
    """Long enough for HS256, and not a key of another algorithm, whose public half an attacker could know."""
    return len(value) >= SHORTEST_SIGNING_SECRET and _PEM not in value


def _as_signing_secret(value: object) -> Secret:
    secret = value if isinstance(value, Secret) else Secret(str(value))
    if any(_PEM in each for each in secret.values):
        raise ValueError("must be a shared secret, not a PEM key: public keys are given through AUTH_JWKS_URL")
    if not all(can_sign(each) for each in secret.values):
        raise ValueError(f"needs at least {SHORTEST_SIGNING_SECRET} characters")
    return secret


SigningSecret = Annotated[Secret, NoDecode, BeforeValidator(_as_signing_secret)]


class AuthSettings(Settings):
    """Tokens of users, services and admins. Without any of these, only calls for members are off."""

    auth_jwt_secret: SigningSecret = Field(
        Secret(), description="verifies HS256 tokens of users, such as Supabase's JWT secret; at least 32 characters"
    )
    auth_jwks_url: str = Field(
        "",
        description="address of the keys that verify RS256 and ES256 tokens of users, for example "
        "https://project.supabase.co/auth/v1/.well-known/jwks.json",
    )
    auth_jwt_issuer: CommaList = Field(
        (), description="issuers whose tokens are accepted, comma-separated; without it, any issuer"
    )
    auth_jwt_audience: str = Field("authenticated", description="audience that users' tokens must name", min_length=1)
    service_token: OptionalSecret = Field(
        Secret(), description="token that services send as Authorization: Bearer instead of a JWT"
    )

    @field_validator("auth_jwks_url")
    @classmethod
    def _address_of_keys(cls, address: str) -> str:
        """Anyone who can change the keys on their way here could be any user."""
        if not address:
            return address
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port = "", None
        local = parts.scheme == "http" and is_loopback(host)
        if (
            not host
            or port == 0
            or parts.username is not None
            or parts.fragment
            or not (parts.scheme == "https" or local)
        ):
            raise ValueError("must be an https address (http on this machine only), without user or password")
        return address

    @property
    def verifies_tokens(self) -> bool:
        """Whether JWTs are accepted at all."""
        return bool(self.auth_jwt_secret or self.auth_jwks_url)
