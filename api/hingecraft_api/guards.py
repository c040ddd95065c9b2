"""Who may call what: admins by their token, engines by their signature; all comparisons take constant time."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from hingecraft.identity.principal import ANONYMOUS, Kind, Principal
from hingecraft.sync import signature
from hingecraft_api.call import VISITOR_KEY
from hingecraft_api.failures import UnauthorizedError, WrongTokenError
from hingecraft_api.pod import Pod

_BEARER = "Bearer "


async def identify(access: Sequence[Kind], request: web.Request, pod: Pod, request_id: str) -> Principal:
    """The caller, as the first of these kinds that it proves to be; raises UnauthorizedError where it proves none."""
    refusals: list[UnauthorizedError] = []
    for kind in access:
        try:
            return await _GUARDS[kind](request, pod, request_id)
        except UnauthorizedError as error:
            refusals.append(error)
    raise refusals[-1]


def visitor_of(request: web.Request) -> Principal:
    """Anybody; named where the site has signed who it is."""
    visitor = request.get(VISITOR_KEY)
    return Principal(kind=Kind.VISITOR, id=visitor.key) if visitor is not None and visitor.signed else ANONYMOUS


async def _visitor(request: web.Request, _pod: Pod, _request_id: str) -> Principal:
    return visitor_of(request)


async def _engine(request: web.Request, pod: Pod, request_id: str) -> Principal:
    header = request.headers.get(signature.HEADER, "")
    if signature.verifies(pod.settings.push_secret.values, header, await request.read(), time.time()):
        return Principal(kind=Kind.ENGINE)
    pod.refusals.note("push_signature", request_id)
    raise UnauthorizedError("unauthorized", f"Sign the push with PUSH_SECRET in {signature.HEADER}.")


async def _admin(request: web.Request, pod: Pod, request_id: str) -> Principal:
    authorization = request.headers.get("Authorization", "")
    given = (
        authorization[len(_BEARER) :] if authorization.startswith(_BEARER) else request.headers.get("X-Admin-Token", "")
    )
    sent = given.encode("utf-8", "surrogateescape")
    matches = [
        hmac.compare_digest(token.encode(), sent) for token in pod.settings.admin_token.values
    ]  # every one, so that time tells nothing
    if any(matches):
        return Principal(kind=Kind.ADMIN)
    pod.refusals.note("admin_token", request_id)
    if not sent:
        raise UnauthorizedError("unauthorized", "Send the admin token as Authorization: Bearer <ADMIN_TOKEN>.")
    raise WrongTokenError("unauthorized", "The admin token is wrong. Check the backend's ADMIN_TOKEN.")


Guard = Callable[[web.Request, Pod, str], Awaitable[Principal]]
_GUARDS: Mapping[Kind, Guard] = {Kind.VISITOR: _visitor, Kind.ADMIN: _admin, Kind.ENGINE: _engine}
