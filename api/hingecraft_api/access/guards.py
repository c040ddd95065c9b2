"""Identifies callers: members and admins by their tokens, engines by their signature."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from aiohttp import web

from hingecraft.identity.errors import RoleNotAllowedError
from hingecraft.identity.principal import ANONYMOUS, Kind, Principal
from hingecraft.sync import signature
from hingecraft.wix_app.callers import WixCallers
from hingecraft.wix_app.errors import InvalidInstanceError, MissingInstanceError, NotOwnerError, WixAppDisabledError
from hingecraft_api.access.bearer import BEARERS, Bearers, token_of
from hingecraft_api.access.rejected_calls import RejectedCalls
from hingecraft_api.access.visitor import VISITOR_KEY
from hingecraft_api.messages.errors import UnauthorizedError
from hingecraft_api.settings import ApiSettings

if TYPE_CHECKING:
    from hingecraft.identity.tokens import Tokens

_WIX_SCHEME = "wixinstance"
_READING = frozenset({"GET", "HEAD"})

Guard = Callable[[web.Request, str], Awaitable[Principal]]


class Guards:
    """The check of credentials for each kind of caller."""

    def __init__(
        self,
        settings: ApiSettings,
        rejected_calls: RejectedCalls,
        tokens: Tokens | None = None,
        wix_callers: WixCallers | None = None,
    ) -> None:
        self._settings = settings
        self._rejected_calls = rejected_calls
        self._bearers = Bearers(settings, rejected_calls, tokens)
        self._wix_callers = wix_callers
        self._guards: Mapping[Kind, Guard] = {
            Kind.VISITOR: self._visitor,
            Kind.ENGINE: self._engine,
            Kind.WIX_INSTANCE: self._wix_instance,
            Kind.WIX_OWNER: self._wix_owner,
        }

    @property
    def kinds(self) -> AbstractSet[Kind]:
        """The kinds that an endpoint's `access` may name."""
        return self._guards.keys() | BEARERS

    async def identify(self, access: Sequence[Kind], request: web.Request, request_id: str) -> Principal:
        """The caller, as the first of these kinds that it proves to be; raises UnauthorizedError if it proves none.

        Who sends a token is judged by it: a wrong one is rejected where visitors without one are served.
        """
        if BEARERS.isdisjoint(access):
            return await self._without_token(access, request, request_id)
        token = token_of(request, access)
        if token is None and Kind.VISITOR in access:
            return visitor_of(request)
        self._bearers.check_enabled(access)
        if token is None:
            return await self._without_token(access, request, request_id)
        caller = await self._bearers.caller(token, access, request_id)
        if caller.kind in access:
            return caller
        if Kind.VISITOR in access:
            return visitor_of(request)
        raise RoleNotAllowedError(f"This call is not for {_PEOPLE[caller.kind]}.")

    async def _without_token(self, access: Sequence[Kind], request: web.Request, request_id: str) -> Principal:
        errors: list[UnauthorizedError] = []
        for kind in access:
            guard = self._guards.get(kind)
            if guard is None:
                errors.append(self._bearers.missing(access, request_id))
                continue
            try:
                return await guard(request, request_id)
            except UnauthorizedError as error:
                errors.append(error)
        raise errors[-1]

    async def _visitor(self, request: web.Request, _request_id: str) -> Principal:
        return visitor_of(request)

    async def _engine(self, request: web.Request, request_id: str) -> Principal:
        header = request.headers.get(signature.HEADER, "")
        if signature.verifies(self._settings.push_secret.values, header, await request.read(), time.time()):
            return Principal(kind=Kind.ENGINE)
        self._rejected_calls.record("push_signature", request_id)
        raise UnauthorizedError("unauthorized", f"Sign the push with PUSH_SECRET in {signature.HEADER}.")

    async def _wix_instance(self, request: web.Request, request_id: str) -> Principal:
        if self._wix_callers is None:
            raise WixAppDisabledError("WIX_APP_ID and WIX_APP_SECRET")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != _WIX_SCHEME or not token.strip():
            raise MissingInstanceError
        try:
            return await self._wix_callers.caller(
                token.strip(), writes=request.method not in _READING, request_id=request_id
            )
        except InvalidInstanceError:
            self._rejected_calls.record("wix_instance", request_id)
            raise

    async def _wix_owner(self, request: web.Request, request_id: str) -> Principal:
        caller = await self._wix_instance(request, request_id)
        if caller.id not in self._settings.wix_owner_instances:
            raise NotOwnerError
        return caller


_PEOPLE: Mapping[Kind, str] = {Kind.USER: "users", Kind.SERVICE: "services", Kind.ADMIN: "admins"}


def visitor_of(request: web.Request) -> Principal:
    """A visitor, with an id if the site has signed it."""
    visitor = request.get(VISITOR_KEY)
    return Principal(kind=Kind.VISITOR, id=visitor.key) if visitor is not None and visitor.signed else ANONYMOUS
