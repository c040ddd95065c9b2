"""`Idempotency-Key` on the calls that create something: the same key and body get the same answer, and one effect."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiohttp import web

from hingecraft.errors import DatabaseUnavailableError, InvalidError, RejectedError
from hingecraft.idempotency import service as idempotency
from hingecraft.idempotency.model import Claim, StoredAnswer
from hingecraft.identity.principal import Principal
from hingecraft.payments.model import ProviderFailedError
from hingecraft_api.messages.answers import success
from hingecraft_api.messages.errors import answer_for
from hingecraft_api.web.call import Call

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SHORTEST_KEY, LONGEST_KEY = 16, 255
_SHAPE = re.compile(rf"[\x21-\x7e]{{{SHORTEST_KEY},{LONGEST_KEY}}}")
# A rejection by the provider is final; errors that may pass are tried again.
_FINAL_REFUSALS = frozenset({"provider_refused", "bad_url"})


async def run_once(call: Call, handler: Callable[[Call], Awaitable[Any]], status: int) -> web.StreamResponse:
    """Run the handler under the caller's key, or return the stored answer."""
    keys = call.request.headers.getall(HEADER, [])
    if not keys:
        return success(await handler(call), status)
    if len(keys) > 1 or not _SHAPE.fullmatch(keys[0]):
        raise InvalidError(
            "invalid_idempotency_key",
            f"Idempotency-Key must be one value of {SHORTEST_KEY} to {LONGEST_KEY} characters without spaces.",
        )
    body_print = idempotency.fingerprint(call.body.model_dump(exclude_defaults=True))
    found = await idempotency.claim(call.pod.database, _scope(call), keys[0], body_print, call.deadline)
    if isinstance(found, StoredAnswer):
        return web.Response(
            text=found.body, status=found.status, content_type="application/json", headers={REPLAYED: "true"}
        )
    return await _answered(replace(call, claim=found), found, handler, status)


def _scope(call: Call) -> str:
    """Two callers whose clients make the same key must not share a checkout."""
    return scope_of(call.request.method, call.request.path, call.principal)


def scope_of(method: str, path: str, principal: Principal) -> str:
    """Within which a key names one request."""
    scope = f"{method} {path}"
    return f"{scope} {principal.scope}" if principal.scope is not None else scope


async def _answered(call: Call, claim: Claim, handler: Callable[[Call], Awaitable[Any]], status: int) -> web.Response:
    try:
        response = success(await handler(call), status)
    except ProviderFailedError as error:
        if error.code not in _FINAL_REFUSALS:
            await _release(call, claim)
            raise
        response = answer_for(error, call.request_id)
    except (RejectedError, DatabaseUnavailableError):
        await _release(call, claim)
        raise
    assert response.text is not None
    # The work is committed already: without this row a repeat finds it and gives the same answer.
    with suppress(DatabaseUnavailableError):
        await idempotency.keep(call.pod.database, claim, response.status, response.text)
    return response


async def _release(call: Call, claim: Claim) -> None:
    with suppress(DatabaseUnavailableError):
        await idempotency.release(call.pod.database, claim)
