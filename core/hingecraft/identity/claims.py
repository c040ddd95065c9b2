"""Reads the caller from the claims of a verified token. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hingecraft.identity.errors import InvalidTokenError, RoleNotAllowedError
from hingecraft.identity.principal import Kind, Principal

# Seconds by which the clock of the issuer may differ from ours.
LEEWAY = 30
# Supabase says service_role.
_KINDS: Mapping[str, Kind] = {
    "authenticated": Kind.USER,
    "service": Kind.SERVICE,
    "service_role": Kind.SERVICE,
    "admin": Kind.ADMIN,
}
# Only what may be an address: Stripe checks it itself.
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,190}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The issuers whose tokens are accepted, and the audience that they must name. No issuers: any."""

    audience: str
    issuers: tuple[str, ...] = ()


def principal_of(claims: Claims, accepted: Accepted, now: float) -> Principal:
    """Raises InvalidTokenError or RoleNotAllowedError; `now` is in seconds since 1970."""
    _check_times(claims, now)
    if accepted.issuers and claims.get("iss") not in accepted.issuers:
        raise InvalidTokenError("The token is from another issuer. Check the backend's AUTH_JWT_ISSUER.")
    if "aud" in claims and not _names(claims["aud"], accepted.audience):
        raise InvalidTokenError("The token is for another audience. Check the backend's AUTH_JWT_AUDIENCE.")
    kind = _kind_of(claims)
    subject = _uuid(claims.get("sub"))
    if kind is not Kind.SERVICE:
        if "aud" not in claims:
            raise InvalidTokenError("The token names no audience (aud).")
        if subject is None:
            raise InvalidTokenError("The token's subject (sub) is not a UUID.")
    return Principal(kind=kind, id=subject, email=_email(claims) if kind is Kind.USER else None)


def expiry_of(claims: Claims) -> float:
    """Seconds since 1970; raises InvalidTokenError where the token would be valid for ever."""
    expiry = _seconds(claims, "exp")
    if expiry is None:
        raise InvalidTokenError("The token has no expiry time (exp).")
    return expiry


def _check_times(claims: Claims, now: float) -> None:
    if expiry_of(claims) + LEEWAY <= now:
        raise InvalidTokenError("The token has expired. Sign in again.")
    begin = _seconds(claims, "nbf")
    if begin is not None and begin - LEEWAY > now:
        raise InvalidTokenError("The token is not valid yet. Check the issuer's clock.")


def _seconds(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    # JSON numbers can be too large for a float, and Python also reads Infinity and NaN.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < math.inf:
        raise InvalidTokenError(f"The token's {name} is not a number of seconds since 1970.")
    try:
        return float(value)
    except OverflowError:
        raise InvalidTokenError(f"The token's {name} is not a number of seconds since 1970.") from None


def _names(audience: object, expected: str) -> bool:
    return expected in audience if isinstance(audience, list) else audience == expected


def _kind_of(claims: Claims) -> Kind:
    """Users can write their own `user_metadata`, so only `role` and `app_metadata.role` count."""
    role, metadata = claims.get("role"), claims.get("app_metadata")
    granted = metadata.get("role") if isinstance(metadata, dict) else None
    if granted == "admin" and role in (None, "authenticated"):
        return Kind.ADMIN
    kind = _KINDS.get(role) if isinstance(role, str) else None
    if kind is None:
        raise RoleNotAllowedError("The token's role may not make calls here. Sign in first.")
    return kind


def _email(claims: Claims) -> str | None:
    email = claims.get("email")
    return email if isinstance(email, str) and _EMAIL.fullmatch(email) else None


def _uuid(subject: object) -> str | None:
    """In lower case, so that one user has one name."""
    text = subject.lower() if isinstance(subject, str) else ""
    return text if _UUID.fullmatch(text) else None
