"""`Authorization: Bearer`: a JWT of a user, a service or an admin, or one of the two fixed tokens."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from hingecraft.identity.errors import InvalidTokenError, MembersDisabledError
from hingecraft.identity.principal import Kind, Principal
from hingecraft.settings import Secret
from hingecraft_api.access.rejected_calls import RejectedCalls
from hingecraft_api.messages.errors import UnauthorizedError, WrongTokenError
from hingecraft_api.settings import ApiSettings

if TYPE_CHECKING:
    from hingecraft.identity.tokens import Tokens

# Who proves itself by a token in a header.
BEARERS = frozenset({Kind.USER, Kind.SERVICE, Kind.ADMIN})
_MEMBERS = frozenset({Kind.USER, Kind.SERVICE})
_ADMIN_HEADER = "X-Admin-Token"
# The header of every JWT begins with {" in base64url.
_JWT = re.compile(r"eyJ[^.]*\.[^.]*\.[^.]*")


def token_of(request: web.Request, access: Sequence[Kind]) -> str | None:
    """The caller's bearer token; None if there is none, or if it is empty."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return (request.headers.get(_ADMIN_HEADER) if Kind.ADMIN in access else None) or None


def is_jwt(token: str) -> bool:
    """By its shape: it is verified by its signature, anything else is compared."""
    return _JWT.fullmatch(token) is not None


def for_admins_only(access: Iterable[Kind]) -> bool:
    """Whether nobody else may call but by a signature; such calls have always had a code of their own for 401."""
    return Kind.ADMIN in access and _MEMBERS.isdisjoint(access) and Kind.VISITOR not in access


class Bearers:
    """Names the callers behind tokens."""

    def __init__(self, settings: ApiSettings, rejected_calls: RejectedCalls, tokens: Tokens | None) -> None:
        self._settings = settings
        self._rejected_calls = rejected_calls
        self._tokens = tokens

    def check_enabled(self, access: Sequence[Kind]) -> None:
        """Raises MembersDisabledError where this backend can verify none of the members that may call."""
        members = _MEMBERS.intersection(access)
        if members and self._tokens is None and not (Kind.SERVICE in members and self._settings.service_token):
            raise MembersDisabledError

    async def caller(self, token: str, access: Sequence[Kind], request_id: str) -> Principal:
        """Raises what is to be answered to a token that does not verify; each is counted."""
        fixed = self._fixed(token)
        if fixed is not None:
            return fixed
        if not is_jwt(token) or (self._tokens is None and for_admins_only(access)):
            self._rejected_calls.record("admin_token" if for_admins_only(access) else "bearer_token", request_id)
            raise _wrong(access)
        try:
            return await self._named_by(token)
        except InvalidTokenError:
            self._rejected_calls.record("bearer_token", request_id)
            raise

    def missing(self, access: Sequence[Kind], request_id: str) -> UnauthorizedError:
        """The error for a call without a token."""
        if for_admins_only(access):
            self._rejected_calls.record("admin_token", request_id)
            return UnauthorizedError("unauthorized", "Send the admin token as Authorization: Bearer <ADMIN_TOKEN>.")
        return UnauthorizedError("missing_token", "Send your token as Authorization: Bearer <token>.")

    async def _named_by(self, token: str) -> Principal:
        if self._tokens is None:
            raise InvalidTokenError("This backend does not accept JWTs. Set AUTH_JWT_SECRET or AUTH_JWKS_URL.")
        return await self._tokens.principal_of(token)

    def _fixed(self, token: str) -> Principal | None:
        sent = token.encode("utf-8", "surrogateescape")
        is_admin = _equals_one_of(self._settings.admin_token, sent)
        is_service = _equals_one_of(self._settings.service_token, sent)
        if is_admin:
            return Principal(kind=Kind.ADMIN)
        return Principal(kind=Kind.SERVICE) if is_service else None


def _equals_one_of(secret: Secret, sent: bytes) -> bool:
    # Every one is compared, so that time tells nothing.
    return any([hmac.compare_digest(value.encode(), sent) for value in secret.values])  # noqa: C419 - a generator would stop at the first match


def _wrong(access: Sequence[Kind]) -> WrongTokenError:
    if for_admins_only(access):
        return WrongTokenError("unauthorized", "The admin token is wrong. Check the backend's ADMIN_TOKEN.")
    return WrongTokenError("invalid_token", "The token is not valid. Sign in again.")
