"""Who may call what: admins by their token, engines by their signature; all comparisons take constant time."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from aiohttp import web

from hingecraft.identity.principal import ANONYMOUS, Kind, Principal
from hingecraft.sync import signature
from hingecraft_api.access.refusals import Refusals
from hingecraft_api.access.visitor import VISITOR_KEY
from hingecraft_api.messages.errors import UnauthorizedError, WrongTokenError
from hingecraft_api.settings import ApiSettings

_BEARER = "Bearer "

Guard = Callable[[web.Request, str], Awaitable[Principal]]


class Guards:
    """One for each kind of caller that can be identified."""

    def __init__(self, settings: ApiSettings, refusals: Refusals) -> None:
        self._settings = settings
        self._refusals = refusals
        self._guards: Mapping[Kind, Guard] = {
            Kind.VISITOR: self._visitor,
            Kind.ADMIN: self._admin,
            Kind.ENGINE: self._engine,
        }

    @property
    def kinds(self) -> AbstractSet[Kind]:
        """The kinds that an endpoint's `access` may name."""
        return self._guards.keys()

    async def identify(self, access: Sequence[Kind], request: web.Request, request_id: str) -> Principal:
        """The caller, as the first of these kinds that it proves to be; raises UnauthorizedError if it proves none."""
        errors: list[UnauthorizedError] = []
        for kind in access:
            try:
                return await self._guards[kind](request, request_id)
            except UnauthorizedError as error:
                errors.append(error)
        raise errors[-1]

    async def _visitor(self, request: web.Request, _request_id: str) -> Principal:
        return visitor_of(request)

    async def _engine(self, request: web.Request, request_id: str) -> Principal:
        header = request.headers.get(signature.HEADER, "")
        if signature.verifies(self._settings.push_secret.values, header, await request.read(), time.time()):
            return Principal(kind=Kind.ENGINE)
        self._refusals.note("push_signature", request_id)
        raise UnauthorizedError("unauthorized", f"Sign the push with PUSH_SECRET in {signature.HEADER}.")

    async def _admin(self, request: web.Request, request_id: str) -> Principal:
        sent = _token_of(request).encode("utf-8", "surrogateescape")
        # Every one is compared, so that time tells nothing.
        matches = [hmac.compare_digest(token.encode(), sent) for token in self._settings.admin_token.values]
        if any(matches):
            return Principal(kind=Kind.ADMIN)
        self._refusals.note("admin_token", request_id)
        if not sent:
            raise UnauthorizedError("unauthorized", "Send the admin token as Authorization: Bearer <ADMIN_TOKEN>.")
        raise WrongTokenError("unauthorized", "The admin token is wrong. Check the backend's ADMIN_TOKEN.")


def _token_of(request: web.Request) -> str:
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith(_BEARER):
        return authorization[len(_BEARER) :]
    return request.headers.get("X-Admin-Token", "")


def visitor_of(request: web.Request) -> Principal:
    """Anybody; named where the site has signed who it is."""
    visitor = request.get(VISITOR_KEY)
    return Principal(kind=Kind.VISITOR, id=visitor.key) if visitor is not None and visitor.signed else ANONYMOUS
