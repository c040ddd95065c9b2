"""Webhooks of Wix: each body is a signed message. It is verified, stored and answered; the inbox does the rest."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox.model import InboundEvent
from hingecraft.wix_app.errors import ExpiredWebhookError
from hingecraft.wix_app.webhooks.model import ANSWERED_WITHIN
from hingecraft.wix_app.webhooks.receiving import WixMessages
from hingecraft_api.access.limits import Limit
from hingecraft_api.handlers.webhooks import ReceivedAnswer
from hingecraft_api.messages.bodies import raw_body
from hingecraft_api.messages.errors import ForgedError, OversizeError
from hingecraft_api.web.call import SUSPECT_KEY, Call
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.server import EnvelopeProtocol

# Bytes. An address that has sent many forgeries may send only what is usual.
_USUAL = 8 * 1024
_LARGEST = 64 * 1024
# What `hingecraft_refused_signatures_total` counts here.
FORGED, EXPIRED = "wix_webhook", "wix_webhook_expired"


async def post_webhook(call: Call) -> Any:
    """Answer once the event is stored, or in time for Wix to send it again."""
    event = await _event(call)
    try:
        async with asyncio.timeout(ANSWERED_WITHIN):
            await call.pod.inbox.put(event)
    except TimeoutError:
        raise DatabaseUnavailableError("an event of Wix was not stored in time; Wix sends it again") from None
    return {"received": True}


async def _event(call: Call) -> InboundEvent:
    largest = _USUAL if call.request[SUSPECT_KEY] else _LARGEST
    try:
        body = await raw_body(call.request, largest)
        event = call.pod.parts[WixMessages].event(body, time.time())
    except web.HTTPRequestEntityTooLarge:
        raise _refused(
            call, OversizeError("too_large", f"The body is too large: the limit is {_LARGEST // 1024} KB.")
        ) from None
    except ExpiredWebhookError:
        call.pod.rejected_calls.record(EXPIRED, call.request_id)
        raise
    if event is None:
        raise _refused(
            call, ForgedError("invalid_signature", "The body is not a message that Wix has signed for this app.")
        )
    return event


def _refused(call: Call, error: ForgedError) -> ForgedError:
    call.pod.rejected_calls.record(FORGED, call.request_id)
    if isinstance(call.request.protocol, EnvelopeProtocol):
        call.request.protocol.read_no_further()
    return error


_MESSAGE = {
    "type": "string",
    "description": "a JSON Web Token, signed by Wix with RS256",
    "examples": ["eyJhbGciOiJSUzI1NiJ9.eyJkYXRhIjoie30ifQ.c2lnbmF0dXJl"],
}


def _endpoint(path: str, events: str) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        handler=post_webhook,
        summary=f"Receive {events} from Wix",
        tag="Wix app",
        description="Wix calls this: register its address in the app's dashboard at Wix. The message is verified with "
        "`WIX_APP_PUBLIC_KEY`. 200 means that the event is stored and will be processed, once. The type inside of the "
        f"message decides, not the path. The body can have up to {_LARGEST // 1024} KB.",
        answer=ReceivedAnswer,
        raw_body=_MESSAGE,
        errors=(
            "database_unavailable",
            "expired_webhook",
            "invalid_body",
            "invalid_event",
            "invalid_signature",
            "request_timeout",
            "too_large",
            "wix_app_disabled",
        ),
        limit=Limit.FORGERIES,
    )


_ALL = "/api/v1/wix/webhook"
ENDPOINTS = [
    _endpoint(_ALL, "any event"),
    _endpoint(f"{_ALL}/app-installed", "installations"),
    _endpoint(f"{_ALL}/app-removed", "removals"),
    _endpoint(f"{_ALL}/plan-purchased", "purchases of a plan"),
    _endpoint(f"{_ALL}/plan-updated", "changes of a plan"),
    _endpoint(f"{_ALL}/plan-cancelled", "cancellations of a plan"),
]
