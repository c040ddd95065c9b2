"""Who may call what: admins by their token, engines by their signature; all comparisons take constant time."""

from __future__ import annotations

import hmac
import time

from aiohttp import web

from hingecraft.sync import signature
from hingecraft_api.endpoint import Guard
from hingecraft_api.failures import UnauthorizedError, WrongTokenError
from hingecraft_api.pod import Pod

_BEARER = "Bearer "


async def check(guard: Guard, request: web.Request, pod: Pod, request_id: str) -> None:
    """Let the request in or refuse it."""
    if guard is Guard.ADMIN:
        _check_admin(request, pod, request_id)
    if guard is Guard.PUSH and not await _is_engine(request, pod):
        pod.refusals.note("push_signature", request_id)
        raise UnauthorizedError("unauthorized", f"Sign the push with PUSH_SECRET in {signature.HEADER}.")


def _check_admin(request: web.Request, pod: Pod, request_id: str) -> None:
    authorization = request.headers.get("Authorization", "")
    given = (
        authorization[len(_BEARER) :] if authorization.startswith(_BEARER) else request.headers.get("X-Admin-Token", "")
    )
    sent = given.encode("utf-8", "surrogateescape")
    matches = [
        hmac.compare_digest(token.encode(), sent) for token in pod.settings.admin_token.values
    ]  # every one, so that time tells nothing
    if any(matches):
        return
    pod.refusals.note("admin_token", request_id)
    if not sent:
        raise UnauthorizedError("unauthorized", "Send the admin token as Authorization: Bearer <ADMIN_TOKEN>.")
    raise WrongTokenError("unauthorized", "This is not the admin token: check ADMIN_TOKEN of the backend.")


async def _is_engine(request: web.Request, pod: Pod) -> bool:
    header = request.headers.get(signature.HEADER, "")
    return signature.verifies(pod.settings.push_secret.values, header, await request.read(), time.time())
